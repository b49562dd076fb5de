/**
 * What single records say: the rules on texts and keys. Each file of rules is a layer: of its templates on one key the
 * most specific one that matches applies, and then those of the next file, so that a user's rule adds to what the
 * shipped ones find. A key that the record has already is never overwritten.
 */
import type { Value } from '../core/record.ts';
import type { Draft } from './draft.ts';
import { normaliseMessage } from './normalise.ts';
import type { RuleSpec } from './schema.ts';
import type { HoleType, Part } from './template.ts';
import { isList, parseTemplate, shownTemplate } from './template.ts';
import type { Match } from './trie.ts';
import { Trie } from './trie.ts';
import type { Predicate } from './where.ts';
import { canonical, canonicalEntries, canonicalKey, predicateOf } from './where.ts';

/** Takes the record that the draft is at, and the names of the rules that matched it. */
export type Marked = (marks: readonly string[]) => void;

interface Pattern {
  /** The rule's name, in the list that most records need. */
  readonly marks: readonly string[];
  readonly accepts: Predicate | undefined;
  readonly holes: number;
  /** The holes that are kept. */
  readonly kept: readonly KeptHole[];
  readonly set: readonly (readonly [number, Value])[];
  /** What a message of this template is shown as; undefined: the pattern is not of the message. */
  readonly shown: string | undefined;
  /** Whose values are put into `shown`: slots, and how they stand in it. */
  readonly keep: readonly (readonly [number, string])[];
}

interface KeptHole {
  readonly at: number;
  readonly key: string;
  readonly slot: number;
  readonly type: HoleType;
}

/** What one line names several of. */
interface List {
  readonly slot: number;
  readonly values: readonly Value[];
}

/** The patterns of one layer on one key. */
interface Matcher {
  readonly slot: number;
  readonly isMessage: boolean;
  /** By `source.log`, so that a line is tried against the rules of its own kind of log; undefined: any other. */
  readonly tries: ReadonlyMap<Value | undefined, Trie<Pattern>>;
  /** The patterns look at no more than the value and the kind of log. */
  readonly isAboutLogAlone: boolean;
  /** What the last value under a key of the file said: thousands of records have the same. */
  last: { value: string; log: Value | undefined; match: Match<Pattern> | undefined } | undefined;
}

const noMarks: readonly string[] = [];
const none: readonly Pattern[] = [];
/** A longer first line is matched no further; so it bounds how many things one line can name, too. */
const LINE_CHARS_MAX = 8_192;

/** One file of rules. */
interface Layer {
  readonly matchers: readonly Matcher[];
  /** Rules on keys alone, by the `source.format` that they are about; undefined: any. */
  readonly plain: ReadonlyMap<Value | undefined, readonly Pattern[]>;
}

export class Widener {
  readonly #draft: Draft;
  readonly #layers: readonly Layer[];
  readonly #slots: Readonly<Record<'log' | 'format' | 'message' | 'template' | 'copy', number>>;

  /** `layers`: the rules of each file. Throws BRIDGE_CONFIG. */
  constructor(layers: readonly (readonly RuleSpec[])[], draft: Draft) {
    this.#draft = draft;
    this.#layers = layers.map((rules) => ({ matchers: matchersOf(rules, draft), plain: plainOf(rules, draft) }));
    this.#slots = {
      log: draft.slotOf('source.log'),
      format: draft.slotOf('source.format'),
      message: draft.slotOf('message'),
      template: draft.slotOf('log.template'),
      copy: draft.slotOf('source.copy'),
    };
  }

  /** Widens the record that the draft is at. Emits it once, or once for each of the things that it names. */
  widen(emit: Marked): void {
    const draft = this.#draft;
    let marks: readonly string[] = noMarks;
    let list: List | undefined;
    for (const { matchers, plain } of this.#layers) {
      for (const matcher of matchers) {
        const found = this.#match(matcher);
        if (found === undefined) continue;
        marks = marks.length === 0 ? found.rule.marks : [...marks, ...found.rule.marks];
        list = this.#apply(found) ?? list;
      }
      if (plain.size === 0) continue;
      for (const { marks: own, accepts, set } of plain.get(draft.get(this.#slots.format)) ??
        plain.get(undefined) ??
        none) {
        if (accepts?.() === false) continue;
        marks = marks.length === 0 ? own : [...marks, ...own];
        for (const [slot, value] of set) draft.give(slot, value);
      }
    }
    if (draft.get(this.#slots.template) === undefined) {
      const message = draft.get(this.#slots.message);
      if (typeof message === 'string')
        draft.set(this.#slots.template, normaliseMessage(message, firstLineEnd(message)));
    }
    if (list === undefined) emit(marks);
    else this.#explode(list, marks, emit);
  }

  #explode({ slot, values }: List, marks: readonly string[], emit: Marked): void {
    const draft = this.#draft;
    const record = draft.take();
    values.forEach((value, copy) => {
      draft.begin(record);
      draft.give(slot, value);
      if (values.length > 1) draft.set(this.#slots.copy, copy);
      emit(marks);
    });
  }

  #match(matcher: Matcher): Match<Pattern> | undefined {
    const value = this.#draft.get(matcher.slot);
    if (typeof value !== 'string') return undefined;
    const log = this.#draft.get(this.#slots.log);
    const { last } = matcher;
    if (last !== undefined && last.value === value && last.log === log) return last.match;
    const trie = matcher.tries.get(log) ?? matcher.tries.get(undefined);
    if (trie === undefined) return undefined;
    const end = matcher.isMessage ? firstLineEnd(value) : Math.min(value.length, LINE_CHARS_MAX);
    const match = trie.find(value, end);
    if (!matcher.isMessage && matcher.isAboutLogAlone) matcher.last = { value, log, match };
    return match;
  }

  /** Takes over what a text told. Returns the list, if the message names several things. */
  #apply({ rule, texts }: Match<Pattern>): List | undefined {
    const draft = this.#draft;
    let list: List | undefined;
    for (const { at, key, slot, type } of rule.kept) {
      const text = texts[at] ?? '';
      if (text === '') continue;
      if (isList(type)) list = { slot, values: listOf(key, type, text) };
      else if (draft.get(slot) === undefined) draft.set(slot, valueOf(key, type, text));
    }
    for (const [slot, value] of rule.set) draft.give(slot, value);
    if (rule.shown !== undefined) draft.set(this.#slots.template, this.#shown(rule.shown, rule.keep));
    return list?.values.length === 0 ? undefined : list;
  }

  #shown(template: string, keep: Pattern['keep']): string {
    let shown = template;
    for (const [slot, hole] of keep) shown = shown.replace(hole, () => String(this.#draft.get(slot)));
    return shown;
  }
}

function valueOf(key: string, type: HoleType, text: string): Value {
  const value: Value = (type === 'int' || type === 'number') && Number.isFinite(Number(text)) ? Number(text) : text;
  return canonical(key, value);
}

function listOf(key: string, type: HoleType, text: string): Value[] {
  return text
    .split(type === 'ints' ? ',' : /,?\s+/)
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '')
    .map((piece) => valueOf(key, type === 'ints' ? 'int' : 'word', piece));
}

export function firstLineEnd(message: string): number {
  const end = message.indexOf('\n');
  return Math.min(end < 0 ? message.length : end, LINE_CHARS_MAX);
}

function matchersOf(rules: readonly RuleSpec[], draft: Draft): Matcher[] {
  const byKey = new Map<string, { spec: RuleSpec; parts: readonly Part[]; pattern: Pattern }[]>();
  for (const spec of rules) {
    const patterns: Record<string, string | string[]> = {
      ...spec.match,
      ...(spec.text === undefined ? {} : { message: spec.text }),
    };
    for (const [name, texts] of Object.entries(patterns)) {
      const key = canonicalKey(name);
      const list = byKey.get(key) ?? [];
      byKey.set(key, list);
      for (const text of Array.isArray(texts) ? texts : [texts]) {
        const parts = parseTemplate(text);
        list.push({ spec, parts, pattern: patternOf(spec, parts, key === 'message', draft) });
      }
    }
  }
  return [...byKey].map(([key, patterns]) => {
    const logs = new Set<Value | undefined>(patterns.flatMap(({ spec }) => spec.where['source.log'] ?? []));
    return {
      slot: draft.slotOf(key),
      isMessage: key === 'message',
      tries: new Map([...logs.add(undefined)].map((log) => [log, trieFor(patterns, log)])),
      isAboutLogAlone: patterns.every(({ spec }) => isAboutLogAlone(spec)),
      last: undefined,
    };
  });
}

function plainOf(rules: readonly RuleSpec[], draft: Draft): Map<Value | undefined, readonly Pattern[]> {
  const plain = rules.filter(({ text, match }) => text === undefined && match === undefined);
  if (plain.length === 0) return new Map();
  const formats = new Set<Value | undefined>(plain.flatMap(({ where }) => where['source.format'] ?? []));
  const isAbout = ({ where: { 'source.format': wanted } }: RuleSpec, format: Value | undefined): boolean =>
    wanted === undefined || (Array.isArray(wanted) ? wanted.includes(format as string) : wanted === format);
  return new Map(
    [...formats.add(undefined)].map((format) => [
      format,
      plain.filter((spec) => isAbout(spec, format)).map((spec) => patternOf(spec, [], false, draft)),
    ]),
  );
}

function patternOf(spec: RuleSpec, parts: readonly Part[], isMessage: boolean, draft: Draft): Pattern {
  const holes = parts.filter((part) => typeof part !== 'string');
  return {
    marks: [spec.name],
    accepts: predicateOf(spec, draft),
    holes: holes.length,
    kept: holes.flatMap(({ key, type }, at) => (key === undefined ? [] : [{ at, key, slot: draft.slotOf(key), type }])),
    set: canonicalEntries(spec.set, draft),
    shown: isMessage ? shownTemplate(parts) : undefined,
    keep: spec.keep.map(canonicalKey).map((key) => [draft.slotOf(key), `{${key}}`]),
  };
}

function trieFor(
  patterns: readonly { spec: RuleSpec; parts: readonly Part[]; pattern: Pattern }[],
  log: Value | undefined,
): Trie<Pattern> {
  const trie = new Trie<Pattern>();
  for (const { spec, parts, pattern } of patterns) {
    const logs = spec.where['source.log'];
    const isOurs = logs === undefined || (Array.isArray(logs) ? logs.includes(log as string) : logs === log);
    if (isOurs) trie.add(parts, pattern);
  }
  return trie;
}

/** Then the same value in the same kind of log is the same matter again. */
function isAboutLogAlone({ where, has, lacks }: RuleSpec): boolean {
  return Object.keys(where).every((name) => name === 'source.log') && has.length === 0 && lacks.length === 0;
}
