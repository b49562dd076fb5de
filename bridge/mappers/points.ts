/** Points of metrics from labels and numbers: what every metric of a run is made with. */
import type { Attributes, AttributeValue, Exemplar, Metric, NumberPoint, Resource } from '../core/signal.ts';
import { toNanos } from '../core/time.ts';
import type { Task } from '../model/entities.ts';
import type { Instrument } from './instruments.ts';
import type { Counter, Histogram, Series, Stamps } from './series.ts';
import { counterPoints, histogramPoints, observe } from './series.ts';

/** Attribute values after run and workflow, and the number. */
export type Row = readonly [labels: readonly string[], value: number];

/** The instrument's attribute names with these values. */
export function named(instrument: Instrument, values: readonly string[]): Attributes {
  const pairs = instrument.attributes.map((name, index): [string, AttributeValue] => [name, values[index] ?? '']);
  return Object.fromEntries(pairs);
}

/** Adds a value to the histogram with these labels. */
export function record(
  series: Series<Histogram>,
  instrument: Instrument & { bounds: readonly number[] },
  labels: readonly string[],
  value: number,
  exemplar: (value: number) => Exemplar,
): void {
  observe(series.at(named(instrument, labels)), instrument.bounds, value, exemplar(value));
}

export function exemplarOf(task: Task, at: number, value: number): Exemplar {
  return { timeUnixNano: toNanos(at), value, traceId: task.traceId, spanId: task.spanId };
}

export function sumMetric(instrument: Instrument, series: Series<Counter>, stamps: Stamps, resource: Resource): Metric {
  return { ...baseOf(instrument, resource), type: 'sum', monotonic: true, points: counterPoints(series, stamps) };
}

export function histogramMetric(
  instrument: Instrument & { bounds: readonly number[] },
  series: Series<Histogram>,
  stamps: Stamps,
  resource: Resource,
): Metric {
  const points = histogramPoints(series, stamps);
  return { ...baseOf(instrument, resource), type: 'histogram', explicitBounds: instrument.bounds, points };
}

export function numberMetric(instrument: Instrument, points: readonly NumberPoint[], resource: Resource): Metric {
  const base = baseOf(instrument, resource);
  if (instrument.kind === 'gauge') return { ...base, type: 'gauge', points };
  return { ...base, type: 'sum', monotonic: instrument.kind === 'counter', points };
}

/**
 * Some series end before their run does: those of a block that is used at last, of a run that is silent no more. Who
 * is pushed to must be told so, once; who scrapes sees it.
 */
export class Ends {
  readonly #shown = new Map<string, ReadonlyMap<string, NumberPoint>>();

  /** The points, and a stale one for each series of `name` that was there at the last call and is not now. */
  withEnds(name: string, points: readonly NumberPoint[], stamps: Stamps): NumberPoint[] {
    const shown = new Map(points.map((point) => [Object.values(point.attributes).join('\u0000'), point]));
    const gone = [...(this.#shown.get(name) ?? [])].filter(([key]) => !shown.has(key));
    this.#shown.set(name, shown);
    return [...points, ...gone.map(([, point]) => ({ ...point, ...stamps, stale: true }))];
  }
}

function baseOf({ name, unit, description }: Instrument, resource: Resource) {
  return { name, unit, description, resource };
}
