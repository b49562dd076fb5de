/** Spans, logs and metrics as the mappers would make them, for tests of what sends them. */
import { taskId, trySpanId } from '../../bridge/core/ids.ts';
import type { HistogramPoint, LogRecord, Metric, NumberPoint, Resource, Span } from '../../bridge/core/signal.ts';

export const RUN = '6f1f9a52-6a0e-4d0b-9a8e-3c1f6c1b2d10';
export const BEGAN = 1_795_000_000_123_456_000n;
const SECOND = 1_000_000_000n;

export const submit: Resource = {
  attributes: {
    'service.namespace': 'parsl',
    'service.name': 'assembly',
    'service.instance.id': RUN,
    'host.name': 'login1',
    'parsl.dfk': RUN,
  },
};

export const worker: Resource = {
  attributes: {
    'service.namespace': 'parsl',
    'service.name': 'assembly.htex',
    'service.instance.id': '8f8ba7000809',
    'host.name': 'nid00042',
    'parsl.dfk': RUN,
  },
};

/** A try of a task; even ones on the submit side, odd ones on a worker. */
export function span(task: number, changes: Partial<Span> = {}): Span {
  const { traceId, spanId } = taskId(RUN, task);
  const start = BEGAN + BigInt(task) * 137_000n;
  return {
    traceId,
    spanId: trySpanId(RUN, task, 0),
    parentSpanId: spanId,
    name: 'try 0',
    kind: 4,
    startTimeUnixNano: start,
    endTimeUnixNano: start + 5n * SECOND + 1n,
    attributes: {
      'parsl.span': 'try',
      'parsl.dfk': RUN,
      'parsl.task': task,
      'parsl.try': 0,
      'parsl.app_name': ['align_reads', 'call_variants', 'merge', 'qc_report'][task % 4]!,
      'parsl.executor': 'htex',
      'parsl.block': '0',
      'parsl.manager': '8f8ba7000809',
      'host.name': 'nid00042',
      'parsl.task_memoize': false,
      'parsl.task_fail_cost': 0,
    },
    links: [],
    status: { code: 0, message: '' },
    resource: task % 2 === 0 ? submit : worker,
    ...changes,
  };
}

export function log(task: number, changes: Partial<LogRecord> = {}): LogRecord {
  const { traceId, spanId } = taskId(RUN, task);
  return {
    timeUnixNano: BEGAN,
    observedTimeUnixNano: BEGAN,
    severityNumber: 9,
    severityText: 'INFO',
    body: `task ${task} launched`,
    eventName: 'parsl.task.state',
    attributes: { 'event.name': 'parsl.task.state', 'parsl.dfk': RUN, 'parsl.task': task },
    traceId,
    spanId,
    resource: submit,
    ...changes,
  };
}

/** The ids of a task's root span. */
export function idsOf(task: number): { readonly traceId: string; readonly spanId: string } {
  return taskId(RUN, task);
}

const stamps = { startTimeUnixNano: BEGAN, timeUnixNano: BEGAN + 15n * SECOND, stale: false };

export function numberPoint(
  value: number,
  attributes: NumberPoint['attributes'],
  changes: Partial<NumberPoint> = {},
): NumberPoint {
  return { attributes, value, ...stamps, ...changes };
}

export function histogramPoint(changes: Partial<HistogramPoint> = {}): HistogramPoint {
  return {
    attributes: { run: RUN, app: 'merge', outcome: 'done' },
    count: 4,
    sum: 6.75,
    min: 0.25,
    max: 4,
    bucketCounts: [1, 2, 1],
    exemplars: [{ timeUnixNano: BEGAN + SECOND, value: 4, ...taskId(RUN, 3) }],
    ...stamps,
    ...changes,
  };
}

export const tasksByState: Metric = {
  type: 'sum',
  monotonic: false,
  name: 'parsl.tasks',
  unit: '{task}',
  description: 'Tasks in each state.',
  resource: submit,
  points: [
    numberPoint(3, { run: RUN, workflow: 'assembly', state: 'running' }),
    numberPoint(0, { run: RUN, workflow: 'assembly', state: 'failed' }),
  ],
};

export const failures: Metric = {
  type: 'sum',
  monotonic: true,
  name: 'parsl.try.failures',
  unit: '{try}',
  description: 'Tries that failed.',
  resource: submit,
  points: [numberPoint(2, { run: RUN, 'error.type': 'ValueError' })],
};

export const silence: Metric = {
  type: 'gauge',
  name: 'parsl.run.silence',
  unit: 's',
  description: 'Since the last TASK_INFO.',
  resource: submit,
  points: [numberPoint(1.5, { run: RUN })],
};

export const durations: Metric = {
  type: 'histogram',
  name: 'parsl.task.duration',
  unit: 's',
  description: 'From the call of an app to the end of its task.',
  resource: submit,
  explicitBounds: [0.5, 2],
  points: [histogramPoint()],
};

export const metrics: readonly Metric[] = [tasksByState, failures, silence, durations];
