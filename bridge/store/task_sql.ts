/**
 * The SQL of the task table: what a filter asks for becomes conditions with parameters, what it sorts by comes from
 * a closed list. Nothing that a caller sends is ever part of the text.
 */
import type { TaskQuery, TaskSort } from './store.ts';

/** Tries of the run added up by task: only where the answer is sorted by what they add up to. */
const usage = `LEFT JOIN (
  SELECT task AS of, max(memory_peak) AS memory_sum, sum(cpu_time) AS cpu_sum FROM try WHERE run_no = :run_no GROUP BY task
) ON of = t.task`;

const sorts: Readonly<Record<TaskSort, string>> = {
  task: 't.task',
  app: 't.app COLLATE NOCASE',
  state: 't.state',
  executor: 't.executor COLLATE NOCASE',
  host: 't.host COLLATE NOCASE',
  tries: 't.tries',
  error: 't.error',
  invoked: 't.invoked',
  launched: 't.launched',
  running: 't.running',
  returned: 't.returned',
  waited: 't.launched - t.invoked',
  queued: 't.running - t.launched',
  ran: 't.running_ended - t.running',
  total: 't.returned - t.invoked',
  memory_peak: 'memory_sum',
  cpu_time: 'cpu_sum',
};

const messageLength = 200;

const columns = `t.task, t.app, t.state, t.final, t.executor, t.tries, t.invoked, t.launched, t.running, t.running_ended,
  t.returned, t.memo_source, t.fail_count, t.host, t.block, t.manager, t.closed, t.trace_id, t.error,
  substr(t.fail_history, 1, ${messageLength}) AS message,
  t.launched - t.invoked AS waited, t.running - t.launched AS queued, t.running_ended - t.running AS ran,
  t.returned - t.invoked AS total`;

const usageOf = (what: string): string => `(SELECT ${what} FROM try r WHERE r.run_no = t.run_no AND r.task = t.task)`;

/** Columns that `text` looks into. */
const searched = ['app', 'fail_history', 'host', 'stdout', 'stderr', 'inputs', 'outputs'];

export type Parameters = Record<string, string | number>;

export interface TaskSql {
  readonly count: string;
  readonly page: string;
  readonly parameters: Parameters;
}

export function taskSql(runNo: number, query: TaskQuery): TaskSql {
  const parameters: Parameters = { run_no: runNo };
  const conditions = ['t.run_no = :run_no'];
  for (const key of ['app', 'executor', 'host', 'block', 'manager'] as const) {
    const value = query[key];
    if (value === undefined) continue;
    conditions.push(`t.${key} = :${key}`);
    parameters[key] = value;
  }
  if (query.state !== undefined && query.state.length > 0) {
    conditions.push(`t.state IN (${query.state.map((_, index) => `:state${index}`).join(', ')})`);
    query.state.forEach((state, index) => (parameters[`state${index}`] = state));
  }
  if (query.error !== undefined) {
    parameters['error'] = query.error;
    conditions.push(`(t.error = :error OR t.task IN (SELECT task FROM try WHERE run_no = :run_no AND error = :error))`);
  }
  if (query.text !== undefined && query.text !== '') {
    parameters['text'] = `%${query.text.replace(/[\\%_]/g, '\\$&')}%`;
    parameters['number'] = query.text.trim();
    const hits = searched.map((column) => `t.${column} LIKE :text ESCAPE '\\'`);
    conditions.push(`(CAST(t.task AS TEXT) = :number OR ${hits.join(' OR ')})`);
  }
  const where = conditions.join(' AND ');
  const sort = sorts[query.sort];
  const order = query.order === 'desc' ? 'DESC' : 'ASC';
  // What is not known stands last, whichever way the rest is sorted.
  const by = query.sort === 'task' ? `t.task ${order}` : `${sort} ${order} NULLS LAST, t.task ${order}`;
  const join = query.sort === 'memory_peak' || query.sort === 'cpu_time' ? usage : '';
  return {
    count: `SELECT count(*) AS total FROM task t WHERE ${where}`,
    // The page's own tasks are picked first; what costs more is read for them alone.
    page: `SELECT ${columns}, ${usageOf('max(memory_peak)')} AS memory_peak, ${usageOf('sum(cpu_time)')} AS cpu_time
      FROM (SELECT t.task AS picked, row_number() OVER () AS place
            FROM (SELECT t.task FROM task t ${join} WHERE ${where} ORDER BY ${by} LIMIT :limit OFFSET :offset) t)
      JOIN task t ON t.run_no = :run_no AND t.task = picked ORDER BY place`,
    parameters,
  };
}
