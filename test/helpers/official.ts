/** Spans and logs as the OpenTelemetry SDK for JavaScript hands them to its exporters. */
import type { HrTime } from '@opentelemetry/api';
import { SeverityNumber, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

import type { LogRecord, Resource, Span } from '../../bridge/core/signal.ts';
import { scope } from '../../bridge/core/signal.ts';

const kinds = [undefined, SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER];
const statuses = [SpanStatusCode.UNSET, SpanStatusCode.OK, SpanStatusCode.ERROR];
const severities = [SeverityNumber.DEBUG, SeverityNumber.INFO, SeverityNumber.WARN, SeverityNumber.ERROR];

const hrTime = (nanos: bigint): HrTime => [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)];
const officialScope = { name: scope.name, version: '', schemaUrl: scope.schemaUrl };
const officialResources = new Map<Resource, ReturnType<typeof resourceFromAttributes>>();

function officialResource(resource: Resource) {
  const known =
    officialResources.get(resource) ?? resourceFromAttributes(resource.attributes, { schemaUrl: scope.schemaUrl });
  officialResources.set(resource, known);
  return known;
}

const contextOf = (traceId: string, spanId: string) => ({ traceId, spanId, traceFlags: 1 });

export function readableSpan(of: Span): ReadableSpan {
  return {
    name: of.name,
    kind: kinds[of.kind]!,
    spanContext: () => contextOf(of.traceId, of.spanId),
    parentSpanContext: contextOf(of.traceId, of.parentSpanId),
    startTime: hrTime(of.startTimeUnixNano),
    endTime: hrTime(of.endTimeUnixNano),
    duration: [0, 0],
    ended: true,
    status: { code: statuses[of.status.code]!, ...(of.status.message !== '' && { message: of.status.message }) },
    attributes: of.attributes,
    links: of.links.map(({ traceId, spanId, attributes }) => ({
      context: contextOf(traceId, spanId),
      attributes: attributes,
    })),
    events: [],
    resource: officialResource(of.resource),
    instrumentationScope: officialScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

export function readableLog(of: LogRecord): ReadableLogRecord {
  return {
    hrTime: hrTime(of.timeUnixNano),
    hrTimeObserved: hrTime(of.observedTimeUnixNano),
    spanContext: contextOf(of.traceId, of.spanId),
    severityNumber: severities.find((known) => known.valueOf() === of.severityNumber)!,
    severityText: of.severityText,
    body: of.body,
    eventName: of.eventName,
    attributes: of.attributes,
    resource: officialResource(of.resource),
    instrumentationScope: officialScope,
    droppedAttributesCount: 0,
  };
}
