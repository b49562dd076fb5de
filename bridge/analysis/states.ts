/**
 * Tasks in each state over time, by both lanes, and lengths of queues. The lanes have two clocks that race (`running` may be
 * told to be earlier than `launched`), so they are counted apart: the submit lane counts tasks, the execution lane tries. A change is
 * never placed before the one that it must follow; how often that had to be done is told.
 */
import { StateSweep, type Window } from './series.ts';
import type { WorkerSpan } from './workers.ts';

export interface LaneTask {
  readonly state: string;
  readonly final: boolean;
  readonly invoked: number | null;
  readonly returned: number | null;
}

export interface LaneTry {
  readonly launched: number | null;
  readonly running: number | null;
  readonly running_ended: number | null;
  readonly returned: number | null;
  /** JSON array of [lane, state, instant]. */
  readonly states: string;
}

/** A number that a record with the key `metric` told. */
export interface MetricPoint {
  readonly metric: string;
  /** Which of several it is: an executor, say; empty if there is one. */
  readonly label: string;
  readonly time: number;
  readonly value: number;
}

/** A try was in a phase that logs tell. */
export interface QueuedSpan {
  readonly name: string;
  readonly executor: string | null;
  readonly start: number | null;
  readonly end: number | null;
}

export interface Queue {
  readonly metric: string;
  readonly label: string;
  /** At the instants of the answer; null before the first is told. */
  readonly values: readonly (number | null)[];
}

type Curves = Readonly<Record<string, readonly number[]>>;

export interface Lanes {
  readonly times: readonly number[];
  readonly submit: Curves;
  readonly execution: Curves;
  /** What records tell under the key `metric`, and how many tries were in each queue by the logs. */
  readonly queues: readonly Queue[];
  /** How many workers there were, by executor. */
  readonly workers: readonly Queue[];
  /** Tries of which a worker's end was never told: they leave the lane when they returned. */
  readonly inferred: number;
  /** Tries that a worker started before the submit side had told of the launch. */
  readonly raced: number;
  /** Tasks of which no time is known. */
  readonly unplaced: number;
  /** What is not shown, and what would supply it. */
  readonly missing: readonly string[];
}

/** Curves of queues that an answer lists. */
export const queuesMax = 20;
/** A try that is back is in no state of the execution lane. */
const GONE = '';

export function lanesOf(
  tasks: Iterable<{ readonly task: LaneTask; readonly tries: readonly LaneTry[] }>,
  told: {
    readonly points: Iterable<MetricPoint>;
    readonly phases: Iterable<QueuedSpan>;
    readonly workers: Iterable<WorkerSpan>;
  },
  window: Window,
): Lanes {
  const submit = new StateSweep(window);
  const execution = new StateSweep(window);
  let inferred = 0;
  let raced = 0;
  let unplaced = 0;
  let ran = 0;
  for (const { task, tries } of tasks) {
    if (!submitLane(submit, task, tries)) unplaced += 1;
    for (const attempt of tries) {
      const { launched, running, running_ended, returned } = attempt;
      if (running === null && running_ended === null) continue;
      ran += 1;
      if (running_ended === null && (returned !== null || task.final)) inferred += 1;
      if (running !== null && launched !== null && running < launched) raced += 1;
      walk(execution, [
        ['running', running],
        ['running_ended', running_ended],
        [GONE, returned ?? (task.final ? task.returned : null)],
      ]);
    }
  }
  const { times, states } = submit.result();
  const onWorkers = Object.fromEntries(Object.entries(execution.result().states).filter(([state]) => state !== GONE));
  const queues = [...countsOf(queuedSpans(told.phases), window), ...queuesOf(told.points, times)];
  const workers = countsOf(workerSpans(told.workers), window);
  return {
    times, submit: states, execution: onWorkers, queues, workers, inferred, raced, unplaced,
    missing: [
      ...(ran > 0 ? [] : ['No worker’s word: monitoring of the executor’s workers, or their logs, tell when tasks run.']),
      ...(queues.length > 0 ? [] : ['No queue length: records with the key metric tell it, such as the interchange’s log by the rules that come with parsl-otel.']),
    ],
  }; // prettier-ignore
}

type Event = readonly [state: string, time: number | null];

/** Moves one thing through its states; never back in time. False if no time is known. */
function walk(sweep: StateSweep, events: readonly Event[]): boolean {
  let state: string | undefined;
  let now = -Infinity;
  for (const [next, time] of events) {
    if (time === null || next === state) continue;
    now = Math.max(now, time);
    sweep.move(state, next, now);
    state = next;
  }
  return state !== undefined;
}

function submitLane(sweep: StateSweep, task: LaneTask, tries: readonly LaneTry[]): boolean {
  const told = tries.flatMap(({ states, launched }): Event[] => {
    const list = (JSON.parse(states) as [lane: string, state: string, time: number][])
      .filter(([lane]) => lane === 'submit')
      .map(([, state, time]): Event => [state, time]);
    // A launched message that got lost: the try's own time tells as much.
    return list.some(([state]) => state === 'launched') ? list : [['launched', launched], ...list];
  });
  told.sort((a, b) => (a[1] ?? Infinity) - (b[1] ?? Infinity));
  const before = told.filter(([state]) => !(task.final && state === task.state));
  return walk(sweep, [['pending', task.invoked], ...before, ...(task.final ? [[task.state, task.returned ?? told.at(-1)?.[1] ?? null] as const] : [])]); // prettier-ignore
}

/** Something that counts for `weight` from one time to another. */
interface Counted {
  readonly metric: string;
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

const queuePhases = new Set(['interchange_queue', 'manager_queue']);

function* queuedSpans(phases: Iterable<QueuedSpan>): Generator<Counted> {
  for (const { name, executor, start, end } of phases)
    if (queuePhases.has(name) && start !== null)
      yield { metric: name, label: executor ?? '', from: start, to: end ?? Infinity, weight: 1 };
}

function* workerSpans(spans: Iterable<WorkerSpan>): Generator<Counted> {
  for (const { executor, workers, from, to } of spans)
    yield { metric: 'workers', label: executor ?? '', from, to, weight: workers };
}

/** How many of each there are at every instant of the window. */
function countsOf(spans: Iterable<Counted>, { start, end, points }: Window): Queue[] {
  const changes = new Map<string, { readonly metric: string; readonly label: string; readonly by: Float64Array }>();
  const step = (end - start) / (points - 1);
  const place = (time: number): number => Math.max(0, Math.min(points, Math.ceil((time - start) / step)));
  for (const { metric, label, from, to, weight } of spans) {
    const key = `${metric}\n${label}`;
    let curve = changes.get(key);
    if (curve === undefined) {
      if (changes.size >= queuesMax) continue;
      changes.set(key, (curve = { metric, label, by: new Float64Array(points + 1) }));
    }
    const [first, last] = [place(from), Math.max(place(from), place(to))];
    curve.by[first] = (curve.by[first] ?? 0) + weight;
    curve.by[last] = (curve.by[last] ?? 0) - weight;
  }
  return [...changes.values()].map(({ metric, label, by }) => {
    let sum = 0;
    return { metric, label, values: Array.from(by.subarray(0, points), (change) => (sum += change)) };
  });
}

/** Each queue's last told length at every instant. */
function queuesOf(points: Iterable<MetricPoint>, times: readonly number[]): Queue[] {
  const byName = new Map<string, { metric: string; label: string; points: [time: number, value: number][] }>();
  for (const { metric, label, time, value } of points) {
    const key = `${metric}\n${label}`;
    let queue = byName.get(key);
    if (queue === undefined) {
      if (byName.size >= queuesMax) continue;
      byName.set(key, (queue = { metric, label, points: [] }));
    }
    queue.points.push([time, value]);
  }
  return [...byName.values()].map(({ metric, label, points: told }) => {
    told.sort(([a], [b]) => a - b);
    let k = 0;
    let value: number | null = null;
    const values = times.map((time) => {
      for (; k < told.length && (told[k]?.[0] ?? Infinity) <= time; k += 1) value = told[k]?.[1] ?? null;
      return value;
    });
    return { metric, label, values };
  });
}
