/**
 * Monitoring messages for what logs alone told: a run, or a task of one, that no message told anything of gets those that
 * Parsl would have sent, so that monitoring.db has it, too. They are made of closed things, where it is certain that no
 * message will come, and are for exporters only: the model has learnt all of it already.
 *
 * What a message must have and no line told is empty, or named as the spans name it.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { Zone } from '../core/time.ts';
import type { Block, Manager, Run, Task, Try } from '../model/entities.ts';
import type { StateFact } from '../model/facts.ts';
import { shownStates } from '../model/facts.ts';
import type { Moment } from '../model/resolve.ts';
import { dependsOf, failureOf, isUnfinished, runInterval, taskInterval } from '../model/resolve.ts';
import { isFailure, laneOf } from '../model/states.ts';
import { instantOf, stateInstant } from '../model/zone.ts';

/** TASK_INFO and WORKER_TASK_INFO of a task in the order of its states; none if a message told of it. */
export function taskMessages(task: Task, zone: Zone): WideRecord[] {
  if (task.isTold) return [];
  const facts = [...shownStates(task.states)].sort((a, b) => stateInstant(a, zone) - stateInstant(b, zone));
  const about = aboutTask(task, zone);
  let failures = 0;
  return facts.map((fact) => {
    if (isFailure(fact.state)) failures += 1;
    const attempted = fact.attempt === undefined ? undefined : task.tries[fact.attempt];
    const message = messageOf(task.run, localOf(stateInstant(fact, zone), zone));
    const named = { 'parsl.task': task.id, 'parsl.try': fact.attempt ?? 0, 'parsl.task_state': fact.state };
    return laneOf(fact.state) === 'execution'
      ? { ...message, ...named, 'parsl.message_type': 'WORKER_TASK_INFO', ...workerKeys(fact, attempted) }
      : { ...message, ...named, ...about, 'parsl.task_fail_count': failures, ...tryKeys(attempted, zone) };
  });
}

function messageOf(run: Run, local: number): WideRecord {
  return { 'parsl.dfk': run.id, 'parsl.timestamp': local };
}

function aboutTask(task: Task, zone: Zone): WideRecord {
  const { fields } = task;
  const { start, end } = taskInterval(task, zone) ?? {};
  return {
    'parsl.message_type': 'TASK_INFO',
    'parsl.app_name': fields.app.value ?? 'task',
    'parsl.dependency_task': dependsOf(task) ?? '',
    'parsl.task_hashsum': fields.hashsum.value ?? null,
    'parsl.task_stdout': fields.stdout.value ?? null,
    'parsl.task_stderr': fields.stderr.value ?? null,
    'parsl.task_time_invoked': observed(start, zone),
    'parsl.task_time_returned': isUnfinished(task) ? null : observed(end, zone),
  };
}

function tryKeys(attempted: Try | undefined, zone: Zone): WideRecord {
  if (attempted === undefined) return {};
  const { executor, launched, returned } = attempted;
  return {
    'parsl.executor': executor.value ?? attempted.task.fields.executor.value ?? '',
    'parsl.task_fail_history': failureOf(attempted) ?? '',
    'parsl.task_try_time_launched': local(instantOf(launched, zone), zone),
    'parsl.task_try_time_returned': local(instantOf(returned, zone), zone),
  };
}

function workerKeys({ state, host, block }: StateFact, attempted: Try | undefined): WideRecord {
  return {
    'host.name': host ?? attempted?.host.value ?? null,
    'parsl.block': block ?? attempted?.block.value ?? null,
    [state === 'running' ? 'parsl.first_msg' : 'parsl.last_msg']: true,
  };
}

/** WORKFLOW_INFO of a run that no message told of: its start, and its end where a line told it; blocks and managers. */
export function runMessages(run: Run, zone: Zone): WideRecord[] {
  const interval = runInterval(run, zone);
  if (run.isTold || interval === undefined) return [];
  const { info } = run;
  const keys = Object.entries(info).map(([name, { value }]) => [`parsl.workflow_info.${name}`, value ?? ''] as const);
  const start: WideRecord = {
    'parsl.message_type': 'WORKFLOW_INFO',
    'parsl.dfk': run.id,
    ...Object.fromEntries(keys),
    'parsl.workflow_info.workflow_name': info.workflow_name.value ?? 'parsl',
    'parsl.workflow_info.time_began': localOf(interval.start.at, zone),
  };
  const end: WideRecord = {
    'parsl.message_type': 'WORKFLOW_INFO',
    'parsl.dfk': run.id,
    // Parsl counts failed dependencies and memo hits in neither.
    'parsl.workflow_info.tasks_failed_count': run.counts.get('failed') ?? 0,
    'parsl.workflow_info.tasks_completed_count': run.counts.get('exec_done') ?? 0,
    'parsl.workflow_info.time_completed': observed(interval.end, zone),
  };
  const blocks = [...run.blocks.values()].flatMap((block) => blockMessages(block, zone));
  return [start, ...blocks, ...[...run.managers.values()].flatMap((manager) => nodeMessage(manager, zone)), end];
}

function blockMessages({ run, executor, id, job, states }: Block, zone: Zone): WideRecord[] {
  return shownStates(states).map((fact) => ({
    ...messageOf(run, localOf(stateInstant(fact, zone), zone)),
    'parsl.message_type': 'BLOCK_INFO',
    'parsl.executor': executor,
    'parsl.block': id,
    'parsl.block_state': fact.state,
    'parsl.job_id': job.value ?? '',
  }));
}

/** Parsl's table wants the size of the node, too: without it there is no row. */
function nodeMessage(manager: Manager, zone: Zone): WideRecord[] {
  const registered = instantOf(manager.registered, zone);
  const [cpus, memory] = [manager.cpus.value, manager.memory.value];
  if (registered === undefined || cpus === undefined || memory === undefined) return [];
  return [
    {
      ...messageOf(manager.run, localOf(registered, zone)),
      'parsl.message_type': 'NODE_INFO',
      'parsl.manager': manager.id,
      'parsl.block': manager.block.value ?? null,
      'host.name': manager.host.value ?? '',
      'parsl.manager_info.worker_count': manager.workers.value ?? null,
      'parsl.manager_info.cpu_count': cpus,
      'parsl.manager_info.total_memory': memory,
      'parsl.manager_info.active': manager.active.value ?? true,
    },
  ];
}

function observed(moment: Moment | undefined, zone: Zone): Value {
  return moment === undefined || moment.isInferred ? null : localOf(moment.at, zone);
}

function local(at: number | undefined, zone: Zone): Value {
  return at === undefined ? null : localOf(at, zone);
}

/** What the run's clocks showed at an instant: the zone's offset is asked by local times, which lie a zone apart at most. */
function localOf(at: number, zone: Zone): number {
  return at + zone.offset(at + zone.offset(at));
}
