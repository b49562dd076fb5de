/**
 * Where memoised results came from: of each hash the task that was the first to end with it. Parsl names no source; the
 * hash is all that a hit and its source have in common.
 */
import type { WideRecord } from '../core/record.ts';
import { text } from '../core/record.ts';
import type { Task } from './entities.ts';
import type { Stamp } from './facts.ts';
import { timeOf } from './learn.ts';

/** Takes note of a status whose result others may reuse; at most `max` hashes a run are remembered. */
export function learnMemoSource({ id, run }: Task, record: WideRecord, state: string, stamp: Stamp, max: number): void {
  // In Parsl 1.0 a hit is `done`, too, but later than its source.
  if (state !== 'exec_done' && state !== 'done') return;
  const hashsum = text(record, 'parsl.task_hashsum');
  if (hashsum === undefined) return;
  const at = timeOf(record, 'parsl.task_time_returned') ?? stamp.at;
  const known = run.memo.get(hashsum);
  if (known === undefined) {
    if (run.memo.size < max) run.memo.set(hashsum, { task: id, at });
  } else if (at < known.at || (at === known.at && id < known.task)) {
    known.task = id;
    known.at = at;
  }
}
