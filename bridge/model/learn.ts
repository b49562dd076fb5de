/**
 * What one record teaches about a run, a task, a try, a block or a manager. Nothing here closes anything or knows the
 * clock; every function only adds facts, in any order, any number of times.
 */
import type { WideRecord } from '../core/record.ts';
import { flag, number, text } from '../core/record.ts';
import { toMicros } from '../core/time.ts';
import type { Block, Last, Manager, Run, RunField, Task, TaskField, Try, Usage, WorkerFact } from './entities.ts';
import { newBlock, newExecutor, newTry, newUsage, runFields, taskFields } from './entities.ts';
import type { Earliest, Latest } from './facts.ts';
import { learn, learnInstant, learnLocal, rankOf } from './facts.ts';
import { isFinal, isReturn, laneOf } from './states.ts';

/** When a record speaks of, and by which kind of clock. */
export interface Stamp {
  readonly at: number;
  readonly local: boolean;
}

/** The record's own time: Parsl's naive timestamp, else `time`. */
export function stampOf(record: WideRecord): Stamp | undefined {
  const local = record['parsl.timestamp'];
  if (typeof local === 'number') return { at: local, local: true };
  const time = record['time'];
  return typeof time === 'bigint' ? { at: toMicros(time), local: false } : undefined;
}

export function learnTime(cell: Earliest, { at, local }: Stamp): void {
  if (local) learnLocal(cell, at);
  else learnInstant(cell, at);
}

export function learnLast(cell: Last, { at, local }: Stamp): void {
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
  learnLocal(run.began, number(record, 'parsl.workflow_info.time_began'));
  learnLocal(run.completed, number(record, 'parsl.workflow_info.time_completed'));
  const offset = number(record, 'parsl.utc_offset');
  if (offset !== undefined) learn(run.utcOffset, offset, 0);
  const zone = text(record, 'parsl.time_zone');
  if (zone !== undefined) learn(run.timeZone, zone, 0);
}

/** How late the record is by its own naive clock: what tells the run's zone (DESIGN.md §10). */
export function learnDelay(run: Run, record: WideRecord): void {
  const arrival = record['source.arrival'];
  if (typeof arrival !== 'number') return;
  const stamp = record['parsl.timestamp'];
  const submit = number(record, 'parsl.workflow_info.time_completed') ?? number(record, 'parsl.workflow_info.time_began');
  if (typeof stamp === 'number') {
    run.anyDelay = Math.min(run.anyDelay, arrival - stamp);
    if (typeof record['parsl.task_state'] === 'string' && laneOf(record['parsl.task_state']) === 'submit')
      run.submitDelay = Math.min(run.submitDelay, arrival - stamp);
  } else if (submit !== undefined) {
    run.submitDelay = Math.min(run.submitDelay, arrival - submit);
  }
}

const taskFieldEntries = Object.entries(taskFields) as [TaskField, string][];

/** TASK_INFO: what the submit side says of a task and of the try it is about. */
export function learnTask(task: Task, record: WideRecord, state: string, stamp: Stamp): Try | undefined {
  const rank = rankOf(stamp.at, isFinal(state));
  for (const [field, key] of taskFieldEntries) {
    const value = record[key];
    if (typeof value === 'string' && value !== '') learn(task.fields[field], value, rank);
  }
  const failCount = number(record, 'parsl.task_fail_count');
  if (failCount !== undefined) learn(task.failCount, failCount, rank);
  learnLocal(task.invoked, number(record, 'parsl.task_time_invoked'));
  learnLocal(task.returned, number(record, 'parsl.task_time_returned'));
  learn(task.state, state, rank);
  learnLast(task.lastSeen, stamp);

  // Parsl 1.0 numbers no tries: there a launched try is numbered by the failures before it.
  const attempt = number(record, 'parsl.try') ?? (state === 'launched' ? failCount : undefined);
  if (attempt === undefined) return undefined;
  const attempted = tryOf(task, attempt);
  if (state === 'launched') attempted.isLaunched = true;
  if (state === 'joining') attempted.isJoin = true;
  learnLocal(attempted.launched, number(record, 'parsl.task_try_time_launched'));
  learnLocal(attempted.returned, number(record, 'parsl.task_try_time_returned'));
  learnSubmit(attempted, record, rank);
  return attempted;
}

function learnSubmit(attempted: Try, record: WideRecord, rank: number): void {
  const executor = text(record, 'parsl.executor');
  if (executor !== undefined) learn(attempted.executor, executor, rank);
  const history = text(record, 'parsl.task_fail_history');
  if (history !== undefined) learn(attempted.failHistory, history, rank);
}

/** What a worker says: a start, an end, a resource sample, or any two of them at once. */
export function workerFactOf(record: WideRecord, state: string | undefined, { at, local }: Stamp): WorkerFact {
  return {
    at,
    local,
    starts: state === 'running' || record['parsl.first_msg'] === true,
    ends: state === 'running_ended' || record['parsl.last_msg'] === true,
    host: text(record, 'host.name'),
    block: text(record, 'parsl.block'),
    usage: usageOf(record),
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
  const rank = rankOf(fact.at, fact.starts);
  if (fact.host !== undefined) learn(attempted.host, fact.host, rank);
  if (fact.block !== undefined) learn(attempted.block, fact.block, rank);
  learnUsage(attempted.usage, fact.usage);
}

function learnUsage(usage: Usage, told: Usage): void {
  usage.cpuTime = larger(usage.cpuTime, told.cpuTime);
  usage.memoryPeak = larger(usage.memoryPeak, told.memoryPeak);
  usage.readBytes = larger(usage.readBytes, told.readBytes);
  usage.writeBytes = larger(usage.writeBytes, told.writeBytes);
}

function larger(known: number, told: number): number {
  return told > known || Number.isNaN(known) ? told : known;
}

const noUsage: Usage = Object.freeze(newUsage());

function usageOf(record: WideRecord): Usage {
  const user = number(record, 'psutil_process_time_user');
  if (user === undefined) return noUsage;
  return {
    cpuTime: user + (number(record, 'psutil_process_time_system') ?? 0),
    memoryPeak: number(record, 'psutil_process_memory_resident') ?? NaN,
    readBytes: number(record, 'psutil_process_disk_read') ?? NaN,
    writeBytes: number(record, 'psutil_process_disk_write') ?? NaN,
  };
}

export function tryOf(task: Task, number: number): Try {
  const known = task.tries[number];
  if (known !== undefined) return known;
  const attempted = newTry(task, number);
  task.tries[number] = attempted;
  return attempted;
}

/** A status stands in for the try's own times where a message has none. */
export function learnStatusTimes(attempted: Try, state: string, stamp: Stamp, record: WideRecord): void {
  if (state === 'launched' && typeof record['parsl.task_try_time_launched'] !== 'number')
    learnTime(attempted.launched, stamp);
  if (isReturn(state) && typeof record['parsl.task_try_time_returned'] !== 'number')
    learnTime(attempted.returned, stamp);
}

export function learnExecutor(run: Run, label: string, stamp: Stamp): void {
  let executor = run.executors.get(label);
  if (executor === undefined) run.executors.set(label, (executor = newExecutor(run, label)));
  learnTime(executor.firstSeen, stamp);
}

/** BLOCK_INFO. */
export function blockOf(run: Run, record: WideRecord): Block | undefined {
  const executor = text(record, 'parsl.executor');
  const id = text(record, 'parsl.block');
  if (executor === undefined || id === undefined) return undefined;
  const name = `${executor}/${id}`;
  let block = run.blocks.get(name);
  if (block === undefined) run.blocks.set(name, (block = newBlock(run, executor, id)));
  return block;
}

/** NODE_INFO: the manager's whole record, of which the newest counts. */
export function learnManager(manager: Manager, record: WideRecord, stamp: Stamp): void {
  const rank = stamp.at;
  learnText(manager.block, record, 'parsl.block', rank);
  learnText(manager.host, record, 'host.name', rank);
  learnText(manager.parslVersion, record, 'parsl.manager_info.parsl_v', rank);
  learnText(manager.pythonVersion, record, 'parsl.manager_info.python_v', rank);
  learnNumber(manager.workers, record, 'parsl.manager_info.worker_count', rank);
  learnNumber(manager.cpus, record, 'parsl.manager_info.cpu_count', rank);
  learnNumber(manager.memory, record, 'parsl.manager_info.total_memory', rank);
  const active = flag(record, 'parsl.manager_info.active');
  if (active !== undefined) learn(manager.active, active, rank);
  const draining = flag(record, 'parsl.manager_info.draining');
  if (draining !== undefined) learn(manager.draining, draining, rank);
  const tasks = record['parsl.manager_info.tasks'];
  if (typeof tasks === 'string') learn(manager.held, tasks === '' ? 0 : tasks.split(',').length, rank);
  learnTime(manager.registered, stamp);
  if (active === false) learnTime(manager.lost, stamp);
  learnLast(manager.lastSeen, stamp);
}

function learnText(cell: Latest<string>, record: WideRecord, key: string, rank: number): void {
  const value = text(record, key);
  if (value !== undefined) learn(cell, value, rank);
}

function learnNumber(cell: Latest<number>, record: WideRecord, key: string, rank: number): void {
  const value = number(record, key);
  if (value !== undefined) learn(cell, value, rank);
}
