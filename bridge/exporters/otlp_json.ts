/**
 * otlp_json: appends spans, logs and metrics to a file, one OTLP/JSON export request a line, as the Collector's file
 * exporter writes them: its otlp_json_file receiver reads the file, and so does Jaeger's upload.
 *
 * OTLP/JSON is proto3's JSON with ids in hex, enums as numbers, and 64-bit integers as text. A line holds one signal
 * and stays below 1 MiB, which is where the Collector's receiver would cut it.
 */
import { z } from 'zod';

import { itemsOf } from '../core/batch.ts';
import type { ExportBatch } from '../core/component.ts';
import { defineExporter } from '../core/component.ts';
import { isDouble } from '../core/keys.ts';
import { lineFile } from '../core/line_file.ts';
import type { Attributes, AttributeValue, Exemplar, HistogramPoint, LogRecord } from '../core/signal.ts';
import type { Metric, NumberPoint, Resource, Span } from '../core/signal.ts';
import { scope } from '../core/signal.ts';

const config = z.strictObject({
  path: z.string().min(1).describe('File to append to; it may be moved away at any time.'),
});

export const otlpJson = defineExporter({
  type: 'otlp_json',
  summary: 'Appends spans, logs and metrics to a file, one OTLP/JSON export request a line.',
  config,
  wants: ['spans', 'logs', 'metrics'],
  create({ path }, context) {
    const file = lineFile(path);
    return {
      start: () => file.open(),
      async export(batch) {
        await file.append(toOtlpJson(batch));
        context.count('sent', itemsOf({ ...batch, records: [], frames: [] }));
      },
      stop: () => file.close(),
    };
  },
});

const LINE_BYTES_MAX = 1_000_000;
const SAMPLED = 0x01;
/** Trace flags 01, and that the parent is known not to be remote. */
const SPAN_FLAGS = 0x101;
const NO_RECORDED_VALUE = 1;
const CUMULATIVE = 2;

/** The batch as lines, without newlines: traces, then logs, then metrics. */
export function toOtlpJson({ spans, logs, metrics }: ExportBatch): string[] {
  return [
    ...lines('resourceSpans', 'scopeSpans', 'spans', spans, (span) => [JSON.stringify(spanJson(span))]),
    ...lines('resourceLogs', 'scopeLogs', 'logRecords', logs, (log) => [JSON.stringify(logJson(log))]),
    ...lines('resourceMetrics', 'scopeMetrics', 'metrics', metrics, metricTexts),
  ];
}

/** One resource's items, as JSON texts. */
interface Part {
  readonly head: string;
  readonly texts: string[];
}

function lines<T extends { readonly resource: Resource }>(
  ofRequest: string,
  ofResource: string,
  ofScope: string,
  items: readonly T[],
  textsOf: (item: T) => readonly string[],
): string[] {
  const made: string[] = [];
  const schemaUrl = JSON.stringify(scope.schemaUrl);
  const tail = `],"schemaUrl":${schemaUrl}}],"schemaUrl":${schemaUrl}}`;
  let parts: Part[] = [];
  let bytes = 0;
  const finish = (): void => {
    const resources = parts.map(({ head, texts }) => `${head}${texts.join(',')}${tail}`);
    made.push(`{"${ofRequest}":[${resources.join(',')}]}`);
    parts = [];
    bytes = 0;
  };
  for (const [resource, own] of byResource(items)) {
    const scopeText = JSON.stringify({ name: scope.name });
    const head = `{"resource":${resource},"${ofResource}":[{"scope":${scopeText},"${ofScope}":[`;
    const envelope = Buffer.byteLength(head) + tail.length + 1;
    let part: Part | undefined;
    for (const text of own.flatMap(textsOf)) {
      const size = Buffer.byteLength(text) + 1;
      if (bytes > 0 && bytes + size + (part === undefined ? envelope : 0) > LINE_BYTES_MAX) {
        finish();
        part = undefined;
      }
      if (part === undefined) {
        parts.push((part = { head, texts: [] }));
        bytes += envelope;
      }
      part.texts.push(text);
      bytes += size;
    }
  }
  if (parts.length > 0) finish();
  return made;
}

/** Items by what their resource says, as JSON, in order of first appearance. */
function byResource<T extends { readonly resource: Resource }>(items: readonly T[]): Map<string, T[]> {
  const texts = new Map<Resource, string>();
  const groups = new Map<string, T[]>();
  for (const item of items) {
    let text = texts.get(item.resource);
    if (text === undefined) {
      text = JSON.stringify({ attributes: attributesJson(item.resource.attributes) });
      texts.set(item.resource, text);
    }
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [item]);
    else group.push(item);
  }
  return groups;
}

function spanJson(span: Span): object {
  const { code, message } = span.status;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId !== '' && { parentSpanId: span.parentSpanId }),
    flags: SPAN_FLAGS,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: span.startTimeUnixNano.toString(),
    endTimeUnixNano: span.endTimeUnixNano.toString(),
    attributes: attributesJson(span.attributes),
    ...(span.links.length > 0 && {
      links: span.links.map(({ traceId, spanId, attributes }) => {
        return { traceId, spanId, attributes: attributesJson(attributes), flags: SAMPLED };
      }),
    }),
    status: { ...(message !== '' && { message }), ...(code !== 0 && { code }) },
  };
}

function logJson(log: LogRecord): object {
  return {
    ...(log.timeUnixNano !== 0n && { timeUnixNano: log.timeUnixNano.toString() }),
    ...(log.observedTimeUnixNano !== 0n && { observedTimeUnixNano: log.observedTimeUnixNano.toString() }),
    ...(log.severityNumber !== 0 && { severityNumber: log.severityNumber }),
    ...(log.severityText !== '' && { severityText: log.severityText }),
    ...(log.eventName !== '' && { eventName: log.eventName }),
    body: { stringValue: log.body },
    attributes: attributesJson(log.attributes),
    ...(log.traceId !== '' && {
      flags: SAMPLED,
      traceId: log.traceId,
      ...(log.spanId !== '' && { spanId: log.spanId }),
    }),
  };
}

/** A metric as JSON; as several, each with some of its points, where it would be too long for a line. */
function metricTexts(metric: Metric): string[] {
  const { points } = metric;
  if (points.length === 0) return [];
  const text = JSON.stringify(metricJson(metric));
  if (points.length === 1 || text.length < LINE_BYTES_MAX / 2) return [text];
  const middle = points.length >>> 1;
  return [points.slice(0, middle), points.slice(middle)].flatMap((half) =>
    metricTexts({ ...metric, points: half } as Metric),
  );
}

function metricJson(metric: Metric): object {
  const { name, description, unit } = metric;
  const base = { name, ...(description !== '' && { description }), ...(unit !== '' && { unit }) };
  switch (metric.type) {
    case 'gauge':
      return { ...base, gauge: { dataPoints: metric.points.map(numberPointJson) } };
    case 'sum': {
      const { monotonic: isMonotonic } = metric;
      const dataPoints = metric.points.map(numberPointJson);
      return { ...base, sum: { dataPoints, aggregationTemporality: CUMULATIVE, ...(isMonotonic && { isMonotonic }) } };
    }
    case 'histogram': {
      const dataPoints = metric.points.map((point) => histogramPointJson(point, metric.explicitBounds));
      return { ...base, histogram: { dataPoints, aggregationTemporality: CUMULATIVE } };
    }
  }
}

function pointJson({ attributes, startTimeUnixNano, timeUnixNano, stale }: NumberPoint | HistogramPoint): object {
  return {
    attributes: attributesJson(attributes),
    ...(startTimeUnixNano !== 0n && { startTimeUnixNano: startTimeUnixNano.toString() }),
    timeUnixNano: timeUnixNano.toString(),
    ...(stale && { flags: NO_RECORDED_VALUE }),
  };
}

function numberPointJson(point: NumberPoint): object {
  return { ...pointJson(point), ...(!point.stale && { asDouble: doubleJson(point.value) }) };
}

function histogramPointJson(point: HistogramPoint, bounds: readonly number[]): object {
  return {
    ...pointJson(point),
    count: String(point.count),
    sum: doubleJson(point.sum),
    bucketCounts: point.bucketCounts.map(String),
    explicitBounds: bounds,
    ...(point.exemplars.length > 0 && { exemplars: point.exemplars.map(exemplarJson) }),
    ...(point.count > 0 && { min: doubleJson(point.min), max: doubleJson(point.max) }),
  };
}

function exemplarJson({ timeUnixNano, value, traceId, spanId }: Exemplar): object {
  return {
    timeUnixNano: timeUnixNano.toString(),
    asDouble: doubleJson(value),
    ...(spanId !== '' && { spanId }),
    ...(traceId !== '' && { traceId }),
  };
}

function attributesJson(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValueJson(value, isDouble(key)) }));
}

function anyValueJson(value: AttributeValue, asDouble: boolean): object {
  switch (typeof value) {
    case 'string':
      return { stringValue: value };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      if (asDouble || !Number.isSafeInteger(value)) return { doubleValue: doubleJson(value) };
      return { intValue: String(value) };
    case 'bigint':
      // OTLP's integers have 64 bits; what is larger is still readable as text.
      if (BigInt.asIntN(64, value) === value) return { intValue: value.toString() };
      return { stringValue: value.toString() };
    default: {
      const areDoubles = asDouble || value.some((element) => !Number.isSafeInteger(element));
      return { arrayValue: { values: value.map((element) => anyValueJson(element, areDoubles)) } };
    }
  }
}

/** JSON has no word for these three; proto3's JSON writes them as text. */
function doubleJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
