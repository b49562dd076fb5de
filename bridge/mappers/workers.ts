/**
 * Workers by state, from the model. The newest NODE_INFO of each manager says how many workers it has, whether it
 * drains, and what it holds; starts and ends told by workers correct that, because releases before 2025.06.30 leave
 * `tasks` empty (reference: recordings, §1.4). Only the newest counts: rows are never added up over time.
 */
import type { Zone } from '../core/time.ts';
import type { Run } from '../model/entities.ts';
import { isKnown } from '../model/facts.ts';
import { executorOfManager, managerInterval, managerOf } from '../model/resolve.ts';
import { instantOf } from '../model/zone.ts';

export interface WorkerCounts {
  idle: number;
  busy: number;
  draining: number;
  live: number;
  /** Ended, given back or lost: an ordinary exit and a loss tell the same. */
  gone: number;
  /** Worker-seconds that were there to be used. */
  paid: number;
}

/** Label of managers of which no block tells whose they are: two executors may both have a block of that number. */
export const UNKNOWN_EXECUTOR = 'unknown';

/** By executor label, at `now`; of a run that is over no worker is left, but those that were are still paid for. */
export function countWorkers(run: Run, zone: Zone, now: number, isOver: boolean): Map<string, WorkerCounts> {
  const running = runningOn(run, zone);
  const counts = new Map<string, WorkerCounts>();
  for (const manager of run.managers.values()) {
    const label = executorOfManager(manager) ?? UNKNOWN_EXECUTOR;
    let count = counts.get(label);
    if (count === undefined) counts.set(label, (count = { idle: 0, busy: 0, draining: 0, live: 0, gone: 0, paid: 0 }));
    const workers = manager.workers.value ?? 0;
    const { start, end } = managerInterval(manager, now, zone);
    count.paid += (workers * Math.max(0, Math.min(now, end.at) - start.at)) / 1e6;
    if (isOver || manager.active.value === false || isKnown(manager.left) || end.at < now) {
      count.gone += 1;
      continue;
    }
    count.live += 1;
    const busy = Math.min(workers, Math.max(manager.held.value ?? 0, running.get(manager.id) ?? 0));
    count.busy += busy;
    if (manager.draining.value === true) count.draining += workers - busy;
    else count.idle += workers - busy;
  }
  return counts;
}

/** Tries that a worker has started and not ended, by id of the manager. */
function runningOn(run: Run, zone: Zone): Map<string, number> {
  const running = new Map<string, number>();
  for (const task of run.tasks.values()) {
    for (const attempted of task.tries) {
      if (attempted === undefined || !isKnown(attempted.running)) continue;
      if (isKnown(attempted.ended) || isKnown(attempted.returned)) continue;
      const manager = managerOf(attempted, zone);
      if (manager !== undefined) running.set(manager, (running.get(manager) ?? 0) + 1);
    }
  }
  return running;
}

/** Seconds that open tries have spent on workers until now, by executor. */
export function openBusySeconds(run: Run, zone: Zone, now: number): Map<string, number> {
  const seconds = new Map<string, number>();
  for (const task of run.tasks.values()) {
    for (const attempted of task.tries) {
      const from = attempted === undefined || attempted.closed ? undefined : instantOf(attempted.running, zone);
      if (attempted === undefined || from === undefined) continue;
      const label = attempted.executor.value ?? UNKNOWN_EXECUTOR;
      const to = instantOf(attempted.ended, zone) ?? instantOf(attempted.returned, zone) ?? now;
      seconds.set(label, (seconds.get(label) ?? 0) + Math.max(0, to - from) / 1e6);
    }
  }
  return seconds;
}
