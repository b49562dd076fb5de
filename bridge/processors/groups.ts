/**
 * What one implication has learnt: for each group of records that agree in its keys, the values that they share, and
 * the records that wait for one. Found by walking a map per key, so that no text is put together for a look-up.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { ImplySpec } from './schema.ts';
import type { Predicate } from './where.ts';
import { canonicalKey, predicateOf } from './where.ts';

export interface Group<Waiting> {
  readonly keys: readonly Value[];
  /** By the place in `gives`. */
  readonly values: (Value | undefined)[];
  /** Only where a group may have several values: when each was told first. */
  readonly several: (Map<Value, Told> | undefined)[];
  waiting: Set<Waiting> | undefined;
  wasReported: boolean;
}

/** Instants in nanoseconds, local times in microseconds; Infinity where no record of that kind of clock told it. */
interface Told {
  instant: number;
  local: number;
}

type Level<Waiting> = Map<Value, Level<Waiting> | Group<Waiting>>;

export class Groups<Waiting> {
  readonly name: string;
  readonly keys: readonly string[];
  readonly gives: readonly string[];
  readonly holds: boolean;
  readonly several: ImplySpec['several'];
  /** Records that it learns from; undefined: all. */
  readonly teaches: Predicate | undefined;
  readonly #root: Level<Waiting> = new Map();
  /** The one that fewest records have, if the file of rules names it last. */
  readonly #lastKey: string;
  /** Oldest first; those before `#first` are gone. */
  #order: (Group<Waiting> | undefined)[] = [];
  #first = 0;

  constructor({ name, keys, gives, hold, several, taught_by }: ImplySpec) {
    this.name = name;
    this.keys = keys.map(canonicalKey);
    this.gives = gives.map(canonicalKey);
    this.#lastKey = this.keys.at(-1) ?? '';
    this.holds = hold;
    this.several = several;
    this.teaches = taught_by === undefined ? undefined : predicateOf(taught_by);
  }

  get size(): number {
    return this.#order.length - this.#first;
  }

  /** The record's group; undefined if it lacks a key, or if nothing is known of the group and none is to be `made`. */
  of(record: WideRecord, made: boolean): Group<Waiting> | undefined {
    const last = this.keys.length - 1;
    const value = record[this.#lastKey];
    if (value === undefined || value === null) return undefined;
    let level = this.#root;
    for (let at = 0; at < last; at += 1) {
      const step = record[this.keys[at] ?? ''];
      if (step === undefined || step === null) return undefined;
      let next = level.get(step) as Level<Waiting> | undefined;
      if (next === undefined) {
        if (!made || !this.#hasAll(record)) return undefined;
        level.set(step, (next = new Map()));
      }
      level = next;
    }
    const known = level.get(value) as Group<Waiting> | undefined;
    if (known !== undefined || !made) return known;
    const group = this.#newGroup(record);
    level.set(value, group);
    return group;
  }

  /** Takes over what the record tells of `gives[at]`. Returns 'learnt', 'known', or the value that it contradicts. */
  learn(group: Group<Waiting>, at: number, told: Value, record: WideRecord): 'learnt' | 'known' | { was: Value } {
    const was = group.values[at];
    if (this.several !== 'report') this.#rememberWhen(group, at, told, record);
    if (was === undefined) {
      group.values[at] = told;
      return 'learnt';
    }
    return was === told || this.several !== 'report' ? 'known' : { was };
  }

  #rememberWhen(group: Group<Waiting>, at: number, told: Value, record: WideRecord): void {
    const values = (group.several[at] ??= new Map<Value, Told>());
    let first = values.get(told);
    if (first === undefined) values.set(told, (first = { instant: Infinity, local: Infinity }));
    if (this.several !== 'by_time') return;
    const { time } = record;
    if (typeof time === 'bigint') first.instant = Math.min(first.instant, Number(time));
    else first.local = Math.min(first.local, localTimeOf(record));
  }

  /** What the group gives the record for `gives[at]`; undefined: nothing yet. */
  valueFor(group: Group<Waiting>, at: number, record: WideRecord): Value | undefined {
    const values = group.several[at];
    if (values === undefined || values.size < 2) return group.values[at];
    if (this.several === 'none') return undefined;
    return atTime(values, record);
  }

  /** Forgets all groups whose first key is `value`. */
  forget(value: Value): void {
    if (!this.#root.delete(value)) return;
    this.#order = this.#order.filter((group, at) => at >= this.#first && group?.keys[0] !== value);
    this.#first = 0;
  }

  /** Forgets the oldest group. */
  forgetOldest(): void {
    const group = this.#order[this.#first];
    this.#order[this.#first] = undefined;
    this.#first += 1;
    if (this.#first > 1024 && this.#first * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#first);
      this.#first = 0;
    }
    let level: Level<Waiting> | undefined = this.#root;
    for (const key of group?.keys.slice(0, -1) ?? []) level = level?.get(key) as Level<Waiting> | undefined;
    level?.delete(group?.keys.at(-1) ?? null);
  }

  #hasAll(record: WideRecord): boolean {
    return this.keys.every((key) => record[key] !== undefined && record[key] !== null);
  }

  #newGroup(record: WideRecord): Group<Waiting> {
    const group: Group<Waiting> = {
      keys: this.keys.map((key) => record[key] ?? null),
      values: [],
      several: [],
      waiting: undefined,
      wasReported: false,
    };
    this.#order.push(group);
    return group;
  }
}

function localTimeOf(record: WideRecord): number {
  const local = record['parsl.timestamp'];
  return typeof local === 'number' ? local : Infinity;
}

/**
 * The value told latest by then; before the first one is told, that one. None where a value was told by clocks of the
 * other kind alone: without the zone the two cannot be compared.
 */
function atTime(values: ReadonlyMap<Value, Told>, record: WideRecord): Value | undefined {
  const clock = typeof record['time'] === 'bigint' ? 'instant' : 'local';
  const time = clock === 'instant' ? Number(record['time']) : localTimeOf(record);
  let best: Value | undefined;
  let bestAt = -Infinity;
  let first: Value | undefined;
  let firstAt = Infinity;
  if (time === Infinity) return undefined;
  for (const [value, told] of values) {
    const at = told[clock];
    if (at === Infinity) return undefined;
    if (at <= time && at > bestAt) [best, bestAt] = [value, at];
    if (at < firstAt) [first, firstAt] = [value, at];
  }
  return best ?? first;
}
