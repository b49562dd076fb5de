/**
 * What one record teaches about a run, a task or a try; learn_managers.ts has what it teaches of executors, blocks and
 * managers. Nothing here closes anything or knows the clock; every function only adds facts, in any order, any number
 * of times.
 */
import type { Value, WideRecord } from '../core/record.ts';
import { number, text } from '../core/record.ts';
import { toMicros } from '../core/time.ts';
import { tracebackOf } from '../core/traceback.ts';
import type { Run, RunField, Sample, Task, TaskField, Try, WorkerFact } from './entities.ts';
import { newTry, newUsage, runFields, taskFields } from './entities.ts';
import type { Earliest, Latest, Stamp, StateFact, Times } from './facts.ts';
import { latest, learn, learnExtent, learnInstant, learnLocal, rankOf, stateRankOf, TIMES_END } from './facts.ts';
import { isFinal, isReturn, laneOf } from './states.ts';

/** The record's own time: Parsl's naive timestamp, else `time`. */
export function stampOf(record: WideRecord): Stamp | undefined {
  const logged = isLine(record);
  const local = timeOf(record, 'parsl.timestamp');
  if (local !== undefined) return { at: local, local: true, logged };
  const time = record['time'];
  const instant = typeof time === 'bigint' ? toMicros(time) : -1;
  return isTime(instant) ? { at: instant, local: false, logged } : undefined;
}

/** True for a record with text: a line of some log. */
export function isLine(record: WideRecord): boolean {
  return record['message'] !== undefined;
}

/** The record's value for `key` if it is a time: anyone may write anything into a record. */
export function timeOf(record: WideRecord, key: string): number | undefined {
  const value = record[key];
  return typeof value === 'number' && isTime(value) ? Math.floor(value) : undefined;
}

/** What lies on the first day of 1970 is no time: in some zone it would be before the epoch. */
function isTime(us: number): boolean {
  return us >= DAY_US && us < TIMES_END;
}

const DAY_US = 86_400_000_000;

/** The record's value for `key` if it counts something from 0. */
export function indexOf(record: WideRecord, key: string): number | undefined {
  const value = record[key];
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value) ? value : undefined;
}

/** A higher number of a try is nonsense, and not worth the room that all below it would take. */
const TRIES_MAX = 10_000;

/** The try that a record names. */
export function attemptOf(record: WideRecord): number | undefined {
  const attempt = indexOf(record, 'parsl.try');
  return attempt !== undefined && attempt < TRIES_MAX ? attempt : undefined;
}

/** The try that a status is about. Parsl 1.0 numbers no tries: there the failures before it do. */
export function attemptOfStatus(record: WideRecord, state: string): number | undefined {
  if (numbersTries(record)) return attemptOf(record);
  const failures = indexOf(record, 'parsl.task_fail_count');
  if (failures === undefined || failures >= TRIES_MAX) return undefined;
  if (state === 'pending' || state === 'launched' || state === 'done') return failures;
  return state === 'failed' ? Math.max(0, failures - 1) : undefined;
}

function numbersTries(record: WideRecord): boolean {
  return record['parsl.try'] !== undefined && record['parsl.try'] !== null;
}

export function learnTime(cell: Earliest, { at, local, logged }: Stamp): void {
  const times = logged ? (cell.logged ??= { local: NaN, instant: NaN }) : cell;
  if (local) learnLocal(times, at);
  else learnInstant(times, at);
}

export function learnLast(cell: Times, { at, local }: Stamp): void {
  if (local) {
    if (!(at <= cell.local)) cell.local = at;
  } else if (!(at <= cell.instant)) {
    cell.instant = at;
  }
}

const runFieldEntries = Object.entries(runFields) as [RunField, string][];

/** WORKFLOW_INFO, the plugin's facts, and whatever else speaks of the run itself. */
export function learnRun(run: Run, record: WideRecord): void {
  for (const [field, key] of runFieldEntries) {
    const value = text(record, key);
    if (value !== undefined) learn(run.info[field], value, 0);
  }
  learnLocal(run.began, timeOf(record, 'parsl.workflow_info.time_began'));
  learnLocal(run.completed, timeOf(record, 'parsl.workflow_info.time_completed'));
  const offset = number(record, 'parsl.utc_offset');
  if (offset !== undefined && Math.abs(offset) * 1e6 < DAY_US)
    learn(isLine(record) ? run.loggedOffset : run.utcOffset, offset, 0);
  const zone = text(record, 'parsl.time_zone');
  if (zone !== undefined) learn(run.timeZone, zone, 0);
}

/** How late the record is by its own naive clock: what tells the run's zone (DESIGN.md §10). */
export function learnDelay(run: Run, record: WideRecord): void {
  const arrival = timeOf(record, 'source.arrival');
  // A line of a log may have waited for days until somebody read its file.
  if (arrival === undefined || isLine(record)) return;
  const stamp = timeOf(record, 'parsl.timestamp');
  if (stamp !== undefined) {
    run.anyDelay = Math.min(run.anyDelay, arrival - stamp);
    if (typeof record['parsl.task_state'] === 'string' && laneOf(record['parsl.task_state']) === 'submit')
      run.submitDelay = Math.min(run.submitDelay, arrival - stamp);
    return;
  }
  const submit =
    timeOf(record, 'parsl.workflow_info.time_completed') ?? timeOf(record, 'parsl.workflow_info.time_began');
  if (submit !== undefined) run.submitDelay = Math.min(run.submitDelay, arrival - submit);
}

/** A line of Parsl's log tells in epoch seconds what a message tells by a naive clock: together they tell the run's zone. */
export function learnLogsDelay({ run, states }: Task, fact: StateFact): void {
  if (fact.logged === fact.local || laneOf(fact.state) !== 'submit') return;
  for (const other of states) {
    if (other.state !== fact.state || other.attempt !== fact.attempt) continue;
    if (other.logged === fact.logged || other.local === fact.local) continue;
    run.logsDelay = Math.min(run.logsDelay, fact.logged ? fact.at - other.at : other.at - fact.at);
  }
}

const taskFieldEntries = Object.entries(taskFields) as [TaskField, string][];

/** TASK_INFO: what the submit side says of a task. */
export function learnTask(task: Task, record: WideRecord, state: string, stamp: Stamp): void {
  const rank = rankOf(stamp, isFinal(state));
  for (const [field, key] of taskFieldEntries) {
    const value = record[key];
    if (typeof value === 'string' && value !== '') learn(task.fields[field], value, rank);
  }
  const failCount = number(record, 'parsl.task_fail_count');
  if (failCount !== undefined) learn(task.failCount, failCount, rank);
  learnLocal(task.invoked, timeOf(record, 'parsl.task_time_invoked'));
  learnLocal(task.returned, timeOf(record, 'parsl.task_time_returned'));
  learn(task.state, state, stateRankOf(stamp, isFinal(state)));
  learnLast(task.lastSeen, stamp);
}

/** TASK_INFO: what the submit side says of the try it is about. A status stands in for times that it does not tell. */
export function learnTry(attempted: Try, record: WideRecord, state: string, stamp: Stamp): void {
  const rank = rankOf(stamp, isFinal(state));
  if (state === 'launched') attempted.isLaunched = true;
  if (state === 'joining') attempted.isJoin = true;
  const launched = timeOf(record, 'parsl.task_try_time_launched');
  if (launched !== undefined) learnLocal(attempted.launched, launched);
  else if (state === 'launched') learnTime(attempted.launched, stamp);
  const returned = timeOf(record, 'parsl.task_try_time_returned');
  if (returned !== undefined) learnLocal(attempted.returned, returned);
  else if (isReturn(state)) learnTime(attempted.returned, stamp);
  learnText(attempted.executor, record, 'parsl.executor', rank);
  learnText(attempted.failHistory, record, 'parsl.task_fail_history', rank);
}

/**
 * Parsl 1.0 has no status for a try that failed: its task is pending again, with one more failure. Returns the try
 * that this says something about.
 */
export function learnGivenUp(task: Task, record: WideRecord, state: string, stamp: Stamp): Try | undefined {
  const attempt = state === 'pending' && !numbersTries(record) ? attemptOfStatus(record, state) : undefined;
  if (attempt === undefined || attempt === 0) return undefined;
  const attempted = tryOf(task, attempt - 1);
  attempted.wasGivenUp = true;
  learnTime(attempted.returned, stamp);
  learnText(attempted.failHistory, record, 'parsl.task_fail_history', rankOf(stamp, false));
  return attempted;
}

/** What a worker says: a start, an end, a resource sample, or any two of them at once. */
export function workerFactOf(record: WideRecord, state: string | undefined, stamp: Stamp): WorkerFact {
  return {
    ...stamp,
    starts: state === 'running' || record['parsl.first_msg'] === true,
    ends: state === 'running_ended' || record['parsl.last_msg'] === true,
    host: text(record, 'host.name'),
    block: text(record, 'parsl.block'),
    sample: sampleOf(record),
  };
}

/** True for a record that only a worker can have sent. */
export function isWorkerRecord(record: WideRecord, state: string | undefined): boolean {
  if (state !== undefined) return laneOf(state) === 'execution';
  return record['parsl.first_msg'] !== undefined || record['psutil_process_time_user'] !== undefined;
}

export function learnWorker(attempted: Try, fact: WorkerFact): void {
  attempted.isLaunched = true;
  if (fact.starts) learnTime(attempted.running, fact);
  if (fact.ends) learnTime(attempted.ended, fact);
  // The start message alone is sure to name the block: psutil messages never do.
  const rank = rankOf(fact, fact.starts);
  if (fact.host !== undefined) learn(attempted.host, fact.host, rank);
  if (fact.block !== undefined) learn(attempted.block, fact.block, rank);
  if (fact.sample !== undefined) learnSample(attempted, fact.sample, fact.at);
}

function learnSample(attempted: Try, sample: Sample, at: number): void {
  const usage = (attempted.usage ??= newUsage());
  learnExtent(usage.at, at);
  learnExtent(usage.cpuTime, sample.cpuTime);
  learnExtent(usage.memory, sample.memory);
  learnExtent(usage.readBytes, sample.readBytes);
  learnExtent(usage.writeBytes, sample.writeBytes);
}

/** The resource sample that a record is; undefined if it is none. */
export function sampleOf(record: WideRecord): Sample | undefined {
  const user = number(record, 'psutil_process_time_user');
  if (user === undefined) return undefined;
  return {
    cpuTime: user + (number(record, 'psutil_process_time_system') ?? 0),
    memory: number(record, 'psutil_process_memory_resident'),
    readBytes: number(record, 'psutil_process_disk_read'),
    writeBytes: number(record, 'psutil_process_disk_write'),
  };
}

/** Keys of lines that say more of a try than messages do, besides the resources that it asked for. */
const tryKeys = ['parsl.executor_task', 'parsl.worker', 'workqueue.task', 'taskvine.task'] as const;
const RESOURCES = 'parsl.resource_specification.';
/** Such keys that a try may have. */
const EXTRAS_MAX = 32;

/** True if a line that names a task says more of it or of its try, or where that ran. */
export function tellsOfTask(record: WideRecord): boolean {
  if (record['parsl.waits_for'] !== undefined || record['parsl.dependency_task'] !== undefined) return true;
  if (attemptOf(record) === undefined) return false;
  if (tellsException(record) || startsSubmit(record)) return true;
  if (record['parsl.manager'] !== undefined || tryKeys.some((key) => record[key] !== undefined)) return true;
  for (const key in record) if (key.startsWith(RESOURCES)) return true;
  return false;
}

/** The tasks that a task waits for, of which a line names one or some: `3`, `task 3, task 5`. */
export function learnWaits(task: Task, record: WideRecord): void {
  for (const key of ['parsl.dependency_task', 'parsl.waits_for']) {
    for (const [, id] of String(record[key] ?? '').matchAll(/(?:^|\btask )(\d{1,9})\b/g))
      (task.waitsFor ??= new Set()).add(Number(id));
  }
}

/** What a line says of a try beside its state: its executor, its numbers there, what it asked for, where it was. */
export function learnLine(attempted: Try, record: WideRecord, stamp: Stamp): void {
  const rank = rankOf(stamp, false);
  learnText(attempted.executor, record, 'parsl.executor', rank);
  for (const key of tryKeys) learnExtra(attempted, key, record[key], rank);
  for (const key in record) if (key.startsWith(RESOURCES)) learnExtra(attempted, key, record[key], rank);
  learnException(attempted, record, stamp);
  if (startsSubmit(record)) learnTime(attempted.launched, stamp);
  const manager = text(record, 'parsl.manager');
  if (manager === undefined) return;
  // A worker knows that it ran the try; who sent it somewhere knows only that.
  const place = rankOf(stamp, record['source.log'] === 'worker');
  learn(attempted.manager, manager, place);
  learnText(attempted.block, record, 'parsl.block', place);
  learnText(attempted.host, record, 'host.name', place);
}

/**
 * The last line before the executor has the try: what messages call its launch. That it changed its state is told
 * afterwards, when the interchange or even a worker may have it already.
 */
function startsSubmit(record: WideRecord): boolean {
  return record['parsl.phase'] === 'submit' && record['parsl.phase_edge'] === 'start';
}

/** Only the submit side knows what ended a try: a worker may log what it gets over. */
function learnException(attempted: Try, record: WideRecord, stamp: Stamp): void {
  if (!tellsException(record)) return;
  const { type, message } = tracebackOf(text(record, 'message') ?? '') ?? {};
  if (type !== undefined)
    learn(attempted.exception, message === '' ? type : `${type}: ${message}`, rankOf(stamp, true));
  const named = text(record, 'error.type');
  if (named !== undefined) learn(attempted.exception, named, rankOf(stamp, false));
}

function tellsException(record: WideRecord): boolean {
  if (record['error.type'] !== undefined) return true;
  return record['source.log'] === 'parsl' && (text(record, 'message') ?? '').includes('\nTraceback ');
}

function learnExtra(attempted: Try, key: string, value: Value | undefined, rank: number): void {
  if (typeof value !== 'string' && typeof value !== 'number') return;
  const extras = (attempted.extras ??= new Map<string, Latest<string | number>>());
  let cell = extras.get(key);
  if (cell === undefined) {
    extras.set(key, (cell = latest()));
    // The first by name stay, whichever came first.
    if (extras.size > EXTRAS_MAX) extras.delete([...extras.keys()].sort().at(-1) ?? '');
  }
  learn(cell, value, rank);
}

export function tryOf(task: Task, number: number): Try {
  const known = task.tries[number];
  if (known !== undefined) return known;
  const attempted = newTry(task, number);
  task.tries[number] = attempted;
  return attempted;
}

export function learnText(cell: Latest<string>, record: WideRecord, key: string, rank: number): void {
  const value = text(record, key);
  if (value !== undefined) learn(cell, value, rank);
}

export function learnNumber(cell: Latest<number>, record: WideRecord, key: string, rank: number): void {
  const value = number(record, key);
  if (value !== undefined) learn(cell, value, rank);
}
