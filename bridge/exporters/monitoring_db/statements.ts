/** The prepared statements of the sink. Values are always bound, never written into the text. */
import type Database from 'better-sqlite3';

import {
  fixedTaskColumns, movingTaskColumns, movingTryColumns, nodeColumns, resourceColumns, type Cell, type Place,
} from './rows.ts'; // prettier-ignore

export type Statement = Database.Statement<Cell[]>;

/** A row of the waiting table. */
export interface Waiting {
  readonly time: string | null;
  readonly block_id: string | null;
  readonly hostname: string | null;
  readonly failed: number | null;
  readonly completed: number | null;
}

export interface WaitingStatements {
  readonly put: Statement;
  /** The row, which is there no more. */
  take(run: string, task: number, attempt: number): Waiting | undefined;
}

export interface Statements {
  readonly insertWorkflow: Statement;
  readonly updateWorkflow: Statement;
  readonly insertTask: Statement;
  readonly updateFixedTask: Statement;
  readonly updateMovingTask: Statement;
  readonly insertTry: Statement;
  readonly updateFixedTry: Statement;
  readonly updateMovingTry: Statement;
  readonly updateStart: Statement;
  readonly hasTry: Statement;
  readonly insertStatus: Statement;
  readonly insertResource: Statement;
  readonly insertBlock: Statement;
  /** Adds nothing that is there: the table has no key that a message could have twice. */
  readonly insertNode: Statement;
  /** Of the waiting table, if the file has one. */
  readonly waiting: WaitingStatements | undefined;
  /** Looks whether it has one now. */
  findWaiting(): void;
  statusesOf(task: number, run: string): (Place & { readonly attempt: number })[];
}

const marks = (count: number): string => Array<string>(count).fill('?').join(', ');
const assign = (columns: readonly string[]): string => columns.map((name) => `${name} = ?`).join(', ');

export function prepare(db: Database.Database): Statements {
  const sql = (text: string): Statement => db.prepare<Cell[]>(text);
  const taskColumns = ['task_id', 'run_id', ...fixedTaskColumns, ...movingTaskColumns];
  const tryColumns = ['try_id', 'task_id', 'run_id', 'task_executor', ...movingTryColumns];
  const resource = ['try_id', 'task_id', 'run_id', 'timestamp', ...resourceColumns];
  const hasTable = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'parsl_otel_waiting'");
  const statuses = db
    .prepare('SELECT timestamp, task_status_name, try_id FROM status WHERE task_id = ? AND run_id = ?')
    .raw();
  let waiting: WaitingStatements | undefined;

  const insert = (table: string, columns: readonly string[]): Statement =>
    sql(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks(columns.length)}) ON CONFLICT DO NOTHING`);

  return {
    insertWorkflow: insert('workflow', [
      'run_id', 'workflow_name', 'workflow_version', 'time_began', 'host', 'user', 'rundir', 'tasks_failed_count',
      'tasks_completed_count',
    ]), // prettier-ignore
    updateWorkflow: sql(
      `UPDATE workflow SET tasks_failed_count = max(tasks_failed_count, ?),
         tasks_completed_count = max(tasks_completed_count, ?),
         time_completed = coalesce(max(time_completed, ?), time_completed, ?) WHERE run_id = ?`,
    ),
    insertTask: insert('task', taskColumns),
    updateFixedTask: sql(`UPDATE task SET ${assign(fixedTaskColumns)} WHERE task_id = ? AND run_id = ?`),
    updateMovingTask: sql(`UPDATE task SET ${assign(movingTaskColumns)} WHERE task_id = ? AND run_id = ?`),
    insertTry: insert('try', tryColumns),
    updateFixedTry: sql('UPDATE try SET task_executor = ? WHERE try_id = ? AND task_id = ? AND run_id = ?'),
    updateMovingTry: sql(`UPDATE try SET ${assign(movingTryColumns)} WHERE try_id = ? AND task_id = ? AND run_id = ?`),
    updateStart: sql(
      `UPDATE try SET task_try_time_running = ?, block_id = ?, hostname = ?
         WHERE try_id = ? AND task_id = ? AND run_id = ? AND (task_try_time_running IS NULL OR task_try_time_running <= ?)`,
    ),
    hasTry: sql('SELECT 1 FROM try WHERE try_id = ? AND task_id = ? AND run_id = ?'),
    insertStatus: insert('status', ['task_id', 'task_status_name', 'timestamp', 'run_id', 'try_id']),
    insertResource: insert('resource', resource),
    insertBlock: insert('block', ['run_id', 'executor_label', 'block_id', 'job_id', 'timestamp', 'status']),
    insertNode: sql(
      `WITH told (${nodeColumns.join(', ')}) AS (VALUES (${marks(nodeColumns.length)}))
         INSERT INTO node (${nodeColumns.join(', ')}) SELECT * FROM told
         WHERE NOT EXISTS (SELECT 1 FROM node WHERE ${nodeColumns.map((name) => `node.${name} IS told.${name}`).join(' AND ')})`,
    ),
    get waiting() {
      return waiting;
    },
    findWaiting() {
      if (waiting === undefined && hasTable.get() !== undefined) waiting = prepareWaiting(db);
    },
    statusesOf: (task, run) =>
      (statuses.all(task, run) as [string, string, number][]).map(([time, state, attempt]) => ({
        time,
        state,
        attempt,
      })),
  };
}

function prepareWaiting(db: Database.Database): WaitingStatements {
  const key = 'run_id = ? AND task_id = ? AND try_id = ?';
  const get = db.prepare(`SELECT time, block_id, hostname, failed, completed FROM parsl_otel_waiting WHERE ${key}`);
  const remove = db.prepare(`DELETE FROM parsl_otel_waiting WHERE ${key}`);
  const later = 'excluded.time >= coalesce(time, excluded.time)';
  return {
    put: db.prepare<Cell[]>(
      `INSERT INTO parsl_otel_waiting (run_id, task_id, try_id, time, block_id, hostname, failed, completed)
         VALUES (${marks(8)})
       ON CONFLICT DO UPDATE SET block_id = iif(${later}, excluded.block_id, block_id),
         hostname = iif(${later}, excluded.hostname, hostname), time = iif(${later}, excluded.time, time),
         failed = max(failed, excluded.failed), completed = max(completed, excluded.completed)`,
    ),
    take(run, task, attempt) {
      const row = get.get(run, task, attempt) as Waiting | undefined;
      if (row !== undefined) remove.run(run, task, attempt);
      return row;
    },
  };
}
