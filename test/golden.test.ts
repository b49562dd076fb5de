/**
 * Golden folders: test/golden/<recording>/ holds what that recording becomes, as text that a human can read and that
 * changes by lines; test/golden/<run directory>.logs/ what becomes of the logs of a run directory, without their lines. `UPDATE_GOLDEN=1 npm test` rewrites it; read the diff.
 *
 * Times are seconds after the run began. A span shows only what its parent does not say already.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

import type { Attributes, AttributeValue, LogRecord, Metric, Span } from '../bridge/core/signal.ts';
import { StatusCode } from '../bridge/core/signal.ts';
import type { Folded } from './helpers/engine.ts';
import { fold, recorded } from './helpers/engine.ts';
import { recordings } from './helpers/fixtures.ts';
import { runDirNames, unpacked } from './helpers/run_dirs.ts';
import { widened } from './helpers/widened.ts';

const root = new URL('./golden/', import.meta.url);
const cases = readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));

/** Said once at the head of the file, or by the names of spans. */
const unsaid = new Set(['parsl.dfk', 'parsl.span', 'parsl.phase', 'run', 'workflow', 'event.name']);

/** Said by every span for itself. */
const said = new Set(['parsl.inferred', 'parsl.task_state']);

const seconds = (nanos: bigint, zero: bigint): string => (Number(nanos - zero) / 1e9).toFixed(6);

function pairs(attributes: Attributes, known: Attributes = {}): string {
  const shown = (value: AttributeValue): string => (typeof value === 'string' ? value : JSON.stringify(value, bigints));
  return Object.entries(attributes)
    .filter(([key, value]) => !unsaid.has(key) && (said.has(key) || known[key] !== value))
    .map(([key, value]) => ` ${key.replace(/^parsl\./, '')}=${shown(value)}`)
    .join('');
}

const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);

function spanLines(spans: readonly Span[]): string[] {
  const children = Map.groupBy(spans, ({ parentSpanId }) => parentSpanId);
  const began = new Map(
    spans.flatMap(({ attributes, startTimeUnixNano }) =>
      attributes['parsl.span'] === 'run' ? [[attributes['parsl.dfk'], startTimeUnixNano] as const] : [],
    ),
  );
  const lines = (span: Span, parent: Span | undefined, indent: string): string[] => {
    const { name, startTimeUnixNano: start, endTimeUnixNano: end, attributes, status, links, resource } = span;
    const zero = began.get(attributes['parsl.dfk']) ?? 0n;
    const failure = status.code === StatusCode.ERROR ? ` ERROR(${status.message})` : '';
    const linked = links
      .filter((link) => link.attributes['parsl.link'] !== 'run')
      .map((link) => ` ->${String(link.attributes['parsl.task'])}(${String(link.attributes['parsl.link'])})`);
    const from = parent === undefined ? ` trace ${span.traceId}` : '';
    const where = resource === parent?.resource ? '' : ` [${pairs(resource.attributes).replace(/ service\.namespace=\w+/, '').trim()}]`; // prettier-ignore
    const own = `${indent}${name} ${seconds(start, zero)}..${seconds(end, zero)}${failure}${pairs(attributes, parent?.attributes)}${linked.join('')}${where}${from}`;
    return [own, ...(children.get(span.spanId) ?? []).flatMap((child) => lines(child, span, `${indent}  `))];
  };
  return (children.get('') ?? []).flatMap((span) => lines(span, undefined, ''));
}

function logLines(logs: readonly LogRecord[], zero: bigint): string[] {
  return logs.map(({ timeUnixNano, severityText, body, attributes }) => {
    const more = pairs(attributes).replace(/ (task|task_state)=\S+/g, '');
    return `${seconds(timeUnixNano, zero)} ${severityText} ${body}${more}`;
  });
}

function metricLines(metrics: readonly Metric[], zero: bigint): string[] {
  return metrics.flatMap((metric) => [
    `${metric.name} ${metric.unit} ${metric.type}${metric.type === 'sum' && metric.monotonic ? ' monotonic' : ''}`,
    ...(metric.type === 'histogram'
      ? metric.points.map((point) => {
          const buckets = point.bucketCounts.flatMap((count, index) =>
            count === 0 ? [] : [`${count} up to ${metric.explicitBounds[index] ?? 'more'}`],
          );
          return `  ${pairs(point.attributes).trim()}: ${point.count}, sum ${point.sum}, ${buckets.join(', ')}, ${point.exemplars.length} exemplars`;
        })
      : metric.points.map((point) => `  ${pairs(point.attributes).trim()}: ${point.value}`)),
    ...metric.points.slice(0, 1).map(({ timeUnixNano }) => `  at ${seconds(timeUnixNano, zero)}`),
  ]);
}

function rendered({ spans, logs, metrics }: Folded): Record<string, string> {
  const zero = spans.find(({ attributes }) => attributes['parsl.span'] === 'run')?.startTimeUnixNano ?? 0n;
  const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
  return {
    'spans.txt': text(spanLines(spans)),
    'logs.txt': text(logLines(logs, zero)),
    'metrics.txt': text(metricLines(metrics, zero)),
  };
}

describe('golden', () => {
  const ofLogs = (name: string): boolean => name.endsWith('.logs');

  it('has cases, and each is a recording or the logs of one', () => {
    assert.ok(cases.length >= 4);
    const known = [...recordings(), ...runDirNames().map((name) => `${name}.logs`)];
    assert.deepEqual(cases.filter((name) => !known.includes(name)), []); // prettier-ignore
  });

  for (const name of cases) {
    it(`${name} becomes what its folder says`, async () => {
      const records = ofLogs(name) ? await widened(unpacked(name.replace('.logs', ''))) : recorded(name);
      const { logs, ...folded } = fold(records);
      const events = ofLogs(name) ? logs.filter(({ eventName }) => eventName !== '') : logs;
      for (const [file, actual] of Object.entries(rendered({ ...folded, logs: events }))) {
        const path = new URL(`${name}/${file}`, root);
        if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, actual);
        assert.equal(actual, existsSync(path) ? readFileSync(path, 'utf8') : '', `${name}/${file}`);
      }
    });
  }
});
