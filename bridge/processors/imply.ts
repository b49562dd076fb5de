/**
 * Implication (`keys => key`): records that agree in some keys share others, backwards and forwards in time, to a
 * fixpoint over all rules. A record that lacks what a rule would give is held until some record tells it, or a limit
 * lets it go as it is. What contradicts is counted and told once; both records keep what they say.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { Draft } from './draft.ts';
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
  record: WideRecord;
  /** Rules that matched it. */
  readonly marks: readonly string[];
  readonly arrival: number;
  readonly bytes: number;
  /** Groups that it waits for. */
  readonly groups: Set<Group<Held>>;
}

/** The record that the draft is at is complete, or let go. */
export type Release = (marks: readonly string[]) => void;

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
  readonly #draft: Draft;
  readonly #messageSlot: number;
  /** By slot: the rules that go by it, give it, or look at it to tell who teaches. */
  readonly #users: readonly (readonly number[])[];
  /** By rule: whether it has to look at the record, and the group that it found last. */
  readonly #isDue: Uint8Array;
  readonly #found: (Group<Held> | undefined)[];
  readonly #limits: HoldLimits;
  readonly #onContradiction: (contradiction: Contradiction) => void;
  /** In the order of arrival. */
  readonly #held = new Set<Held>();
  #heldBytes = 0;
  #woken: Held[] = [];
  readonly #closedRuns: string[] = [];

  constructor(
    specs: readonly ImplySpec[],
    draft: Draft,
    limits: HoldLimits,
    onContradiction: (contradiction: Contradiction) => void,
  ) {
    this.#rules = specs.map((spec) => new Groups<Held>(spec, draft));
    this.#draft = draft;
    this.#messageSlot = draft.slotOf('message');
    this.#limits = limits;
    this.#onContradiction = onContradiction;
    this.#isDue = new Uint8Array(specs.length);
    this.#found = specs.map(() => undefined);
    const users: number[][] = [];
    this.#rules.forEach(({ uses }, at) => {
      for (const slot of draft.slotsOf([...uses])) (users[slot] ??= []).push(at);
    });
    this.#users = users;
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

  /** Takes in the record that the draft is at. Gives out what is now complete, itself among it or not. */
  add(marks: readonly string[], now: number, release: Release): void {
    const missing = this.#settle();
    if (missing === undefined) release(marks);
    else this.#hold(marks, now, missing, release);
    if (this.#woken.length > 0) this.#wake(release);
  }

  /** Learns from a record that goes on as it is. */
  learn(release: Release): void {
    for (const rule of this.#rules) this.#teach(rule);
    if (this.#woken.length > 0) this.#wake(release);
  }

  /** Lets go what has waited for long enough. */
  tick(now: number, release: Release): void {
    for (const held of this.#held) {
      if (held.arrival + this.#limits.held_us_max > now) break;
      this.#letGo(held, 'held_time', release);
    }
  }

  /** Lets all go. */
  finish(release: Release): void {
    for (const held of this.#held) this.#letGo(held, 'end', release);
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

  /** Takes over and gives what the rules say. Returns the groups that the record has to wait for; undefined: none. */
  #settle(): Group<Held>[] | undefined {
    this.#isDue.fill(1);
    // What a rule gives may be what an earlier one goes by. Each round gives something, so there is an end.
    while (this.#applyDue());
    let missing: Group<Held>[] | undefined;
    for (let at = 0; at < this.#rules.length; at += 1) {
      const { holds, giveSlots } = this.#rules[at] as Groups<Held>;
      const group = this.#found[at];
      if (!holds || group === undefined) continue;
      for (let place = 0; place < giveSlots.length; place += 1) {
        const isLacking = this.#draft.get(giveSlots[place] ?? 0) === undefined;
        if (isLacking && group.values[place] === undefined) (missing ??= []).push(group);
      }
    }
    return missing;
  }

  /** Applies the rules that are due, in their order. True if an earlier one is due again. */
  #applyDue(): boolean {
    let isDueAgain = false;
    for (let at = 0; at < this.#rules.length; at += 1) {
      if (this.#isDue[at] === 0) continue;
      this.#isDue[at] = 0;
      const rule = this.#rules[at] as Groups<Held>;
      const group = this.#teach(rule);
      this.#found[at] = group;
      if (group === undefined) continue;
      for (let place = 0; place < rule.giveSlots.length; place += 1) {
        const slot = rule.giveSlots[place] ?? 0;
        if (this.#draft.get(slot) !== undefined) continue;
        const value = rule.valueFor(group, place);
        if (value === undefined) continue;
        this.#draft.set(slot, value);
        for (const user of this.#users[slot] ?? []) {
          if (user === at) continue;
          this.#isDue[user] = 1;
          isDueAgain ||= user < at;
        }
      }
    }
    return isDueAgain;
  }

  #hold(marks: readonly string[], now: number, missing: readonly Group<Held>[], release: Release): void {
    const message = this.#draft.get(this.#messageSlot);
    const bytes = RECORD_BYTES + (typeof message === 'string' ? message.length : 0);
    const held: Held = { record: this.#draft.take(), marks, arrival: now, bytes, groups: new Set() };
    this.#held.add(held);
    this.#heldBytes += bytes;
    waitFor(held, missing);
    const { held_records_max, held_bytes_max } = this.#limits;
    for (const oldest of this.#held) {
      const isTooMany = this.#held.size > held_records_max;
      if (!isTooMany && this.#heldBytes <= held_bytes_max) break;
      this.#letGo(oldest, isTooMany ? 'held_records' : 'held_bytes', release);
    }
  }

  /** Those that waited for what is known now; some may go on waiting for another thing. */
  #wake(release: Release): void {
    while (this.#woken.length > 0) {
      for (const held of this.#woken.splice(0)) {
        if (!this.#held.has(held)) continue;
        this.#draft.begin(held.record);
        const missing = this.#settle();
        if (missing !== undefined) {
          held.record = this.#draft.take();
          waitFor(held, missing);
          continue;
        }
        this.#remove(held);
        release(held.marks);
      }
    }
  }

  #letGo(held: Held, reason: HeldReason, release: Release): void {
    this.#remove(held);
    this.unresolved[reason] += 1;
    this.#draft.begin(held.record);
    release(held.marks);
  }

  #remove(held: Held): void {
    this.#held.delete(held);
    this.#heldBytes -= held.bytes;
    for (const group of held.groups) group.waiting?.delete(held);
  }

  /** The record's group of a rule, which takes over what the record tells. */
  #teach(rule: Groups<Held>): Group<Held> | undefined {
    const group = rule.find();
    if (group === undefined || rule.teaches?.() === false) return group;
    for (let place = 0; place < rule.giveSlots.length; place += 1) {
      const told = this.#draft.get(rule.giveSlots[place] ?? 0);
      if (told === undefined) continue;
      const outcome = rule.learn(group, place, told);
      if (outcome === 'learnt' && group.waiting !== undefined) {
        for (const held of group.waiting) this.#woken.push(held);
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
