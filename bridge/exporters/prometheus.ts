/**
 * prometheus: GET /metrics, for a Prometheus that scrapes the bridge. Text format 0.0.4, or OpenMetrics 1.0 with
 * exemplars where the scraper prefers it.
 *
 * Names and labels are those that the Collector's Prometheus exporters make of the same metrics (translation strategy
 * UnderscoreEscapingWithSuffixes, no scope labels), so that one dashboard serves the embedded bridge and the stack:
 * - a name's letters and digits are kept, everything between them becomes one `_`; the unit is appended (`s` as
 *   seconds, `{task}` not at all), then `total` for counters, `ratio` for gauges of unit 1;
 * - `service.namespace/service.name` is the label job, `service.instance.id` the label instance; the resource's other
 *   attributes are labels of target_info.
 */
import { promisify } from 'node:util';
import { gzip as gzipWithCallback } from 'node:zlib';
import { z } from 'zod';

import { defineExporter } from '../core/component.ts';
import type { Attributes, AttributeValue, Exemplar, HistogramPoint, Metric, Resource } from '../core/signal.ts';

const config = z.strictObject({});

const gzip = promisify(gzipWithCallback);

export const prometheus = defineExporter({
  type: 'prometheus',
  summary: 'Serves GET /metrics for Prometheus, as text or OpenMetrics with exemplars.',
  config,
  wants: [],
  create(_config, context) {
    return {
      start: () => Promise.resolve(),
      export: () => Promise.resolve(),
      stop: () => Promise.resolve(),
      routes: [
        {
          method: 'GET',
          path: '/metrics',
          access: 'public',
          async handle(request, response) {
            const openMetrics = prefersOpenMetrics(request.headers.accept);
            const page = renderPrometheus(context.collect(), { openMetrics });
            const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding']));
            response.setHeader('content-type', contentTypes[openMetrics ? 'openMetrics' : 'text']);
            response.setHeader('vary', 'accept, accept-encoding');
            if (zipped) response.setHeader('content-encoding', 'gzip');
            response.end(zipped ? await gzip(page) : page);
          },
        },
      ],
    };
  },
});

const contentTypes = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const;

/** True if OpenMetrics has a higher weight in an Accept header than plain text, or the same. */
export function prefersOpenMetrics(accept = ''): boolean {
  const weights = { text: 0, openMetrics: 0 };
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    if (type === 'application/openmetrics-text') weights.openMetrics = Math.max(weights.openMetrics, weight);
    if (type === 'text/plain') weights.text = Math.max(weights.text, weight);
  }
  return weights.openMetrics > 0 && weights.openMetrics >= weights.text;
}

export interface RenderOptions {
  readonly openMetrics: boolean;
}

type Kind = 'gauge' | 'counter' | 'histogram' | 'info';

interface Family {
  readonly kind: Kind;
  readonly help: string;
  readonly lines: string[];
  /** Label sets that are there: a series must not come twice. */
  readonly seen: Set<string>;
}

/** The page. Points that ended are left out; where two metrics come to one name, the first one's type stands. */
export function renderPrometheus(metrics: readonly Metric[], { openMetrics }: RenderOptions): string {
  const families = new Map<string, Family>();
  /** Which family a sample's name belongs to. */
  const owners = new Map<string, string>();
  const own = (name: string, kind: Kind): string | undefined => {
    const family = familyName(name, kind, openMetrics);
    const names = sampleNames(name, family, kind);
    if (names.some((sample) => (owners.get(sample) ?? family) !== family)) return undefined;
    for (const sample of names) owners.set(sample, family);
    return family;
  };

  const targets = target(metrics);
  const targetName = targets.lines.length > 0 ? own('target_info', 'info') : undefined;
  if (targetName !== undefined) families.set(targetName, targets);
  for (const metric of metrics) {
    const name = metricName(metric);
    if (name === '' || metric.points.every(({ stale }) => stale)) continue;
    const kind = kindOf(metric);
    const familyNamed = own(name, kind);
    if (familyNamed === undefined) continue;
    const family = families.get(familyNamed) ?? { kind, help: metric.description, lines: [], seen: new Set<string>() };
    if (family.kind !== kind) continue;
    families.set(familyNamed, family);
    addPoints(family, name, metric, openMetrics);
  }
  const text = [...families].map(([name, family]) => renderFamily(name, family, openMetrics)).join('');
  return openMetrics ? `${text}# EOF\n` : text;
}

/** OpenMetrics names a family without the suffix that its samples have. */
function familyName(name: string, kind: Kind, openMetrics: boolean): string {
  if (!openMetrics) return name;
  return name.replace(kind === 'counter' ? /_total$/ : kind === 'info' ? /_info$/ : /$^/, '');
}

function sampleNames(name: string, family: string, kind: Kind): string[] {
  return [name, family, ...(kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [])];
}

function renderFamily(name: string, { kind, help, lines }: Family, openMetrics: boolean): string {
  const head = help === '' ? '' : `# HELP ${name} ${escape(help, openMetrics)}\n`;
  // Older scrapers know no info.
  return `${head}# TYPE ${name} ${kind === 'info' && !openMetrics ? 'gauge' : kind}\n${lines.join('\n')}\n`;
}

function kindOf(metric: Metric): Kind {
  if (metric.type === 'sum') return metric.monotonic ? 'counter' : 'gauge';
  return metric.type;
}

function addPoints(family: Family, name: string, metric: Metric, openMetrics: boolean): void {
  const resource = resourceLabels(metric.resource);
  for (const point of metric.points) {
    if (point.stale) continue;
    const labels = renderLabels({ ...pointLabels(point.attributes), ...resource });
    if (family.seen.has(labels)) continue;
    family.seen.add(labels);
    if ('value' in point) family.lines.push(`${name}${braces(labels)} ${renderNumber(point.value)}`);
    else if (metric.type === 'histogram')
      family.lines.push(...histogramLines(name, labels, point, metric.explicitBounds, openMetrics));
  }
}

function histogramLines(
  name: string,
  labels: string,
  point: HistogramPoint,
  bounds: readonly number[],
  openMetrics: boolean,
): string[] {
  const exemplars = openMetrics ? exemplarsByBucket(point.exemplars, bounds) : new Map<number, Exemplar>();
  const before = labels === '' ? '' : `${labels},`;
  let below = 0;
  const buckets = [...bounds, Infinity].map((bound, index) => {
    below += point.bucketCounts[index] ?? 0;
    const le = Number.isFinite(bound) ? (openMetrics ? canonicalNumber(bound) : String(bound)) : '+Inf';
    return `${name}_bucket{${before}le="${le}"} ${below}${renderExemplar(exemplars.get(index))}`;
  });
  return [
    ...buckets,
    `${name}_sum${braces(labels)} ${renderNumber(point.sum)}`,
    `${name}_count${braces(labels)} ${point.count}`,
  ];
}

/** The latest exemplar of each bucket. */
function exemplarsByBucket(exemplars: readonly Exemplar[], bounds: readonly number[]): Map<number, Exemplar> {
  const latest = new Map<number, Exemplar>();
  for (const exemplar of exemplars) {
    const found = bounds.findIndex((bound) => exemplar.value <= bound);
    const bucket = found < 0 ? bounds.length : found;
    const known = latest.get(bucket);
    if (known === undefined || exemplar.timeUnixNano >= known.timeUnixNano) latest.set(bucket, exemplar);
  }
  return latest;
}

function renderExemplar(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return '';
  const { traceId, spanId, value, timeUnixNano } = exemplar;
  const labels = renderLabels({
    ...(spanId !== '' && { span_id: spanId }),
    ...(traceId !== '' && { trace_id: traceId }),
  });
  return ` # {${labels}} ${renderNumber(value)} ${Number(timeUnixNano / 1000n) / 1e6}`;
}

/** Of each job and instance, what its resource says beyond them. */
function target(metrics: readonly Metric[]): Family {
  const family: Family = { kind: 'info', help: 'Target metadata', lines: [], seen: new Set() };
  const looked = new Set<Resource>();
  for (const { resource, points } of metrics) {
    if (looked.has(resource) || points.every(({ stale }) => stale)) continue;
    looked.add(resource);
    const identity = resourceLabels(resource);
    const rest = Object.fromEntries(Object.entries(resource.attributes).filter(([key]) => !identifying.has(key)));
    const key = renderLabels(identity);
    if (key === '' || Object.keys(rest).length === 0 || family.seen.has(key)) continue;
    family.seen.add(key);
    family.lines.push(`target_info${braces(renderLabels({ ...pointLabels(rest), ...identity }))} 1`);
  }
  return family;
}

const identifying = new Set(['service.namespace', 'service.name', 'service.instance.id']);

function resourceLabels({ attributes }: Resource): Record<string, string> {
  const { 'service.namespace': namespace, 'service.name': name, 'service.instance.id': instance } = attributes;
  const labels: Record<string, string> = {};
  if (name !== undefined)
    labels['job'] = namespace === undefined ? asText(name) : `${asText(namespace)}/${asText(name)}`;
  if (instance !== undefined) labels['instance'] = asText(instance);
  return labels;
}

/** Attributes as labels; the values of keys that come to one name are joined, in the order of the keys. */
function pointLabels(attributes: Attributes): Record<string, string> {
  // No prototype, or a key of that name would set it.
  const labels = Object.create(null) as Record<string, string>;
  for (const key of Object.keys(attributes).sort()) {
    const name = labelName(key);
    const value = asText(attributes[key] ?? '');
    if (name !== '') labels[name] = Object.hasOwn(labels, name) ? `${labels[name] ?? ''};${value}` : value;
  }
  return labels;
}

function labelName(key: string): string {
  const name = key.replace(/[^a-zA-Z0-9_]/gu, '_');
  if (!/[^_]/.test(name)) return '';
  if (/^\d/.test(name)) return `key_${name}`;
  return /^_(?!_)/.test(name) ? `key${name}` : name;
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}="${escape(labels[name] ?? '', true)}"`)
    .join(',');
}

function braces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function asText(value: AttributeValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function escape(text: string, quotes: boolean): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return quotes ? escaped.replaceAll('"', '\\"') : escaped;
}

function renderNumber(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/** OpenMetrics' one spelling of a number, Go's %g with a fraction: 1 is 1.0, 1048576 is 1.048576e+06. */
export function canonicalNumber(value: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 6))
    return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

const units = new Map(Object.entries({
  d: 'days', h: 'hours', min: 'minutes', s: 'seconds', ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds',
  By: 'bytes', KiBy: 'kibibytes', MiBy: 'mebibytes', GiBy: 'gibibytes', TiBy: 'tibibytes',
  KBy: 'kilobytes', MBy: 'megabytes', GBy: 'gigabytes', TBy: 'terabytes',
  m: 'meters', V: 'volts', A: 'amperes', J: 'joules', W: 'watts', g: 'grams',
  Cel: 'celsius', Hz: 'hertz', '1': '', '%': 'percent',
})); // prettier-ignore

const perUnits = new Map(Object.entries({
  s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', mo: 'month', y: 'year',
})); // prettier-ignore

/** A metric's name; empty if nothing of it can be kept. */
export function metricName(metric: Pick<Metric, 'name' | 'unit' | 'type'> & { readonly monotonic?: boolean }): string {
  let words = wordsOf(metric.name);
  if (words.length === 0) return '';
  const [unit = '', per = ''] = metric.unit.split(/\/(.*)/s).map((part) => part.trim());
  const main = unitWords(unit, units);
  if (main !== '' && !words.includes(main)) words.push(main);
  const perWord = unitWords(per, perUnits);
  if (perWord !== '' && !words.includes(`per_${perWord}`)) words.push(`per_${perWord}`);
  if (metric.type === 'sum' && metric.monotonic === true)
    words = [...words.filter((word) => word !== 'total'), 'total'];
  if (metric.type === 'gauge' && metric.unit === '1') words = [...words.filter((word) => word !== 'ratio'), 'ratio'];
  const name = words.join('_');
  return /^\d/.test(name) ? `_${name}` : name;
}

function wordsOf(text: string): string[] {
  return text.match(/[a-zA-Z0-9:]+/g) ?? [];
}

/** What a unit adds to a name: nothing for a unit in braces. */
function unitWords(unit: string, known: ReadonlyMap<string, string>): string {
  return /[{}]/.test(unit) ? '' : wordsOf(known.get(unit) ?? unit).join('_');
}
