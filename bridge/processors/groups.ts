/**
 * What one implication has learnt: for each group of records that agree in its keys, the values that they share, and
 * the records that wait for one.
 */
import type { Value } from '../core/record.ts';
import type { Draft } from './draft.ts';
import { Keyed } from './keyed.ts';
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

export class Groups<Waiting> {
  readonly name: string;
  readonly keys: readonly string[];
  readonly gives: readonly string[];
  /** All keys on which its work on a record depends. */
  readonly uses: ReadonlySet<string>;
  /** Where `gives` are in the draft. */
  readonly giveSlots: readonly number[];
  readonly holds: boolean;
  readonly several: ImplySpec['several'];
  /** Records that it learns from; undefined: all. */
  readonly teaches: Predicate | undefined;
  readonly #draft: Draft;
  readonly #timeSlot: number;
  readonly #localTimeSlot: number;
  readonly #groups: Keyed<Group<Waiting>>;
  readonly #newGroup: (keys: readonly Value[]) => Group<Waiting> | undefined;

  constructor({ name, keys, gives, hold, several, taught_by }: ImplySpec, draft: Draft) {
    this.name = name;
    this.keys = keys.map(canonicalKey);
    this.gives = gives.map(canonicalKey);
    const { where = {}, has = [], lacks = [] } = taught_by ?? {};
    this.uses = new Set([...this.keys, ...this.gives, ...[...Object.keys(where), ...has, ...lacks].map(canonicalKey)]);
    this.giveSlots = draft.slotsOf(this.gives);
    this.holds = hold;
    this.several = several;
    this.teaches = taught_by === undefined ? undefined : predicateOf(taught_by, draft);
    this.#draft = draft;
    this.#timeSlot = draft.slotOf('time');
    this.#localTimeSlot = draft.slotOf('parsl.timestamp');
    this.#groups = new Keyed(this.keys, draft);
    // A group that is told nothing, and that nothing waits for, need not be there.
    this.#newGroup = (keys) =>
      this.holds || this.giveSlots.some((slot) => draft.get(slot) !== undefined)
        ? { keys, values: gives.map(() => undefined), several: [], waiting: undefined, wasReported: false }
        : undefined;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** The record's group; undefined if it lacks a key, or if nothing is known of the group and the record tells nothing. */
  find(): Group<Waiting> | undefined {
    return this.#groups.find(this.#newGroup);
  }

  /** Takes over what the record tells of `gives[at]`. Returns 'learnt', 'known', or the value that it contradicts. */
  learn(group: Group<Waiting>, at: number, told: Value): 'learnt' | 'known' | { was: Value } {
    const was = group.values[at];
    if (was === told && this.several !== 'by_time') return 'known';
    if (this.several !== 'report') this.#rememberWhen(group, at, told);
    if (was === undefined) {
      group.values[at] = told;
      return 'learnt';
    }
    return this.several === 'report' ? { was } : 'known';
  }

  #rememberWhen(group: Group<Waiting>, at: number, told: Value): void {
    const values = (group.several[at] ??= new Map<Value, Told>());
    let first = values.get(told);
    if (first === undefined) values.set(told, (first = { instant: Infinity, local: Infinity }));
    if (this.several !== 'by_time') return;
    const time = this.#draft.get(this.#timeSlot);
    if (typeof time === 'bigint') first.instant = Math.min(first.instant, Number(time));
    else first.local = Math.min(first.local, this.#localTime());
  }

  /** What the group gives the record for `gives[at]`; undefined: nothing yet. */
  valueFor(group: Group<Waiting>, at: number): Value | undefined {
    const values = group.several[at];
    if (values === undefined || values.size < 2) return group.values[at];
    if (this.several === 'none') return undefined;
    const time = this.#draft.get(this.#timeSlot);
    return typeof time === 'bigint' ? atTime(values, 'instant', Number(time)) : atTime(values, 'local', this.#localTime()); // prettier-ignore
  }

  /** Forgets all groups whose first key is `value`. */
  forget(value: Value): void {
    this.#groups.forget(value);
  }

  forgetOldest(): void {
    this.#groups.forgetOldest();
  }

  #localTime(): number {
    const local = this.#draft.get(this.#localTimeSlot);
    return typeof local === 'number' ? local : Infinity;
  }
}

/**
 * The value told latest by then; before the first one is told, that one. None where a value was told by clocks of the
 * other kind alone: without the zone the two cannot be compared.
 */
function atTime(values: ReadonlyMap<Value, Told>, clock: keyof Told, time: number): Value | undefined {
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
