/**
 * The canonical keys of wide records, their types and every other spelling that maps to them (DESIGN.md §5).
 *
 * The names follow what Parsl's own JSON logs use (parsl/logconfigs/json.py) and extend them in the same manner.
 * The page docs/reference/keys.md is generated from this table.
 */
import type { Value, WideRecord } from './record.ts';
import { parseInstant, parseLocalTime } from './time.ts';

/**
 * `local_time`: microseconds shown by a wall clock of unknown zone; ISO text without zone at the edges.
 * `instant`: microseconds since the epoch. `nanos`: nanoseconds since the epoch, a bigint; integer text at the edges.
 */
export type KeyType =
  'text' | 'identifier' | 'integer' | 'number' | 'boolean' | 'uuid' | 'level' | 'local_time' | 'instant' | 'nanos';

export interface Key {
  readonly key: string;
  readonly type: KeyType;
  readonly about: string;
  /** Other spellings, mapped to `key` wherever they occur. */
  readonly aliases?: readonly string[];
}

export const keys: readonly Key[] = [
  { key: 'time', type: 'nanos', about: 'When it happened, nanoseconds since the epoch.', aliases: ['created'] },
  { key: 'message', type: 'text', about: 'The text of a log line.', aliases: ['formatted'] },
  { key: 'level', type: 'level', about: 'Severity: DEBUG, INFO, WARN or ERROR.', aliases: ['levelname', 'severity'] },
  { key: 'log.template', type: 'text', about: 'The message without what changes from one to the next.' },
  { key: 'log.logger', type: 'text', about: 'Name of the logger.' },
  { key: 'code.function.name', type: 'text', about: 'Function that logged it.' },
  { key: 'code.line.number', type: 'integer', about: 'Line that logged it.' },
  { key: 'process.pid', type: 'integer', about: 'Process that logged it.' },
  { key: 'process.name', type: 'text', about: 'Its name within its program, such as HTEX-Worker-0.' },
  { key: 'thread.id', type: 'identifier', about: 'Thread that logged it.' },
  { key: 'thread.name', type: 'text', about: 'Its name.' },
  { key: 'metric', type: 'text', about: 'Makes the record a metric point of this name.' },
  { key: 'source.receiver', type: 'text', about: 'Id of the receiver that took the record in.' },
  { key: 'source.format', type: 'text', about: 'The format that the record was decoded from.' },
  { key: 'source.path', type: 'text', about: 'File the record came from, relative to the input.' },
  { key: 'source.line', type: 'integer', about: 'Line in that file, from 1.' },
  { key: 'source.input', type: 'text', about: 'Name of the input that the file lies in, such as runinfo.tar.gz.' },
  { key: 'source.run_dir', type: 'text', about: 'Run directory that the file belongs to, relative to the input.' },
  {
    key: 'source.log',
    type: 'text',
    about: 'Whose log it is, such as parsl, interchange, manager, worker or work_queue.',
  },
  {
    key: 'source.nameless',
    type: 'text',
    about: 'Nothing names the run of this log. Its tasks are those of an `executor`.',
  },
  {
    key: 'source.copy',
    type: 'integer',
    about: 'Which of the things that one line names this record is about, from 0.',
  },
  { key: 'source.arrival', type: 'instant', about: 'When the record reached the bridge.' },
  { key: 'source.note', type: 'text', about: 'What could not be taken over as it was.' },

  { key: 'parsl.message_type', type: 'text', about: 'MessageType of a monitoring message, such as TASK_INFO.' },
  { key: 'parsl.timestamp', type: 'local_time', about: 'When a monitoring message was made.' },
  {
    key: 'parsl.dfk',
    type: 'uuid',
    about: 'The run: one parsl.load().',
    aliases: ['parsl_dfk', 'run_id', 'parsl_run_id', 'parsl.workflow_info.run_id'],
  },
  { key: 'parsl.utc_offset', type: 'number', about: 'Seconds east of UTC of the run’s clocks.' },
  { key: 'parsl.time_zone', type: 'text', about: 'IANA name of the zone of the run’s clocks.' },
  { key: 'parsl.task', type: 'integer', about: 'Task number within the run.', aliases: ['parsl_task_id', 'task_id'] },
  { key: 'parsl.try', type: 'integer', about: 'Try number within the task.', aliases: ['parsl_try_id', 'try_id'] },
  {
    key: 'parsl.task_state',
    type: 'text',
    about: 'State that the task or try entered (parsl.dataflow.states.States).',
    aliases: ['task_status_name', 'parsl_task_state'],
  },
  { key: 'parsl.app_name', type: 'text', about: 'Name of the app.', aliases: ['task_func_name', 'parsl_app_name'] },
  {
    key: 'parsl.executor',
    type: 'text',
    about: 'Label of the executor.',
    aliases: ['parsl.executor.label', 'parsl_executor', 'executor_label', 'task_executor'],
  },
  {
    key: 'parsl.executor_task',
    type: 'integer',
    about: 'The executor’s own number of what it runs.',
    aliases: ['parsl_executor_id', 'htex_task_id'],
  },
  {
    key: 'parsl.executor_type',
    type: 'text',
    about: 'Class of the executor.',
    aliases: ['parsl.executor.type'],
  },
  { key: 'workqueue.task', type: 'integer', about: 'Work Queue’s number of a task.', aliases: ['wq_task_id'] },
  { key: 'parsl.interchange_port', type: 'integer', about: 'Port at which an interchange takes managers.' },
  {
    key: 'parsl.client_ports',
    type: 'text',
    about: 'Ports at which an interchange reaches its submit side, as in 55206,55628,55521: one life of it.',
  },
  { key: 'parsl.submit_script', type: 'text', about: 'File name of the script that started a block.' },
  { key: 'globus_compute.endpoint_pid', type: 'integer', about: 'Process of a Globus Compute endpoint.' },
  { key: 'taskvine.task', type: 'integer', about: 'TaskVine’s number of a task.', aliases: ['vine_task_id'] },
  ...(['workqueue', 'taskvine'] as const).flatMap((system) =>
    (
      [
        ['state', 'text', 'State that the task entered in its transaction log, such as WAITING.'],
        ['result', 'text', 'How the task ended there; SUCCESS also where the app raised an exception.'],
        ['exit_code', 'integer', 'Exit code of the task’s process.'],
        ['worker', 'text', 'Id of a worker of that system.'],
        ['worker_address', 'text', 'Host and port of such a worker.'],
        ['category', 'text', 'Category of the task, which is its app where Parsl sets it.'],
        ['file', 'text', 'Name of a file in its cache.'],
      ] as const
    ).map(([name, type, about]) => ({ key: `${system}.${name}`, type, about })),
  ),
  {
    key: 'parsl.dependency_task',
    type: 'text',
    about: 'Tasks this one waits for, comma list.',
    aliases: ['task_depends'],
  },
  {
    key: 'parsl.joined_task',
    type: 'text',
    about: 'Tasks that a join waits for, comma list.',
    aliases: ['task_joins'],
  },
  { key: 'parsl.task_hashsum', type: 'text', about: 'Memoisation hash.', aliases: ['task_hashsum'] },
  { key: 'parsl.task_memoize', type: 'boolean', about: 'The app is memoised.', aliases: ['task_memoize'] },
  { key: 'parsl.from_memo', type: 'boolean', about: 'The result came from the memo table.', aliases: ['from_memo'] },
  { key: 'parsl.task_fail_count', type: 'integer', about: 'Tries that failed so far.', aliases: ['task_fail_count'] },
  {
    key: 'parsl.task_fail_cost',
    type: 'number',
    about: 'What they count against retries.',
    aliases: ['task_fail_cost'],
  },
  {
    key: 'parsl.task_fail_history',
    type: 'text',
    about: 'Why the try failed: the exception as text.',
    aliases: ['task_fail_history'],
  },
  { key: 'parsl.task_inputs', type: 'text', about: 'Input files as text.', aliases: ['task_inputs'] },
  { key: 'parsl.task_outputs', type: 'text', about: 'Output files as text.', aliases: ['task_outputs'] },
  { key: 'parsl.task_stdin', type: 'text', about: 'Where stdin comes from.', aliases: ['task_stdin'] },
  { key: 'parsl.task_stdout', type: 'text', about: 'Where stdout goes.', aliases: ['task_stdout'] },
  { key: 'parsl.task_stderr', type: 'text', about: 'Where stderr goes.', aliases: ['task_stderr'] },
  { key: 'parsl.task_time_invoked', type: 'local_time', about: 'The app was called.', aliases: ['task_time_invoked'] },
  { key: 'parsl.task_time_returned', type: 'local_time', about: 'The task ended.', aliases: ['task_time_returned'] },
  {
    key: 'parsl.task_try_time_launched',
    type: 'local_time',
    about: 'The try was handed to the executor.',
    aliases: ['task_try_time_launched'],
  },
  {
    key: 'parsl.task_try_time_returned',
    type: 'local_time',
    about: 'The executor returned the try’s result.',
    aliases: ['task_try_time_returned'],
  },
  { key: 'parsl.first_msg', type: 'boolean', about: 'The worker started the try.', aliases: ['first_msg'] },
  { key: 'parsl.last_msg', type: 'boolean', about: 'The worker ended the try.', aliases: ['last_msg'] },

  { key: 'parsl.block', type: 'identifier', about: 'Block: one batch job.', aliases: ['block_id', 'parsl_block'] },
  { key: 'parsl.block_state', type: 'text', about: 'State of the block (parsl.jobs.states.JobState).' },
  { key: 'parsl.job_id', type: 'identifier', about: 'The scheduler’s id of the block.', aliases: ['job_id'] },
  {
    key: 'parsl.manager',
    type: 'identifier',
    about: 'Manager: one worker pool process, 12 hex digits.',
    aliases: ['manager_id', 'uid'],
  },
  { key: 'parsl.worker', type: 'integer', about: 'Worker: one slot of a manager.', aliases: ['worker_id'] },
  { key: 'host.name', type: 'text', about: 'Host that the record speaks of.', aliases: ['hostname'] },

  { key: 'parsl.span', type: 'text', about: 'What a span is: run, executor, block, manager, task, try or phase.' },
  { key: 'parsl.phase', type: 'text', about: 'Which phase a span is, or which one a log line bounds.' },
  {
    key: 'parsl.phase.spell',
    type: 'integer',
    about: 'Which time a try is in the phase, where it is there again: 2 and on.',
  },
  { key: 'parsl.phase_edge', type: 'text', about: 'Which bound of the phase a log line is: start or end.' },
  { key: 'parsl.phase_ended', type: 'text', about: 'A phase that the log line ends besides.' },
  { key: 'parsl.tries', type: 'integer', about: 'Launched tries of a task.' },
  { key: 'parsl.unfinished', type: 'boolean', about: 'No final state was ever told.' },
  { key: 'parsl.inferred', type: 'text', about: 'Which bounds of a span were not observed: start, end or start,end.' },
  {
    key: 'parsl.usage.cpu_time',
    type: 'number',
    about: 'User and system time between a try’s first and last sample, seconds.',
  },
  { key: 'parsl.usage.memory_peak', type: 'integer', about: 'Largest resident memory seen, bytes.' },
  { key: 'parsl.usage.read_bytes', type: 'integer', about: 'Bytes read between a try’s first and last sample.' },
  { key: 'parsl.usage.write_bytes', type: 'integer', about: 'Bytes written between a try’s first and last sample.' },

  ...(
    [
      ['python_version', 'text', 'Python of the submit side.'],
      ['parsl_version', 'text', 'Parsl of the submit side.'],
      ['time_began', 'local_time', 'The run began.'],
      ['time_completed', 'local_time', 'The run ended.'],
      ['workflow_name', 'text', 'Name of the workflow.'],
      ['workflow_version', 'text', 'Version of the workflow.'],
      ['rundir', 'text', 'Run directory.'],
      ['user', 'text', 'User of the submit side.'],
      ['host', 'text', 'Host of the submit side.'],
      ['tasks_completed_count', 'integer', 'Tasks completed so far.'],
      ['tasks_failed_count', 'integer', 'Tasks failed so far.'],
      ['tasks_memo_completed_count', 'integer', 'Tasks completed from the memo table so far.'],
    ] as const
  ).map(([name, type, about]) => ({ key: `parsl.workflow_info.${name}`, type, about })),

  ...(
    [
      ['tasks', 'text', 'Executor tasks that the manager holds, comma list.'],
      ['worker_count', 'integer', 'Workers of the manager.'],
      ['max_capacity', 'integer', 'Executor tasks that the manager takes at a time.'],
      ['prefetch_capacity', 'integer', 'Executor tasks beyond its workers.'],
      ['free_capacity', 'integer', 'What it can still take.'],
      ['active', 'boolean', 'The manager is alive.'],
      ['draining', 'boolean', 'The manager takes nothing new.'],
      ['drain_time', 'number', 'When it will drain, epoch seconds.'],
      ['idle_since', 'number', 'Idle since, epoch seconds.'],
      ['start_time', 'number', 'Started, epoch seconds.'],
      ['reg_time', 'local_time', 'Registered (Parsl 1.0).'],
      ['last_heartbeat', 'local_time', 'Last heartbeat.'],
      ['cpu_count', 'integer', 'Cores of the node.'],
      ['total_memory', 'integer', 'Memory of the node, bytes.'],
      ['parsl_version', 'text', 'Parsl of the manager.'],
      ['python_version', 'text', 'Python of the manager.'],
      ['parsl_v', 'text', 'Parsl of the manager, older spelling.'],
      ['python_v', 'text', 'Python of the manager, older spelling.'],
      ['os', 'text', 'Operating system.'],
      ['dir', 'text', 'Working directory.'],
      ['type', 'text', 'Message type of the manager’s registration.'],
      ['packages', 'text', 'Installed packages, JSON.'],
    ] as const
  ).map(([name, type, about]) => ({ key: `parsl.manager_info.${name}`, type, about })),
];

const byName = new Map<string, Key>();
for (const key of keys) for (const name of [key.key, ...(key.aliases ?? [])]) byName.set(name, key);

/** The table's entry for a canonical key or any other spelling of it. */
export function findKey(name: string): Key | undefined {
  return byName.get(name);
}

/**
 * True if numbers under this key are doubles on the wire. Unknown keys are ints as long as they hold integers;
 * Parsl's float fields are listed by name, because psutil's values are floats that often look like ints.
 */
export function isDouble(key: string): boolean {
  const type = byName.get(key)?.type;
  if (type !== undefined) return type === 'number';
  return doubleKeys.has(key);
}

const doubleKeys = new Set([
  'psutil_process_create_time',
  'psutil_process_memory_percent',
  'psutil_process_cpu_percent',
  'psutil_process_time_user',
  'psutil_process_time_system',
  'psutil_process_num_ctx_switches_voluntary',
  'psutil_process_num_ctx_switches_involuntary',
  'resource_monitoring_interval',
]);

const levels: ReadonlyMap<string, string> = new Map(
  Object.entries({
    NOTSET: 'DEBUG', TRACE: 'DEBUG', DEBUG: 'DEBUG', INFO: 'INFO', NOTICE: 'INFO', WARNING: 'WARN', WARN: 'WARN',
    ERROR: 'ERROR', ERR: 'ERROR', CRITICAL: 'ERROR', FATAL: 'ERROR', ALERT: 'ERROR', EMERG: 'ERROR',
  }),
); // prettier-ignore

/**
 * One value in its key's canonical type (`"03"` = 3, UUIDs and levels in one spelling, ISO times as numbers).
 * A value that does not fit its type is kept as it is: a record is never refused for one value.
 */
export function canonicalValue(type: KeyType, value: Value): Value {
  switch (type) {
    case 'integer':
      return typeof value === 'string' && value.trim() !== '' && Number.isSafeInteger(Number(value))
        ? Number(value)
        : value;
    case 'number':
      return typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
    case 'boolean':
      return value === 'True' || value === 'true' ? true : value === 'False' || value === 'false' ? false : value;
    case 'uuid':
      return typeof value === 'string' ? value.toLowerCase() : value;
    case 'identifier':
      // Parsl's logs show managers as the repr of bytes: b'8f8ba7000809'.
      if (typeof value === 'number') return String(value);
      return typeof value === 'string' && value.startsWith("b'") ? value.replace(/^b'(.*)'$/, '$1') : value;
    case 'level':
      return typeof value === 'string' ? (levels.get(value) ?? levels.get(value.toUpperCase()) ?? value) : value;
    case 'local_time':
      return typeof value === 'string' ? (parseLocalTime(value) ?? parseInstant(value) ?? value) : value;
    case 'instant':
      return typeof value === 'string' ? (parseInstant(value) ?? value) : value;
    case 'nanos':
      return nanos(value);
    case 'text':
      return value;
  }
}

/** What SQLite, protobuf and OTLP can hold. */
const NANOS_MAX = 2n ** 63n - 1n;

function nanos(value: Value): Value {
  const read = readNanos(value);
  return read !== undefined && read >= 0n && read <= NANOS_MAX ? read : value;
}

function readNanos(value: Value): bigint | undefined {
  if (typeof value === 'string') {
    if (/^\d{1,19}$/.test(value)) return BigInt(value);
    const instant = parseInstant(value);
    return instant === undefined ? undefined : BigInt(instant) * 1000n;
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  // A JSON number: nanoseconds if it is large enough for one, else seconds as Python's time.time() gives.
  return Math.abs(value) > 1e15 ? BigInt(Math.round(value)) : microsOf(value) * 1000n;
}

/** To the microsecond, rounded as Python's `%f` rounds: the fraction alone is exact in a double, the product is not. */
function microsOf(seconds: number): bigint {
  const whole = Math.floor(seconds);
  const micros = (seconds - whole) * 1e6;
  const down = Math.floor(micros);
  const rounded = micros - down === 0.5 ? down + (down % 2) : Math.round(micros);
  return BigInt(whole * 1e6 + rounded);
}

/**
 * Sets `record[name]` under its canonical key and type. Non-finite numbers become null, with a note. What another system
 * calls `task_id` may be no number of Parsl's: such a value stays under its own name. `__proto__` is left out, because
 * assigning it sets no key.
 */
export function setCanonical(record: WideRecord, name: string, value: Value): void {
  const known = byName.get(name);
  const entry = known !== undefined && known.key !== name && isOther(known.type, value) ? undefined : known;
  const key = entry?.key ?? name;
  if (key === '__proto__') return;
  if (typeof value === 'number' && !Number.isFinite(value)) {
    record[key] = null;
    const note = `${key} was ${value}`;
    const earlier = record['source.note'];
    record['source.note'] = typeof earlier === 'string' ? `${earlier}; ${note}` : note;
    return;
  }
  record[key] = entry === undefined ? value : canonicalValue(entry.type, value);
}

function isOther(type: KeyType, value: Value): boolean {
  return type === 'integer' && typeof value === 'string' && typeof canonicalValue(type, value) === 'string';
}
