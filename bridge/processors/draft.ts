/**
 * A record while rules work on it. Each key that a rule looks at or sets has a number, its slot: a value is read from the
 * record once, and what is set stays here until take() makes one new record of it all. Set on the record one by one, a
 * dozen keys would turn it into a hash table, which costs more than all the rules.
 */
import type { Value, WideRecord } from '../core/record.ts';

export class Draft {
  readonly #keys: string[] = [];
  readonly #values: (Value | undefined)[] = [];
  /** By slot: the turn in which its value was read or set. */
  readonly #turns: number[] = [];
  #turn = 0;
  #record: WideRecord = {};
  /** Slots that were set, or removed. */
  #changed: number[] = [];

  /** The number of a key, which gets one if it has none. */
  slotOf(key: string): number {
    const known = this.#keys.indexOf(key);
    if (known >= 0) return known;
    this.#values.push(undefined);
    this.#turns.push(0);
    return this.#keys.push(key) - 1;
  }

  slotsOf(keys: readonly string[]): number[] {
    return keys.map((key) => this.slotOf(key));
  }

  keyOf(slot: number): string {
    return this.#keys[slot] ?? '';
  }

  /** Begins with a record, which stays as it is. What was not taken of the last one is gone. */
  begin(record: WideRecord): void {
    this.#record = record;
    this.#turn += 1;
    if (this.#changed.length > 0) this.#changed = [];
  }

  /** undefined: the record lacks the key, or has it as null. */
  get(slot: number): Value | undefined {
    if (this.#turns[slot] === this.#turn) return this.#values[slot];
    this.#turns[slot] = this.#turn;
    return (this.#values[slot] = this.#record[this.#keys[slot] ?? ''] ?? undefined);
  }

  set(slot: number, value: Value): void {
    this.#turns[slot] = this.#turn;
    this.#values[slot] = value;
    this.#changed.push(slot);
  }

  /** Sets what the record lacks. */
  give(slot: number, value: Value): void {
    if (this.get(slot) === undefined) this.set(slot, value);
  }

  remove(slot: number): void {
    if (this.get(slot) === undefined) return;
    this.#values[slot] = undefined;
    this.#changed.push(slot);
  }

  /** The record with what was set: itself if nothing was. */
  take(): WideRecord {
    if (this.#changed.length === 0) return this.#record;
    const told: WideRecord = {};
    let isLess = false;
    for (const slot of this.#changed) {
      const value = this.#values[slot];
      if (value === undefined) isLess = true;
      else told[this.#keys[slot] ?? ''] = value;
    }
    const record = { ...this.#record, ...told };
    return isLess ? this.#without(record) : record;
  }

  #without(record: WideRecord): WideRecord {
    const removed = new Set(this.#changed.filter((slot) => this.#values[slot] === undefined).map((slot) => this.#keys[slot])); // prettier-ignore
    return Object.fromEntries(Object.entries(record).filter(([key]) => !removed.has(key)));
  }
}
