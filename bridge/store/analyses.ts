/**
 * The analyses over what the store holds: rows and records of one run go through the pure functions of analysis/, which
 * keep no more than they say. Each answer comes from one snapshot.
 */
import type Database from 'better-sqlite3';

import { blockSpans } from '../analysis/blocks.ts';
import { bottleneckOf } from '../analysis/bottleneck.ts';
import { flowOf } from '../analysis/flow.ts';
import { lifelineOf, type LifelineOptions } from '../analysis/lifeline.ts';
import { plotsOf } from '../analysis/plots.ts';
import { lanesOf } from '../analysis/states.ts';
import { workerSpans } from '../analysis/workers.ts';
import type { RunRow } from '../core/row.ts';
import { aroundOf, managedOf } from './around.ts';
import { windowOf } from './curves.ts';
import { readTask } from './read_task.ts';
import { errorLines, loggedPhases, metricPoints, occupiedSpans, seenLines, taskRecords } from './record_scan.ts';
import type { Stored } from './schema.ts';
import { pointsMax, type Reads } from './store.ts';
import { plotTries, tasksWithTries } from './task_scan.ts';

/** Runs `read` on one snapshot for a run that is there; else gives `missing`. */
export type About = <T>(run: string, missing: T, read: (runNo: number, run: string) => T) => Promise<T>;

type Analyses = Pick<Reads, 'flow' | 'lifeline' | 'lanes' | 'bottleneck' | 'plots'>;

export function analysisReads(db: Database.Database, about: About): Analyses {
  const windowAt = (runNo: number, points: number) =>
    windowOf(db, runNo, Math.max(2, Math.min(pointsMax, Math.floor(points)))) ?? { start: 0, end: 2, points: 2 };
  const read = {
    run: db.prepare<[number], Stored<RunRow>>('SELECT * FROM run WHERE run_no = ?'),
    failed: db.prepare<[number], { count: number }>("SELECT count(*) AS count FROM try WHERE run_no = ? AND (error IS NOT NULL OR state IN ('failed', 'fail_retryable'))"),
  }; // prettier-ignore
  return {
    flow: (run, task) =>
      about(run, undefined, (runNo, id) => {
        const detail = readTask(db, runNo, id, task);
        const records = [...taskRecords(db, runNo, task)];
        // Of a task that only records of something else than Parsl name there are lines, and no states.
        return detail === undefined && records.length === 0 ? undefined : flowOf(detail ?? untold, records);
      }),
    lifeline: (run, { app }) =>
      about(run, undefined, (runNo) =>
        lifelineOf(seenLines(db, runNo), { appOf: appsOf(db, runNo), isTried: triesOf(db, runNo), app }),
      ),
    lanes: (run, points) =>
      about(run, undefined, (runNo) => {
        const window = windowAt(runNo, points);
        const around = aroundOf(db, runNo, window.end);
        const workers = workerSpans(around.managers, around.connected, around);
        return lanesOf(
          tasksWithTries(db, runNo),
          { points: metricPoints(db, runNo), phases: loggedPhases(db, runNo), workers },
          window,
        );
      }),
    bottleneck: (run) =>
      about(run, undefined, (runNo) => {
        const { start, end } = windowAt(runNo, pointsMax);
        const row = read.run.get(runNo);
        const around = aroundOf(db, runNo, end);
        return bottleneckOf({
          run: { closed: row?.closed === 1, completed: row?.completed ?? null, last_task_info: row?.last_task_info ?? null, last_seen: row?.last_seen ?? end },
          start, end,
          tasks: tasksWithTries(db, runNo),
          managers: around.managers,
          around,
          connected: around.connected,
          occupied: occupiedSpans(db, runNo, around.connected, end),
          phases: loggedPhases(db, runNo),
          errors: errorLines(db, runNo),
          failedTries: read.failed.get(runNo)?.count ?? 0,
        }); // prettier-ignore
      }),
    plots: (run, { by, points }) =>
      about(run, undefined, (runNo) => {
        const window = windowAt(runNo, points);
        const { managers, blocks } = managedOf(db, runNo, window.end);
        const spans = blocks.map((block) => blockSpans(block, managers, window.end));
        return plotsOf(by, plotTries(db, runNo, by), spans, window);
      }),
  };
}

const untold: Parameters<typeof flowOf>[0] = { invoked: null, returned: null, final: false, attempts: [] };

function triesOf(db: Database.Database, runNo: number): LifelineOptions['isTried'] {
  const rows = db.prepare<[number], { task: number; try: number }>('SELECT task, try FROM try WHERE run_no = ?');
  const tries = new Set(rows.all(runNo).map(({ task, try: attempt }) => `${task}/${attempt}`));
  return (task, attempt) => tries.has(`${task}/${attempt}`);
}

function appsOf(db: Database.Database, runNo: number): LifelineOptions['appOf'] {
  const rows = db
    .prepare<[number], { task: number; app: string | null }>('SELECT task, app FROM task WHERE run_no = ?')
    .all(runNo);
  const apps = new Map(rows.map(({ task, app }) => [task, app]));
  return (task) => apps.get(task) ?? null;
}
