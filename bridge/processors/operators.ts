/**
 * What stands between decoding and the model: records in, wider records out (DESIGN.md §5). Pure: time is an argument.
 * The pipeline, convert and the query commands all call it, so that a replay widens the same records the same way.
 */
import type { WideRecord } from '../core/record.ts';

export interface Operators {
  /**
   * The records of one journal entry that arrived at `now` (microseconds), widened. It may hold records back that wait
   * for what would tell whose they are, and give out ones that it held before. Records of monitoring messages pass
   * untouched, but are learnt from.
   */
  apply(records: readonly WideRecord[], now: number): readonly WideRecord[];
  /** Nothing arrived, but time went by: gives out what has waited for long enough. */
  tick(now: number): readonly WideRecord[];
  /** Gives out all that is held. */
  finish(): readonly WideRecord[];
  /** When tick() would next give something out, microseconds; Infinity if nothing is held. */
  readonly nextDeadline: number;
}
