/**
 * The metrics of one run (DESIGN.md §7). Counters and histograms grow as tries and tasks close; everything else is
 * counted from the model when it is asked for. All states are always reported, zeros included, so that sums and
 * ratios never lose a series.
 */
import { errorType } from '../core/error_type.ts';
import type { Attributes, AttributeValue, Exemplar, Metric, NumberPoint, Resource } from '../core/signal.ts';
import { toNanos } from '../core/time.ts';
import type { Zone } from '../core/time.ts';
import type { Run, Task, Try } from '../model/entities.ts';
import { isKnown } from '../model/facts.ts';
import type { Interval } from '../model/resolve.ts';
import { runInterval, shownState, taskInterval, tryInterval, tryState, usedBy } from '../model/resolve.ts';
import { blockStates, isFailure, taskStates } from '../model/states.ts';
import { instantOf, lastInstantOf } from '../model/zone.ts';
import type { Instrument } from './instruments.ts';
import { instruments } from './instruments.ts';
import type { Counter, Histogram, Series, Stamps } from './series.ts';
import { counterPoints, counters, histogramPoints, histograms, observe } from './series.ts';
import { taskNumbers } from './traces.ts';
import { countWorkers, openBusySeconds, UNKNOWN_EXECUTOR } from './workers.ts';

export class RunMetrics {
  readonly #run: Run;
  readonly #taskDuration = histograms(instruments.taskDuration.bounds);
  readonly #tryDuration = histograms(instruments.tryDuration.bounds);
  readonly #queueDuration = histograms(instruments.queueDuration.bounds);
  readonly #memoryPeak = histograms(instruments.memoryPeak.bounds);
  readonly #failures = counters();
  readonly #cpuTime = counters();
  readonly #io = counters();
  readonly #busySeconds = new Map<string, number>();
  readonly #idleSeconds = new Map<string, number>();

  constructor(run: Run) {
    this.#run = run;
  }

  tryClosed(attempted: Try, zone: Zone): void {
    const { task } = attempted;
    const interval = tryInterval(attempted, zone);
    if (interval === undefined) return;
    const { start, end } = interval;
    const outcome = tryState(attempted) ?? 'unknown';
    const executor = attempted.executor.value ?? UNKNOWN_EXECUTOR;
    const app = task.fields.app.value ?? 'unknown';
    const labels = [...this.#labels(), executor, app];
    const exemplar = (value: number): Exemplar => exemplarOf(task, end.at, value);
    if (isObserved(interval))
      record(this.#tryDuration, instruments.tryDuration, [...labels, outcome], (end.at - start.at) / 1e6, exemplar);
    const running = instantOf(attempted.running, zone);
    if (running !== undefined && running >= start.at && !start.isInferred)
      record(
        this.#queueDuration,
        instruments.queueDuration,
        [...labels, outcome],
        (running - start.at) / 1e6,
        exemplar,
      );
    if (isFailure(outcome))
      this.#failures.at(named(instruments.tryFailures, [...labels, errorType(attempted.failHistory.value)])).value += 1;
    this.#recordUsage(attempted, labels, exemplar);
    if (running !== undefined) {
      const ended = instantOf(attempted.ended, zone) ?? end.at;
      this.#busySeconds.set(executor, (this.#busySeconds.get(executor) ?? 0) + Math.max(0, ended - running) / 1e6);
    }
  }

  taskClosed(task: Task, zone: Zone): void {
    const interval = taskInterval(task, zone);
    if (interval === undefined || !isObserved(interval)) return;
    const labels = [...this.#labels(), task.fields.app.value ?? 'unknown', shownState(task)];
    const value = (interval.end.at - interval.start.at) / 1e6;
    record(this.#taskDuration, instruments.taskDuration, labels, value, (v) => exemplarOf(task, interval.end.at, v));
  }

  /** All of the run's metrics at `now`, microseconds; with `stale`, the last points of series that end. */
  collect(now: number, zone: Zone, resource: Resource, stale: boolean): Metric[] {
    const run = this.#run;
    const begin = instantOf(run.began, zone) ?? instantOf(run.firstSeen, zone) ?? now;
    const stamps: Stamps = { startTimeUnixNano: toNanos(begin), timeUnixNano: toNanos(Math.max(now, begin)), stale };
    const silence = Math.max(0, now - (lastInstantOf(run.lastTaskInfo, zone) ?? begin)) / 1e6;
    const isActive = !run.closed && !isKnown(run.completed);
    const metric = makeMetric(resource, stamps);
    const gauge = (instrument: Instrument, values: readonly Row[]): Metric =>
      metric(
        instrument,
        values.map(([labels, value]) => [named(instrument, [...this.#labels(), ...labels]), value]),
      );
    return [
      gauge(
        instruments.tasks,
        taskStates.map((state) => [[state], run.counts.get(state) ?? 0]),
      ),
      gauge(instruments.runnable, [[[], runnable(run)]]),
      gauge(instruments.runActive, [[[], isActive ? 1 : 0]]),
      gauge(instruments.runSilence, isActive ? [[[], silence]] : []),
      gauge(instruments.blocks, this.#blockRows()),
      ...this.#collectWorkers(now, zone).map(([instrument, rows]) => gauge(instrument, rows)),
      ...this.#collectSeries(stamps, resource),
    ].filter(({ points }) => points.length > 0);
  }

  #labels(): string[] {
    return [this.#run.id, this.#run.info.workflow_name.value ?? 'parsl'];
  }

  #recordUsage(attempted: Try, labels: string[], exemplar: (value: number) => Exemplar): void {
    const { cpuTime, memoryPeak, readBytes, writeBytes } = usedBy(attempted);
    if (cpuTime !== undefined) this.#cpuTime.at(named(instruments.cpuTime, labels)).value += cpuTime;
    if (memoryPeak !== undefined) record(this.#memoryPeak, instruments.memoryPeak, labels, memoryPeak, exemplar);
    if (readBytes !== undefined) this.#io.at(named(instruments.io, [...labels, 'read'])).value += readBytes;
    if (writeBytes !== undefined) this.#io.at(named(instruments.io, [...labels, 'write'])).value += writeBytes;
  }

  #blockRows(): Row[] {
    const blocks = [...this.#run.blocks.values()];
    const labels = [...new Set(blocks.map(({ executor }) => executor))].sort();
    return labels.flatMap((label) =>
      blockStates.map((state): Row => {
        const count = blocks.filter((block) => block.executor === label && block.state.value === state).length;
        return [[label, state], count];
      }),
    );
  }

  #collectWorkers(now: number, zone: Zone): [Instrument, Row[]][] {
    const run = this.#run;
    // Where nothing says that a manager is gone, it is with its run.
    const isOver = run.closed || isKnown(run.completed);
    const until = isOver ? Math.min(now, runInterval(run, zone)?.end.at ?? now) : now;
    const counts = [...countWorkers(run, zone, until, isOver)].sort(([a], [b]) => (a < b ? -1 : 1));
    const open = openBusySeconds(run, zone, until);
    const busySeconds = (label: string): number => (this.#busySeconds.get(label) ?? 0) + (open.get(label) ?? 0);
    for (const [label, { paid }] of counts) {
      const busy =
        label === UNKNOWN_EXECUTOR
          ? this.#ownersOf(counts).reduce((sum, owner) => sum + busySeconds(owner), 0)
          : busySeconds(label);
      // A counter never falls, though a late start message may show that a worker was busier than was thought.
      this.#idleSeconds.set(label, Math.max(this.#idleSeconds.get(label) ?? 0, paid - busy));
    }
    const each = (rows: (label: string, count: (typeof counts)[number][1]) => Row[]): Row[] =>
      counts.flatMap(([label, count]) => rows(label, count));
    return [
      [
        instruments.workers,
        each((label, { idle, busy, draining }) => [
          [[label, 'idle'], idle],
          [[label, 'busy'], busy],
          [[label, 'draining'], draining],
        ]),
      ],
      [
        instruments.managers,
        each((label, { live, gone }) => [
          [[label, 'live'], live],
          [[label, 'gone'], gone],
        ]),
      ],
      [instruments.idleTime, each((label) => [[[label], this.#idleSeconds.get(label) ?? 0]])],
    ];
  }

  /** Executors with blocks and without a manager that is known to be theirs. */
  #ownersOf(counts: readonly (readonly [label: string, unknown])[]): string[] {
    const labels = new Set([...this.#run.blocks.values()].map(({ executor }) => executor));
    for (const [label] of counts) labels.delete(label);
    return [...labels, UNKNOWN_EXECUTOR];
  }

  #collectSeries(stamps: Stamps, resource: Resource): Metric[] {
    const base = (instrument: Instrument): MetricBase => baseOf(instrument, resource);
    const sum = (instrument: Instrument, series: Series<Counter>): Metric => {
      return { ...base(instrument), type: 'sum', monotonic: true, points: counterPoints(series, stamps) };
    };
    const histogram = (instrument: Instrument & { bounds: readonly number[] }, series: Series<Histogram>): Metric => {
      const points = histogramPoints(series, stamps);
      return { ...base(instrument), type: 'histogram', explicitBounds: instrument.bounds, points };
    };
    return [
      histogram(instruments.taskDuration, this.#taskDuration),
      histogram(instruments.tryDuration, this.#tryDuration),
      histogram(instruments.queueDuration, this.#queueDuration),
      sum(instruments.tryFailures, this.#failures),
      sum(instruments.cpuTime, this.#cpuTime),
      histogram(instruments.memoryPeak, this.#memoryPeak),
      sum(instruments.io, this.#io),
    ];
  }
}

/** Attribute values after run and workflow, and the number. */
type Row = readonly [labels: readonly string[], value: number];

interface MetricBase {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly resource: Resource;
}

function baseOf({ name, unit, description }: Instrument, resource: Resource): MetricBase {
  return { name, unit, description, resource };
}

function makeMetric(resource: Resource, stamps: Stamps) {
  return (instrument: Instrument, values: readonly (readonly [Attributes, number])[]): Metric => {
    const points: NumberPoint[] = values.map(([attributes, value]) => ({ attributes, value, ...stamps }));
    const base = baseOf(instrument, resource);
    if (instrument.kind === 'gauge') return { ...base, type: 'gauge', points };
    return { ...base, type: 'sum', monotonic: instrument.kind === 'counter', points };
  };
}

/** A duration between inferred bounds would be invented. */
function isObserved({ start, end }: Interval): boolean {
  return !start.isInferred && !end.isInferred;
}

/** The instrument's attribute names with these values. */
function named(instrument: Instrument, values: readonly string[]): Attributes {
  const pairs = instrument.attributes.map((name, index): [string, AttributeValue] => [name, values[index] ?? '']);
  return Object.fromEntries(pairs);
}

function record(
  series: Series<Histogram>,
  instrument: Instrument & { bounds: readonly number[] },
  labels: readonly string[],
  value: number,
  exemplar: (value: number) => Exemplar,
): void {
  observe(series.at(named(instrument, labels)), instrument.bounds, value, exemplar(value));
}

function exemplarOf(task: Task, at: number, value: number): Exemplar {
  return { timeUnixNano: toNanos(at), value, traceId: task.traceId, spanId: task.spanId };
}

/** Tasks that a free worker could start now: launched and not started, or pending with all dependencies done. */
function runnable(run: Run): number {
  let count = 0;
  for (const task of run.tasks.values()) {
    const state = shownState(task);
    if (state === 'launched' || (state === 'pending' && dependenciesAreDone(run, task))) count += 1;
  }
  return count;
}

function dependenciesAreDone(run: Run, task: Task): boolean {
  return taskNumbers(task.fields.depends.value).every((id) => {
    const state = run.tasks.get(id)?.state.value;
    return run.closedTasks.has(id) || state === 'exec_done' || state === 'memo_done';
  });
}
