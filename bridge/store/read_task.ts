/** One task with all that is known of it: its tries, its neighbours, its resource samples. */
import type Database from 'better-sqlite3';

import type { SampleRow, TaskRow, TryRow } from '../core/row.ts';
import type { Stored } from './schema.ts';
import { taskColumns, tryColumns } from './schema.ts';
import { linksMax, samplesShownMax, type TaskDetail, type TaskLink, type TaskLinks } from './store.ts';

type Key = [runNo: number, task: number];

const list = (columns: object): string => [...Object.keys(columns), 'error'].map((name) => `"${name}"`).join(', ');
const ofTask = `SELECT ${list(taskColumns)} FROM task WHERE run_no = ? AND task = ?`;
const ofTries = `SELECT ${list(tryColumns)} FROM try WHERE run_no = ? AND task = ? ORDER BY try`;

export function readTask(db: Database.Database, runNo: number, run: string, task: number): TaskDetail | undefined {
  type Row = Omit<Stored<TaskRow>, 'run'> & { readonly error: string | null };
  const row = db.prepare<Key, Row>(ofTask).get(runNo, task);
  if (row === undefined) return undefined;
  const edges = (kind: 'depends' | 'joins', from: 'task' | 'other'): TaskLinks =>
    readEdges(db, runNo, task, kind, from);
  return {
    ...row,
    run,
    final: row.final === 1,
    closed: row.closed === 1,
    attempts: readTries(db, runNo, run, task),
    dependencies: edges('depends', 'task'),
    dependents: edges('depends', 'other'),
    joined: edges('joins', 'task'),
    joined_by: edges('joins', 'other'),
    memo: row.memo_source === null ? null : readLink(db, runNo, row.memo_source),
    memo_users: readMemoUsers(db, runNo, task),
    samples: readSamples(db, runNo, run, task),
  };
}

function readTries(db: Database.Database, runNo: number, run: string, task: number): TaskDetail['attempts'] {
  type Row = Omit<TryRow, 'run'> & { readonly error: string | null };
  return db.prepare<Key, Row>(ofTries).all(runNo, task).map((row) => ({ run, ...row })); // prettier-ignore
}

/** Edges of one kind that begin (`from` is `task`) or end (`other`) at a task. */
function readEdges(
  db: Database.Database,
  runNo: number,
  task: number,
  kind: 'depends' | 'joins',
  from: 'task' | 'other',
): TaskLinks {
  const to = from === 'task' ? 'other' : 'task';
  const where = `FROM edge e WHERE e.run_no = :run_no AND e.kind = :kind AND e.${from} = :task`;
  return links(
    db,
    `SELECT count(*) AS total ${where}`,
    `SELECT e.${to} AS task, t.app, t.state FROM (SELECT * ${where} ORDER BY e.${to} LIMIT :limit) e
     LEFT JOIN task t ON t.run_no = e.run_no AND t.task = e.${to} ORDER BY 1`,
    { run_no: runNo, kind, task },
  );
}

function readMemoUsers(db: Database.Database, runNo: number, task: number): TaskLinks {
  // Left to itself, SQLite walks the whole run in the order that is asked for.
  const where = 'FROM task INDEXED BY task_memo WHERE run_no = :run_no AND memo_source = :task';
  return links(
    db,
    `SELECT count(*) AS total ${where}`,
    `SELECT task, app, state ${where} ORDER BY task LIMIT :limit`,
    { run_no: runNo, task },
  ); // prettier-ignore
}

function links(db: Database.Database, count: string, list: string, key: Record<string, string | number>): TaskLinks {
  return {
    total: db.prepare<[typeof key], { total: number }>(count).get(key)?.total ?? 0,
    links: db.prepare<[typeof key], TaskLink>(list).all({ ...key, limit: linksMax }),
  };
}

function readLink(db: Database.Database, runNo: number, task: number): TaskLink {
  const sql = 'SELECT task, app, state FROM task WHERE run_no = ? AND task = ?';
  return db.prepare<Key, TaskLink>(sql).get(runNo, task) ?? { task, app: null, state: null };
}

function readSamples(db: Database.Database, runNo: number, run: string, task: number): SampleRow[] {
  type Row = Omit<SampleRow, 'run'>;
  // Every n-th sample of a try, and always its last, because the values are cumulative.
  const sql = `
    SELECT task, try, time, cpu_time, memory, read_bytes, write_bytes FROM (
      SELECT *, row_number() OVER (PARTITION BY try ORDER BY time DESC) - 1 AS place, count(*) OVER (PARTITION BY try) AS n
      FROM sample WHERE run_no = ? AND task = ?
    ) WHERE place % ((n + ${samplesShownMax - 1}) / ${samplesShownMax}) = 0 ORDER BY try, time`;
  return db.prepare<Key, Row>(sql).all(runNo, task).map((row) => ({ run, ...row })); // prettier-ignore
}
