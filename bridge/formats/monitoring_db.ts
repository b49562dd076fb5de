/**
 * Rows of a monitoring.db, of any Parsl release since 1.0, to wide records: the messages that made the rows, as far as
 * the tables keep them. What they do not keep stays unknown.
 *
 *   workflow   two records: the start, and what is known of the end
 *   status     a record each, with what the rows of its task and try say: a TASK_INFO, or for running and running_ended
 *              the worker's message. Only the last TASK_INFO of a task was kept whole, so what changes in a task's life
 *              is told by the states after which it is known.
 *   resource, node, block   a record each
 *
 * 1.0 has no `try` table and numbers no tries. There the k-th launch of a task follows k failures, which is what its
 * message said as task_fail_count; the number is marked by a note.
 */
import { canonicalValue, findKey } from '../core/keys.ts';
import type { Value, WideRecord } from '../core/record.ts';
import { parseLocalTime } from '../core/time.ts';

/** A row: columns by name; those of a join with a status have the names of their tables in front, as in `task.run_id`. */
export type Row = Readonly<Record<string, Value | undefined>>;

const WORKER_STATES: ReadonlySet<string> = new Set(['running', 'running_ended']);
const FINAL_STATES: ReadonlySet<string> = new Set(['exec_done', 'memo_done', 'failed', 'dep_fail', 'done']);
const FAILURES: ReadonlySet<string> = new Set(['failed', 'dep_fail', 'fail_retryable']);
const RETURNS: ReadonlySet<string> = new Set(['exec_done', 'failed', 'fail_retryable', 'joining', 'done']);

/** The start of a run and what is known of its end. */
export function workflowRecords(row: Row): WideRecord[] {
  const about = (): Maker => maker('WORKFLOW_INFO').set('parsl.dfk', row['run_id']);
  const start = about();
  for (const name of ['workflow_name', 'workflow_version', 'time_began', 'host', 'user', 'rundir'])
    start.set(`parsl.workflow_info.${name}`, row[name]);
  const end = about();
  for (const name of ['tasks_failed_count', 'tasks_completed_count', 'time_completed'])
    end.set(`parsl.workflow_info.${name}`, row[name]);
  return [start.record, end.record];
}

/** A row of `status` joined with those of its task and its try. */
export function statusRecord(row: Row): WideRecord {
  const state = row['task_status_name'];
  return WORKER_STATES.has(String(state)) ? workerRecord(row, state === 'running') : taskRecord(row, String(state));
}

function workerRecord(row: Row, isStart: boolean): WideRecord {
  return maker('WORKER_TASK_INFO')
    .set('parsl.dfk', row['run_id'])
    .set('parsl.task', row['task_id'])
    .set('parsl.try', row['try_id'])
    .set('parsl.task_state', row['task_status_name'])
    .set('parsl.first_msg', isStart)
    .set('parsl.last_msg', !isStart)
    .set('parsl.timestamp', row['timestamp'])
    .set('parsl.block', row['try.block_id'])
    .set('host.name', row['try.hostname'] ?? row['hostname']).record;
}

const taskColumns = {
  task_func_name: 'parsl.app_name',
  task_memoize: 'parsl.task_memoize',
  task_depends: 'parsl.dependency_task',
  task_outputs: 'parsl.task_outputs',
  task_stdin: 'parsl.task_stdin',
  task_stdout: 'parsl.task_stdout',
  task_stderr: 'parsl.task_stderr',
  task_hashsum: 'parsl.task_hashsum',
  task_inputs: 'parsl.task_inputs',
  task_fail_cost: 'parsl.task_fail_cost',
};

function taskRecord(row: Row, state: string): WideRecord {
  const made = maker('TASK_INFO')
    .set('parsl.dfk', row['run_id'])
    .set('parsl.task', row['task_id'])
    .set('parsl.try', row['try_id'])
    .set('parsl.task_state', state)
    .set('parsl.timestamp', row['timestamp']);
  for (const [column, key] of Object.entries(taskColumns)) made.set(key, row[`task.${column}`]);
  made
    .set('parsl.executor', row['try.task_executor'] ?? row['task.task_executor'])
    .set('parsl.task_time_invoked', row['task.task_time_invoked'] ?? row['task.task_time_submitted'])
    .set('parsl.joined_task', row['try.task_joins']);
  const launches = row['launches'];
  if (typeof launches === 'number') {
    made.set('parsl.task_fail_count', launches);
    made.set('source.note', 'parsl.task_fail_count is the number of launches before this one');
  } else if (launches === undefined || FINAL_STATES.has(state)) {
    made.set('parsl.task_fail_count', row['task.task_fail_count']);
  }
  if (FINAL_STATES.has(state)) made.set('parsl.task_time_returned', row['task.task_time_returned']);
  if (state !== 'pending' && state !== 'unsched')
    made.set('parsl.task_try_time_launched', row['try.task_try_time_launched']);
  if (RETURNS.has(state) || FINAL_STATES.has(state))
    made.set('parsl.task_try_time_returned', row['try.task_try_time_returned']);
  const history = row['try.task_fail_history'] ?? row['task.task_fail_history'];
  if (history === '' || FAILURES.has(state)) made.set('parsl.task_fail_history', history);
  return made.record;
}

/** True if the rows joined with a status do not show yet what it tells of: they are written after it. */
export function isBehind(row: Row): boolean {
  const state = String(row['task_status_name']);
  if (row['task.task_id'] === null || row['try.task_id'] === null) return true;
  if (state === 'launched') return row['try.task_try_time_launched'] === null;
  if (state === 'running') return row['try.task_try_time_running'] === null;
  const returns = RETURNS.has(state) || FINAL_STATES.has(state);
  if (returns && row['try.task_try_time_returned'] === null) return true;
  return FINAL_STATES.has(state) && row['task.task_time_returned'] === null;
}

export function resourceRecord(row: Row): WideRecord {
  const made = maker('RESOURCE_INFO')
    .set('parsl.dfk', row['run_id'])
    .set('parsl.task', row['task_id'])
    .set('parsl.try', row['try_id'])
    .set('parsl.timestamp', row['timestamp']);
  for (const [name, value] of Object.entries(row))
    if (name.startsWith('psutil_') || name === 'resource_monitoring_interval') made.set(name, value);
  // A number in the message, text in the table.
  const cpu = row['psutil_cpu_num'];
  if (typeof cpu === 'string' && /^\d{1,9}$/.test(cpu)) made.set('psutil_cpu_num', Number(cpu));
  return made.record;
}

export function nodeRecord(row: Row): WideRecord {
  const made = maker('NODE_INFO')
    .set('parsl.dfk', row['run_id'])
    .set('parsl.manager', row['uid'])
    .set('parsl.block', row['block_id'])
    .set('host.name', row['hostname'])
    .set('parsl.timestamp', row['timestamp'] ?? row['reg_time']);
  for (const name of ['cpu_count', 'total_memory', 'worker_count', 'python_v', 'last_heartbeat', 'reg_time'])
    made.set(`parsl.manager_info.${name}`, row[name]);
  const active = row['active'];
  return made.set('parsl.manager_info.active', typeof active === 'number' ? active !== 0 : active).record;
}

export function blockRecord(row: Row): WideRecord {
  return maker('BLOCK_INFO')
    .set('parsl.dfk', row['run_id'])
    .set('parsl.executor', row['executor_label'])
    .set('parsl.block', row['block_id'])
    .set('parsl.job_id', row['job_id'])
    .set('parsl.timestamp', row['timestamp'])
    .set('parsl.block_state', row['status']).record;
}

/** A time that no clock shows: the row cannot be placed, which whoever reads it says. */
export function hasTime(record: WideRecord): boolean {
  const time = record['parsl.timestamp'];
  return record['parsl.message_type'] === 'WORKFLOW_INFO' || typeof time === 'number';
}

interface Maker {
  readonly record: WideRecord;
  /** Takes a value over in its key's type; NULL and a column that is not there are unknown. */
  set(key: string, value: Value | undefined): Maker;
}

function maker(messageType: string): Maker {
  const record: WideRecord = { 'parsl.message_type': messageType, 'source.format': 'monitoring_db' };
  const made: Maker = {
    record,
    set(key, value) {
      if (value === undefined || value === null || typeof value === 'object') return made;
      const type = findKey(key)?.type;
      record[key] =
        type === 'local_time' && typeof value === 'string'
          ? (parseLocalTime(value) ?? value)
          : type === 'boolean' && (value === '0' || value === '1')
            ? value === '1'
            : type === undefined
              ? value
              : canonicalValue(type, value);
      return made;
    },
  };
  return made;
}
