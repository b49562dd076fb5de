/**
 * The pattern of a message: literal text with typed holes, such as
 * `Parsl task {parsl.task:int} try {parsl.try:int} launched on executor {parsl.executor} with executor id {parsl.executor_task:int}`.
 *
 * It is less than a regular expression on purpose: it reads like the message, shows what becomes of each part, and is
 * matched by our own code in bounded time (trie.ts), so that no rule of a user can hang the process. A hole without a
 * name matches and is left out of the record. `{{` and `}}` are literal braces.
 */
import { BridgeError } from '../core/errors.ts';
import { findKey } from '../core/keys.ts';

/**
 * `int`, `number`, `uuid`, `hex`: as many such characters as there are. `ints`, `words`: a comma list, one record for
 * each. `word`: no white space. `segment`: no white space and no slash. `text`: anything up to what follows.
 */
export const holeTypes = ['int', 'number', 'uuid', 'hex', 'ints', 'words', 'word', 'segment', 'text'] as const;
export type HoleType = (typeof holeTypes)[number];

export interface Hole {
  /** Canonical key that the text is kept under; undefined: it is dropped. */
  readonly key: string | undefined;
  readonly type: HoleType;
}

export type Part = string | Hole;

/** A template is longer than this only by mistake. */
const TEMPLATE_CHARS_MAX = 500;
const HOLES_MAX = 20;

/** Literal texts and holes by turns. Throws BRIDGE_CONFIG with what is wrong where. */
export function parseTemplate(text: string): readonly Part[] {
  if (text.length > TEMPLATE_CHARS_MAX) throw wrong(text.slice(0, 40), `longer than ${TEMPLATE_CHARS_MAX} characters`);
  const parts: Part[] = [];
  let literal = '';
  for (let at = 0; at < text.length;) {
    const char = text[at] ?? '';
    if ((char === '{' || char === '}') && text[at + 1] === char) {
      literal += char;
      at += 2;
    } else if (char === '{') {
      const end = text.indexOf('}', at);
      if (end < 0) throw wrong(text, `the brace at ${at + 1} is not closed; a literal brace is written {{`);
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push(parseHole(text, text.slice(at + 1, end)));
      at = end + 1;
    } else if (char === '}') {
      throw wrong(text, `the brace at ${at + 1} closes nothing; a literal brace is written }}`);
    } else {
      literal += char;
      at += 1;
    }
  }
  if (literal !== '') parts.push(literal);
  check(text, parts);
  return parts;
}

function parseHole(text: string, inside: string): Hole {
  const [name = '', type = defaultType(name), more] = inside.split(':').map((piece) => piece.trim());
  if (more !== undefined) throw wrong(text, `{${inside}}: give {key} or {key:type}`);
  const known = holeTypes.find((one) => one === type);
  if (known === undefined) throw wrong(text, `{${inside}}: no type ${type}; there are ${holeTypes.join(', ')}`);
  if (name in Object.prototype) throw wrong(text, `{${inside}}: a name of JavaScript’s own cannot be a key`);
  return { key: name === '' ? undefined : (findKey(name)?.key ?? name), type: known };
}

function defaultType(name: string): HoleType {
  const type = findKey(name)?.type;
  return type === 'integer' ? 'int' : type === 'number' ? 'number' : type === 'uuid' ? 'uuid' : 'word';
}

function check(text: string, parts: readonly Part[]): void {
  const holes = parts.filter((part) => typeof part !== 'string');
  if (parts.length === 0) throw wrong(text, 'empty');
  if (holes.length > HOLES_MAX) throw wrong(text, `more than ${HOLES_MAX} holes`);
  if (holes.filter(({ type }) => isList(type)).length > 1) throw wrong(text, 'more than one list');
  const touching = parts.findIndex((part, at) => typeof part !== 'string' && typeof parts[at + 1] === 'object');
  if (touching >= 0) throw wrong(text, 'two holes with nothing between them');
  const keys = holes.flatMap(({ key }) => key ?? []);
  if (new Set(keys).size < keys.length) throw wrong(text, 'one key in two holes');
}

export function isList(type: HoleType): boolean {
  return type === 'ints' || type === 'words';
}

/** How a message of this template is shown, with what changes from one to the next taken out, as in normalise.ts. */
export function shownTemplate(parts: readonly Part[]): string {
  return parts
    .map((part) => (typeof part === 'string' ? part : part.key === undefined ? '*' : `{${part.key}}`))
    .join('');
}

function wrong(text: string, reason: string): BridgeError {
  return new BridgeError('BRIDGE_CONFIG', `template "${text}": ${reason}`);
}
