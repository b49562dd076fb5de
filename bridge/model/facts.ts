/**
 * How facts merge. Every operation here is commutative, associative and idempotent, which is why the order of
 * records, their repetition and their way of arrival do not matter (DESIGN.md §4.5).
 */

/**
 * No time lies beyond it: October 2096, in microseconds. Added to the rank of what a final state says, so that it
 * outranks all else.
 */
export const TIMES_END = 4e15;

/** How much a record's word counts: final states first, then the later record. */
export function rankOf(atUs: number, isFinal: boolean): number {
  return isFinal ? atUs + TIMES_END : atUs;
}

/** A value told by several records: the highest rank wins, between equals the smaller value. */
export interface Latest<T> {
  value: T | undefined;
  rank: number;
}

export function latest<T>(): Latest<T> {
  return { value: undefined, rank: -1 };
}

export function learn<T extends string | number | boolean>(cell: Latest<T>, value: T, rank: number): void {
  if (value === cell.value) {
    if (rank > cell.rank) cell.rank = rank;
  } else if (cell.value === undefined || rank > cell.rank || (rank === cell.rank && value < cell.value)) {
    cell.value = value;
    cell.rank = rank;
  }
}

/**
 * The earliest time told for one event, in each of the two kinds of clock: naive local times, whose zone is known
 * only later, and instants. NaN where nothing was told.
 */
export interface Earliest {
  local: number;
  instant: number;
}

export function earliest(): Earliest {
  return { local: NaN, instant: NaN };
}

export function learnLocal(cell: Earliest, at: number | undefined): void {
  if (at !== undefined && !(at >= cell.local)) cell.local = at;
}

export function learnInstant(cell: Earliest, at: number | undefined): void {
  if (at !== undefined && !(at >= cell.instant)) cell.instant = at;
}

export function isKnown(cell: Earliest): boolean {
  return !Number.isNaN(cell.local) || !Number.isNaN(cell.instant);
}

/** A state that some record told, with the time it told. */
export interface StateFact {
  readonly state: string;
  /** Undefined where the release numbers no tries, or the record names none. */
  readonly attempt: number | undefined;
  readonly at: number;
  /** The kind of clock that `at` was read from. */
  readonly local: boolean;
  /** What the same record told, for the log event that the state becomes; undefined where it told nothing. */
  app: string | undefined;
  executor: string | undefined;
  failHistory: string | undefined;
  host: string | undefined;
  block: string | undefined;
}

/** Adds a state, or what the record tells beyond a state that is there already. True if it is new. */
export function learnState(facts: StateFact[], fact: StateFact): boolean {
  for (const known of facts) {
    if (
      known.at === fact.at &&
      known.state === fact.state &&
      known.attempt === fact.attempt &&
      known.local === fact.local
    ) {
      known.app = smaller(known.app, fact.app);
      known.executor = smaller(known.executor, fact.executor);
      known.failHistory = smaller(known.failHistory, fact.failHistory);
      known.host = smaller(known.host, fact.host);
      known.block = smaller(known.block, fact.block);
      return false;
    }
  }
  facts.push(fact);
  return true;
}

function smaller(known: string | undefined, told: string | undefined): string | undefined {
  return known === undefined || (told !== undefined && told < known) ? told : known;
}

/** The smallest and the largest of the values told. NaN where nothing was told. */
export interface Extent {
  low: number;
  high: number;
}

export function extent(): Extent {
  return { low: NaN, high: NaN };
}

export function learnExtent(cell: Extent, value: number | undefined): void {
  if (value === undefined) return;
  if (!(value >= cell.low)) cell.low = value;
  if (!(value <= cell.high)) cell.high = value;
}
