/**
 * Where memoised results came from: of each hash the task that was the first to end with it. Parsl names no source;
 * the hash is all that a hit and its source have in common.
 */
import type { Task } from './entities.ts';

/** Takes note of a task that has computed what others may reuse; at most `max` hashes a run are remembered. */
export function learnMemoSource(task: Task, max: number): void {
  const hashsum = task.fields.hashsum.value;
  if (hashsum === undefined || task.state.value !== 'exec_done') return;
  const { memo } = task.run;
  const at = Number.isNaN(task.returned.local) ? Infinity : task.returned.local;
  const known = memo.get(hashsum);
  if (known === undefined) {
    if (memo.size < max) memo.set(hashsum, { task: task.id, at });
  } else if (at < known.at || (at === known.at && task.id < known.task)) {
    known.task = task.id;
    known.at = at;
  }
}
