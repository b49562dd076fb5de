/** What waits for a worker, by executor: idle workers are a problem only where something could run on them. */
import type { Zone } from '../core/time.ts';
import type { Run, Task } from '../model/entities.ts';
import { dependsOf, shownState } from '../model/resolve.ts';
import { instantOf } from '../model/zone.ts';
import type { Row } from './points.ts';
import type { Told } from './told.ts';
import { taskNumbers } from './traces.ts';
import { UNKNOWN_EXECUTOR } from './workers.ts';

export interface Waiting {
  /** Tasks that a free worker could start now: launched and not started, or pending with all dependencies done. */
  readonly runnable: readonly Row[];
  /** Seconds since the launch of the try that has waited for longest; 0 where none waits. */
  readonly oldest: readonly Row[];
}

/** Of every executor that was heard of, zeros included. Where workers tell nothing, a launched try may be running. */
export function waiting(run: Run, told: Told, zone: Zone, now: number): Waiting {
  const runnable = new Map([...run.executors.keys()].sort().map((label) => [label, 0]));
  const oldest = new Map([...runnable].filter(([label]) => !told.isMute(label)));
  for (const task of run.tasks.values()) {
    const state = shownState(task);
    if (state !== 'launched' && state !== 'pending') continue;
    const label = task.fields.executor.value ?? UNKNOWN_EXECUTOR;
    if (state === 'pending' ? !dependenciesAreDone(run, task) : told.isMute(label)) continue;
    runnable.set(label, (runnable.get(label) ?? 0) + 1);
    const launched = task.tries.at(-1)?.launched;
    const since = launched === undefined || state === 'pending' ? undefined : instantOf(launched, zone);
    if (since !== undefined) oldest.set(label, Math.max(oldest.get(label) ?? 0, (now - since) / 1e6));
  }
  const rows = (counts: ReadonlyMap<string, number>): Row[] => [...counts].map(([label, count]) => [[label], count]);
  return { runnable: rows(runnable), oldest: rows(oldest) };
}

function dependenciesAreDone(run: Run, task: Task): boolean {
  return taskNumbers(dependsOf(task)).every((id) => {
    const state = run.tasks.get(id)?.state.value;
    return run.closedTasks.has(id) || state === 'exec_done' || state === 'memo_done';
  });
}
