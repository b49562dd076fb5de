/**
 * What single records say: the rules on texts and keys. Each file of rules is a layer: of its templates on one key the
 * most specific one that matches applies, and then those of the next file, so that a user's rule adds to what the
 * shipped ones find. A key that the record has already is never overwritten.
 */
import type { Value, WideRecord } from '../core/record.ts';
import { normaliseMessage } from './normalise.ts';
import type { RuleSpec } from './schema.ts';
import type { Hole, HoleType, Part } from './template.ts';
import { isList, parseTemplate, shownTemplate } from './template.ts';
import type { Match } from './trie.ts';
import { Trie } from './trie.ts';
import type { Predicate } from './where.ts';
import { canonical, canonicalEntries, canonicalKey, predicateOf } from './where.ts';

/** Takes a record, and the names of the rules that matched it. */
export type Marked = (record: WideRecord, marks: readonly string[]) => void;

interface Pattern {
  /** The rule's name, in the list that most records need. */
  readonly marks: readonly string[];
  readonly accepts: Predicate | undefined;
  readonly set: readonly (readonly [string, Value])[];
  /** What a message of this template is shown as; undefined: the pattern is not of the message. */
  readonly shown: string | undefined;
  /** Whose values are put into `shown`. */
  readonly keep: readonly string[];
}

/** The patterns of one layer on one key. */
interface Matcher {
  readonly key: string;
  readonly patterns: readonly { readonly spec: RuleSpec; readonly parts: readonly Part[]; readonly pattern: Pattern }[];
  /** By `source.log`, so that a line is tried against the rules of its own kind of log; undefined: any other. */
  readonly tries: ReadonlyMap<Value | undefined, Trie<Pattern>>;
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
  readonly #layers: readonly Layer[];

  /** `layers`: the rules of each file. Throws BRIDGE_CONFIG. */
  constructor(layers: readonly (readonly RuleSpec[])[]) {
    this.#layers = layers.map((rules) => ({ matchers: matchersOf(rules), plain: plainOf(rules) }));
  }

  /** The record itself, widened, or one copy for each of the things that it names. */
  widen(record: WideRecord, emit: Marked): void {
    let marks: readonly string[] = noMarks;
    let list: { readonly key: string; readonly values: readonly Value[] } | undefined;
    for (const { matchers, plain } of this.#layers) {
      for (const matcher of matchers) {
        const found = findMatch(matcher, record);
        if (found === undefined) continue;
        marks = marks.length === 0 ? found.rule.marks : [...marks, ...found.rule.marks];
        list = applyMatch(record, found) ?? list;
      }
      if (plain.size === 0) continue;
      for (const { marks: own, accepts, set } of plain.get(record['source.format']) ?? plain.get(undefined) ?? none) {
        if (accepts !== undefined && !accepts(record)) continue;
        marks = marks.length === 0 ? own : [...marks, ...own];
        for (const [key, value] of set) record[key] ??= value;
      }
    }
    const message = record['message'];
    if (record['log.template'] === undefined && typeof message === 'string')
      record['log.template'] = normaliseMessage(message, firstLineEnd(message));
    if (list === undefined) emit(record, marks);
    else explode(record, list.key, list.values, marks, emit);
  }
}

function explode(
  record: WideRecord,
  key: string,
  values: readonly Value[],
  marks: readonly string[],
  emit: Marked,
): void {
  values.forEach((value, copy) => {
    const one: WideRecord = copy === values.length - 1 ? record : { ...record };
    one[key] ??= value;
    if (values.length > 1) one['source.copy'] = copy;
    emit(one, marks);
  });
}

function findMatch(matcher: Matcher, record: WideRecord): Match<Pattern> | undefined {
  const value = record[matcher.key];
  if (typeof value !== 'string') return undefined;
  const log = record['source.log'];
  const { last } = matcher;
  if (last !== undefined && last.value === value && last.log === log) return last.match;
  const trie = matcher.tries.get(log) ?? matcher.tries.get(undefined);
  if (trie === undefined) return undefined;
  const isMessage = matcher.key === 'message';
  const end = isMessage ? firstLineEnd(value) : Math.min(value.length, LINE_CHARS_MAX);
  const match = trie.find(value, end, record);
  // A rule may look at more than the value: then the next record may be another matter.
  if (!isMessage && matcher.patterns.every(({ spec }) => isAboutLogAlone(spec))) matcher.last = { value, log, match };
  return match;
}

/** The value of the list, if the message names several things. */
function applyMatch(
  record: WideRecord,
  { rule, holes, texts }: Match<Pattern>,
): { key: string; values: Value[] } | undefined {
  let list: { key: string; values: Value[] } | undefined;
  for (let at = 0; at < holes.length; at += 1) {
    const { key, type } = holes[at] as Hole;
    const text = texts[at] ?? '';
    if (key === undefined || text === '') continue;
    if (isList(type)) list = { key, values: listOf(key, type, text) };
    else record[key] ??= valueOf(key, type, text);
  }
  for (const [key, value] of rule.set) record[key] ??= value;
  if (rule.shown !== undefined)
    record['log.template'] = rule.keep.reduce(
      (shown, key) => shown.replace(`{${key}}`, String(record[key])),
      rule.shown,
    );
  return list?.values.length === 0 ? undefined : list;
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

function matchersOf(rules: readonly RuleSpec[]): Matcher[] {
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
        list.push({ spec, parts, pattern: patternOf(spec, key === 'message' ? parts : undefined) });
      }
    }
  }
  return [...byKey].map(([key, patterns]) => {
    const logs = new Set<Value | undefined>(patterns.flatMap(({ spec }) => spec.where['source.log'] ?? []));
    const tries = new Map([...logs.add(undefined)].map((log) => [log, trieFor(patterns, log)]));
    return { key, patterns, tries, last: undefined };
  });
}

function plainOf(rules: readonly RuleSpec[]): Map<Value | undefined, readonly Pattern[]> {
  const plain = rules.filter(({ text, match }) => text === undefined && match === undefined);
  if (plain.length === 0) return new Map();
  const formats = new Set<Value | undefined>(plain.flatMap(({ where }) => where['source.format'] ?? []));
  const isAbout = ({ where: { 'source.format': wanted } }: RuleSpec, format: Value | undefined): boolean =>
    wanted === undefined || (Array.isArray(wanted) ? wanted.includes(format as string) : wanted === format);
  return new Map(
    [...formats.add(undefined)].map((format) => [
      format,
      plain.filter((spec) => isAbout(spec, format)).map((spec) => patternOf(spec, undefined)),
    ]),
  );
}

function patternOf(spec: RuleSpec, message: readonly Part[] | undefined): Pattern {
  return {
    marks: [spec.name],
    accepts: predicateOf(spec),
    set: canonicalEntries(spec.set),
    shown: message === undefined ? undefined : shownTemplate(message),
    keep: spec.keep.map(canonicalKey),
  };
}

function trieFor(patterns: Matcher['patterns'], log: Value | undefined): Trie<Pattern> {
  const trie = new Trie<Pattern>();
  for (const { spec, parts, pattern } of patterns) {
    const logs = spec.where['source.log'];
    const isOurs = logs === undefined || (Array.isArray(logs) ? logs.includes(log as string) : logs === log);
    if (isOurs) trie.add(parts, pattern);
  }
  return trie;
}

function isAboutLogAlone({ where, has, lacks }: RuleSpec): boolean {
  return Object.keys(where).every((name) => name === 'source.log') && has.length === 0 && lacks.length === 0;
}
