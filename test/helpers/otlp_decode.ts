/**
 * Decodes OTLP requests with protobufjs and otlp.proto, independently of what encodes them, and flattens them for
 * assertions: one object a span, log record or data point.
 */
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { join } from 'node:path';

export type Signal = 'traces' | 'metrics' | 'logs';
export type Decoded = string | number | boolean | bigint | null | readonly Decoded[];
export type DecodedAttributes = Readonly<Record<string, Decoded>>;

/** What every item has from its envelope. */
interface Received {
  readonly resource: DecodedAttributes;
  readonly scope: { readonly name: string; readonly version: string };
  /** Of the resource and of the scope. */
  readonly schemaUrls: readonly [string, string];
}

export interface ReceivedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly attributes: DecodedAttributes;
}

export interface ReceivedSpan extends Received {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly flags: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: DecodedAttributes;
  /** By key: stringValue, intValue ... */
  readonly types: Readonly<Record<string, string>>;
  readonly links: readonly ReceivedLink[];
  readonly status: { readonly code: number; readonly message: string };
}

export interface ReceivedLog extends Received {
  readonly timeUnixNano: bigint;
  readonly observedTimeUnixNano: bigint;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: Decoded;
  readonly eventName: string;
  readonly attributes: DecodedAttributes;
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

export interface ReceivedExemplar {
  readonly timeUnixNano: bigint;
  readonly value: number;
  readonly traceId: string;
  readonly spanId: string;
}

export interface ReceivedPoint extends Received {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly type: 'gauge' | 'sum' | 'histogram';
  readonly monotonic: boolean;
  readonly temporality: number;
  readonly attributes: DecodedAttributes;
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
  readonly flags: number;
  /** Of a number point; undefined if it has none. */
  readonly value: number | undefined;
  readonly count: number;
  readonly sum: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly bucketCounts: readonly number[];
  readonly explicitBounds: readonly number[];
  readonly exemplars: readonly ReceivedExemplar[];
  /** Points of the metric that this one came with, itself included. */
  readonly together: number;
}

/** A decoded message: protobufjs fills in every field, except optional ones and those of a oneof. */
type Message = Readonly<Record<string, unknown>>;

const definition = loadSync(join(import.meta.dirname, 'otlp.proto'), { longs: String, defaults: true, oneofs: true });

/** The Export method of a signal's service, with its path on the wire. */
export function exportMethod(signal: Signal): MethodDefinition<object, object> {
  const [service, path] = {
    traces: ['TraceService', 'trace.v1.TraceService'],
    metrics: ['MetricsService', 'metrics.v1.MetricsService'],
    logs: ['LogsService', 'logs.v1.LogsService'],
  }[signal] as [string, string];
  const methods = definition[`otlp.${service}`] as unknown as Record<string, MethodDefinition<object, object>>;
  return { ...methods['Export']!, path: `/opentelemetry.proto.collector.${path}/Export` };
}

/** A request's bytes as a decoded message. */
export function decodeRequest(signal: Signal, body: Uint8Array): object {
  return exportMethod(signal).requestDeserialize(Buffer.from(body));
}

export function spansOf(request: object): ReceivedSpan[] {
  return items(request, 'resourceSpans', 'scopeSpans', 'spans').map(([span, envelope]) => ({
    ...envelope,
    traceId: hex(span['traceId']),
    spanId: hex(span['spanId']),
    parentSpanId: hex(span['parentSpanId']),
    name: span['name'] as string,
    kind: span['kind'] as number,
    flags: span['flags'] as number,
    startTimeUnixNano: BigInt(span['startTimeUnixNano'] as string),
    endTimeUnixNano: BigInt(span['endTimeUnixNano'] as string),
    attributes: attributesOf(span['attributes']),
    types: Object.fromEntries(
      list(span['attributes']).map(({ key, value }) => [key, (value as Message)['value']]),
    ) as Record<string, string>,
    links: list(span['links']).map((link) => ({
      traceId: hex(link['traceId']),
      spanId: hex(link['spanId']),
      flags: link['flags'] as number,
      attributes: attributesOf(link['attributes']),
    })),
    status: { code: 0, message: '', ...(span['status'] as { code: number; message: string } | null) },
  }));
}

export function logsOf(request: object): ReceivedLog[] {
  return items(request, 'resourceLogs', 'scopeLogs', 'logRecords').map(([log, envelope]) => ({
    ...envelope,
    timeUnixNano: BigInt(log['timeUnixNano'] as string),
    observedTimeUnixNano: BigInt(log['observedTimeUnixNano'] as string),
    severityNumber: log['severityNumber'] as number,
    severityText: log['severityText'] as string,
    body: valueOf(log['body'] as Message | null),
    eventName: log['eventName'] as string,
    attributes: attributesOf(log['attributes']),
    traceId: hex(log['traceId']),
    spanId: hex(log['spanId']),
    flags: log['flags'] as number,
  }));
}

export function pointsOf(request: object): ReceivedPoint[] {
  return items(request, 'resourceMetrics', 'scopeMetrics', 'metrics').flatMap(([metric, envelope]) => {
    const type = metric['data'] as ReceivedPoint['type'];
    const data = metric[type] as Message;
    const points = list(data['dataPoints']);
    return points.map((point) => ({
      ...envelope,
      name: metric['name'] as string,
      description: metric['description'] as string,
      unit: metric['unit'] as string,
      type,
      monotonic: data['isMonotonic'] === true,
      temporality: Number(data['aggregationTemporality'] ?? 0),
      attributes: attributesOf(point['attributes']),
      startTimeUnixNano: BigInt(point['startTimeUnixNano'] as string),
      timeUnixNano: BigInt(point['timeUnixNano'] as string),
      flags: point['flags'] as number,
      value: point['value'] === undefined ? undefined : Number(point[point['value'] as string]),
      count: Number(point['count'] ?? 0),
      sum: point['sum'] as number | undefined,
      min: point['min'] as number | undefined,
      max: point['max'] as number | undefined,
      bucketCounts: ((point['bucketCounts'] ?? []) as string[]).map(Number),
      explicitBounds: (point['explicitBounds'] ?? []) as number[],
      exemplars: list(point['exemplars']).map((exemplar) => ({
        timeUnixNano: BigInt(exemplar['timeUnixNano'] as string),
        value: Number(exemplar[exemplar['value'] as string]),
        traceId: hex(exemplar['traceId']),
        spanId: hex(exemplar['spanId']),
      })),
      together: points.length,
    }));
  });
}

/** Every item of a request with what its envelope says. */
function items(request: object, ofRequest: string, ofResource: string, ofScope: string): [Message, Received][] {
  return list((request as Message)[ofRequest]).flatMap((resource) =>
    list(resource[ofResource]).flatMap((scoped) => {
      const { name, version } = {
        name: '',
        version: '',
        ...(scoped['scope'] as { name: string; version: string } | null),
      };
      const envelope: Received = {
        resource: attributesOf((resource['resource'] as Message | null)?.['attributes']),
        scope: { name, version },
        schemaUrls: [resource['schemaUrl'] as string, scoped['schemaUrl'] as string],
      };
      return list(scoped[ofScope]).map((item): [Message, Received] => [item, envelope]);
    }),
  );
}

function attributesOf(attributes: unknown): DecodedAttributes {
  const entries = list(attributes).map(({ key, value }): [string, Decoded] => [
    key as string,
    valueOf(value as Message | null),
  ]);
  return Object.fromEntries(entries);
}

/** Integers as numbers where they are safe. */
function valueOf(any: Message | null): Decoded {
  const kind = any?.['value'] as string | undefined;
  if (any === null || kind === undefined) return null;
  if (kind === 'arrayValue') return list((any[kind] as Message)['values']).map(valueOf);
  if (kind !== 'intValue') return any[kind] as Decoded;
  const int = BigInt(any[kind] as string);
  return Number.isSafeInteger(Number(int)) ? Number(int) : int;
}

function list(value: unknown): readonly Message[] {
  return (value ?? []) as readonly Message[];
}

function hex(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString('hex');
}
