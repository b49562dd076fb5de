/**
 * How many workers an executor had, and when: by its managers' word, or, for Work Queue and TaskVine, by what their
 * transaction logs say of worker processes that connect and leave. Such a process runs as many tasks at once as fit into it, so it
 * counts as its cores, and a task as the cores that it was given, for as long as it was given them: it starts a Python of its
 * own, which may take longer than the task's function.
 */
import type { ManagerRow } from '../core/row.ts';
import { managerEnd, type Surroundings } from './managers.ts';

export interface WorkerSpan {
  readonly executor: string | null;
  readonly workers: number;
  readonly from: number;
  readonly to: number;
}

/** A line about a worker process of Work Queue or TaskVine. */
export interface ConnectedLine {
  readonly executor: string | null;
  readonly worker: string;
  readonly time: number;
  /** CONNECTION or DISCONNECTION; null on a line about its resources. */
  readonly state: string | null;
  readonly cores: number | null;
}

/**
 * All workers of a run: those of its managers, and `connected`, which no manager tells of. Managers that never told how
 * many workers they have are left out.
 */
export function workerSpans(
  managers: readonly ManagerRow[],
  connected: readonly WorkerSpan[],
  around: Surroundings,
): WorkerSpan[] {
  const ofManagers = managers.flatMap((manager) => {
    const { executor, workers, registered } = manager;
    return workers === null ? [] : [{ executor, workers, from: registered, to: managerEnd(manager, around) }];
  });
  return [...ofManagers, ...connected];
}

/** `end`: until when a worker that has not left was there. A worker that told no cores counts as one. */
export function connectedSpans(lines: Iterable<ConnectedLine>, end: number): WorkerSpan[] {
  const spans: WorkerSpan[] = [];
  const open = new Map<string, WorkerSpan>();
  const close = (worker: string, to: number): void => {
    const span = open.get(worker);
    if (span !== undefined && to > span.from) spans.push({ ...span, to });
    open.delete(worker);
  };
  for (const { executor, worker, time, state, cores } of [...lines].sort((a, b) => a.time - b.time)) {
    if (state === 'DISCONNECTION') close(worker, time);
    else if (state === 'CONNECTION') {
      close(worker, time);
      open.set(worker, { executor, workers: 1, from: time, to: end });
    } else if (cores !== null) {
      const known = open.get(worker);
      // It connects, and tells its resources right after; they may change later.
      if (known !== undefined && known.workers !== cores && known.workers !== 1) close(worker, time);
      open.set(worker, { executor, workers: cores, from: open.get(worker)?.from ?? time, to: end });
    }
  }
  for (const worker of [...open.keys()]) close(worker, end);
  return spans;
}
