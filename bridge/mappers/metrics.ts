/**
 * Metrics of all runs (DESIGN.md §7). A run's series are kept for five minutes after it closed, then end with a
 * staleness marker each; a record with a `metric` key becomes a gauge of that name.
 */
import type { WideRecord } from '../core/record.ts';
import { text } from '../core/record.ts';
import { findKey } from '../core/keys.ts';
import type { Metric, NumberPoint, Resource } from '../core/signal.ts';
import { toNanos } from '../core/time.ts';
import type { Zone } from '../core/time.ts';
import type { Run, Task, Try } from '../model/entities.ts';
import { RunMetrics } from './run_metrics.ts';
import { SERIES_MAX } from './series.ts';

const KEPT_US = 5 * 60e6;

interface Kept {
  readonly metrics: RunMetrics;
  readonly run: Run;
  readonly resource: () => Resource;
  closedAt: number;
}

interface Gauge {
  readonly name: string;
  readonly point: NumberPoint;
}

export class Metrics {
  readonly #runs = new Map<string, Kept>();
  readonly #gauges = new Map<string, Gauge>();

  tryClosed(attempted: Try, zone: Zone, resource: () => Resource): void {
    this.#of(attempted.task.run, resource).metrics.tryClosed(attempted, zone);
  }

  taskClosed(task: Task, zone: Zone, resource: () => Resource): void {
    this.#of(task.run, resource).metrics.taskClosed(task, zone);
  }

  runClosed(run: Run, now: number, resource: () => Resource): void {
    this.#of(run, resource).closedAt = now;
  }

  /** A run is reported from its first record on. */
  runSeen(run: Run, resource: () => Resource): void {
    this.#of(run, resource);
  }

  /**
   * A record with a `metric` key. The value is the key `value`, else its one numeric key that is not canonical;
   * false if there is no such value.
   */
  recordTold(record: WideRecord, now: number): boolean {
    const name = text(record, 'metric');
    if (name === undefined) return true;
    const value = metricValue(record);
    if (value === undefined) return false;
    const attributes = { run: text(record, 'parsl.dfk') ?? '', executor: text(record, 'parsl.executor') ?? '' };
    const key = `${name}\n${attributes.run}\n${attributes.executor}`;
    if (!this.#gauges.has(key) && this.#gauges.size >= SERIES_MAX) return false;
    const time = typeof record['time'] === 'bigint' ? record['time'] : toNanos(now);
    this.#gauges.set(key, { name, point: { attributes, value, startTimeUnixNano: 0n, timeUnixNano: time, stale: false } });
    return true;
  }

  /**
   * All metrics at `now`, microseconds; undefined: each run at its own last time, as convert wants them.
   * With `ends`, series whose time is over get their last point and are dropped: only one caller may do that.
   */
  collect(now: number | undefined, zoneOf: (run: Run) => Zone, lastOf: (run: Run) => number, ends: boolean): Metric[] {
    const metrics: Metric[] = [];
    for (const [id, kept] of this.#runs) {
      const at = now ?? lastOf(kept.run);
      const isOver = now !== undefined && now - kept.closedAt > KEPT_US;
      if (isOver && !ends) continue;
      metrics.push(...kept.metrics.collect(at, zoneOf(kept.run), kept.resource(), isOver));
      if (isOver) this.#runs.delete(id);
    }
    return [...metrics, ...this.#gaugeMetrics()];
  }

  #of(run: Run, resource: () => Resource): Kept {
    let kept = this.#runs.get(run.id);
    if (kept === undefined) this.#runs.set(run.id, (kept = { metrics: new RunMetrics(run), run, resource, closedAt: Infinity }));
    return kept;
  }

  #gaugeMetrics(): Metric[] {
    const resource = { attributes: { 'service.namespace': 'parsl', 'service.name': 'parsl' } };
    const names = [...new Set([...this.#gauges.values()].map(({ name }) => name))].sort();
    return names.map((name) => ({
      type: 'gauge',
      name,
      unit: '',
      description: 'Told by records with a metric key.',
      resource,
      points: [...this.#gauges.values()].filter((gauge) => gauge.name === name).map(({ point }) => point),
    }));
  }
}

function metricValue(record: WideRecord): number | undefined {
  if (typeof record['value'] === 'number') return record['value'];
  const numbers = Object.entries(record).filter(([key, value]) => typeof value === 'number' && findKey(key) === undefined);
  const only = numbers.length === 1 ? numbers[0]?.[1] : undefined;
  return typeof only === 'number' ? only : undefined;
}
