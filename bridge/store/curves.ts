/** The curves of series.ts over the rows of one run: what is read from where, and what stands in for what is missing. */
import type Database from 'better-sqlite3';

import {
  CoverSweep,
  StateSweep,
  intervalStarts,
  sweepTask,
  type TaskTimes,
  type TryTimes,
  type Window,
} from '../analysis/series.ts';
import { workerSpans } from '../analysis/workers.ts';
import { aroundOf } from './around.ts';
import { occupiedSpans, tryStop } from './record_scan.ts';
import type { ExecutorWorkers, StateSeries, WorkerSeries } from './store.ts';

interface RunTimes {
  readonly began: number | null;
  readonly completed: number | null;
  readonly first_seen: number | null;
  readonly last_seen: number | null;
}

/** From the run's begin to its end, or as long as it was heard of; undefined if nobody knows either. */
export function windowOf(db: Database.Database, runNo: number, points: number): Window | undefined {
  const sql = 'SELECT began, completed, first_seen, last_seen FROM run WHERE run_no = ?';
  const run = db.prepare<[number], RunTimes>(sql).get(runNo);
  const start = run?.began ?? run?.first_seen;
  const end = run?.completed ?? run?.last_seen;
  if (start == null || end == null) return undefined;
  return { start, end: Math.max(end, start + points), points };
}

/** Tasks whose one try tells no more than the task's own row need no look at their tries. */
const isPlain = 'tries <= 1 AND coalesce(joins, \'\') = \'\' AND state <> \'joining\''; // prettier-ignore

export function stateSeries(db: Database.Database, runNo: number, points: number): StateSeries {
  const window = windowOf(db, runNo, points);
  if (window === undefined) return { times: [], states: {}, unplaced: 0 };
  const tries = triesByTask(db, runNo);
  const sweep = new StateSweep(window);
  let unplaced = 0;
  const sql = `SELECT task, state, final, invoked, launched, running, running_ended, returned,
    NOT (coalesce(joins, '') = '' AND state <> 'joining') AS is_join FROM task WHERE run_no = ?`;
  for (const task of db.prepare<[number], TaskTimes>(sql).iterate(runNo)) {
    const known = tries.get(task.task) ?? [task];
    if (!sweepTask(sweep, task, known)) unplaced += 1;
  }
  return { ...sweep.result(), unplaced };
}

function triesByTask(db: Database.Database, runNo: number): Map<number, TryTimes[]> {
  const sql = `SELECT task, launched, running, running_ended, returned FROM try
    WHERE run_no = :run_no AND task IN (SELECT task FROM task WHERE run_no = :run_no AND NOT (${isPlain}))
    ORDER BY task, try`;
  const tries = new Map<number, TryTimes[]>();
  for (const row of db.prepare<[{ run_no: number }], TryTimes>(sql).iterate({ run_no: runNo })) {
    const list = tries.get(row.task);
    if (list === undefined) tries.set(row.task, [row]);
    else list.push(row);
  }
  return tries;
}

interface Executor {
  readonly workers: CoverSweep;
  readonly busy: CoverSweep;
  hasWorkers: boolean;
  unknownManagers: number;
  inferred: number;
}

export function workerSeries(db: Database.Database, runNo: number, points: number): WorkerSeries {
  const window = windowOf(db, runNo, points);
  if (window === undefined) return { times: [], executors: [] };
  const executors = new Map<string, Executor>();
  const executor = (label: string | null): Executor => {
    let entry = executors.get(label ?? '');
    if (entry === undefined) {
      entry = { workers: new CoverSweep(window), busy: new CoverSweep(window), hasWorkers: false, unknownManagers: 0, inferred: 0 };
      executors.set(label ?? '', entry);
    } // prettier-ignore
    return entry;
  };
  const around = aroundOf(db, runNo, window.end);
  for (const { executor: label, workers } of around.managers)
    if (workers === null) executor(label).unknownManagers += 1;
  for (const { executor: label, workers, from, to } of workerSpans(around.managers, around.connected, around)) {
    const entry = executor(label);
    entry.hasWorkers = true;
    entry.workers.add(from, to, workers);
  }
  const occupied = occupiedSpans(db, runNo, around.connected, window.end);
  for (const { executor: label, workers, from, to } of occupied) executor(label).busy.add(from, to, workers);
  addTries(db, runNo, window, executor, new Set(occupied.map(({ executor: label }) => label)));
  return {
    times: intervalStarts(window),
    executors: [...executors].sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, entry]) => shown(label, entry)),
  };
}

function shown(label: string, { workers, busy, hasWorkers, unknownManagers, inferred }: Executor): ExecutorWorkers {
  return {
    executor: label === '' ? null : label,
    workers: hasWorkers ? workers.result() : null,
    busy: busy.result(),
    worker_time: hasWorkers ? Math.round(workers.total) : null,
    busy_time: Math.round(busy.total),
    inferred,
    unknown_managers: unknownManagers,
  };
}

function addTries(
  db: Database.Database,
  runNo: number,
  window: Window,
  executor: (label: string | null) => Executor,
  /** Executors whose logs tell which workers tasks had. */
  occupied: ReadonlySet<string | null>,
): void {
  interface Row {
    readonly executor: string | null;
    readonly start: number | null;
    readonly stop: number | null;
    readonly inferred: number;
  }
  // A worker's end or start that never came is taken from the try's own bounds (DESIGN.md §6). A try that has
  // neither ended nor come back runs on, unless its task is over. Joins run on no worker.
  const sql = `SELECT r.executor, coalesce(r.running, r.launched) AS start,
      ${tryStop} AS stop,
      (r.running IS NULL) + (r.running_ended IS NULL AND (r.returned IS NOT NULL OR t.final)) AS inferred
    FROM try r LEFT JOIN task t ON t.run_no = r.run_no AND t.task = r.task
    WHERE r.run_no = ? AND r.executor IS NOT '_parsl_internal' AND (r.running IS NOT NULL OR r.running_ended IS NOT NULL)`;
  for (const row of db.prepare<[number], Row>(sql).iterate(runNo)) {
    if (row.start === null || occupied.has(row.executor)) continue;
    const entry = executor(row.executor);
    if (row.inferred > 0) entry.inferred += 1;
    entry.busy.add(row.start, row.stop ?? window.end, 1);
  }
}
