/**
 * Questions to the stack's backends. Jaeger answers unknown paths with its page and status 200, so a page is never taken
 * for an answer (its v3 answers are JSON that say text/plain); its v3 names are snake_case up to 2.13 and camelCase from
 * 2.20 on, so both are sent.
 */
import assert from 'node:assert/strict';

/** Asks and reads JSON; undefined for 404. Throws for everything else that is not JSON with status 200. */
export async function getJson<T>(url: string | URL): Promise<T | undefined> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  if (response.status === 404) return undefined;
  assert.equal(response.status, 200, `${String(url)}: ${text.slice(0, 300)}`);
  assert.doesNotMatch(response.headers.get('content-type') ?? '', /html/, String(url));
  return JSON.parse(text) as T;
}

type AttributeValue = string | number | boolean | undefined;

/** A span as Jaeger gives it back, with attributes as plain values. */
export interface JaegerSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: Readonly<Record<string, AttributeValue>>;
  }[];
  readonly resource: Readonly<Record<string, AttributeValue>>;
}

interface Attribute {
  readonly key: string;
  readonly value: { stringValue?: string; intValue?: string | number; doubleValue?: number; boolValue?: boolean };
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: JaegerSpan['status'];
  readonly attributes?: readonly Attribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string; readonly attributes?: Attribute[] }[];
}

interface TracesData {
  readonly result: {
    readonly resourceSpans: readonly {
      readonly resource: { readonly attributes: readonly Attribute[] };
      readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
    }[];
  };
}

function plain(attributes: readonly Attribute[] = []): Record<string, AttributeValue> {
  const valueOf = ({ stringValue, intValue, doubleValue, boolValue }: Attribute['value']): AttributeValue =>
    stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue;
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
}

function spansOf(data: TracesData | undefined): JaegerSpan[] {
  return (data?.result.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        name: span.name,
        kind: span.kind ?? 0,
        startTimeUnixNano: BigInt(span.startTimeUnixNano),
        endTimeUnixNano: BigInt(span.endTimeUnixNano),
        status: span.status ?? {},
        attributes: plain(span.attributes),
        links: (span.links ?? []).map((link) => ({ ...link, attributes: plain(link.attributes) })),
        resource: plain(resource.attributes),
      })),
    ),
  );
}

/** All spans of one trace; none if Jaeger has no such trace. */
export async function jaegerTrace(jaeger: string, traceId: string): Promise<JaegerSpan[]> {
  return spansOf(await getJson<TracesData>(`${jaeger}/api/v3/traces/${traceId}`));
}

export async function jaegerServices(jaeger: string): Promise<readonly string[]> {
  return (await getJson<{ services?: string[] }>(`${jaeger}/api/v3/services`))?.services ?? [];
}

export interface TraceSearch {
  readonly service: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Span name. */
  readonly operation?: string;
}

/** Spans of the traces that a search finds, as a user of Jaeger's search page would. */
export async function jaegerSearch(
  jaeger: string,
  { service, from, to, operation }: TraceSearch,
): Promise<JaegerSpan[]> {
  const values: readonly (readonly [snake: string, camel: string, value: string | undefined])[] = [
    ['service_name', 'serviceName', service],
    ['operation_name', 'operationName', operation],
    ['start_time_min', 'startTimeMin', new Date(from).toISOString()],
    ['start_time_max', 'startTimeMax', new Date(to).toISOString()],
    ['num_traces', 'searchDepth', '1000'],
  ];
  const url = new URL(`${jaeger}/api/v3/traces`);
  for (const [snake, camel, value] of values) {
    if (value === undefined) continue;
    url.searchParams.set(`query.${snake}`, value);
    url.searchParams.set(`query.${camel}`, value);
  }
  return spansOf(await getJson<TracesData>(url));
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** An instant query, at `time` in seconds if it is given. */
export async function promQuery(prometheus: string, query: string, time?: number): Promise<readonly Sample[]> {
  const url = new URL(`${prometheus}/api/v1/query`);
  url.searchParams.set('query', query);
  if (time !== undefined) url.searchParams.set('time', String(time));
  return (await getJson<{ data: { result: Sample[] } }>(url))?.data.result ?? [];
}

export interface PromExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

/** Exemplars of the last ten minutes. */
export async function promExemplars(prometheus: string, query: string): Promise<readonly PromExemplar[]> {
  const now = Date.now() / 1000;
  const url = new URL(`${prometheus}/api/v1/query_exemplars`);
  url.searchParams.set('query', query);
  url.searchParams.set('start', String(now - 600));
  url.searchParams.set('end', String(now + 60));
  const answer = await getJson<{ data: { exemplars: PromExemplar[] }[] }>(url);
  return (answer?.data ?? []).flatMap(({ exemplars }) => exemplars);
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly status: { readonly state: string };
  readonly endsAt: string;
}

/** What Alertmanager holds as firing. */
export async function firingAlerts(alertmanager: string, name: string): Promise<readonly Alert[]> {
  const url = new URL(`${alertmanager}/api/v2/alerts`);
  url.searchParams.set('filter', `alertname="${name}"`);
  return (await getJson<Alert[]>(url)) ?? [];
}

export interface LogLine {
  readonly labels: Readonly<Record<string, string>>;
  readonly line: string;
}

/** Lines of the last hour, labels and structured metadata together. */
export async function lokiQuery(loki: string, query: string): Promise<readonly LogLine[]> {
  const url = new URL(`${loki}/loki/api/v1/query_range`);
  url.searchParams.set('query', query);
  url.searchParams.set('limit', '1000');
  url.searchParams.set('start', `${Date.now() - 3_600_000}000000`);
  url.searchParams.set('end', `${Date.now() + 60_000}000000`);
  const answer = await getJson<{ data: { result: { stream: Record<string, string>; values: [string, string][] }[] } }>(
    url,
  );
  return (answer?.data.result ?? []).flatMap(({ stream, values }) =>
    values.map(([, line]) => ({ labels: stream, line })),
  );
}
