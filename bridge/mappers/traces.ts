/**
 * A task's trace (DESIGN.md §6): the task at the root, `pending` and one span per launched try below it, phases below
 * the tries. Tasks and tries are mapped when they close, each once.
 */
import { errorType } from '../core/error_type.ts';
import { phaseSpanId, taskId, trySpanId } from '../core/ids.ts';
import type { AttributeValue, Link, Resource, Span } from '../core/signal.ts';
import { SpanKind } from '../core/signal.ts';
import type { Zone } from '../core/time.ts';
import type { Task, Try } from '../model/entities.ts';
import {
  dependsOf, failureOf, isUnfinished, launchedTries, managerOf, pendingPhase, submitState, taskFailureOf, taskInterval, tryInterval,
  tryPhases, tryState, usedBy,
} from '../model/resolve.ts'; // prettier-ignore
import { isFailure } from '../model/states.ts';
import type { Resources } from './common.ts';
import { attributes, inferredOf, runLink, span } from './common.ts';

/** Links a span may carry; the attributes hold the full lists. */
const LINKS_MAX = 64;

export interface TrySpans {
  readonly spans: readonly Span[];
  /** Phases left out because they would end before they began. */
  readonly negativePhases: number;
}

/** The try's span and its phases, parent first. Empty if no record told a single time. */
export function trySpans(attempted: Try, zone: Zone, resources: Resources): TrySpans {
  const { task, number } = attempted;
  const { run } = task;
  const spanId = trySpanId(run.id, task.id, number);
  const submit = resources.submit(run);
  const manager = managerOf(attempted, zone);
  const about = aboutTry(attempted, manager);
  const state = tryState(attempted);
  const interval = tryInterval(attempted, zone);
  if (interval === undefined) return { spans: [], negativePhases: 0 };
  const failure = state !== undefined && isFailure(state) ? (failureOf(attempted) ?? state) : undefined;
  const spans = [
    span({
      traceId: task.traceId,
      spanId,
      parentSpanId: task.spanId,
      name: `try ${number}`,
      kind: SpanKind.PRODUCER,
      interval,
      attributes: attributes({
        'parsl.span': 'try',
        ...about,
        ...extrasOf(attempted),
        'parsl.task_state': state,
        'parsl.inferred': inferredOf(interval),
        'error.type': failure === undefined ? undefined : errorType(failure),
      }),
      failure,
      resource: submit,
    }),
  ];
  const { phases, negative } = tryPhases(attempted, interval, zone);
  for (const { name, interval } of phases) {
    const runs = name === 'running';
    const used = runs ? usedBy(attempted) : undefined;
    spans.push(
      span({
        traceId: task.traceId,
        spanId: phaseSpanId(run.id, task.id, number, name),
        parentSpanId: spanId,
        name,
        kind: runs ? SpanKind.CONSUMER : SpanKind.INTERNAL,
        interval,
        attributes: attributes({
          'parsl.span': 'phase',
          'parsl.phase': name,
          ...about,
          'parsl.inferred': inferredOf(interval),
          'parsl.usage.cpu_time': used?.cpuTime,
          'parsl.usage.memory_peak': used?.memoryPeak,
          'parsl.usage.read_bytes': used?.readBytes,
          'parsl.usage.write_bytes': used?.writeBytes,
        }),
        resource: runs ? workerOf(attempted, manager, resources) : submit,
      }),
    );
  }
  return { spans, negativePhases: negative };
}

/** What all spans about a try say of it. */
export function aboutTry(attempted: Try, manager: string | undefined): Record<string, AttributeValue | undefined> {
  const { task, number, executor, block } = attempted;
  return {
    'parsl.dfk': task.run.id,
    'parsl.task': task.id,
    'parsl.app_name': task.fields.app.value,
    'parsl.try': number,
    'parsl.executor': executor.value,
    'parsl.block': block.value,
    'parsl.manager': manager,
  };
}

/** Where a try ran. */
export function workerOf(attempted: Try, manager: string | undefined, resources: Resources): Resource {
  const { task, executor, host } = attempted;
  return resources.worker(task.run, executor.value, manager, host.value);
}

/** What logs alone tell of a try, in an order of its own. */
function extrasOf({ extras }: Try): Record<string, AttributeValue | undefined> {
  if (extras === undefined) return {};
  return Object.fromEntries([...extras].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { value }]) => [key, value]));
}

/** The task's root span and its `pending` phase. Empty if no record told a single time. */
export function taskSpans(task: Task, zone: Zone, resources: Resources): Span[] {
  const { run, fields } = task;
  const interval = taskInterval(task, zone);
  if (interval === undefined) return [];
  const state = submitState(task);
  const failed = state === 'failed' || state === 'dep_fail';
  const failure = failed ? (taskFailureOf(task) ?? state) : undefined;
  const resource = resources.submit(run);
  const about = { 'parsl.dfk': run.id, 'parsl.task': task.id, 'parsl.app_name': fields.app.value };
  const spans = [
    span({
      traceId: task.traceId,
      spanId: task.spanId,
      parentSpanId: '',
      name: fields.app.value ?? 'task',
      interval,
      attributes: attributes({
        'parsl.span': 'task',
        ...about,
        'parsl.executor': fields.executor.value,
        'parsl.task_state': state,
        'parsl.tries': launchedTries(task).length,
        'parsl.dependency_task': dependsOf(task),
        'parsl.joined_task': fields.joins.value,
        'parsl.task_hashsum': fields.hashsum.value,
        'parsl.task_stdin': fields.stdin.value,
        'parsl.task_stdout': fields.stdout.value,
        'parsl.task_stderr': fields.stderr.value,
        'parsl.task_inputs': unlessNone(fields.inputs.value),
        'parsl.task_outputs': unlessNone(fields.outputs.value),
        'parsl.unfinished': isUnfinished(task) ? true : undefined,
        'parsl.inferred': inferredOf(interval),
        'error.type': failure === undefined ? undefined : errorType(failure),
      }),
      links: taskLinks(task, state),
      failure,
      resource,
    }),
  ];
  const pending = pendingPhase(task, zone);
  if (pending !== undefined) {
    spans.push(
      span({
        traceId: task.traceId,
        spanId: phaseSpanId(run.id, task.id, undefined, 'pending'),
        parentSpanId: task.spanId,
        name: 'pending',
        interval: pending.interval,
        attributes: attributes({
          'parsl.span': 'phase',
          'parsl.phase': 'pending',
          ...about,
          'parsl.inferred': inferredOf(pending.interval),
        }),
        resource,
      }),
    );
  }
  return spans;
}

/** The run, the dependencies, the tasks that a join waits for, and where a memoised result came from. */
function taskLinks(task: Task, state: string | undefined): Link[] {
  const { run, fields } = task;
  const source = state === 'memo_done' ? memoSource(task) : undefined;
  const others = [
    ...taskNumbers(dependsOf(task)).map((id) => [id, 'dependency'] as const),
    ...taskNumbers(fields.joins.value).map((id) => [id, 'joined'] as const),
    ...(source === undefined ? [] : [[source, 'memo_source'] as const]),
  ];
  const links = others
    .slice(0, LINKS_MAX - 1)
    .map(([id, kind]) => ({ ...taskId(run.id, id), attributes: { 'parsl.link': kind, 'parsl.task': id } }));
  return [runLink(run), ...links];
}

/** The task whose result a memo hit reused: the earliest exec_done of the run with the same hash. */
export function memoSource(task: Task): number | undefined {
  const hashsum = task.fields.hashsum.value;
  const source = hashsum === undefined ? undefined : task.run.memo.get(hashsum)?.task;
  return source === task.id ? undefined : source;
}

/** Parsl's comma lists of task ids, in order of number. */
export function taskNumbers(list: string | undefined): number[] {
  if (list === undefined) return [];
  return list
    .split(',')
    .map((item) => Number.parseInt(item, 10))
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b);
}

/** Parsl writes an absent list of files as the text `None`. */
export function unlessNone(value: string | undefined): string | undefined {
  return value === 'None' || value === '[]' ? undefined : value;
}
