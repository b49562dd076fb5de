/**
 * Phases that only logs tell: lines that operators marked with `parsl.phase` and `parsl.phase_edge` bound what happened
 * inside `queued`, `running` and `returning`. They are kept apart from tasks and tries and close by a clock of their own,
 * so that no line, however late, holds a task's span back (DESIGN.md §6).
 *
 * What is known of one try closes as a whole, once: a linger after the try closed, or after the first line about a try
 * that is closed already.
 */
import type { Mark, OuterPhase } from '../core/log_phases.ts';
import { boundsOf, outerPhaseOf, spellsOf } from '../core/log_phases.ts';
import type { WideRecord } from '../core/record.ts';
import { text } from '../core/record.ts';
import type { Zone } from '../core/time.ts';
import { Deadlines } from './deadlines.ts';
import type { Try } from './entities.ts';
import type { Stamp } from './facts.ts';
import { attemptOf, indexOf, stampOf } from './learn.ts';
import { Ranges } from './ranges.ts';
import type { Interval } from './resolve.ts';
import { tryInterval, tryPhases } from './resolve.ts';
import { stateInstant } from './zone.ts';

/** What lines told of the phases of one try. */
export interface LoggedTry {
  readonly run: string;
  readonly task: number;
  readonly number: number;
  readonly marks: LoggedMark[];
  /** Once it closed. */
  attempted: Try | undefined;
  isEnding: boolean;
  closed: boolean;
}

/** A bound that a line told, by the clock that it told it by. */
interface LoggedMark extends Mark {
  readonly local: boolean;
}

export interface LogPhase {
  readonly name: string;
  /** Counted from 1 where a try is in one phase several times. */
  readonly spell: number;
  /** The phase of the try in which it lies; undefined: the try itself. */
  readonly within: OuterPhase | undefined;
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

/** Bounds of phases that one try may have. */
const MARKS_MAX = 256;
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
    if (ended !== undefined) learnMark(logged, ended, 'end', stamp);
    if (started !== undefined && (edge === 'start' || edge === 'end')) learnMark(logged, started, edge, stamp);
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
    logged = { run, task, number: attempt, marks: [], attempted: undefined, isEnding: false, closed: false };
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

function learnMark({ marks }: LoggedTry, phase: string, edge: Mark['edge'], { at, local }: Stamp): void {
  const mark = { phase, edge, at, local };
  if (marks.some((known) => compare(known, mark) === 0)) return;
  marks.push(mark);
  // The first stay, whichever came first.
  if (marks.length > MARKS_MAX) marks.sort(compare).pop();
}

function compare(a: LoggedMark, b: LoggedMark): number {
  return (
    a.at - b.at || order(a.phase, b.phase) || order(a.edge, b.edge) || Number(a.local) - Number(b.local)
  ); // prettier-ignore
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The phases that lines bound, by start. A bound that no line told is inferred; a phase without one is left out, and so
 * is one that would be negative, which is counted.
 */
export function logPhasesOf(logged: LoggedTry, zone: Zone): { phases: readonly LogPhase[]; negative: number } {
  const outer = outerPhases(logged, zone);
  const spells = spellsOf(logged.marks.map((mark) => ({ ...mark, at: stateInstant(mark, zone) })));
  const phases: LogPhase[] = [];
  let negative = 0;
  for (const each of spells) {
    const { start, end } = boundsOf(each, spells, outer);
    if (start === undefined || end === undefined) continue;
    if (end.at < start.at) negative += 1;
    else phases.push({ name: each.name, spell: each.spell, within: outerPhaseOf(each.name), interval: { start, end } });
  }
  // A spell whose start was inferred may lie before others; sorting is stable.
  return { phases: phases.sort((a, b) => a.interval.start.at - b.interval.start.at), negative };
}

function outerPhases({ attempted }: LoggedTry, zone: Zone): Parameters<typeof boundsOf>[2] {
  const whole = attempted === undefined ? undefined : tryInterval(attempted, zone);
  if (attempted === undefined || whole === undefined) return new Map();
  const { phases } = tryPhases(attempted, whole, zone);
  return new Map(phases.map(({ name, interval: { start, end } }) => [name, { start: start.at, end: end.at }]));
}
