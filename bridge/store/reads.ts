/**
 * The questions of store.ts, answered by SQLite. Each is one or a few statements over one run; a snapshot holds
 * them together, because the writer may be in another thread.
 */
import type Database from 'better-sqlite3';

import type { RunRow } from '../core/row.ts';
import { managerEnd, managerState } from '../analysis/managers.ts';
import { analysisReads, type About } from './analyses.ts';
import { managedOf } from './around.ts';
import { stateSeries, windowOf, workerSeries } from './curves.ts';
import { readTask } from './read_task.ts';
import { recordReads } from './records.ts';
import type { Stored } from './schema.ts';
import {
  failureGroupsMax,
  hostsMax,
  pageMax,
  pointsMax,
  type BlockItem,
  type FailureGroup,
  type ManagerItem,
  type Progress,
  type Reads,
  type RunSummary,
  type TaskItem,
} from './store.ts';
import { taskSql } from './task_sql.ts';

interface TallyRow {
  readonly run_no: number;
  readonly app: string;
  readonly executor: string;
  readonly state: string;
  readonly tasks: number;
}

type StoredRun = Stored<RunRow> & { readonly run_no: number; readonly revision: number };

export function createReads(db: Database.Database): Reads {
  const findRun = db.prepare<[string], { run_no: number; revision: number }>(
    'SELECT run_no, revision FROM run WHERE run = ? AND first_seen IS NOT NULL',
  );

  const about: About = async (run, missing, read) => {
    await Promise.resolve(); // What goes wrong below rejects, as it would with a store that is elsewhere.
    return db.transaction(() => {
      const id = run.toLowerCase();
      const found = findRun.get(id);
      return found === undefined ? missing : read(found.run_no, id);
    })();
  };
  const points = (asked: number): number => Math.max(2, Math.min(pointsMax, Math.floor(asked)));

  return {
    ...recordReads(db),
    ...analysisReads(db, about),
    // A run that only other rows name yet has no row of its own to show.
    runs: async () => {
      await Promise.resolve();
      return db.transaction(() => readRuns(db, 'first_seen IS NOT NULL', []))();
    },
    run: (run) =>
      about(run, undefined, (runNo) => {
        const [summary] = readRuns(db, 'run_no = ?', [runNo]);
        if (summary === undefined) return undefined;
        const tally = db.prepare<[number], TallyRow>('SELECT * FROM tally WHERE run_no = ? AND tasks > 0').all(runNo);
        return { ...summary, apps: progress(tally, 'app'), executors: progress(tally, 'executor') };
      }),
    revision: (run) => about(run, undefined, () => findRun.get(run.toLowerCase())?.revision),
    tasks: (run, query) =>
      about(run, { total: 0, tasks: [] }, (runNo) => {
        const { count, page, parameters } = taskSql(runNo, query);
        const limit = Math.min(query.limit, pageMax);
        const total = db.prepare<[typeof parameters], { total: number }>(count).get(parameters)?.total ?? 0;
        const tasks = db
          .prepare<[typeof parameters], Stored<TaskItem>>(page)
          .all({ ...parameters, limit, offset: query.offset });
        return { total, tasks: tasks.map((task) => ({ ...task, final: task.final === 1, closed: task.closed === 1 })) };
      }),
    task: (run, task) => about(run, undefined, (runNo, id) => readTask(db, runNo, id, task)),
    states: (run, asked) =>
      about(run, { times: [], states: {}, unplaced: 0 }, (runNo) => stateSeries(db, runNo, points(asked))),
    workers: (run, asked) =>
      about(run, { times: [], executors: [] }, (runNo) => workerSeries(db, runNo, points(asked))),
    blocks: (run) => about(run, [], (runNo, id) => readBlocks(db, runNo, id)),
    managers: (run) => about(run, [], (runNo, id) => readManagers(db, runNo, id)),
    failures: (run) => about(run, [], (runNo) => readFailures(db, runNo)),
    hosts: (run) =>
      about(run, [], (runNo) =>
        db
          .prepare<[number, number], { host: string }>(
            'SELECT DISTINCT host FROM task WHERE run_no = ? AND host IS NOT NULL ORDER BY host LIMIT ?',
          )
          .all(runNo, hostsMax)
          .map(({ host }) => host),
      ),
  };
}

function readRuns(db: Database.Database, where: string, parameters: number[]): RunSummary[] {
  const runs = db
    .prepare<number[], StoredRun>(
      `SELECT * FROM run WHERE ${where} ORDER BY coalesce(began, first_seen) DESC, run_no DESC`,
    )
    .all(...parameters);
  const counts = new Map<number, Record<string, number>>();
  const tally = `SELECT run_no, state, sum(tasks) AS tasks FROM tally
    WHERE tasks > 0 ${parameters.length > 0 ? `AND ${where}` : ''} GROUP BY run_no, state`;
  for (const { run_no, state, tasks } of db.prepare<number[], TallyRow>(tally).iterate(...parameters)) {
    let ofRun = counts.get(run_no);
    if (ofRun === undefined) counts.set(run_no, (ofRun = {}));
    ofRun[state] = tasks;
  }
  return runs.map(({ run_no, closed, ...run }) => {
    const ofRun = counts.get(run_no) ?? {};
    return { ...run, closed: closed === 1, tasks: sum(Object.values(ofRun)), counts: ofRun };
  });
}

function progress(tally: readonly TallyRow[], by: 'app' | 'executor'): Progress[] {
  const groups = new Map<string, Record<string, number>>();
  for (const row of tally) {
    const name = row[by];
    const counts = groups.get(name) ?? {};
    counts[row.state] = (counts[row.state] ?? 0) + row.tasks;
    groups.set(name, counts);
  }
  return [...groups].map(([name, counts]) => ({
    name: name === '' ? null : name,
    tasks: sum(Object.values(counts)),
    counts,
  }));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Where a try's time on a worker ends: at the worker's word, the return, or with the run. */
const endOfTry = `coalesce(running_ended, returned, (SELECT coalesce(completed, last_seen) FROM run WHERE run_no = :run_no))`;

function readBlocks(db: Database.Database, runNo: number, run: string): BlockItem[] {
  type Row = Omit<Stored<BlockItem>, 'run'>;
  const sql = `
    SELECT b.executor, b.block, b.job, b.state, b.states, b.first_seen, b.ended,
      (SELECT count(*) FROM manager m WHERE m.run_no = b.run_no AND m.block = b.block AND m.executor IS b.executor) AS managers,
      coalesce(used.tries, 0) AS tries, coalesce(used.busy, 0) AS busy_time
    FROM block b LEFT JOIN (
      SELECT executor, block, count(*) AS tries, sum(max(0, ${endOfTry} - running)) AS busy
      FROM try WHERE run_no = :run_no AND block IS NOT NULL GROUP BY executor, block
    ) used ON used.executor = b.executor AND used.block = b.block
    WHERE b.run_no = :run_no ORDER BY b.executor, length(b.block), b.block`;
  return db.prepare<[{ run_no: number }], Row>(sql).all({ run_no: runNo }).map((row) => ({ run, ...row })); // prettier-ignore
}

function readManagers(db: Database.Database, runNo: number, run: string): ManagerItem[] {
  const sql = `SELECT manager, count(*) AS tries, sum(max(0, ${endOfTry} - running)) AS busy_time
    FROM try WHERE run_no = :run_no AND manager IS NOT NULL GROUP BY manager`;
  const used = db
    .prepare<[{ run_no: number }], Pick<ManagerItem, 'manager' | 'tries' | 'busy_time'>>(sql)
    .all({ run_no: runNo });
  const uses = new Map(used.map((use) => [use.manager, use]));
  const around = managedOf(db, runNo, windowOf(db, runNo, 2)?.end ?? 0);
  const isPlaced = around.managers.some(({ manager }) => uses.has(manager));
  const items = around.managers.map((manager): ManagerItem => {
    const { tries, busy_time } = uses.get(manager.manager) ?? {};
    return {
      ...manager,
      run,
      state: managerState(manager, around),
      until: managerEnd(manager, around),
      // Where placement is told, a manager that no try names ran nothing; else nobody knows.
      tries: tries ?? (isPlaced ? 0 : null),
      busy_time: busy_time ?? (isPlaced ? 0 : null),
    };
  });
  return items.sort(byPlace);
}

/** By executor, block, host and id; blocks by their number. */
function byPlace(a: ManagerItem, b: ManagerItem): number {
  const order = (x: string | null, y: string | null): number => (x ?? '').localeCompare(y ?? '', 'en', { numeric: true });
  return order(a.executor, b.executor) || order(a.block, b.block) || order(a.host, b.host) || order(a.manager, b.manager);
} // prettier-ignore

function readFailures(db: Database.Database, runNo: number): FailureGroup[] {
  // One line a task or try that ended badly; a task that failed in its last try is both.
  const sql = `
    WITH bad AS (
      SELECT task, error, app, NULL AS host, fail_history, 1 AS of_task FROM task
      WHERE run_no = :run_no AND error IS NOT NULL
      UNION ALL
      SELECT r.task, r.error, t.app, r.host, r.fail_history, 0 FROM try r
      LEFT JOIN task t ON t.run_no = r.run_no AND t.task = r.task
      WHERE r.run_no = :run_no AND r.error IS NOT NULL
    )
    SELECT error, app, sum(of_task) AS tasks, sum(1 - of_task) AS tries, count(DISTINCT host) AS hosts,
      max(task) AS task, coalesce(substr(fail_history, 1, 2000), '') AS message
    FROM bad GROUP BY error, app
    -- What failed by itself comes before what failed because of it.
    ORDER BY tries = 0, tasks DESC, tries DESC, error, app LIMIT :limit`;
  return db
    .prepare<[{ run_no: number; limit: number }], FailureGroup>(sql)
    .all({ run_no: runNo, limit: failureGroupsMax });
}
