/**
 * Values of rows, as SQLAlchemy binds what Parsl's messages hold: naive times as text with six digits, booleans as 0 and
 * 1 (as '0' and '1' in a text column), numbers in text columns as text.
 */
import type { Value, WideRecord } from '../../core/record.ts';
import { formatLocalTime } from '../../core/time.ts';

export type Cell = string | number | bigint | null;

/** Any value in a column of numbers. */
export function plain(value: Value | undefined): Cell {
  return value === undefined ? null : typeof value === 'boolean' ? Number(value) : value;
}

/** A value in a TEXT column. A double bound there would become `1.0`. */
export function asText(value: Value | undefined): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : typeof value === 'boolean' ? (value ? '1' : '0') : String(value);
}

let second = NaN;
let secondText = '';

/** A naive local time; what is no time stays the text that it was. */
export function timeText(value: Value | undefined): string | null {
  if (typeof value !== 'number') return asText(value);
  // Messages come in bursts: most times share their second with the one before.
  const whole = Math.floor(value / 1e6);
  if (whole !== second) {
    const text = formatLocalTime(whole * 1e6);
    if (text.length !== 26) return text;
    second = whole;
    secondText = `${text.slice(0, 10)} ${text.slice(11, 20)}`;
  }
  const micros = value - whole * 1e6;
  return secondText + (micros >= 100_000 ? String(micros) : String(micros).padStart(6, '0'));
}

/** The submit lane in the order of a task's life: which of two messages with the same time is the later. */
const order = ['unsched', 'pending', 'launched', 'fail_retryable', 'joining', 'done', 'exec_done', 'memo_done', 'failed', 'dep_fail']; // prettier-ignore

/** The place of a task's message among all of them, in any order of arrival: by its time, then by its state. */
export interface Place {
  readonly time: string;
  readonly state: string;
}

/** Negative if `a` comes before `b`. */
export function compare(a: Place, b: Place): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.state === b.state ? 0 : order.indexOf(a.state) - order.indexOf(b.state);
}

export function isWorkerState(state: string): boolean {
  return state === 'running' || state === 'running_ended';
}

const timeOf = (record: WideRecord, key: string): string | null => timeText(record[key]);

/** What the first message of a task says of it for good, in the order of {@link fixedTaskColumns}. */
export function fixedTask(record: WideRecord): Cell[] {
  return [
    asText(record['parsl.dependency_task']),
    asText(record['parsl.app_name']),
    asText(record['parsl.task_memoize']) ?? '0',
    asText(record['parsl.task_outputs']),
    asText(record['parsl.task_stdin']),
    asText(record['parsl.task_stdout']),
    asText(record['parsl.task_stderr']),
  ];
}
export const fixedTaskColumns = [
  'task_depends', 'task_func_name', 'task_memoize', 'task_outputs', 'task_stdin', 'task_stdout', 'task_stderr',
]; // prettier-ignore

/** What its last message says. Parsl 1.0 counts no cost: there a failure costs 1. */
export function movingTask(record: WideRecord): Cell[] {
  const failures = plain(record['parsl.task_fail_count']) ?? 0;
  return [
    timeOf(record, 'parsl.task_time_invoked'),
    timeOf(record, 'parsl.task_time_returned'),
    failures,
    plain(record['parsl.task_fail_cost']) ?? failures,
    asText(record['parsl.task_hashsum']),
    asText(record['parsl.task_inputs']),
  ];
}
export const movingTaskColumns = [
  'task_time_invoked', 'task_time_returned', 'task_fail_count', 'task_fail_cost', 'task_hashsum', 'task_inputs',
]; // prettier-ignore

/** What the last message of a try says of it. */
export function movingTry(record: WideRecord): Cell[] {
  return [
    timeOf(record, 'parsl.task_try_time_launched'),
    timeOf(record, 'parsl.task_try_time_returned'),
    asText(record['parsl.task_fail_history']),
    asText(record['parsl.joined_task']),
  ];
}
export const movingTryColumns = ['task_try_time_launched', 'task_try_time_returned', 'task_fail_history', 'task_joins'];

export function resourceValues(attempt: number, task: number, run: string, time: string, record: WideRecord): Cell[] {
  const row: Cell[] = [attempt, task, run, time];
  for (const name of resourceColumns) row.push(textColumns.has(name) ? asText(record[name]) : plain(record[name]));
  return row;
}
/** Behind try, task, run and timestamp. */
export const resourceColumns = [
  'resource_monitoring_interval', 'psutil_process_pid', 'psutil_process_memory_percent', 'psutil_process_children_count',
  'psutil_process_time_user', 'psutil_process_time_system', 'psutil_process_memory_virtual',
  'psutil_process_memory_resident', 'psutil_process_disk_read', 'psutil_process_disk_write', 'psutil_process_status',
  'psutil_cpu_num', 'psutil_process_num_ctx_switches_voluntary', 'psutil_process_num_ctx_switches_involuntary',
]; // prettier-ignore
const textColumns: ReadonlySet<string> = new Set(['psutil_process_status', 'psutil_cpu_num']);

/** A row of `node` without its number. Parsl 1.0 names no manager and tells the time as reg_time. */
export function nodeValues(record: WideRecord): Cell[] {
  const info = (name: string): Value | undefined => record[`parsl.manager_info.${name}`];
  const time = timeText(record['parsl.timestamp'] ?? info('reg_time'));
  return [
    asText(record['parsl.dfk']),
    asText(record['host.name']),
    asText(record['parsl.manager']) ?? '',
    asText(record['parsl.block']),
    plain(info('cpu_count')),
    plain(info('total_memory')),
    plain(info('active')),
    plain(info('worker_count')),
    asText(info('python_v')),
    time,
    timeText(info('last_heartbeat')) ?? time,
  ];
}
export const nodeColumns = [
  'run_id', 'hostname', 'uid', 'block_id', 'cpu_count', 'total_memory', 'active', 'worker_count', 'python_v',
  'timestamp', 'last_heartbeat',
]; // prettier-ignore

export function blockValues(record: WideRecord): Cell[] {
  return [
    asText(record['parsl.dfk']),
    asText(record['parsl.executor']),
    asText(record['parsl.block']),
    asText(record['parsl.job_id']),
    timeText(record['parsl.timestamp']),
    asText(record['parsl.block_state']),
  ];
}

/** A row of `workflow` up to its counts. */
export function workflowValues(record: WideRecord): Cell[] {
  const info = (name: string): Value | undefined => record[`parsl.workflow_info.${name}`];
  return [
    asText(record['parsl.dfk']),
    asText(info('workflow_name')),
    asText(info('workflow_version')),
    timeText(info('time_began')),
    asText(info('host')),
    asText(info('user')),
    asText(info('rundir')),
  ];
}
