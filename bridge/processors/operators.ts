/**
 * What stands between decoding and the model: records in, wider records out (DESIGN.md §5). Pure: time is an argument.
 * The pipeline, convert and the query commands all call it, so that a replay widens the same records the same way.
 *
 * In this order: relabel, the rules on single records, what the order of lines tells, twins, joins and implications.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { Distinct } from './distinct.ts';
import { createDistinct } from './distinct.ts';
import { Draft } from './draft.ts';
import type { Contradiction, HeldReason, HoldLimits, Release } from './imply.ts';
import { Implications } from './imply.ts';
import type { Joined } from './join.ts';
import { createJoin } from './join.ts';
import { createCarry, createWithin } from './order.ts';
import { createRelabel } from './relabel.ts';
import type { RulesFile } from './schema.ts';
import type { Marked } from './widen.ts';
import { Widener } from './widen.ts';

export interface Operators {
  /**
   * The records of one journal entry that arrived at `now` (microseconds), widened. It may hold records back that wait
   * for what would tell whose they are, and give out ones that it held before. Records of monitoring messages pass
   * untouched, but are learnt from. The array itself comes back where nothing changed.
   */
  apply(records: readonly WideRecord[], now: number): readonly WideRecord[];
  /** Nothing arrived, but time went by: gives out what has waited for long enough. */
  tick(now: number): readonly WideRecord[];
  /** Gives out all that is held. */
  finish(): readonly WideRecord[];
  /** A run is over: what is known of it is kept for late lines as long as a limit allows. */
  runClosed(run: string): void;
  /** When tick() would next give something out, microseconds; Infinity if nothing is held. */
  readonly nextDeadline: number;
  /** When the oldest record held arrived; Infinity if none is held. The journal must keep its entry. */
  readonly oldestArrival: number;
  readonly counts: OperatorCounts;
}

export interface OperatorCounts {
  readonly held: number;
  readonly groups: number;
  /** Records given out that lack what a rule would have given, by what let them go. */
  readonly unresolved: Readonly<Record<HeldReason, number>>;
  readonly contradictions: number;
  /** Records dropped as twins of others. */
  readonly twins: number;
}

export interface OperatorLimits extends HoldLimits {
  /** Files and tasks whose order of lines is followed at a time. */
  readonly scopes_max: number;
  /** Records remembered to find twins among. */
  readonly twins_max: number;
}

/** For live input: what is not told within seconds will hardly be. */
export const liveLimits: OperatorLimits = {
  held_records_max: 50_000,
  held_bytes_max: 64 * 1024 * 1024,
  held_us_max: 10_000_000,
  groups_max: 1_000_000,
  closed_runs_max: 16,
  scopes_max: 500_000,
  twins_max: 200_000,
};

/** For input that is all there: everything is known in the end. */
export const noLimits: OperatorLimits = {
  held_records_max: Infinity,
  held_bytes_max: Infinity,
  held_us_max: Infinity,
  groups_max: Infinity,
  closed_runs_max: Infinity,
  scopes_max: Infinity,
  // A table of fixed size.
  twins_max: 2_000_000,
};

/** `marks`: names of the rules that matched the record. */
export type OnMarked = (record: WideRecord, marks: readonly string[]) => void;

export interface OperatorsOptions {
  /** Files of rules, in the order in which they apply. */
  readonly rules: readonly RulesFile[];
  /** The users' own metadata that the rules join with. */
  readonly joined?: readonly Joined[];
  readonly limits: OperatorLimits;
  /** Told once for each group of records that contradict each other. */
  readonly onContradiction?: (contradiction: Contradiction) => void;
  /** Told of every record that comes out of a log, with the rules that matched it. */
  readonly onMarked?: OnMarked;
}

export function createOperators(options: OperatorsOptions): Operators {
  const { rules, joined = [], limits, onContradiction = () => {}, onMarked = () => {} } = options;
  const draft = new Draft();
  const relabels = rules.flatMap(({ relabel }) => relabel.map((spec) => createRelabel(spec, draft)));
  const widener = new Widener(
    rules.map((file) => file.rules),
    draft,
  );
  const ordered = rules.flatMap(({ within, carry }) => [
    ...within.map((spec) => createWithin(spec, draft, limits.scopes_max)),
    ...carry.map((spec) => createCarry(spec, draft, limits.scopes_max)),
  ]);
  const distincts = rules.flatMap((file) => file.distinct);
  const [drops, clears] = [false, true].map((isClear): readonly Distinct[] =>
    distincts
      .filter(({ clear }) => clear.length > 0 === isClear)
      .map((spec) => createDistinct(spec, draft, limits.twins_max)),
  ) as [readonly Distinct[], readonly Distinct[]];
  const joins = joined.map((one) => createJoin(one, draft));
  const implies = rules.flatMap(({ imply }) => imply);
  const implications = new Implications(implies, draft, limits, onContradiction);
  let twins = 0;
  let out: WideRecord[] = [];
  let now = 0;
  const release: Release = (marks) => {
    for (const clear of clears) clear();
    for (const join of joins) join();
    const record = draft.take();
    out.push(record);
    onMarked(record, marks);
  };
  const take = (): WideRecord[] => {
    const taken = out;
    out = [];
    return taken;
  };
  const onWidened: Marked = (marks) => {
    for (const follow of ordered) follow(marks);
    for (const isFirst of drops) {
      if (isFirst()) continue;
      twins += 1;
      // It lies in another file, or in a copy, which may say more than the first one did.
      implications.learn(release);
      return;
    }
    implications.add(marks, now, release);
  };
  /** NODE_INFO says whose a manager is, thousands of times; what other messages tell no log line needs. */
  const managers = new Set<Value>();
  const learnPlace = (record: WideRecord): void => {
    const manager = record['parsl.manager'];
    if (manager === undefined || manager === null || managers.has(manager)) return;
    if (managers.size >= MANAGERS_MAX) managers.clear();
    managers.add(manager);
    draft.begin(record);
    implications.learn(release);
  };

  return {
    apply(records, arrival) {
      now = arrival;
      if (implications.nextDeadline <= now) implications.tick(now, release);
      // What radios brought goes on as it is, and so does its array.
      if (records.every(isMessage)) {
        for (const record of records) learnPlace(record);
        const released = take();
        return released.length === 0 ? records : [...released, ...records];
      }
      for (const record of records) {
        if (isMessage(record)) {
          learnPlace(record);
          out.push(record);
          continue;
        }
        draft.begin(record);
        for (const relabel of relabels) relabel();
        widener.widen(onWidened);
      }
      implications.trim();
      return take();
    },
    tick(arrival) {
      implications.tick(arrival, release);
      return take();
    },
    finish() {
      implications.finish(release);
      return take();
    },
    runClosed: (run) => implications.runClosed(run),
    get nextDeadline() {
      return implications.nextDeadline;
    },
    get oldestArrival() {
      return implications.oldestArrival;
    },
    get counts() {
      const { heldRecords, groups, unresolved, contradictions } = implications;
      return { held: heldRecords, groups, unresolved: { ...unresolved }, contradictions, twins };
    },
  };
}

/** Managers that need not be learnt again; when there are more, all are. */
const MANAGERS_MAX = 10_000;

/** A monitoring message says all that it is about. */
function isMessage(record: WideRecord): boolean {
  return record['parsl.message_type'] !== undefined;
}
