/**
 * Metrics of all runs (DESIGN.md §7). A run's series are kept for five minutes after it closed, then end with a
 * staleness marker each; a record with a `metric` key becomes a gauge of that name.
 */
import type { Value, WideRecord } from '../core/record.ts';
import { text } from '../core/record.ts';
import { findKey } from '../core/keys.ts';
import type { Metric, NumberPoint, Resource } from '../core/signal.ts';
import type { Zone } from '../core/time.ts';
import type { Run, Task, Try } from '../model/entities.ts';
import { RunMetrics } from './run_metrics.ts';
import { SERIES_MAX } from './series.ts';

const KEPT_US = 5 * 60e6;

interface Kept {
  readonly metrics: RunMetrics;
  readonly run: Run;
  closedAt: number;
  /** Of a closed run, whose resource nobody else keeps any more. */
  resource: Resource | undefined;
}

/** The newest value that records with a `metric` key told. */
interface Gauge {
  readonly name: string;
  readonly run: string;
  readonly point: NumberPoint;
}

export class Metrics {
  readonly #runs = new Map<string, Kept>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #resourceOf: (run: Run) => Resource;

  constructor(resourceOf: (run: Run) => Resource) {
    this.#resourceOf = resourceOf;
  }

  tryClosed(attempted: Try, zone: Zone): void {
    this.#of(attempted.task.run).metrics.tryClosed(attempted, zone);
  }

  taskClosed(task: Task, zone: Zone): void {
    this.#of(task.run).metrics.taskClosed(task, zone);
  }

  runClosed(run: Run, now: number): void {
    // Where nobody collects with `ends`, what is long over is let go of here.
    for (const [id, { closedAt }] of this.#runs) if (now - closedAt > 2 * KEPT_US) this.#drop(id);
    const kept = this.#of(run);
    kept.closedAt = now;
    kept.resource = this.#resourceOf(run);
  }

  /** A run is reported from its first record on. */
  runSeen(run: Run): void {
    this.#of(run);
  }

  /**
   * A record with a `metric` key, about the instant `at`. The value is the key `value`, else the one number under a key
   * that is not canonical, else the one text there that is a number, as Parsl's observability branch writes all of them;
   * false if there is no such value, or no room for another series.
   */
  recordTold(record: WideRecord, at: bigint): boolean {
    const name = text(record, 'metric');
    if (name === undefined) return true;
    const value = metricValue(record);
    if (value === undefined) return false;
    const attributes = { run: text(record, 'parsl.dfk') ?? '', executor: text(record, 'parsl.executor') ?? '' };
    const key = `${name}\n${attributes.run}\n${attributes.executor}`;
    const known = this.#gauges.get(key);
    if (known === undefined && this.#gauges.size >= SERIES_MAX) return false;
    const point = { attributes, value, startTimeUnixNano: 0n, timeUnixNano: at, stale: false };
    if (known === undefined || isNewer(point, known.point)) this.#gauges.set(key, { name, run: attributes.run, point });
    return true;
  }

  /**
   * All metrics at `now`, microseconds; undefined: each run at its own last time, as convert wants them.
   * With `ends`, series whose time is over get their last point and are dropped: only one caller may do that.
   */
  collect(now: number | undefined, zoneOf: (run: Run) => Zone, lastOf: (run: Run) => number, ends: boolean): Metric[] {
    const metrics: Metric[] = [];
    const over = new Set<string>();
    // By id, so that an export does not depend on which run was heard of first.
    for (const [id, kept] of [...this.#runs].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const isOver = now !== undefined && now - kept.closedAt > KEPT_US;
      if (isOver) over.add(id);
      if (isOver && !ends) continue;
      metrics.push(
        ...kept.metrics.collect(
          now ?? lastOf(kept.run),
          zoneOf(kept.run),
          kept.resource ?? this.#resourceOf(kept.run),
          isOver ? 'all' : ends ? 'told' : 'untold',
        ),
      );
    }
    metrics.push(...this.#gaugeMetrics(over, ends));
    if (ends) for (const id of over) this.#drop(id);
    return metrics;
  }

  #drop(run: string): void {
    this.#runs.delete(run);
    for (const [key, gauge] of this.#gauges) if (gauge.run === run) this.#gauges.delete(key);
  }

  #of(run: Run): Kept {
    let kept = this.#runs.get(run.id);
    if (kept === undefined)
      this.#runs.set(run.id, (kept = { metrics: new RunMetrics(run), run, closedAt: Infinity, resource: undefined }));
    return kept;
  }

  #gaugeMetrics(over: ReadonlySet<string>, ends: boolean): Metric[] {
    const resource = { attributes: { 'service.namespace': 'parsl', 'service.name': 'parsl' } };
    const metrics = new Map<string, NumberPoint[]>();
    for (const [, { name, run, point }] of [...this.#gauges].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (over.has(run) && !ends) continue;
      let points = metrics.get(name);
      if (points === undefined) metrics.set(name, (points = []));
      points.push(over.has(run) ? { ...point, stale: true } : point);
    }
    const description = 'Told by records with a metric key.';
    return [...metrics].map(([name, points]) => ({ type: 'gauge', name, unit: '', description, resource, points }));
  }
}

/** The later one, and of two at the same time the larger, so that their order does not matter. */
function isNewer(a: NumberPoint, b: NumberPoint): boolean {
  return a.timeUnixNano === b.timeUnixNano ? a.value > b.value : a.timeUnixNano > b.timeUnixNano;
}

function metricValue(record: WideRecord): number | undefined {
  if (record['value'] !== undefined) return numberOf(record['value']);
  const own = Object.keys(record).filter((key) => findKey(key) === undefined);
  const numbers = own.filter((key) => typeof record[key] === 'number');
  const [only, ...others] = numbers.length > 0 ? numbers : own.filter((key) => numberOf(record[key]) !== undefined);
  return only === undefined || others.length > 0 ? undefined : numberOf(record[only]);
}

function numberOf(value: Value | undefined): number | undefined {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
}
