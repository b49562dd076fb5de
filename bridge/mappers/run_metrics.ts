/**
 * The metrics of one run (DESIGN.md §7). Counters and histograms grow as tries and tasks close; everything else is
 * counted from the model when it is asked for. All states are always reported, zeros included, so that sums and
 * ratios never lose a series.
 */
import { errorType } from '../core/error_type.ts';
import type { Exemplar, Metric, Resource } from '../core/signal.ts';
import { toNanos } from '../core/time.ts';
import type { Zone } from '../core/time.ts';
import type { Run, Task, Try } from '../model/entities.ts';
import { isKnown } from '../model/facts.ts';
import type { Interval } from '../model/resolve.ts';
import { failureOf, runInterval, shownState, taskInterval, tryInterval, tryState, usedBy } from '../model/resolve.ts';
import { isFailure, taskStates } from '../model/states.ts';
import { instantOf, lastInstantOf } from '../model/zone.ts';
import { countBlocks, executorsOf, failedBlocks, idleBlocks } from './blocks.ts';
import type { Instrument } from './instruments.ts';
import { instruments } from './instruments.ts';
import { memoryUtilization } from './nodes.ts';
import type { Row } from './points.ts';
import { Ends, exemplarOf, histogramMetric, named, numberMetric, record, sumMetric } from './points.ts';
import type { Stamps } from './series.ts';
import { counters, histograms } from './series.ts';
import { Told } from './told.ts';
import { waiting } from './waiting.ts';
import { countWorkers, openBusySeconds, UNKNOWN_EXECUTOR } from './workers.ts';

/** What collect() says of series that end: nothing, those that ended since the last such call, or that all do. */
export type Ending = 'untold' | 'told' | 'all';

export class RunMetrics {
  readonly #run: Run;
  readonly #taskDuration = histograms(instruments.taskDuration.bounds);
  readonly #tryDuration = histograms(instruments.tryDuration.bounds);
  readonly #queueDuration = histograms(instruments.queueDuration.bounds);
  readonly #memoryPeak = histograms(instruments.memoryPeak.bounds);
  readonly #failures = counters();
  readonly #cpuTime = counters();
  readonly #io = counters();
  readonly #told = new Told();
  readonly #ends = new Ends();
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
      this.#failures.at(named(instruments.tryFailures, [...labels, errorType(failureOf(attempted))])).value += 1;
    this.#recordUsage(attempted, labels, exemplar);
    this.#told.tryClosed(attempted, end.at, zone);
  }

  taskClosed(task: Task, zone: Zone): void {
    const interval = taskInterval(task, zone);
    if (interval === undefined || !isObserved(interval)) return;
    const labels = [...this.#labels(), task.fields.app.value ?? 'unknown', shownState(task)];
    const value = (interval.end.at - interval.start.at) / 1e6;
    record(this.#taskDuration, instruments.taskDuration, labels, value, (v) => exemplarOf(task, interval.end.at, v));
  }

  /** All of the run's metrics at `now`, microseconds. */
  collect(now: number, zone: Zone, resource: Resource, ending: Ending): Metric[] {
    const run = this.#run;
    const begin = instantOf(run.began, zone) ?? instantOf(run.firstSeen, zone) ?? now;
    const timeUnixNano = toNanos(Math.max(now, begin));
    const stamps: Stamps = { startTimeUnixNano: toNanos(begin), timeUnixNano, stale: ending === 'all' };
    const silence = Math.max(0, now - (lastInstantOf(run.lastTaskInfo, zone) ?? begin)) / 1e6;
    const isActive = !run.closed && !isKnown(run.completed);
    const gauge = (instrument: Instrument, rows: readonly Row[]): Metric => {
      const points = rows.map(([labels, value]) => {
        return { attributes: named(instrument, [...this.#labels(), ...labels]), value, ...stamps };
      });
      const all = ending === 'untold' ? points : this.#ends.withEnds(instrument.name, points, stamps);
      return numberMetric(instrument, all, resource);
    };
    const { runnable, oldest } = waiting(run, this.#told, zone, now);
    const { idle, workers } = idleBlocks(run, this.#told, zone, now, !isActive);
    return [
      gauge(
        instruments.tasks,
        taskStates.map((state) => [[state], run.counts.get(state) ?? 0]),
      ),
      gauge(instruments.runnable, runnable),
      gauge(instruments.runActive, [[[], isActive ? 1 : 0]]),
      gauge(instruments.runSilence, isActive ? [[[], silence]] : []),
      gauge(instruments.blocks, countBlocks(run)),
      gauge(instruments.blockIdle, idle),
      gauge(instruments.blockIdleWorkers, workers),
      gauge(instruments.blockFailed, failedBlocks(run, zone, now, !isActive)),
      gauge(instruments.queueOldest, isActive ? oldest : []),
      gauge(instruments.memoryUtilization, isActive ? memoryUtilization(run) : []),
      gauge(
        instruments.clockSkew,
        [...this.#told.skew].sort().map(([label, skew]) => [[label], skew]),
      ),
      ...this.#collectWorkers(now, zone, !isActive).map(([instrument, rows]) => gauge(instrument, rows)),
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

  #collectWorkers(now: number, zone: Zone, isOver: boolean): [Instrument, Row[]][] {
    const run = this.#run;
    // Where nothing says that a manager is gone, it is with its run.
    const until = isOver ? Math.min(now, runInterval(run, zone)?.end.at ?? now) : now;
    const counts = [...countWorkers(run, zone, until, isOver)].sort(([a], [b]) => (a < b ? -1 : 1));
    const open = openBusySeconds(run, zone, until);
    const busySeconds = (label: string): number => (this.#told.busySeconds.get(label) ?? 0) + (open.get(label) ?? 0);
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
    const labels = new Set(executorsOf(this.#run));
    for (const [label] of counts) labels.delete(label);
    return [...labels, UNKNOWN_EXECUTOR];
  }

  #collectSeries(stamps: Stamps, resource: Resource): Metric[] {
    return [
      histogramMetric(instruments.taskDuration, this.#taskDuration, stamps, resource),
      histogramMetric(instruments.tryDuration, this.#tryDuration, stamps, resource),
      histogramMetric(instruments.queueDuration, this.#queueDuration, stamps, resource),
      sumMetric(instruments.tryFailures, this.#failures, stamps, resource),
      sumMetric(instruments.cpuTime, this.#cpuTime, stamps, resource),
      histogramMetric(instruments.memoryPeak, this.#memoryPeak, stamps, resource),
      sumMetric(instruments.io, this.#io, stamps, resource),
    ];
  }
}

/** A duration between inferred bounds would be invented. */
function isObserved({ start, end }: Interval): boolean {
  return !start.isInferred && !end.isInferred;
}
