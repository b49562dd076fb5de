/**
 * How facts merge. Every operation here is commutative, associative and idempotent, which is why the order of
 * records, their repetition and their way of arrival do not matter (DESIGN.md §4.5).
 */

/**
 * No time lies beyond it: October 2096, in microseconds. Added to the rank of what a final state says, so that it
 * outranks all else.
 */
export const TIMES_END = 4e15;

/** When a record speaks of, and by which kind of clock. */
export interface Stamp {
  /** Microseconds. */
  readonly at: number;
  /** A naive local time; else an instant. */
  readonly local: boolean;
  /** A log line tells it, no monitoring message. Where both tell something, the message counts. */
  readonly logged: boolean;
}

/** How much a record's word counts: messages before log lines, final states before others, then the later record. */
export function rankOf({ at, logged }: Stamp, isFinal: boolean): number {
  const rank = isFinal ? at + TIMES_END : at;
  return logged ? rank - 2 * TIMES_END : rank;
}

/**
 * The same for the state of a task: a final state that a log tells counts more than any other state, because the message
 * that told it may be lost.
 */
export function stateRankOf(stamp: Stamp, isFinal: boolean): number {
  return isFinal && stamp.logged ? TIMES_END : rankOf(stamp, isFinal);
}

/** A value told by several records: the highest rank wins, between equals the smaller value. */
export interface Latest<T> {
  value: T | undefined;
  rank: number;
}

export function latest<T>(): Latest<T> {
  return { value: undefined, rank: -Infinity };
}

export function learn<T extends string | number | boolean>(cell: Latest<T>, value: T, rank: number): void {
  if (value === cell.value) {
    if (rank > cell.rank) cell.rank = rank;
  } else if (cell.value === undefined || rank > cell.rank || (rank === cell.rank && value < cell.value)) {
    cell.value = value;
    cell.rank = rank;
  }
}

/** A time in each of the two kinds of clock: naive local, whose zone is known only later, and instant. NaN: not told. */
export interface Times {
  local: number;
  instant: number;
}

/** The earliest time told for one event. */
export interface Earliest extends Times {
  /** What log lines told: counts where no message told anything. */
  logged: Times | undefined;
}

export function earliest(): Earliest {
  return { local: NaN, instant: NaN, logged: undefined };
}

export function learnLocal(cell: Times, at: number | undefined): void {
  if (at !== undefined && !(at >= cell.local)) cell.local = at;
}

export function learnInstant(cell: Times, at: number | undefined): void {
  if (at !== undefined && !(at >= cell.instant)) cell.instant = at;
}

export function isKnown(cell: Earliest): boolean {
  return isTold(cell) || cell.logged !== undefined;
}

/** True if a message told it. */
export function isTold({ local, instant }: Times): boolean {
  return !Number.isNaN(local) || !Number.isNaN(instant);
}

/** A state that some record told, with the time it told. */
export interface StateFact extends Stamp {
  readonly state: string;
  /** Undefined where the release numbers no tries, or the record names none. */
  readonly attempt: number | undefined;
  at: number;
  /** What the same record told, for the log event that the state becomes; undefined where it told nothing. */
  app: string | undefined;
  executor: string | undefined;
  failHistory: string | undefined;
  host: string | undefined;
  block: string | undefined;
  /** Its event has left. */
  told?: boolean;
}

/**
 * Adds a state, or what the record tells beyond a state that is there already. True if it is new. Several log lines may
 * tell one state, each with a time of its own: that is one state, and the first line's time.
 */
export function learnState(facts: StateFact[], fact: StateFact): boolean {
  for (const known of facts) {
    if (
      (known.at === fact.at || fact.logged) &&
      known.state === fact.state &&
      known.attempt === fact.attempt &&
      known.local === fact.local &&
      known.logged === fact.logged
    ) {
      known.at = Math.min(known.at, fact.at);
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

/**
 * The states as they are shown: all that messages told, and of those that log lines told the ones that no message tells.
 * A line may not name the try that a message names.
 */
export function shownStates(facts: readonly StateFact[]): readonly StateFact[] {
  if (facts.every(({ logged }) => !logged)) return facts;
  return facts.filter(
    (fact) => !fact.logged || !facts.some((other) => isSameState(fact, other) && counts(other, fact)),
  );
}

function isSameState(a: StateFact, b: StateFact): boolean {
  return a.state === b.state && (a.attempt === b.attempt || a.attempt === undefined || b.attempt === undefined);
}

/** Of two that tell the same state: messages first, then who names the try, then who tells an instant. */
function counts(a: StateFact, b: StateFact): boolean {
  if (a.logged !== b.logged) return b.logged;
  if ((a.attempt === undefined) !== (b.attempt === undefined)) return b.attempt === undefined;
  return a.local !== b.local && b.local;
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
