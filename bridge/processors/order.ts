/**
 * What follows from the order of lines in one file: what a process says between a start and an end is about the thing
 * that was started (`within`), and what is said of a task between two launches is about the first one's try (`carry`).
 * Records of one file must come in its order; how the files are interleaved does not matter.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { CarrySpec, WithinSpec } from './schema.ts';
import { canonicalKey, predicateOf } from './where.ts';
import type { Marked } from './widen.ts';

/** A table that forgets its oldest entries beyond `max`. */
class BoundedMap<Held> {
  readonly #entries = new Map<string, Held>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): Held | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: Held): void {
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#max) return;
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest ?? '');
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}

/** Keys of one thing as one text; undefined if the record lacks one. */
function scopeOf(record: WideRecord, keys: readonly string[]): string | undefined {
  let scope = '';
  for (const key of keys) {
    const value = record[key];
    if (value === undefined || value === null) return undefined;
    scope += `${String(value)}\n`;
  }
  return scope;
}

/** Gives what lies between a start and an end the keys of the start. */
export function createWithin(spec: WithinSpec, scopesMax: number): Marked {
  const accepts = predicateOf(spec);
  const scopeKeys = spec.scope.map(canonicalKey);
  const gives = spec.gives.map(canonicalKey);
  const starts = new Set(spec.starts);
  const ends = new Set(spec.ends);
  const stickyKey = spec.sticks_to === undefined ? undefined : canonicalKey(spec.sticks_to);
  const open = new BoundedMap<readonly Value[]>(scopesMax);
  const stuck = new BoundedMap<readonly Value[] | undefined>(scopesMax);
  /** Whose start it was: it goes on to the next thing, and nothing sticks to it. */
  const owners = new BoundedMap<Value>(scopesMax);
  return (record, marks) => {
    if (accepts !== undefined && !accepts(record)) return;
    const scope = scopeOf(record, scopeKeys);
    if (scope === undefined) return;
    const sticky = stickyKey === undefined ? undefined : record[stickyKey];
    if (marks.some((mark) => starts.has(mark))) {
      open.set(scope, gives.map((key) => record[key] ?? null)); // prettier-ignore
      if (sticky !== undefined) owners.set(scope, sticky);
      return;
    }
    let values = open.get(scope);
    if (sticky !== undefined && sticky !== null && owners.get(scope) !== sticky) {
      const bound = `${scope}${String(sticky)}`;
      const earlier = stuck.get(bound);
      if (earlier === undefined && values !== undefined) stuck.set(bound, values);
      values = earlier ?? values;
    }
    if (values !== undefined) gives.forEach((key, at) => (record[key] ??= values[at] ?? null));
    if (marks.some((mark) => ends.has(mark))) open.delete(scope);
  };
}

interface Attempts {
  current: number | undefined;
  next: number | undefined;
}

/** Gives what is said of a thing the number of the attempt that it is about. */
export function createCarry(spec: CarrySpec, scopesMax: number): Marked {
  const accepts = predicateOf(spec);
  const scopeKeys = spec.scope.map(canonicalKey);
  const key = canonicalKey(spec.counts);
  const [begins, tells, ends, current, next] = [spec.begins, spec.tells, spec.ends, spec.current, spec.next].map(
    (names) => new Set(names),
  );
  const things = new BoundedMap<Attempts>(scopesMax);
  const all = new Set([...spec.begins, ...spec.tells, ...spec.ends, ...spec.current, ...spec.next]);
  return (record, marks) => {
    if (!marks.some((mark) => all.has(mark)) || (accepts !== undefined && !accepts(record))) return;
    const scope = scopeOf(record, scopeKeys);
    if (scope === undefined) return;
    let attempts = things.get(scope);
    if (attempts === undefined) things.set(scope, (attempts = { current: undefined, next: undefined }));
    for (const mark of marks) {
      if (begins?.has(mark)) [attempts.current, attempts.next] = [undefined, 0];
      if (tells?.has(mark)) {
        give(record, key, attempts.next);
        const told = record[key];
        if (typeof told === 'number') [attempts.current, attempts.next] = [told, undefined];
      }
      if (current?.has(mark)) give(record, key, attempts.current);
      if (ends?.has(mark) && attempts.current !== undefined)
        [attempts.current, attempts.next] = [undefined, attempts.current + 1];
      if (next?.has(mark)) give(record, key, attempts.next);
    }
  };
}

function give(record: WideRecord, key: string, value: number | undefined): void {
  if (value !== undefined) record[key] ??= value;
}
