/**
 * Runs that no record names: a Globus Compute endpoint, which uses the High Throughput Executor with no DataFlowKernel; a
 * tarball of an executor's directory alone. Such a run is one life of one interchange, and its tasks are the executor's
 * own, because it has no others. Where no interchange tells its lives apart, all that lies in the directory is one run.
 *
 * Its id is a UUIDv5 (core/ids.ts) of what is written in the logs: time and process of an interchange's first words to
 * its submit side, else of the earliest first record. So a copy, or the directory under another name, has the same.
 *
 * Discovery says which directories they are, by `source.nameless` in the headers of their chunks (log_chunk.ts).
 */
import { uuid5 } from '../core/ids.ts';
import { text, type Value, type WideRecord } from '../core/record.ts';

/** What a record tells that another one hardly will: when and by which process it was written. */
export interface Stamp {
  /** Nanoseconds since the epoch, or microseconds of a wall clock. */
  readonly time: bigint;
  readonly isLocal: boolean;
  readonly pid: number | undefined;
}

/** The first of these records that has a time. */
export function firstStamp(records: readonly WideRecord[]): Stamp | undefined {
  for (const record of records) {
    const stamp = stampOf(record);
    if (stamp !== undefined) return stamp;
  }
  return undefined;
}

function stampOf(record: WideRecord): Stamp | undefined {
  const { time, 'parsl.timestamp': local, 'process.pid': pid } = record;
  const by = typeof pid === 'number' ? pid : undefined;
  if (typeof time === 'bigint') return { time, isLocal: false, pid: by };
  return typeof local === 'number' ? { time: BigInt(local), isLocal: true, pid: by } : undefined;
}

/** The id of the run whose first record has this stamp. */
export function namelessRun({ time, isLocal, pid }: Stamp): string {
  return uuid5(`parsl-otel/nameless/${isLocal ? 'local/' : ''}${time}/${pid ?? ''}`);
}

/** Whichever is earlier; one that a clock with a zone told goes before any other. */
export function earlier(a: Stamp | undefined, b: Stamp | undefined): Stamp | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.isLocal !== b.isLocal) return a.isLocal ? b : a;
  if (a.time !== b.time) return a.time < b.time ? a : b;
  return (a.pid ?? 0) <= (b.pid ?? 0) ? a : b;
}

/** The first thing that an interchange says at every level of logging, once in its life. */
const INTERCHANGE_BEGINS = /^Attempting connection to client at /;

export function isInterchangeBegin({ message }: WideRecord): boolean {
  return typeof message === 'string' && INTERCHANGE_BEGINS.test(message);
}

/**
 * In which words each log speaks of an executor task, in the releases since 1.2, and the state that the task has then. That
 * the interchange has passed a result on is `exec_done`: whether it was an exception, no log of an executor tells.
 */
const speaksOfTask: ReadonlyMap<Value | undefined, readonly (readonly [RegExp, string | undefined])[]> = new Map([
  [
    'interchange',
    [
      [/^(?:Putting|Put) task (\d+) onto pending_task_queue/, 'launched'],
      [/^\[TASK_PULL_THREAD\] Fetched task:(\d+)/, 'launched'],
      [/^Removing task (\d+) from manager/, 'exec_done'],
    ],
  ],
  ['worker', [[/^Received (?:executor )?task (\d+)$/, undefined]]],
]);

/** The same of Work Queue's and TaskVine's states; those between are the rules'. */
const stateOf: ReadonlyMap<Value | undefined, string> = new Map([
  ['WAITING', 'launched'], ['READY', 'launched'], ['DONE', 'exec_done'],
]); // prettier-ignore

/** Adds to the records of one chunk of a nameless run's log, from `start` on, what the run and its tasks are called. */
export function nameRecords(records: readonly WideRecord[], start: number, log: Value | undefined): void {
  const patterns = speaksOfTask.get(log) ?? [];
  for (let at = start; at < records.length; at++) {
    const record = records[at] as WideRecord;
    // An endpoint knows its interchange by a port, and says so once in the life of its process.
    if (log === 'endpoint') record['globus_compute.endpoint_pid'] = record['process.pid'] ?? null;
    if (log === 'interchange' && isInterchangeBegin(record)) beginRun(records, start, at);
    if (log === 'work_queue') nameTask(record, record['workqueue.task'], stateOf.get(record['workqueue.state']));
    if (log === 'taskvine') nameTask(record, record['taskvine.task'], stateOf.get(record['taskvine.state']));
    const message = text(record, 'message') ?? '';
    for (const [pattern, state] of patterns) {
      const parts = pattern.exec(message);
      if (parts !== null) nameTask(record, Number(parts[1]), state);
    }
  }
}

function nameTask(record: WideRecord, task: Value | undefined, state: string | undefined): void {
  if (typeof task !== 'number') return;
  record['parsl.task'] = task;
  record['parsl.try'] = 0;
  if (state !== undefined) record['parsl.task_state'] = state;
}

/** What the same process said before it said so is of the same run. */
function beginRun(records: readonly WideRecord[], start: number, begin: number): void {
  const first = records[begin] as WideRecord;
  const stamp = stampOf(first);
  if (first['parsl.dfk'] !== undefined || stamp === undefined) return;
  for (let at = begin; at >= start; at--) {
    const record = records[at] as WideRecord;
    if (at < begin && (stamp.pid === undefined || record['process.pid'] !== stamp.pid)) return;
    record['parsl.dfk'] = namelessRun(stamp);
  }
}
