/**
 * Implication (`keys => key`): records that agree in some keys share others, backwards and forwards in time, to a
 * fixpoint over all rules. A record that lacks what a rule would give is held until some record tells it, or a limit
 * lets it go as it is. What contradicts is counted and told once; both records keep what they say.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { Group } from './groups.ts';
import { Groups } from './groups.ts';
import type { ImplySpec } from './schema.ts';

export interface HoldLimits {
  /** Records held at a time; beyond it the oldest go as they are. */
  readonly held_records_max: number;
  /** Their size, roughly. */
  readonly held_bytes_max: number;
  /** How long one is held, by the clock of arrivals, microseconds. */
  readonly held_us_max: number;
  /** Groups remembered over all rules; beyond it the oldest of the largest rule are forgotten. */
  readonly groups_max: number;
  /** Closed runs whose groups are kept for late lines. */
  readonly closed_runs_max: number;
}

/** What lets a record go that still lacks something. */
export const heldReasons = ['held_records', 'held_bytes', 'held_time', 'end'] as const;
export type HeldReason = (typeof heldReasons)[number];

export interface Contradiction {
  readonly rule: string;
  /** The group's keys. */
  readonly group: Readonly<Record<string, Value>>;
  readonly key: string;
  readonly was: Value;
  readonly told: Value;
}

interface Held {
  readonly record: WideRecord;
  readonly arrival: number;
  readonly bytes: number;
  /** Groups that it waits for. */
  readonly groups: Set<Group<Held>>;
}

/** Bytes of a record besides its message: keys, small values and what holds them. */
const RECORD_BYTES = 600;
const FORGET_AT_ONCE = 1_024;

function waitFor(held: Held, groups: readonly Group<Held>[]): void {
  for (const group of groups) {
    (group.waiting ??= new Set()).add(held);
    held.groups.add(group);
  }
}

export class Implications {
  readonly unresolved: Record<HeldReason, number> = { held_records: 0, held_bytes: 0, held_time: 0, end: 0 };
  contradictions = 0;
  readonly #rules: readonly Groups<Held>[];
  /** By key: the first rule that goes by it or gives it. */
  readonly #firstUser = new Map<string, number>();
  readonly #limits: HoldLimits;
  readonly #onContradiction: (contradiction: Contradiction) => void;
  /** In the order of arrival. */
  readonly #held = new Set<Held>();
  #heldBytes = 0;
  #woken: Held[] = [];
  readonly #closedRuns: string[] = [];

  constructor(
    specs: readonly ImplySpec[],
    limits: HoldLimits,
    onContradiction: (contradiction: Contradiction) => void,
  ) {
    this.#rules = specs.map((spec) => new Groups<Held>(spec));
    this.#limits = limits;
    this.#onContradiction = onContradiction;
    this.#rules.forEach(({ keys, gives }, at) => {
      for (const key of [...keys, ...gives]) if (!this.#firstUser.has(key)) this.#firstUser.set(key, at);
    });
  }

  get heldRecords(): number {
    return this.#held.size;
  }

  get groups(): number {
    return this.#rules.reduce((sum, { size }) => sum + size, 0);
  }

  /** Arrival of the oldest record held; Infinity if none is. */
  get oldestArrival(): number {
    for (const { arrival } of this.#held) return arrival;
    return Infinity;
  }

  get nextDeadline(): number {
    return this.oldestArrival + this.#limits.held_us_max;
  }

  /** Takes a record in. Gives out what is now complete, itself among it or not. */
  add(record: WideRecord, now: number, emit: (record: WideRecord) => void): void {
    const missing = this.#settle(record);
    if (missing === undefined) emit(record);
    else this.#hold(record, now, missing, emit);
    if (this.#woken.length > 0) this.#wake(emit);
  }

  /** Learns from a record that goes on as it is. */
  learn(record: WideRecord, emit: (record: WideRecord) => void): void {
    this.#rules.forEach((rule) => this.#teach(rule, record));
    if (this.#woken.length > 0) this.#wake(emit);
  }

  /** Lets go what has waited for long enough. */
  tick(now: number, emit: (record: WideRecord) => void): void {
    for (const held of this.#held) {
      if (held.arrival + this.#limits.held_us_max > now) break;
      this.#letGo(held, 'held_time', emit);
    }
  }

  /** Lets all go. */
  finish(emit: (record: WideRecord) => void): void {
    for (const held of this.#held) this.#letGo(held, 'end', emit);
  }

  /** Forgets the oldest groups of the rule that has most, while there are too many. */
  trim(): void {
    while (this.groups > this.#limits.groups_max) {
      const [largest] = [...this.#rules].sort((a, b) => b.size - a.size);
      for (let count = 0; count < FORGET_AT_ONCE && largest !== undefined && largest.size > 0; count += 1)
        largest.forgetOldest();
    }
  }

  runClosed(run: string): void {
    this.#closedRuns.push(run);
    if (this.#closedRuns.length <= this.#limits.closed_runs_max) return;
    const gone = this.#closedRuns.shift() ?? '';
    for (const rule of this.#rules) if (rule.keys[0] === 'parsl.dfk') rule.forget(gone);
  }

  /** Takes over and gives what the rules say. Returns the groups that it has to wait for; undefined: none. */
  #settle(record: WideRecord): Group<Held>[] | undefined {
    let missing: Group<Held>[] | undefined;
    // A key that a rule gives may be what an earlier one goes by. Each round gives at least one, so there is an end.
    for (let isDue = true; isDue;) {
      isDue = false;
      missing = undefined;
      for (let at = 0; at < this.#rules.length; at += 1) {
        const rule = this.#rules[at] as Groups<Held>;
        const group = this.#teach(rule, record);
        if (group === undefined) continue;
        for (let place = 0; place < rule.gives.length; place += 1) {
          const key = rule.gives[place] ?? '';
          if (record[key] !== undefined && record[key] !== null) continue;
          const value = rule.valueFor(group, place, record);
          if (value !== undefined) {
            record[key] = value;
            isDue ||= (this.#firstUser.get(key) ?? at) < at;
          } else if (rule.holds && group.values[place] === undefined) {
            (missing ??= []).push(group);
          }
        }
      }
    }
    return missing;
  }

  #hold(record: WideRecord, now: number, missing: readonly Group<Held>[], emit: (record: WideRecord) => void): void {
    const message = record['message'];
    const bytes = RECORD_BYTES + (typeof message === 'string' ? message.length : 0);
    const held: Held = { record, arrival: now, bytes, groups: new Set() };
    this.#held.add(held);
    this.#heldBytes += bytes;
    waitFor(held, missing);
    const { held_records_max, held_bytes_max } = this.#limits;
    for (const oldest of this.#held) {
      const isTooMany = this.#held.size > held_records_max;
      if (!isTooMany && this.#heldBytes <= held_bytes_max) break;
      this.#letGo(oldest, isTooMany ? 'held_records' : 'held_bytes', emit);
    }
  }

  /** Those that waited for what is known now; some may go on waiting for another thing. */
  #wake(emit: (record: WideRecord) => void): void {
    while (this.#woken.length > 0) {
      for (const held of this.#woken.splice(0)) {
        if (!this.#held.has(held)) continue;
        const missing = this.#settle(held.record);
        if (missing !== undefined) {
          waitFor(held, missing);
          continue;
        }
        this.#remove(held);
        emit(held.record);
      }
    }
  }

  #letGo(held: Held, reason: HeldReason, emit: (record: WideRecord) => void): void {
    this.#remove(held);
    this.unresolved[reason] += 1;
    emit(held.record);
  }

  #remove(held: Held): void {
    this.#held.delete(held);
    this.#heldBytes -= held.bytes;
    for (const group of held.groups) group.waiting?.delete(held);
  }

  /** The record's group of a rule, which takes over what the record tells. */
  #teach(rule: Groups<Held>, record: WideRecord): Group<Held> | undefined {
    const group = rule.of(record, rule.holds || rule.gives.some((key) => record[key] !== undefined));
    if (group === undefined || rule.teaches?.(record) === false) return group;
    for (let place = 0; place < rule.gives.length; place += 1) {
      const told = record[rule.gives[place] ?? ''];
      if (told === undefined || told === null) continue;
      if (group.values[place] === told && rule.several === 'report') continue;
      const outcome = rule.learn(group, place, told, record);
      if (outcome === 'learnt' && group.waiting !== undefined) {
        this.#woken.push(...group.waiting);
        group.waiting = undefined;
      } else if (typeof outcome === 'object') {
        this.#contradict(rule, group, rule.gives[place] ?? '', outcome.was, told);
      }
    }
    return group;
  }

  #contradict(rule: Groups<Held>, group: Group<Held>, key: string, was: Value, told: Value): void {
    this.contradictions += 1;
    if (group.wasReported) return;
    group.wasReported = true;
    const keys = Object.fromEntries(rule.keys.map((name, at) => [name, group.keys[at] ?? null]));
    this.#onContradiction({ rule: rule.name, group: keys, key, was, told });
  }
}
