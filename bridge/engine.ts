/**
 * Records in, signals and rows out: the fold and the mappers put together, with no effect of their own. The bridge
 * feeds it journal entries, `convert` feeds it files; both get the same spans.
 */
import type { WideRecord } from './core/record.ts';
import { text } from './core/record.ts';
import type { Rows, SampleRow } from './core/row.ts';
import type { LogRecord, Metric, Span } from './core/signal.ts';
import { machineZone, toNanos } from './core/time.ts';
import type { Zone } from './core/time.ts';
import { Resources } from './mappers/common.ts';
import { logPhaseSpans } from './mappers/log_phases.ts';
import { inOrder, isLog, lineTime, logLine, stateEvent, stateEvents } from './mappers/logs.ts';
import { runMessages, taskMessages } from './mappers/messages.ts';
import { Metrics } from './mappers/metrics.ts';
import { recordRow, rowsOf, sampleRow } from './mappers/rows.ts';
import { runSpans } from './mappers/run_trace.ts';
import { taskSpans, trySpans } from './mappers/traces.ts';
import type { Run, Task } from './model/entities.ts';
import { shownStates } from './model/facts.ts';
import { Fold } from './model/fold.ts';
import type { LoggedTry } from './model/log_phases.ts';
import { LogPhases } from './model/log_phases.ts';
import { ClosedZones, currentZone, lastInstantOf, instantOf, settleZone, stateInstant } from './model/zone.ts';

export interface EngineOptions {
  /**
   * `live`: things close by the clock of arrival, states are told as they come. `end`: all closes at finish(), and
   * every state is told then.
   */
  readonly closing: 'live' | 'end';
  readonly settleUs?: number;
  readonly lingerUs?: number;
  readonly zone?: Zone | undefined;
  /** Somebody takes the rows: what is only for them is kept. By default in a live engine. */
  readonly hasRows?: boolean;
  /** Somebody takes spans and logs, or spans alone. By default both. */
  readonly hasSignals?: boolean;
  readonly hasLogs?: boolean;
  readonly closedRuns?: Iterable<string>;
  readonly openTasksMax?: number;
  readonly memoSourcesMax?: number;
  /** Takes output while finish() goes on, in pieces, so that it need not be held whole. */
  readonly onOutput?: (output: Output) => void;
  readonly onRunOpened?: (id: string) => void;
  readonly onRunClosed?: (id: string) => void;
}

/** What one call gave rise to. */
export interface Output {
  readonly spans: Span[];
  readonly logs: LogRecord[];
  /** Monitoring messages for what logs alone told: for exporters that take no other. */
  readonly messages: WideRecord[];
}

export interface EngineCounts {
  late: number;
  unattributed: number;
  evicted: number;
  /** Phases that would have ended before they began. */
  negativePhases: number;
  /** Records with a `metric` key and no value. */
  metricsWithoutValue: number;
}

export class Engine {
  readonly #fold: Fold;
  readonly #zone: Zone | undefined;
  readonly #resources = new Resources();
  readonly #metrics = new Metrics((run) => this.#resources.submit(run));
  readonly #phases: LogPhases;
  /** Closed runs of which phases that only logs tell are still open. */
  readonly #closing = new Map<string, Run>();
  readonly #onRunClosed: (id: string) => void;
  readonly #isLive: boolean;
  readonly #hasRows: boolean;
  readonly #hasSignals: boolean;
  readonly #hasLogs: boolean;
  readonly #onOutput: ((output: Output) => void) | undefined;
  /** Spans of the tries of the task that is being closed: they follow its own. */
  #trySpans: Span[] = [];
  #output: Output = newOutput();
  /** Records with text, kept until finish() where everything is told then. */
  #texts: WideRecord[] = [];
  #samples: SampleRow[] = [];
  readonly #closedZones = new ClosedZones();
  /** Records with text for the read side. Their zone may still be told. */
  #told: WideRecord[] = [];
  #negativePhases = 0;
  #metricsWithoutValue = 0;
  #now = 0;
  #isFinished = false;

  constructor(options: EngineOptions) {
    const {
      closing,
      settleUs = 2e6,
      lingerUs = 30e6,
      zone,
      hasRows = closing === 'live',
      hasSignals = true,
      hasLogs = hasSignals,
      onOutput,
      onRunOpened = () => {},
      onRunClosed = () => {},
    } = options;
    this.#zone = zone;
    this.#isLive = closing === 'live';
    this.#hasRows = hasRows;
    this.#hasSignals = hasSignals;
    this.#hasLogs = hasLogs;
    this.#onOutput = onOutput;
    this.#fold = new Fold({
      ...options,
      zone,
      settleUs: this.#isLive ? settleUs : Infinity,
      lingerUs: this.#isLive ? lingerUs : Infinity,
      sink: {
        runOpened: (run) => {
          this.#metrics.runSeen(run);
          onRunOpened(run.id);
        },
        state: (task, fact) => {
          // A message may yet tell what a log line told: that waits until the task closes.
          if (!this.#isLive || fact.logged) return;
          // Nothing tells the run's zone yet, but its logs may: that waits, too, for as long as a try would.
          const isGuess = currentZone(task.run, this.#zone).source === 'machine';
          if (isGuess && this.#now < task.run.statesSince + settleUs) return;
          // Whoever listens, the zone is settled here, so that spans do not depend on who does.
          const zone = settleZone(task.run, this.#zone);
          fact.told = true;
          if (this.#hasLogs) this.#output.logs.push(stateEvent(task, fact, zone, this.#resources.submit(task.run)));
        },
        sample: (attempted, sample, stamp) => {
          if (!this.#hasRows) return;
          const at = stateInstant(stamp, currentZone(attempted.task.run, this.#zone));
          this.#samples.push(sampleRow(attempted, sample, at));
        },
        tryClosed: (attempted) => {
          const { run } = attempted.task;
          if (!this.#hasSignals) return;
          const zone = settleZone(run, this.#zone);
          const { spans, negativePhases } = trySpans(attempted, zone, this.#resources);
          (this.#isLive ? this.#output.spans : this.#trySpans).push(...spans);
          this.#negativePhases += negativePhases;
          this.#metrics.tryClosed(attempted, zone);
          this.#phases.tryClosed(attempted);
        },
        taskClosed: (task) => this.#taskClosed(task),
        runClosed: (run) => this.#runClosed(run),
      },
    });
    this.#phases = new LogPhases({
      lingerUs: this.#isLive ? lingerUs : Infinity,
      hasClosed: (run, task, attempt) => this.#fold.hasClosed(run, task, attempt),
      onClosed: (logged) => this.#phasesClosed(logged),
      triesMax: this.#isLive ? undefined : Infinity,
    });
    this.#onRunClosed = onRunClosed;
  }

  get openRuns(): Iterable<string> {
    return this.#fold.runs.keys();
  }

  /** Open runs of which nothing was heard since `before`, microseconds. */
  silentRuns(before: number): string[] {
    return [...this.#fold.runs.values()].filter(({ lastHeard }) => lastHeard < before).map(({ id }) => id);
  }

  get openTasks(): number {
    return this.#fold.openTasks;
  }

  /** When tick() would next close something, microseconds; Infinity if nothing waits. */
  get nextDeadline(): number {
    return Math.min(this.#fold.nextDeadline, this.#phases.nextDeadline);
  }

  get counts(): EngineCounts {
    const { late, unattributed, evicted } = this.#fold.counts;
    const metricsWithoutValue = this.#metricsWithoutValue;
    return { late, unattributed, evicted, negativePhases: this.#negativePhases, metricsWithoutValue };
  }

  /**
   * One journal entry's records, which arrived at `now` (microseconds). `isStored`: the read side has this entry's rows
   * already. Rows of the model replace one another, records of logs would be there twice.
   */
  apply(records: readonly WideRecord[], now: number, isStored = false): Output {
    this.#tick(now);
    for (const record of records) {
      this.#fold.apply(record);
      if (record['metric'] !== undefined) this.#metricTold(record);
      if (!isLog(record)) continue;
      if (this.#hasSignals) this.#phases.apply(record);
      if (this.#hasRows && !isStored) this.#told.push(record);
      if (!this.#hasLogs) continue;
      if (this.#isLive) this.#output.logs.push(...this.#lines([record]));
      else this.#texts.push(record);
    }
    return this.#take();
  }

  /** Nothing arrived, but time went by. */
  tick(now: number): Output {
    this.#tick(now);
    return this.#take();
  }

  /** Closes one run, or all of them, as they stand. */
  finish(run?: string): Output {
    const lines = inOrder(this.#lines(this.#texts)); // While their runs are there.
    this.#texts = [];
    this.#fold.finish(run);
    this.#phases.finish(run);
    this.#isFinished = run === undefined;
    for (const line of lines) this.#output.logs.push(line);
    return this.#take();
  }

  /** What changed since the last call, for the read side. */
  takeRows(): Rows {
    const zoneOf = (run: string | undefined): Zone => this.#zoneOf(run);
    const held = this.#told.filter((record) => this.#waitsForZone(record));
    const told = held.length === 0 ? this.#told : this.#told.filter((record) => !this.#waitsForZone(record));
    const records = told.map((record) => recordRow(record, zoneOf));
    const samples = this.#samples;
    this.#samples = [];
    this.#told = held;
    return rowsOf(this.#fold.takeTouched(), samples, records, this.#zone);
  }

  /** Metrics at `now`, or, where it is undefined, each run's at its own last time. */
  collect(now: number | undefined, ends = false): Metric[] {
    const zoneOf = (run: Run): Zone => currentZone(run, this.#zone);
    const lastOf = (run: Run): number => {
      const zone = zoneOf(run);
      return instantOf(run.completed, zone) ?? lastInstantOf(run.lastSeen, zone) ?? 0;
    };
    return this.#metrics.collect(now, zoneOf, lastOf, ends);
  }

  #take(): Output {
    const output = this.#output;
    this.#output = newOutput();
    return output;
  }

  /** The events of a task's states, or, where messages told theirs at once, of those that lines alone told. */
  #tellStates(task: Task, zone: Zone): void {
    const facts = shownStates(task.states).filter(({ told }) => told !== true);
    this.#output.logs.push(...stateEvents(task, facts, zone, this.#resources.submit(task.run)));
  }

  #tick(now: number): void {
    this.#now = now;
    this.#fold.tick(now);
    this.#phases.tick(now);
  }

  #runClosed(run: Run): void {
    const zone = settleZone(run, this.#zone);
    this.#output.messages.push(...runMessages(run, zone));
    this.#phases.runClosed(run.id);
    if (this.#hasSignals) this.#output.spans.push(...this.#trySpans.splice(0), ...runSpans(run, zone, this.#resources));
    this.#closedZones.remember(run.id, zone);
    this.#metrics.runClosed(run, this.#now);
    if (this.#phases.isOpen(run.id)) this.#closing.set(run.id, run);
    else this.#runDone(run);
  }

  /** Nothing of the run will leave any more that a replay would have to make again. */
  #runDone(run: Run): void {
    this.#closing.delete(run.id);
    this.#resources.forget(run);
    this.#onRunClosed(run.id);
  }

  #phasesClosed(logged: LoggedTry): void {
    const run = logged.attempted?.task.run ?? this.#fold.runs.get(logged.run);
    const submit = run === undefined ? unknownRun : this.#resources.submit(run);
    const { spans, negativePhases } = logPhaseSpans(logged, this.#zoneOf(logged.run), this.#resources, submit);
    (this.#isLive ? this.#output.spans : this.#trySpans).push(...spans);
    this.#negativePhases += negativePhases;
    const closing = this.#closing.get(logged.run);
    if (closing !== undefined && !this.#phases.isOpen(logged.run)) this.#runDone(closing);
  }

  #taskClosed(task: Task): void {
    this.#output.messages.push(...taskMessages(task, settleZone(task.run, this.#zone)));
    if (!this.#hasSignals) return;
    const zone = settleZone(task.run, this.#zone);
    this.#output.spans.push(...taskSpans(task, zone, this.#resources), ...this.#trySpans);
    this.#trySpans = [];
    this.#metrics.taskClosed(task, zone);
    if (this.#hasLogs) this.#tellStates(task, zone);
    if (!this.#isLive && this.#output.spans.length >= PIECE_SPANS) this.#onOutput?.(this.#take());
  }

  /** Where everything closes at the end, no instant is guessed that a later record may tell. */
  #waitsForZone(record: WideRecord): boolean {
    if (this.#isLive || this.#isFinished || typeof record['time'] === 'bigint') return false;
    const { source } = this.#zoneOf(text(record, 'parsl.dfk'));
    return source === 'arrival' || source === 'machine';
  }

  #metricTold(record: WideRecord): void {
    const at = lineTime(record, this.#zoneOf(text(record, 'parsl.dfk'))) ?? toNanos(this.#now);
    if (!this.#metrics.recordTold(record, at)) this.#metricsWithoutValue += 1;
  }

  /** The zone of a run, whether it is open or closed; undefined: of what belongs to none. */
  #zoneOf(id: string | undefined): Zone {
    if (id === undefined) return this.#zone ?? machineZone();
    const run = this.#fold.runs.get(id);
    return run === undefined ? this.#closedZones.of(id, this.#zone) : currentZone(run, this.#zone);
  }

  #lines(records: readonly WideRecord[]): LogRecord[] {
    return records.flatMap((record) => {
      const id = text(record, 'parsl.dfk');
      const run = id === undefined ? undefined : this.#fold.runs.get(id);
      const zone = this.#zoneOf(id);
      const resource = run === undefined ? unknownRun : this.#resources.submit(run);
      return logLine(record, zone, resource) ?? [];
    });
  }
}

function newOutput(): Output {
  return { spans: [], logs: [], messages: [] };
}

/** Spans handed to onOutput at a time. */
const PIECE_SPANS = 1000;

const unknownRun = { attributes: { 'service.namespace': 'parsl', 'service.name': 'parsl' } };
