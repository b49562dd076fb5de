/**
 * The read side's rows (core/row.ts), projected from what changed in the model. Only what was observed goes into a
 * row; whoever shows it decides what to infer.
 */
import { runId, trySpanId } from '../core/ids.ts';
import type { WideRecord } from '../core/record.ts';
import { text } from '../core/record.ts';
import type { BlockRow, ManagerRow, RecordRow, Rows, RunRow, SampleRow, TaskRow, TryRow } from '../core/row.ts';
import { toMicros } from '../core/time.ts';
import type { Zone } from '../core/time.ts';
import type { Block, Manager, Run, Sample, Task, Try } from '../model/entities.ts';
import type { Earliest } from '../model/facts.ts';
import { isKnown, shownStates, TIMES_END } from '../model/facts.ts';
import { timeOf } from '../model/learn.ts';
import type { Moment } from '../model/resolve.ts';
import {
  dependsOf, executorOfManager, failureOf, launchedTries, managerOf, shownState, taskFailureOf, taskInterval,
  tryState, usedBy,
} from '../model/resolve.ts'; // prettier-ignore
import { isBlockEnd, isFinal, laneOf } from '../model/states.ts';
import type { Touched } from '../model/touched.ts';
import { currentZone, instantOf, lastInstantOf, stateInstant } from '../model/zone.ts';
import { memoSource, unlessNone } from './traces.ts';

const NEVER = { local: NaN, instant: NaN };

export function rowsOf(
  touched: Touched,
  samples: readonly SampleRow[],
  records: readonly RecordRow[],
  configured: Zone | undefined,
): Rows {
  const zoneOf = (run: Run): Zone => currentZone(run, configured);
  return {
    runs: touched.runs.map((run) => runRow(run, zoneOf(run))),
    tasks: touched.tasks.map((task) => taskRow(task, zoneOf(task.run))),
    tries: touched.tasks.flatMap((task) => launchedTries(task).map((attempted) => tryRow(attempted, zoneOf(task.run)))),
    blocks: touched.blocks.map((block) => blockRow(block, zoneOf(block.run))),
    managers: touched.managers
      .filter(({ registered }) => isKnown(registered))
      .map((manager) => managerRow(manager, zoneOf(manager.run))),
    samples,
    records,
  };
}

/** One resource message. */
export function sampleRow(attempted: Try, sample: Sample, at: number): SampleRow {
  return {
    run: attempted.task.run.id,
    task: attempted.task.id,
    try: attempted.number,
    time: at,
    cpu_time: sample.cpuTime,
    memory: sample.memory ?? null,
    read_bytes: sample.readBytes ?? null,
    write_bytes: sample.writeBytes ?? null,
  };
}

/** A record with text. `zoneOf` is asked where it tells a naive local time alone. */
export function recordRow(record: WideRecord, zoneOf: (run: string | undefined) => Zone): RecordRow {
  const run = text(record, 'parsl.dfk');
  const { time } = record;
  const local = timeOf(record, 'parsl.timestamp');
  const at = typeof time === 'bigint' ? toMicros(time) : local === undefined ? -1 : local - zoneOf(run).offset(local);
  return { run: run ?? null, time: at >= 0 && at < TIMES_END ? at : null, record };
}

function runRow(run: Run, zone: Zone): RunRow {
  const { info } = run;
  const firstSeen = instantOf(run.firstSeen, zone) ?? instantOf(run.began, zone) ?? 0;
  return {
    run: run.id,
    workflow: info.workflow_name.value ?? null,
    version: info.workflow_version.value ?? null,
    user: info.user.value ?? null,
    host: info.host.value ?? null,
    rundir: info.rundir.value ?? null,
    parsl_version: info.parsl_version.value ?? null,
    python_version: info.python_version.value ?? null,
    began: instantOf(run.began, zone) ?? null,
    completed: instantOf(run.completed, zone) ?? null,
    first_seen: firstSeen,
    last_seen: lastInstantOf(run.lastSeen, zone) ?? firstSeen,
    last_task_info: lastInstantOf(run.lastTaskInfo, zone) ?? null,
    zone: zone.name,
    zone_source: zone.source,
    closed: run.closed,
    trace_id: runId(run.id).traceId,
  };
}

/** A moment that was observed; rows infer nothing. */
function told(moment: Moment | undefined): number | null {
  return moment === undefined || moment.isInferred ? null : moment.at;
}

function taskRow(task: Task, zone: Zone): TaskRow {
  const { run, fields } = task;
  const state = shownState(task);
  const tries = launchedTries(task);
  const last = tries.at(-1);
  const failed = state === 'failed' || state === 'dep_fail' || state === 'fail_retryable';
  return {
    run: run.id,
    task: task.id,
    app: fields.app.value ?? null,
    state,
    final: isFinal(state),
    executor: fields.executor.value ?? null,
    tries: tries.length,
    invoked: instantOf(task.invoked, zone) ?? told(taskInterval(task, zone)?.start),
    launched: first(tries, 'launched', zone),
    running: first(tries, 'running', zone),
    running_ended: last === undefined ? null : (instantOf(last.ended, zone) ?? null),
    returned: instantOf(task.returned, zone) ?? (isFinal(state) ? told(taskInterval(task, zone)?.end) : null),
    depends: dependsOf(task) ?? null,
    joins: fields.joins.value ?? null,
    hashsum: fields.hashsum.value ?? null,
    memo_source: state === 'memo_done' ? (memoSource(task) ?? null) : null,
    fail_count: task.failCount.value ?? 0,
    fail_history: failed ? (taskFailureOf(task) ?? null) : null,
    stdout: fields.stdout.value ?? null,
    stderr: fields.stderr.value ?? null,
    inputs: unlessNone(fields.inputs.value) ?? null,
    outputs: unlessNone(fields.outputs.value) ?? null,
    host: last?.host.value ?? null,
    block: last?.block.value ?? null,
    manager: last === undefined ? null : (managerOf(last, zone) ?? null),
    closed: task.closed,
    trace_id: task.traceId,
    span_id: task.spanId,
  };
}

function first(tries: readonly Try[], which: 'launched' | 'running', zone: Zone): number | null {
  const times = tries.map((attempted) => instantOf(attempted[which], zone)).filter((at) => at !== undefined);
  return times.length === 0 ? null : Math.min(...times);
}

function tryRow(attempted: Try, zone: Zone): TryRow {
  const { task } = attempted;
  const used = usedBy(attempted);
  const at = (time: Earliest): number | null => instantOf(time, zone) ?? null;
  const states = shownStates(task.states)
    .filter((fact) => fact.attempt === attempted.number)
    .map((fact) => [laneOf(fact.state), fact.state, stateInstant(fact, zone)] as const)
    .sort((a, b) => a[2] - b[2]);
  return {
    run: task.run.id,
    task: task.id,
    try: attempted.number,
    launched: at(attempted.launched),
    running: at(attempted.running),
    running_ended: at(attempted.ended),
    returned: at(attempted.returned),
    state: tryState(attempted) ?? null,
    executor: attempted.executor.value ?? null,
    host: attempted.host.value ?? null,
    block: attempted.block.value ?? null,
    manager: managerOf(attempted, zone) ?? null,
    fail_history: failureOf(attempted) ?? null,
    cpu_time: used.cpuTime ?? null,
    memory_peak: used.memoryPeak ?? null,
    read_bytes: used.readBytes ?? null,
    write_bytes: used.writeBytes ?? null,
    states: JSON.stringify(states),
    span_id: trySpanId(task.run.id, task.id, attempted.number),
  };
}

function blockRow(block: Block, zone: Zone): BlockRow {
  const states = shownStates(block.states)
    .map((fact) => [fact.state, stateInstant(fact, zone)] as const)
    .sort((a, b) => a[1] - b[1]);
  return {
    run: block.run.id,
    executor: block.executor,
    block: block.id,
    job: block.job.value ?? null,
    state: block.state.value ?? 'UNKNOWN',
    states: JSON.stringify(states),
    first_seen: states[0]?.[1] ?? 0,
    ended: states.find(([state]) => isBlockEnd(state))?.[1] ?? null,
  };
}

function managerRow(manager: Manager, zone: Zone): ManagerRow {
  const registered = instantOf(manager.registered, zone) ?? 0;
  const heard = manager.run.managersHeard.get(manager.id) ?? NEVER;
  return {
    run: manager.run.id,
    manager: manager.id,
    executor: executorOfManager(manager) ?? null,
    block: manager.block.value ?? null,
    host: manager.host.value ?? null,
    workers: manager.workers.value ?? null,
    cpus: manager.cpus.value ?? null,
    memory: manager.memory.value ?? null,
    registered,
    last_seen: Math.max(registered, lastInstantOf(manager.lastSeen, zone) ?? 0, lastInstantOf(heard, zone) ?? 0),
    left: instantOf(manager.left, zone) ?? null,
    active: manager.active.value ?? true,
    draining: manager.draining.value ?? false,
    held: manager.held.value ?? 0,
  };
}
