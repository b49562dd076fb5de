/** `--run`: which records are of the runs that a user asked for. */
import type { WideRecord } from './core/record.ts';

/** True for records of runs whose ids begin so; for all, where no run was asked for. */
export function isOfRuns(runs: readonly string[]): (record: WideRecord) => boolean {
  const wanted = runs.map((run) => run.toLowerCase());
  return ({ 'parsl.dfk': id }) =>
    wanted.length === 0 || (typeof id === 'string' && wanted.some((run) => id.startsWith(run)));
}
