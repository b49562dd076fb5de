/**
 * Tasks in each state over time, by both lanes, and lengths of queues. The lanes have two clocks that race (`running` may be
 * told to be earlier than `launched`), so they are counted apart: the submit lane counts tasks, the execution lane tries. A change is
 * never placed before the one that it must follow; how often that had to be done is told.
 */
import { StateSweep, type Window } from './series.ts';

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
  readonly queues: readonly Queue[];
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
  points: Iterable<MetricPoint>,
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
  const queues = queuesOf(points, times);
  return {
    times, submit: states, execution: onWorkers, queues, inferred, raced, unplaced,
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
