/**
 * Curves over a run, by one sweep over the times of its rows. Pure: rows in, curves out, nothing sorted, so that the
 * cost is one visit per row.
 *
 * States are counted at instants: a task is in exactly one state at a time, hence the counts add up to the tasks
 * that were invoked by then, and at the last instant they are the run's counts. Workers are averaged over
 * intervals instead, because a try that is shorter than an interval must still weigh what it took: the mean times
 * the length is the exact worker time.
 */

/** A run's first and last instant and how it is divided. `start < end`. */
export interface Window {
  readonly start: number;
  readonly end: number;
  readonly points: number;
}

export interface TaskTimes {
  readonly task: number;
  readonly state: string;
  readonly final: number;
  readonly invoked: number | null;
  readonly launched: number | null;
  readonly running: number | null;
  readonly running_ended: number | null;
  readonly returned: number | null;
  readonly is_join: number;
}

export interface TryTimes {
  readonly task: number;
  readonly launched: number | null;
  readonly running: number | null;
  readonly running_ended: number | null;
  readonly returned: number | null;
}

/** Counts how many things are in each state at each instant of a window, from their changes of state. */
export class StateSweep {
  readonly #window: Window;
  readonly #step: number;
  readonly #changes = new Map<string, Int32Array>();

  constructor(window: Window) {
    this.#window = window;
    this.#step = (window.end - window.start) / (window.points - 1);
  }

  /** One thing goes from one state to another at `time`; `from` undefined: it begins. */
  move(from: string | undefined, to: string, time: number): void {
    // The first instant that is not before the change.
    const index = Math.ceil((time - this.#window.start) / this.#step);
    const at = Math.max(0, Math.min(this.#window.points - 1, index));
    if (from !== undefined) this.#add(from, at, -1);
    this.#add(to, at, 1);
  }

  result(): { times: number[]; states: Record<string, number[]> } {
    const { start, end, points } = this.#window;
    const times = Array.from({ length: points }, (_, k) =>
      k === points - 1 ? end : Math.round(start + k * this.#step),
    );
    const states: Record<string, number[]> = {};
    for (const [state, changes] of this.#changes) {
      let sum = 0;
      states[state] = Array.from(changes, (change) => (sum += change));
    }
    return { times, states };
  }

  #add(state: string, at: number, by: number): void {
    let changes = this.#changes.get(state);
    if (changes === undefined) {
      changes = new Int32Array(this.#window.points);
      this.#changes.set(state, changes);
    }
    changes[at] = (changes[at] ?? 0) + by;
  }
}

/**
 * Puts one task into the sweep; false if none of its times is known. The two lanes race (`running` may be told to
 * be earlier than `launched`), so a change never lies before the change that must precede it.
 */
export function sweepTask(sweep: StateSweep, task: TaskTimes, tries: readonly TryTimes[]): boolean {
  let state: string | undefined;
  let now = -Infinity;
  const enter = (next: string, time: number | null): void => {
    if (time === null) return;
    now = Math.max(now, time);
    if (next !== state) sweep.move(state, next, now);
    state = next;
  };
  enter('pending', task.invoked);
  tries.forEach((attempt, index) => {
    enter('launched', attempt.launched);
    enter('running', attempt.running);
    enter('running_ended', attempt.running_ended);
    const isLast = index === tries.length - 1;
    // Between two tries Parsl has the task pending again; a join waits for the tasks it started.
    if (!isLast) enter('pending', attempt.returned);
    else if (task.is_join === 1) enter('joining', attempt.returned);
    else if (task.final === 0) enter(task.state, attempt.returned);
  });
  if (task.final === 1) enter(task.state, task.returned);
  if (state === undefined) return false;
  enter(task.state, now); // The row knows best what the task is now, even where a time is missing.
  return true;
}

/** Adds up how much of each interval of a window other intervals cover. */
export class CoverSweep {
  readonly #start: number;
  readonly #step: number;
  readonly #partial: Float64Array;
  readonly #change: Float64Array;
  /** The whole time covered, in microseconds. */
  total = 0;

  constructor({ start, end, points }: Window) {
    this.#start = start;
    this.#step = (end - start) / points;
    this.#partial = new Float64Array(points);
    this.#change = new Float64Array(points + 1);
  }

  /** `weight` things are there from `from` to `to`; what lies outside the window does not count. */
  add(from: number, to: number, weight: number): void {
    const points = this.#partial.length;
    const a = Math.max(0, (from - this.#start) / this.#step);
    const b = Math.min(points, (to - this.#start) / this.#step);
    if (!(b > a)) return;
    this.total += (b - a) * this.#step * weight;
    const first = Math.floor(a);
    const last = Math.min(points - 1, Math.floor(b));
    if (first === last) {
      this.#partial[first] = (this.#partial[first] ?? 0) + (b - a) * weight;
      return;
    }
    this.#partial[first] = (this.#partial[first] ?? 0) + (first + 1 - a) * weight;
    this.#partial[last] = (this.#partial[last] ?? 0) + (b - last) * weight;
    this.#change[first + 1] = (this.#change[first + 1] ?? 0) + weight;
    this.#change[last] = (this.#change[last] ?? 0) - weight;
  }

  /** Mean number in each interval. */
  result(): number[] {
    let whole = 0;
    return Array.from(this.#partial, (part, index) => {
      whole += this.#change[index] ?? 0;
      return Math.round((whole + part) * 1000) / 1000;
    });
  }
}

/** Starts of the intervals that `CoverSweep` divides a window into. */
export function intervalStarts({ start, end, points }: Window): number[] {
  return Array.from({ length: points }, (_, k) => Math.round(start + (k * (end - start)) / points));
}
