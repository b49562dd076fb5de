/**
 * Series of one metric: cumulative counters and histograms by attributes, at most `seriesMax` of them; what goes
 * beyond is added up in one series that says so (`otel.metric.overflow`, OpenTelemetry's metrics SDK specification).
 */
import type { Attributes, Exemplar, HistogramPoint, NumberPoint } from '../core/signal.ts';

/** OpenTelemetry's default limit is 2,000 series a metric. */
export const SERIES_MAX = 2000;

const overflow: Attributes = Object.freeze({ 'otel.metric.overflow': true });

export interface Stamps {
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
  readonly stale: boolean;
}

export class Series<T> {
  readonly #make: () => T;
  readonly #known = new Map<string, { attributes: Attributes; state: T }>();

  constructor(make: () => T) {
    this.#make = make;
  }

  /** The series with these attribute values, made if there is room. */
  at(attributes: Attributes): T {
    let key = Object.values(attributes).join('\u0000');
    let found = this.#known.get(key);
    if (found === undefined) {
      const isFull = this.#known.size >= SERIES_MAX - 1;
      if (isFull) key = 'overflow';
      found = (isFull ? this.#known.get(key) : undefined) ?? {
        attributes: isFull ? overflow : attributes,
        state: this.#make(),
      };
      this.#known.set(key, found);
    }
    return found.state;
  }

  /** Every series, sorted by its attribute values, so that an export does not depend on the order of events. */
  *[Symbol.iterator](): Generator<{ attributes: Attributes; state: T }> {
    for (const [, series] of [...this.#known].sort(([a], [b]) => (a < b ? -1 : 1))) yield series;
  }
}

export interface Counter {
  value: number;
}

export function counters(): Series<Counter> {
  return new Series(() => ({ value: 0 }));
}

export function counterPoints(series: Series<Counter>, stamps: Stamps): NumberPoint[] {
  return [...series].map(({ attributes, state }) => ({ attributes, value: state.value, ...stamps }));
}

export interface Histogram {
  count: number;
  sum: number;
  min: number;
  max: number;
  readonly buckets: number[];
  /** The latest of each bucket. */
  readonly exemplars: (Exemplar | undefined)[];
}

export function histograms(bounds: readonly number[]): Series<Histogram> {
  return new Series(() => ({
    count: 0,
    sum: 0,
    min: Infinity,
    max: -Infinity,
    buckets: new Array<number>(bounds.length + 1).fill(0),
    exemplars: new Array<Exemplar | undefined>(bounds.length + 1).fill(undefined),
  }));
}

export function observe(histogram: Histogram, bounds: readonly number[], value: number, exemplar: Exemplar): void {
  let bucket = bounds.findIndex((bound) => value <= bound);
  if (bucket < 0) bucket = bounds.length;
  histogram.count += 1;
  histogram.sum += value;
  histogram.min = Math.min(histogram.min, value);
  histogram.max = Math.max(histogram.max, value);
  histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + 1;
  const known = histogram.exemplars[bucket];
  if (known === undefined || isNewer(exemplar, known)) histogram.exemplars[bucket] = exemplar;
}

function isNewer(a: Exemplar, b: Exemplar): boolean {
  return a.timeUnixNano === b.timeUnixNano ? a.spanId < b.spanId : a.timeUnixNano > b.timeUnixNano;
}

export function histogramPoints(series: Series<Histogram>, stamps: Stamps): HistogramPoint[] {
  return [...series].map(({ attributes, state }) => ({
    attributes,
    count: state.count,
    sum: state.sum,
    min: state.min,
    max: state.max,
    bucketCounts: [...state.buckets],
    exemplars: state.exemplars.filter((exemplar) => exemplar !== undefined),
    ...stamps,
  }));
}
