/**
 * Things told apart by the values of some keys, such as groups, files or tasks. Found by walking a map per key, so that no
 * text is put together for a look-up; what came last is found without that, as lines that follow each other are mostly
 * about one thing.
 */
import type { Value } from '../core/record.ts';
import type { Draft } from './draft.ts';

type Level<Thing> = Map<Value, Level<Thing> | Kept<Thing>>;

interface Kept<Thing> {
  readonly keys: readonly Value[];
  readonly thing: Thing;
}

export class Keyed<Thing> {
  readonly #draft: Draft;
  readonly #slots: readonly number[];
  readonly #root: Level<Thing> = new Map();
  #latest: Kept<Thing> | undefined;
  /** Oldest first; those before `#first` are gone. */
  #order: (Kept<Thing> | undefined)[] = [];
  #first = 0;

  /** `keys`: canonical, the one that fewest records have last. */
  constructor(keys: readonly string[], draft: Draft) {
    this.#draft = draft;
    this.#slots = draft.slotsOf(keys);
  }

  get size(): number {
    return this.#order.length - this.#first;
  }

  /** The thing of the record; undefined if it lacks a key, or if there is none yet and `make` makes none. */
  find(make: (keys: readonly Value[]) => Thing | undefined): Thing | undefined {
    const latest = this.#latest;
    let isLatest = latest !== undefined;
    for (let at = this.#slots.length - 1; at >= 0; at -= 1) {
      const value = this.#draft.get(this.#slots[at] ?? 0);
      if (value === undefined) return undefined;
      isLatest &&= latest?.keys[at] === value;
    }
    if (isLatest) return latest?.thing;
    const kept = this.#walk() ?? this.#add(make);
    if (kept !== undefined) this.#latest = kept;
    return kept?.thing;
  }

  #walk(): Kept<Thing> | undefined {
    let level: Level<Thing> | Kept<Thing> | undefined = this.#root;
    for (const slot of this.#slots) {
      level = (level as Level<Thing>).get(this.#draft.get(slot) ?? null);
      if (level === undefined) return undefined;
    }
    return level as Kept<Thing>;
  }

  #add(make: (keys: readonly Value[]) => Thing | undefined): Kept<Thing> | undefined {
    const keys = this.#slots.map((slot) => this.#draft.get(slot) ?? null);
    const thing = make(keys);
    if (thing === undefined) return undefined;
    const kept = { keys, thing };
    let level = this.#root;
    for (const key of keys.slice(0, -1)) {
      const next = (level.get(key) as Level<Thing> | undefined) ?? (new Map() as Level<Thing>);
      level.set(key, next);
      level = next;
    }
    level.set(keys.at(-1) ?? null, kept);
    this.#order.push(kept);
    return kept;
  }

  /** Forgets all things whose first key is `value`. */
  forget(value: Value): void {
    if (!this.#root.delete(value)) return;
    this.#latest = undefined;
    this.#order = this.#order.filter((kept, at) => at >= this.#first && kept?.keys[0] !== value);
    this.#first = 0;
  }

  forgetOldest(): void {
    const kept = this.#order[this.#first];
    if (kept === undefined) return;
    if (this.#latest === kept) this.#latest = undefined;
    this.#order[this.#first] = undefined;
    this.#first += 1;
    if (this.#first > 1024 && this.#first * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#first);
      this.#first = 0;
    }
    removeAt(this.#root, kept.keys, 0);
  }
}

/** Takes out what `keys` lead to, and the maps on the way that are empty then. */
function removeAt<Thing>(level: Level<Thing>, keys: readonly Value[], depth: number): void {
  const key = keys[depth] ?? null;
  const next = level.get(key);
  if (depth < keys.length - 1 && next instanceof Map) {
    removeAt(next, keys, depth + 1);
    if (next.size > 0) return;
  }
  level.delete(key);
}
