/** A run's tasks, each with its launched tries, walked through once: what the analyses of times take in. */
import type Database from 'better-sqlite3';

import type { PlotTry } from '../analysis/plots.ts';
import type { LaneTask, LaneTry } from '../analysis/states.ts';
import type { TaskFacts, TryFacts } from '../analysis/waits.ts';
import type { TaskRow, TryRow } from '../core/row.ts';
import { valueByTask } from './record_scan.ts';

export interface TaskWithTries {
  readonly task: TaskFacts & LaneTask;
  readonly tries: readonly (TryFacts & LaneTry)[];
}

type TaskCells = Omit<TaskWithTries['task'], 'final' | 'joins'> & { readonly final: number; readonly joins: number };
type TryCells = TryFacts & LaneTry;

/** In order of task; tries in order of number. */
export function* tasksWithTries(db: Database.Database, runNo: number): Generator<TaskWithTries> {
  // Of a task that only logs tell of: it was called when it was first said to be pending, and a final state has its
  // time at the last try. A task is ready when the last one that it depends on is back; not while one is not.
  const ofTasks = `
    SELECT t.task, t.app, t.state, t.final, coalesce(t.invoked, p.time) AS invoked, coalesce(t.returned, iif(t.final, (SELECT max(r.returned) FROM try r WHERE r.run_no = t.run_no AND r.task = t.task), NULL)) AS returned, coalesce(t.joins, '') <> '' AS joins,
      coalesce(d.dependencies, 0) AS dependencies, iif(d.back = d.dependencies, d.ready, NULL) AS ready
    FROM task t LEFT JOIN (
      SELECT e.task, count(*) AS dependencies, count(o.returned) AS back, max(o.returned) AS ready
      FROM edge e LEFT JOIN task o ON o.run_no = e.run_no AND o.task = e.other
      WHERE e.run_no = :run_no AND e.kind = 'depends' GROUP BY e.task
    ) d ON d.task = t.task LEFT JOIN (
      SELECT r."parsl.task" AS task, min(r.time) AS time FROM record r WHERE r.site IN (
        SELECT site FROM record_site WHERE run_no = :run_no AND keys ->> '$."parsl.task_state"' = 'pending'
      ) GROUP BY 1
    ) p ON p.task = t.task WHERE t.run_no = :run_no ORDER BY t.task`;
  const ofTries = `SELECT task, try, executor, launched, running, running_ended, returned, states FROM try
    WHERE run_no = ? ORDER BY task, try`;
  const tries = db.prepare<[number], TryCells>(ofTries).iterate(runNo);
  let next = tries.next();
  for (const task of db.prepare<[{ run_no: number }], TaskCells>(ofTasks).iterate({ run_no: runNo })) {
    const own: TryCells[] = [];
    for (; next.done !== true && next.value.task <= task.task; next = tries.next())
      if (next.value.task === task.task) own.push(next.value);
    yield { task: { ...task, final: task.final === 1, joins: task.joins === 1 }, tries: own };
  }
  tries.return?.();
}

/** Columns by which the plots can colour; any other key is looked for in the records. */
const columns: Readonly<Record<string, string>> = {
  app: 't.app', executor: 'r.executor', host: 'r.host', block: 'r.block', manager: 'r.manager', state: 't.state',
}; // prettier-ignore

/** The run's tries with what they are coloured by. */
export function plotTries(db: Database.Database, runNo: number, by: string): PlotTry[] {
  type Cells = Pick<TryRow, 'task' | 'try' | 'launched' | 'running' | 'running_ended' | 'returned'> &
    Pick<TaskRow, 'state'> & { readonly kind: string | null; readonly is_last: number };
  const column = Object.hasOwn(columns, by) ? columns[by] : undefined;
  const values = column === undefined ? valueByTask(db, runNo, by) : undefined;
  const sql = `SELECT r.task, r.try, r.launched, r.running, r.running_ended, r.returned, t.state, ${column ?? 'NULL'} AS kind,
      r.try = max(r.try) OVER (PARTITION BY r.task) AS is_last
    FROM try r LEFT JOIN task t ON t.run_no = r.run_no AND t.task = r.task WHERE r.run_no = ?`;
  return db
    .prepare<[number], Cells>(sql)
    .all(runNo)
    .map(({ state, is_last, kind, ...times }) => ({
      ...times,
      kind: values === undefined ? kind : (values.get(times.task) ?? null),
      is_done: is_last === 1 && state === 'exec_done',
    }));
}
