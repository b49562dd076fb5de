/**
 * Which resource is the limit, period by period. The run is cut into slices, and what each task waits for and what workers
 * there are is spread over them; limits.ts says what holds a slice up. Neighbours with one limit are a period.
 */
import type { BlockSpan } from './blocks.ts';
import { BUSY, FEW, limitOf, type Limit, type Load } from './limits.ts';
import type { LogPhase } from './log_phases.ts';
import { CoverSweep, type Window } from './series.ts';
import type { Wait, WaitKind } from './waits.ts';
import type { WorkerSpan } from './workers.ts';

export interface Period {
  readonly from: number;
  readonly to: number;
  readonly limit: Limit;
  readonly load: Load;
  /** Of several executors, those whose workers are the limit, or that do not tell how many they have. */
  readonly executors: readonly string[];
}

/** One slice. */
interface Slice {
  readonly load: Load;
  /** Executors whose workers are all busy while tasks wait; that do not tell how many workers they have, and have tasks waiting. */
  readonly saturated: readonly string[];
  readonly untold: readonly string[];
}

/** Slices a run is cut into. */
export const slices = 60;
const loggedPhases = ['submit', 'interchange_queue', 'manager_queue'] as const;
type LoggedPhase = (typeof loggedPhases)[number];

interface ExecutorSweep {
  readonly queued: CoverSweep;
  readonly busy: CoverSweep;
  readonly workers: CoverSweep;
  hasWorkers: boolean;
}

/** Takes in what each task waited for, and what was there; then tells the limits. */
export class LimitSweep {
  readonly #window: Window;
  readonly #kinds: Readonly<Record<WaitKind, CoverSweep>>;
  readonly #executors = new Map<string, ExecutorSweep>();
  readonly #occupied = new Set<string>();
  readonly #logged: Readonly<Record<LoggedPhase, CoverSweep>>;
  readonly #pending: CoverSweep;
  readonly #completed: Float64Array;
  readonly #hasManagers: boolean;

  /** `hasManagers`: false for Work Queue and TaskVine, which keep the tasks that wait in a queue of their own. */
  constructor({
    start,
    end,
    hasManagers,
  }: {
    readonly start: number;
    readonly end: number;
    readonly hasManagers: boolean;
  }) {
    this.#hasManagers = hasManagers;
    this.#window = { start, end: Math.max(end, start + slices), points: slices };
    const sweep = (): CoverSweep => new CoverSweep(this.#window);
    this.#kinds = {
      dependencies: sweep(), submit: sweep(), queued: sweep(), running: sweep(), returning: sweep(), joining: sweep(),
    }; // prettier-ignore
    this.#logged = { submit: sweep(), interchange_queue: sweep(), manager_queue: sweep() };
    this.#pending = sweep();
    this.#completed = new Float64Array(slices);
  }

  wait({ kind, executor, from, to }: Wait): void {
    this.#kinds[kind].add(from, to, 1);
    if (kind === 'queued') this.#executor(executor).queued.add(from, to, 1);
    if (kind === 'running' && !this.#occupied.has(executor ?? '')) this.#executor(executor).busy.add(from, to, 1);
  }

  /** Workers that a log says were given to a task: before any wait of the same executor, which then tells no busy worker. */
  occupied({ executor, workers, from, to }: WorkerSpan): void {
    this.#occupied.add(executor ?? '');
    this.#executor(executor).busy.add(from, to, workers);
  }

  /** A phase that log lines bound. */
  phase({ name, start, end }: LogPhase): void {
    if (start === null || end === null) return;
    if (loggedPhases.some((known) => known === name)) this.#logged[name as LoggedPhase].add(start, end, 1);
  }

  completed(time: number): void {
    const { start, end } = this.#window;
    const slice = Math.max(0, Math.min(slices - 1, Math.floor(((time - start) / (end - start)) * slices)));
    this.#completed[slice] = (this.#completed[slice] ?? 0) + 1;
  }

  workers({ executor, workers, from, to }: WorkerSpan): void {
    const sweep = this.#executor(executor);
    sweep.hasWorkers = true;
    sweep.workers.add(from, to, workers);
  }

  block({ state, from, to }: BlockSpan): void {
    if (state === 'PENDING') this.#pending.add(from, to, 1);
  }

  periods(): Period[] {
    const found = this.#slices();
    const step = (this.#window.end - this.#window.start) / slices;
    const names = smooth(found.map(({ load }) => limitOf(load, this.#hasManagers)));
    const periods: Period[] = [];
    for (let from = 0; from < slices;) {
      let to = from + 1;
      while (to < slices && names[to] === names[from]) to += 1;
      periods.push({
        from: Math.round(this.#window.start + from * step),
        to: Math.round(this.#window.start + to * step),
        limit: names[from] ?? 'idle',
        load: mean(found.slice(from, to).map(({ load }) => load)),
        executors: this.#executors.size > 1 ? mostly(found.slice(from, to), names[from]) : [],
      });
      from = to;
    }
    return periods;
  }

  #executor(label: string | null): ExecutorSweep {
    let sweep = this.#executors.get(label ?? '');
    if (sweep === undefined) {
      const make = (): CoverSweep => new CoverSweep(this.#window);
      this.#executors.set(label ?? '', (sweep = { queued: make(), busy: make(), workers: make(), hasWorkers: false }));
    }
    return sweep;
  }

  #slices(): Slice[] {
    const kinds = Object.fromEntries(Object.entries(this.#kinds).map(([kind, sweep]) => [kind, sweep.result()]));
    const of = (kind: WaitKind, slice: number): number => kinds[kind]?.[slice] ?? 0;
    const executors = [...this.#executors].map(([label, { queued, busy, workers, hasWorkers }]) => ({
      label, queued: queued.result(), busy: busy.result(), workers: hasWorkers ? workers.result() : null,
    })); // prettier-ignore
    const pending = this.#pending.result();
    const isLogged = loggedPhases.some((name) => this.#logged[name].total > 0);
    const logged = Object.fromEntries(loggedPhases.map((name) => [name, this.#logged[name].result()]));
    const inLog = (name: LoggedPhase, slice: number): number | null => (isLogged ? (logged[name]?.[slice] ?? 0) : null);
    return Array.from({ length: slices }, (_, slice): Slice => {
      const parts = { with_workers: 0, without_workers: 0, untold: 0 };
      let workers: number | null = null;
      let busy = 0;
      let idle = 0;
      const untold: string[] = [];
      const full: { readonly label: string; readonly used: number }[] = [];
      for (const executor of executors) {
        const queue = executor.queued[slice] ?? 0;
        if (executor.workers === null) {
          parts.untold += queue;
          if (queue >= FEW) untold.push(executor.label);
          continue;
        }
        const have = executor.workers[slice] ?? 0;
        const used = Math.min(have, executor.busy[slice] ?? 0);
        const free = have - used;
        workers = (workers ?? 0) + have;
        busy += used;
        idle += free;
        if (have >= FEW && used >= BUSY * have && queue >= FEW) full.push({ label: executor.label, used });
        if (have < FEW) parts.without_workers += queue;
        else parts.with_workers += queue;
      }
      const saturated = full.reduce((sum, { used }) => sum + used, 0);
      const load = {
        dependencies: of('dependencies', slice), submit: of('submit', slice), queued: of('queued', slice), running: of('running', slice),
        returning: of('returning', slice), ...parts, to_interchange: inLog('submit', slice), in_interchange: inLog('interchange_queue', slice),
        at_managers: inLog('manager_queue', slice), workers, busy, idle, saturated, blocks_pending: pending[slice] ?? 0,
        completed: this.#completed[slice] ?? 0,
      }; // prettier-ignore
      return { load, saturated: full.map(({ label }) => label), untold };
    });
  }
}

/** Executors that are the limit in at least half of the slices. */
function mostly(found: readonly Slice[], limit: Limit | undefined): string[] {
  const counts = new Map<string, number>();
  for (const { saturated, untold } of found) {
    const labels = limit === 'workers' ? saturated : limit === 'executor' ? untold : [];
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => 2 * count >= found.length).map(([label]) => label).sort(); // prettier-ignore
}

/** A single slice between two equal neighbours is noise. */
function smooth(names: readonly Limit[]): Limit[] {
  return names.map((name, k) => {
    const before = names[k - 1];
    return before !== undefined && before === names[k + 1] ? before : name;
  });
}

function mean(loads: readonly Load[]): Load {
  const of = (key: keyof Load): number =>
    Math.round((1000 * loads.reduce((sum, load) => sum + (load[key] ?? 0), 0)) / loads.length) / 1000;
  const known = (key: keyof Load): number | null => (loads.every((load) => load[key] === null) ? null : of(key));
  return {
    dependencies: of('dependencies'), submit: of('submit'), queued: of('queued'), running: of('running'), returning: of('returning'),
    with_workers: of('with_workers'), without_workers: of('without_workers'), untold: of('untold'),
    to_interchange: known('to_interchange'), in_interchange: known('in_interchange'), at_managers: known('at_managers'),
    workers: known('workers'), busy: of('busy'), idle: of('idle'), saturated: of('saturated'), blocks_pending: of('blocks_pending'),
    completed: loads.reduce((sum, { completed }) => sum + completed, 0),
  }; // prettier-ignore
}
