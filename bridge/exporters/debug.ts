/**
 * debug: tells of every span, log and metric in the bridge's own log, to see what is exported without a backend. As the
 * Collector's debug exporter it has three verbosities: how many there were, one line each, or everything about each.
 */
import { z } from 'zod';

import { itemsOf } from '../core/batch.ts';
import { defineExporter } from '../core/component.ts';
import type { Attributes, LogRecord, Metric, Resource, Span } from '../core/signal.ts';

const config = z.strictObject({
  verbosity: z
    .enum(['basic', 'normal', 'detailed'])
    .default('normal')
    .describe('basic: one line a batch; normal: one line an item; detailed: with everything about it.'),
});

export const debug = defineExporter({
  type: 'debug',
  summary: 'Writes spans, logs and metrics into the bridge’s log, for a look at what is exported.',
  config,
  wants: ['spans', 'logs', 'metrics'],
  create({ verbosity }, context) {
    const { log } = context;
    const all = verbosity === 'detailed';
    return {
      start: () => Promise.resolve(),
      export(batch) {
        const { spans, logs, metrics } = batch;
        if (verbosity === 'basic') {
          log.info({ spans: spans.length, logs: logs.length, metrics: metrics.length }, 'Batch.');
        } else {
          for (const span of spans) log.info({ ...spanFields(span), ...(all && spanDetails(span)) }, 'Span.');
          for (const record of logs) log.info({ ...logFields(record), ...(all && logDetails(record)) }, 'Log.');
          for (const metric of metrics)
            log.info({ ...metricFields(metric), ...(all && metricDetails(metric)) }, 'Metric.');
        }
        context.count('sent', itemsOf({ ...batch, records: [], frames: [] }));
        return Promise.resolve();
      },
      stop: () => Promise.resolve(),
    };
  },
});

const kinds = ['', 'internal', 'server', 'client', 'producer', 'consumer'];
const statuses = ['unset', 'ok', 'error'];

function spanFields(span: Span): object {
  return {
    name: span.name,
    trace_id: span.traceId,
    span_id: span.spanId,
    parent_span_id: span.parentSpanId,
    start: isoTime(span.startTimeUnixNano),
    duration_ms: Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6,
    status: statuses[span.status.code],
  };
}

function spanDetails({ kind, status, attributes, links, resource }: Span): object {
  return {
    kind: kinds[kind],
    status_message: status.message,
    attributes: shown(attributes),
    links: links.map(({ traceId, spanId, ...link }) => {
      return { trace_id: traceId, span_id: spanId, attributes: shown(link.attributes) };
    }),
    ...resourceDetails(resource),
  };
}

function logFields(record: LogRecord): object {
  const { timeUnixNano, severityText, body, eventName, traceId, spanId } = record;
  return {
    at: isoTime(timeUnixNano),
    severity: severityText,
    body,
    event_name: eventName,
    trace_id: traceId,
    span_id: spanId,
  };
}

function logDetails({ attributes, resource }: LogRecord): object {
  return { attributes: shown(attributes), ...resourceDetails(resource) };
}

function metricFields({ name, unit, type, points }: Metric): object {
  return { name, unit, type, points: points.length };
}

function metricDetails(metric: Metric): object {
  const points = metric.points.map(({ attributes, timeUnixNano, startTimeUnixNano, ...point }) => ({
    attributes: shown(attributes),
    start: isoTime(startTimeUnixNano),
    at: isoTime(timeUnixNano),
    ...point,
    ...('exemplars' in point && { exemplars: point.exemplars.map((exemplar) => exemplar.traceId) }),
  }));
  const bounds = metric.type === 'histogram' ? { explicit_bounds: metric.explicitBounds } : {};
  return { description: metric.description, values: points, ...bounds, ...resourceDetails(metric.resource) };
}

function resourceDetails({ attributes }: Resource): object {
  return { resource: shown(attributes) };
}

/** Attributes as a JSON logger can write them. */
function shown(attributes: Attributes): object {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]),
  );
}

/** Empty for no time. */
function isoTime(nanos: bigint): string {
  if (nanos === 0n) return '';
  const ms = Number(nanos / 1_000_000n);
  return `${new Date(ms).toISOString().slice(0, 20)}${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`;
}
