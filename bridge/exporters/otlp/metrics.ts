/**
 * Metrics as OTLP's bytes (opentelemetry/proto/metrics/v1/metrics.proto), with exemplars and the flag NO_RECORDED_VALUE,
 * neither of which the JavaScript SDK's serializer writes. All points are cumulative, and all values doubles: a number's
 * type must not change from one point to the next.
 */
import type { Exemplar, HistogramPoint, Metric, NumberPoint } from '../../core/signal.ts';
import type { ProtobufWriter } from './protobuf.ts';
import type { Encoding } from './split.ts';

export const metricEncoding: Encoding<Metric> = { write: writeMetric, weight: ({ points }) => points.length, halve };

const CUMULATIVE = 2;
const NO_RECORDED_VALUE = 1;

/**
 * Metrics with every stale point in a metric of its own: at the first stale point of a metric the Collector's
 * `prometheus` exporter stops reading and would lose the points behind it.
 */
export function setStaleApart(metrics: readonly Metric[]): Metric[] {
  return metrics.flatMap((metric) => {
    if (!metric.points.some(({ stale }) => stale)) return [metric];
    const live = metric.points.filter(({ stale }) => !stale);
    const stale = metric.points.filter((point) => point.stale);
    return [live, ...stale.map((point) => [point])]
      .filter(({ length }) => length > 0)
      .map((points) => withPoints(metric, points));
  });
}

/** Two metrics of half of the points each; undefined for one that cannot be divided. */
function halve(metric: Metric): [Metric, Metric] | undefined {
  const { points } = metric;
  if (points.length < 2) return undefined;
  const middle = points.length >>> 1;
  return [withPoints(metric, points.slice(0, middle)), withPoints(metric, points.slice(middle))];
}

/** The points must be of the metric's own type. */
function withPoints(metric: Metric, points: readonly (NumberPoint | HistogramPoint)[]): Metric {
  return { ...metric, points } as Metric;
}

function writeMetric(to: ProtobufWriter, tag: number, metric: Metric): void {
  const start = to.begin(tag, 2);
  to.string(0x0a, metric.name);
  if (metric.description !== '') to.string(0x12, metric.description);
  if (metric.unit !== '') to.string(0x1a, metric.unit);
  switch (metric.type) {
    case 'gauge': {
      const data = to.begin(0x2a, 2);
      for (const point of metric.points) writeNumberPoint(to, 0x0a, point);
      to.end(data, 2);
      break;
    }
    case 'sum': {
      const data = to.begin(0x3a, 2);
      for (const point of metric.points) writeNumberPoint(to, 0x0a, point);
      to.uint(0x10, CUMULATIVE);
      if (metric.monotonic) to.uint(0x18, 1);
      to.end(data, 2);
      break;
    }
    case 'histogram': {
      const data = to.begin(0x4a, 2);
      for (const point of metric.points) writeHistogramPoint(to, 0x0a, point, metric.explicitBounds);
      to.uint(0x10, CUMULATIVE);
      to.end(data, 2);
    }
  }
  to.end(start, 2);
}

function writeNumberPoint(to: ProtobufWriter, tag: number, point: NumberPoint): void {
  const start = to.begin(tag, 2);
  writeTimes(to, point);
  if (!point.stale) to.double(0x21, point.value);
  to.attributes(0x3a, point.attributes);
  if (point.stale) to.uint(0x40, NO_RECORDED_VALUE);
  to.end(start, 2);
}

/** A stale point keeps its buckets: the Collector marks the end of each series that it finds in it. */
function writeHistogramPoint(to: ProtobufWriter, tag: number, point: HistogramPoint, bounds: readonly number[]): void {
  const start = to.begin(tag, 2);
  writeTimes(to, point);
  to.count(0x21, point.count);
  to.double(0x29, point.sum);
  to.counts(0x32, point.bucketCounts);
  to.doubles(0x3a, bounds);
  for (const exemplar of point.exemplars) writeExemplar(to, 0x42, exemplar);
  to.attributes(0x4a, point.attributes);
  if (point.stale) to.uint(0x50, NO_RECORDED_VALUE);
  // Of no values there is neither a smallest nor a largest.
  if (point.count > 0) {
    to.double(0x59, point.min);
    to.double(0x61, point.max);
  }
  to.end(start, 2);
}

function writeTimes(to: ProtobufWriter, { startTimeUnixNano, timeUnixNano }: NumberPoint | HistogramPoint): void {
  if (startTimeUnixNano !== 0n) to.fixed64(0x11, startTimeUnixNano);
  to.fixed64(0x19, timeUnixNano);
}

function writeExemplar(to: ProtobufWriter, tag: number, { timeUnixNano, value, traceId, spanId }: Exemplar): void {
  const start = to.begin(tag, 1);
  to.fixed64(0x11, timeUnixNano);
  to.double(0x19, value);
  if (spanId !== '') to.hex(0x22, spanId);
  if (traceId !== '') to.hex(0x2a, traceId);
  to.end(start, 1);
}
