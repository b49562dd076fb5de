/**
 * What mappers make and exporters take: OpenTelemetry's three signals as plain data, named as OTLP names them
 * (opentelemetry-proto, trace/metrics/logs v1). Attribute order is fixed by the mapper, so that the same facts
 * always give the same bytes.
 */
export type AttributeValue = string | number | boolean | bigint | readonly string[] | readonly number[];

/** A number's wire type (int or double) depends on its key alone, see `isDouble` in keys.ts: a type must never flip. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Resources are shared objects: exporters group by identity. */
export interface Resource {
  readonly attributes: Attributes;
}

/** The instrumentation scope of everything that parsl-otel exports. */
export const scope = { name: 'parsl-otel', schemaUrl: 'https://opentelemetry.io/schemas/1.44.0' } as const;

export const SpanKind = { INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 } as const;
export type SpanKind = (typeof SpanKind)[keyof typeof SpanKind];

export const StatusCode = { UNSET: 0, OK: 1, ERROR: 2 } as const;
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

export interface Link {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** '' for a root span. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** Nanoseconds since the epoch. */
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: Attributes;
  readonly links: readonly Link[];
  readonly status: { readonly code: StatusCode; readonly message: string };
  readonly resource: Resource;
}

export const SeverityNumber = { DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 } as const;

export interface LogRecord {
  /** 0n where the record has no time of its own. */
  readonly timeUnixNano: bigint;
  readonly observedTimeUnixNano: bigint;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: string;
  readonly eventName: string;
  readonly attributes: Attributes;
  /** '' where the record belongs to no span. */
  readonly traceId: string;
  readonly spanId: string;
  readonly resource: Resource;
}

export interface Exemplar {
  readonly timeUnixNano: bigint;
  readonly value: number;
  readonly traceId: string;
  readonly spanId: string;
}

interface Point {
  readonly attributes: Attributes;
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
  /** True in the last point of a series that has ended (OTLP's NO_RECORDED_VALUE flag). */
  readonly stale: boolean;
}

export interface NumberPoint extends Point {
  readonly value: number;
}

export interface HistogramPoint extends Point {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** One more than `explicitBounds`. */
  readonly bucketCounts: readonly number[];
  readonly exemplars: readonly Exemplar[];
}

interface MetricBase {
  /** OpenTelemetry name, such as `parsl.task.duration`. */
  readonly name: string;
  /** UCUM unit, such as `s`, `By`, `{task}`. */
  readonly unit: string;
  readonly description: string;
  readonly resource: Resource;
}

export type Metric =
  | (MetricBase & { readonly type: 'gauge'; readonly points: readonly NumberPoint[] })
  | (MetricBase & { readonly type: 'sum'; readonly monotonic: boolean; readonly points: readonly NumberPoint[] })
  | (MetricBase & {
      readonly type: 'histogram';
      readonly explicitBounds: readonly number[];
      readonly points: readonly HistogramPoint[];
    });
