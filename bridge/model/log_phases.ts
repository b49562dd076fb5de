/**
 * Phases that only logs tell: lines that operators marked with `parsl.phase` and `parsl.phase_edge` bound what happened
 * inside `queued`, `running` and `returning`. They are kept apart from tasks and tries and close by a clock of their own,
 * so that no line, however late, holds a task's span back (DESIGN.md §6).
 *
 * What is known of one try closes as a whole, once: a linger after the try closed, or after the first line about a try
 * that is closed already.
 */
import type { WideRecord } from '../core/record.ts';
import { text } from '../core/record.ts';
import type { Zone } from '../core/time.ts';
import { Deadlines } from './deadlines.ts';
import type { Try } from './entities.ts';
import type { Earliest } from './facts.ts';
import { earliest } from './facts.ts';
import { attemptOf, indexOf, learnTime, stampOf } from './learn.ts';
import { Ranges } from './ranges.ts';
import type { Interval, Moment, Phase } from './resolve.ts';
import { tryInterval, tryPhases } from './resolve.ts';
import { instantOf } from './zone.ts';

/** The chain from the launch to the result, each with the phase of the try that it lies in. */
const chain: readonly (readonly [name: string, within: Phase['name']])[] = [
  ['submit', 'queued'],
  ['interchange_queue', 'queued'],
  ['manager_queue', 'queued'],
  ['worker', 'running'],
  ['result', 'returning'],
];

interface Bounds {
  readonly start: Earliest;
  readonly end: Earliest;
}

/** What lines told of the phases of one try. */
export interface LoggedTry {
  readonly run: string;
  readonly task: number;
  readonly number: number;
  readonly bounds: Map<string, Bounds>;
  /** Once it closed. */
  attempted: Try | undefined;
  isEnding: boolean;
  closed: boolean;
}

export interface LogPhase {
  readonly name: string;
  /** The phase of the try in which it lies; undefined: the try itself. */
  readonly within: Phase['name'] | undefined;
  readonly interval: Interval;
}

export interface LogPhasesOptions {
  /** Microseconds; Infinity: all of a try closes with the try. */
  readonly lingerUs: number;
  readonly onClosed: (logged: LoggedTry) => void;
  /** True of a try that will not close any more, because it has. */
  readonly hasClosed: (run: string, task: number, attempt: number) => boolean;
  /** Beyond it the oldest close at once. */
  readonly triesMax?: number | undefined;
}

/** Names of phases that one try may have. */
const NAMES_MAX = 16;
const TRIES_MAX = 200_000;
/** Runs of which it is remembered what closed. */
const RUNS_MAX = 1_000;

interface OfRun {
  readonly open: Map<string, LoggedTry>;
  /** Tasks whose phases closed, by number of the try. */
  readonly closed: Map<number, Ranges>;
}

export class LogPhases {
  readonly #options: LogPhasesOptions;
  readonly #runs = new Map<string, OfRun>();
  readonly #linger: Deadlines<LoggedTry>;
  #open = new Set<LoggedTry>();
  #now = 0;

  constructor(options: LogPhasesOptions) {
    this.#options = options;
    this.#linger = new Deadlines(options.lingerUs);
  }

  get nextDeadline(): number {
    return this.#linger.next;
  }

  /** True if something of the run has not closed yet. */
  isOpen(run: string): boolean {
    return (this.#runs.get(run)?.open.size ?? 0) > 0;
  }

  /** Moves the clock, and closes what is due. */
  tick(now: number): void {
    this.#now = now;
    for (let item = this.#linger.take(now); item !== undefined; item = this.#linger.take(now)) this.#close(item);
  }

  apply(record: WideRecord): void {
    const started = text(record, 'parsl.phase');
    const ended = text(record, 'parsl.phase_ended');
    if (started === undefined && ended === undefined) return;
    const run = text(record, 'parsl.dfk');
    const task = indexOf(record, 'parsl.task');
    const attempt = attemptOf(record);
    const stamp = stampOf(record);
    if (run === undefined || task === undefined || attempt === undefined || stamp === undefined) return;
    const logged = this.#find(run, task, attempt);
    if (logged === undefined) return;
    const edge = record['parsl.phase_edge'];
    if (ended !== undefined) learnTime(boundsOf(logged, ended).end, stamp);
    if (started !== undefined && edge === 'start') learnTime(boundsOf(logged, started).start, stamp);
    if (started !== undefined && edge === 'end') learnTime(boundsOf(logged, started).end, stamp);
  }

  /** The try's own spans are made: what logs tell of it follows. */
  tryClosed(attempted: Try): void {
    const { task, number } = attempted;
    const logged = this.#runs.get(task.run.id)?.open.get(keyOf(task.id, number));
    if (logged === undefined) return;
    logged.attempted = attempted;
    if (this.#options.lingerUs === Infinity) this.#close(logged);
    else this.#end(logged);
  }

  /** All that is known of the run's tries now ends, or, where everything closes at the end, closes. */
  runClosed(run: string): void {
    for (const logged of inOrder(this.#runs.get(run)?.open.values() ?? [])) {
      if (this.#options.lingerUs === Infinity) this.#close(logged);
      else this.#end(logged);
    }
  }

  /** Closes all, or what is of one run. */
  finish(run?: string): void {
    for (const id of run === undefined ? [...this.#runs.keys()].sort() : [run])
      for (const logged of inOrder(this.#runs.get(id)?.open.values() ?? [])) this.#close(logged);
  }

  #find(run: string, task: number, attempt: number): LoggedTry | undefined {
    const ofRun = this.#ofRun(run);
    const key = keyOf(task, attempt);
    let logged = ofRun.open.get(key);
    if (logged !== undefined) return logged;
    if (ofRun.closed.get(attempt)?.has(task) === true) return undefined;
    for (const oldest of this.#open) {
      if (this.#open.size < (this.#options.triesMax ?? TRIES_MAX)) break;
      this.#close(oldest);
    }
    logged = { run, task, number: attempt, bounds: new Map(), attempted: undefined, isEnding: false, closed: false };
    ofRun.open.set(key, logged);
    this.#open.add(logged);
    if (this.#options.hasClosed(run, task, attempt)) this.#end(logged);
    return logged;
  }

  #ofRun(run: string): OfRun {
    let ofRun = this.#runs.get(run);
    if (ofRun === undefined) {
      for (const [id, { open }] of this.#runs) {
        if (this.#runs.size < RUNS_MAX) break;
        if (open.size === 0) this.#runs.delete(id);
      }
      this.#runs.set(run, (ofRun = { open: new Map(), closed: new Map() }));
    }
    return ofRun;
  }

  #end(logged: LoggedTry): void {
    if (logged.isEnding) return;
    logged.isEnding = true;
    this.#linger.add(logged, this.#now);
  }

  #close(logged: LoggedTry): void {
    if (logged.closed) return;
    logged.closed = true;
    this.#open.delete(logged);
    const ofRun = this.#ofRun(logged.run);
    ofRun.open.delete(keyOf(logged.task, logged.number));
    let closed = ofRun.closed.get(logged.number);
    if (closed === undefined) ofRun.closed.set(logged.number, (closed = new Ranges()));
    closed.add(logged.task);
    this.#options.onClosed(logged);
  }
}

function keyOf(task: number, attempt: number): string {
  return `${task}/${attempt}`;
}

function inOrder(tries: Iterable<LoggedTry>): LoggedTry[] {
  return [...tries].sort((a, b) => a.task - b.task || a.number - b.number);
}

function boundsOf({ bounds }: LoggedTry, name: string): Bounds {
  let found = bounds.get(name);
  if (found === undefined) {
    bounds.set(name, (found = { start: earliest(), end: earliest() }));
    // The first by name stay, whichever came first.
    if (bounds.size > NAMES_MAX) bounds.delete([...bounds.keys()].sort().at(-1) ?? '');
  }
  return found;
}

/**
 * The phases that lines bound, by start. A bound that no line told is that of the neighbour in the chain, or of the
 * phase of the try that begins or ends with it, and inferred; a phase without one is left out, and so is one that would
 * be negative, which is counted.
 */
export function logPhasesOf(logged: LoggedTry, zone: Zone): { phases: readonly LogPhase[]; negative: number } {
  const outer = outerPhases(logged, zone);
  const told = (name: string | undefined, edge: keyof Bounds): Moment | undefined => {
    const cell = name === undefined ? undefined : logged.bounds.get(name)?.[edge];
    const at = cell === undefined ? undefined : instantOf(cell, zone);
    return at === undefined ? undefined : { at, isInferred: false };
  };
  const phases: LogPhase[] = [];
  let negative = 0;
  for (const name of [...logged.bounds.keys()].sort()) {
    const place = chain.findIndex(([known]) => known === name);
    const [, within] = chain[place] ?? [];
    const [before, after] = place < 0 ? [] : [chain[place - 1], chain[place + 1]];
    const first = before?.[1] === within ? undefined : outer.get(within)?.start;
    const last = after?.[1] === within ? undefined : outer.get(within)?.end;
    const start = told(name, 'start') ?? inferred(told(before?.[0], 'end') ?? first);
    const end = told(name, 'end') ?? inferred(told(after?.[0], 'start') ?? last);
    if (start === undefined || end === undefined) continue;
    if (end.at < start.at) negative += 1;
    else phases.push({ name, within, interval: { start, end } });
  }
  phases.sort((a, b) => a.interval.start.at - b.interval.start.at || placeOf(a.name) - placeOf(b.name));
  return { phases, negative };
}

function placeOf(name: string): number {
  return chain.findIndex(([known]) => known === name);
}

function inferred(moment: Moment | undefined): Moment | undefined {
  return moment === undefined ? undefined : { at: moment.at, isInferred: true };
}

function outerPhases({ attempted }: LoggedTry, zone: Zone): Map<string | undefined, Interval> {
  const whole = attempted === undefined ? undefined : tryInterval(attempted, zone);
  if (attempted === undefined || whole === undefined) return new Map();
  return new Map(tryPhases(attempted, whole, zone).phases.map(({ name, interval }) => [name, interval]));
}
