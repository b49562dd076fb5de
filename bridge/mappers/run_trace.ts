/**
 * A run's trace is small: the run, its executors, blocks and managers, with numbers as attributes. Tasks have traces
 * of their own, because backends choke on one trace of ten thousand spans (reference: peers, finding 6).
 */
import { blockSpanId, executorSpanId, managerSpanId, runId } from '../core/ids.ts';
import type { Span } from '../core/signal.ts';
import type { Zone } from '../core/time.ts';
import type { Block, Executor, Manager, Run } from '../model/entities.ts';
import type { Interval } from '../model/resolve.ts';
import { blockInterval, executorOfManager, managerInterval, runInterval } from '../model/resolve.ts';
import { taskStates } from '../model/states.ts';
import { instantOf } from '../model/zone.ts';
import type { Resources } from './common.ts';
import { attributes, inferredOf, span } from './common.ts';

/** The run's span, then executors, blocks and managers, each sorted by name. */
export function runSpans(run: Run, zone: Zone, resources: Resources): Span[] {
  const interval = runInterval(run, zone);
  if (interval === undefined) return [];
  const root = runSpan(run, interval, resources);
  const executors = sorted(run.executors).map((executor) => executorSpan(executor, interval, zone, root));
  const blocks = sorted(run.blocks).map((block) => blockSpan(block, interval, zone, root));
  const managers = sorted(run.managers).map((manager) => managerSpan(manager, interval, zone, root));
  return [root, ...executors, ...blocks, ...managers];
}

function sorted<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

function runSpan(run: Run, interval: Interval, resources: Resources): Span {
  const { info } = run;
  const counts = taskStates.flatMap((state) => {
    const count = run.counts.get(state) ?? 0;
    return count === 0 ? [] : [[`parsl.tasks.${state}`, count] as const];
  });
  return span({
    ...runId(run.id),
    parentSpanId: '',
    name: info.workflow_name.value ?? 'run',
    interval,
    attributes: attributes({
      'parsl.span': 'run',
      'parsl.dfk': run.id,
      'parsl.workflow_info.workflow_name': info.workflow_name.value,
      'parsl.workflow_info.workflow_version': info.workflow_version.value,
      'parsl.workflow_info.user': info.user.value,
      'parsl.workflow_info.host': info.host.value,
      'parsl.workflow_info.rundir': info.rundir.value,
      'parsl.workflow_info.parsl_version': info.parsl_version.value,
      'parsl.workflow_info.python_version': info.python_version.value,
      ...Object.fromEntries(counts),
      'parsl.unfinished': Number.isNaN(run.completed.local) && Number.isNaN(run.completed.instant) ? true : undefined,
      'parsl.inferred': inferredOf(interval),
    }),
    resource: resources.submit(run),
  });
}

function executorSpan({ run, label, firstSeen }: Executor, whole: Interval, zone: Zone, root: Span): Span {
  const interval = {
    start: { at: instantOf(firstSeen, zone) ?? whole.start.at, isInferred: true },
    end: inferredEnd(whole),
  };
  return child(root, executorSpanId(run.id, label), root.spanId, label, clip(interval), {
    'parsl.span': 'executor',
    'parsl.dfk': run.id,
    'parsl.executor': label,
    'parsl.blocks': [...run.blocks.values()].filter(({ executor }) => executor === label).length,
  });
}

function blockSpan(block: Block, whole: Interval, zone: Zone, root: Span): Span {
  const { run, executor, id, job, state } = block;
  const interval = clip(blockInterval(block, whole.end.at, zone));
  return child(root, blockSpanId(run.id, executor, id), executorSpanId(run.id, executor), `block ${id}`, interval, {
    'parsl.span': 'block',
    'parsl.dfk': run.id,
    'parsl.executor': executor,
    'parsl.block': id,
    'parsl.job_id': job.value,
    'parsl.block_state': state.value,
  });
}

function managerSpan(manager: Manager, whole: Interval, zone: Zone, root: Span): Span {
  const { run, id, block } = manager;
  const label = executorOfManager(manager);
  const parent =
    label === undefined || block.value === undefined ? root.spanId : blockSpanId(run.id, label, block.value);
  const interval = clip(managerInterval(manager, whole.end.at, zone));
  return child(root, managerSpanId(run.id, label ?? '', id), parent, `manager ${id}`, interval, {
    'parsl.span': 'manager',
    'parsl.dfk': run.id,
    'parsl.executor': label,
    'parsl.block': block.value,
    'parsl.manager': id,
    'parsl.manager_info.hostname': manager.host.value,
    'parsl.manager_info.worker_count': manager.workers.value,
    'parsl.manager_info.cpu_count': manager.cpus.value,
    'parsl.manager_info.total_memory': manager.memory.value,
    'parsl.manager_info.parsl_v': manager.parslVersion.value,
    'parsl.manager_info.python_v': manager.pythonVersion.value,
  });
}

function child(
  root: Span,
  spanId: string,
  parentSpanId: string,
  name: string,
  interval: Interval,
  about: Parameters<typeof attributes>[0],
): Span {
  return span({
    traceId: root.traceId,
    spanId,
    parentSpanId,
    name,
    interval,
    attributes: attributes({ ...about, 'parsl.inferred': inferredOf(interval) }),
    resource: root.resource,
  });
}

function inferredEnd({ end }: Interval): Interval['end'] {
  return { at: end.at, isInferred: true };
}

function clip({ start, end }: Interval): Interval {
  return { start, end: end.at < start.at ? { at: start.at, isInferred: true } : end };
}
