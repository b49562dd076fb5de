import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Metric, Span } from '../../bridge/core/signal.ts';
import { scope } from '../../bridge/core/signal.ts';
import { otlpJson, toOtlpJson } from '../../bridge/exporters/otlp_json.ts';
import { batchOf, startExporter } from '../helpers/exporter.ts';
import { readableSpan } from '../helpers/official.ts';
import {
  BEGAN,
  durations,
  histogramPoint,
  idsOf,
  log,
  metrics,
  numberPoint,
  RUN,
  silence,
  span,
  submit,
} from '../helpers/signals.ts';

/** A span, log record, metric or point. */
interface Item {
  readonly [key: string]: unknown;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly sum: { readonly dataPoints: readonly Item[] };
  readonly gauge: { readonly dataPoints: readonly Item[] };
  readonly histogram: { readonly dataPoints: readonly Item[] };
}
type Scoped = Readonly<Record<'spans' | 'logRecords' | 'metrics', readonly Item[]>>;
type Group = Readonly<Record<'scopeSpans' | 'scopeLogs' | 'scopeMetrics', readonly Scoped[]>>;
type Line = Readonly<Record<'resourceSpans' | 'resourceLogs' | 'resourceMetrics', readonly Group[]>>;

const parse = (line: string) => JSON.parse(line) as Line;
const scopeJson = { name: scope.name };
const submitJson = {
  attributes: Object.entries(submit.attributes).map(([key, value]) => ({ key, value: { stringValue: value } })),
};

/** All spans of all lines, in order. */
function spansOf(lines: readonly string[]): Item[] {
  return lines.flatMap((line) =>
    parse(line).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  );
}

describe('exporters/otlp_json', () => {
  it('writes a span as OTLP’s JSON', () => {
    const full = span(2, {
      attributes: {
        text: 'é',
        'parsl.task': 2,
        'parsl.task_fail_cost': 1,
        big: 2n ** 62n,
        yes: true,
        list: ['a'],
        empty: [],
        odd: NaN,
      },
      links: [{ ...idsOf(7), attributes: { 'parsl.link': 'run' } }],
      status: { code: 2, message: 'exit 1' },
    });
    const [line, ...more] = toOtlpJson(batchOf({ spans: [full] }));
    assert.deepEqual(more, []);
    assert.deepEqual(parse(line!), {
      resourceSpans: [
        {
          resource: submitJson,
          scopeSpans: [
            {
              scope: scopeJson,
              spans: [
                {
                  traceId: full.traceId,
                  spanId: full.spanId,
                  parentSpanId: full.parentSpanId,
                  flags: 0x101,
                  name: 'try 0',
                  kind: 4,
                  startTimeUnixNano: full.startTimeUnixNano.toString(),
                  endTimeUnixNano: full.endTimeUnixNano.toString(),
                  attributes: [
                    { key: 'text', value: { stringValue: 'é' } },
                    { key: 'parsl.task', value: { intValue: '2' } },
                    { key: 'parsl.task_fail_cost', value: { doubleValue: 1 } },
                    { key: 'big', value: { intValue: '4611686018427387904' } },
                    { key: 'yes', value: { boolValue: true } },
                    { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }] } } },
                    { key: 'empty', value: { arrayValue: { values: [] } } },
                    { key: 'odd', value: { doubleValue: 'NaN' } },
                  ],
                  links: [
                    { ...idsOf(7), attributes: [{ key: 'parsl.link', value: { stringValue: 'run' } }], flags: 1 },
                  ],
                  status: { message: 'exit 1', code: 2 },
                },
              ],
              schemaUrl: scope.schemaUrl,
            },
          ],
          schemaUrl: scope.schemaUrl,
        },
      ],
    });
  });

  it('writes the spans that the official JSON serializer writes', () => {
    const items = Array.from({ length: 6 }, (_, index) =>
      span(index, { attributes: { text: 'é', list: ['a', 'b'], ratio: 0.5 } }),
    );
    const theirs = spansOf([Buffer.from(JsonTraceSerializer.serializeRequest(items.map(readableSpan))!).toString()]);
    const keys = [
      'traceId',
      'spanId',
      'parentSpanId',
      'name',
      'kind',
      'flags',
      'startTimeUnixNano',
      'endTimeUnixNano',
      'attributes',
    ];
    const comparable = (list: readonly Item[]) => list.map((item) => keys.map((key) => item[key]));
    assert.deepEqual(comparable(spansOf(toOtlpJson(batchOf({ spans: items })))), comparable(theirs));
  });

  it('writes log records', () => {
    const [line] = toOtlpJson(
      batchOf({ logs: [log(1), log(2, { timeUnixNano: 0n, traceId: '', spanId: '', eventName: '' })] }),
    );
    const [first, second] = parse(line!).resourceLogs[0]!.scopeLogs[0]!.logRecords;
    assert.deepEqual(first, {
      timeUnixNano: BEGAN.toString(),
      observedTimeUnixNano: BEGAN.toString(),
      severityNumber: 9,
      severityText: 'INFO',
      eventName: 'parsl.task.state',
      body: { stringValue: 'task 1 launched' },
      attributes: [
        { key: 'event.name', value: { stringValue: 'parsl.task.state' } },
        { key: 'parsl.dfk', value: { stringValue: RUN } },
        { key: 'parsl.task', value: { intValue: '1' } },
      ],
      flags: 1,
      ...{ traceId: idsOf(1).traceId, spanId: idsOf(1).spanId },
    });
    assert.deepEqual(Object.keys(second!), [
      'observedTimeUnixNano',
      'severityNumber',
      'severityText',
      'body',
      'attributes',
    ]);
  });

  it('writes metrics with exemplars and ends of series', () => {
    const stale = { ...silence, points: [numberPoint(1, { run: RUN }, { stale: true })] } as Metric;
    const empty = { ...silence, points: [] } as Metric;
    const [line] = toOtlpJson(batchOf({ metrics: [...metrics, stale, empty] }));
    const written = parse(line!).resourceMetrics[0]!.scopeMetrics[0]!.metrics;
    assert.deepEqual(
      written.map(({ name }) => name),
      ['parsl.tasks', 'parsl.try.failures', 'parsl.run.silence', 'parsl.task.duration', 'parsl.run.silence'],
    );
    const stamps = { startTimeUnixNano: BEGAN.toString(), timeUnixNano: (BEGAN + 15_000_000_000n).toString() };
    assert.deepEqual(written[1]!.sum, {
      dataPoints: [
        {
          attributes: [
            { key: 'run', value: { stringValue: RUN } },
            { key: 'error.type', value: { stringValue: 'ValueError' } },
          ],
          ...stamps,
          asDouble: 2,
        },
      ],
      aggregationTemporality: 2,
      isMonotonic: true,
    });
    const [exemplar] = histogramPoint().exemplars;
    assert.deepEqual(written[3]!.histogram.dataPoints[0], {
      attributes: ['run', 'app', 'outcome'].map((key) => ({
        key,
        value: { stringValue: histogramPoint().attributes[key] },
      })),
      ...stamps,
      count: '4',
      sum: 6.75,
      bucketCounts: ['1', '2', '1'],
      explicitBounds: [0.5, 2],
      exemplars: [
        {
          timeUnixNano: exemplar!.timeUnixNano.toString(),
          asDouble: 4,
          spanId: exemplar!.spanId,
          traceId: exemplar!.traceId,
        },
      ],
      min: 0.25,
      max: 4,
    });
    assert.deepEqual(written[4]!.gauge.dataPoints, [
      { attributes: [{ key: 'run', value: { stringValue: RUN } }], ...stamps, flags: 1 },
    ]);
  });

  it('has one signal a line, one group a resource, and no line for nothing', () => {
    assert.deepEqual(toOtlpJson(batchOf({ records: [{ a: 1 }] })), []);
    const lines = toOtlpJson(batchOf({ spans: [span(0), span(1), span(2)], logs: [log(0)], metrics }));
    assert.deepEqual(
      lines.map((line) => Object.keys(parse(line))),
      [['resourceSpans'], ['resourceLogs'], ['resourceMetrics']],
    );
    assert.deepEqual(
      parse(lines[0]!).resourceSpans.map((resource) => resource.scopeSpans[0]!.spans.length),
      [2, 1],
    );
  });

  it('keeps every line below 1 MiB and loses nothing', () => {
    const spans = Array.from({ length: 3_000 }, (_, index) =>
      span(index, index % 500 === 0 ? { name: 'é'.repeat(300_000) } : {}),
    );
    const lines = toOtlpJson(batchOf({ spans }));
    assert.ok(lines.length > 3);
    for (const line of lines) assert.ok(Buffer.byteLength(line) < 1_048_576, String(Buffer.byteLength(line)));
    const ids = (list: readonly (Span | Item)[]) => list.map(({ spanId }) => String(spanId)).sort();
    assert.deepEqual(ids(spansOf(lines)), ids(spans));
  });

  it('gives an item that is larger than a line one of its own', () => {
    const lines = toOtlpJson(batchOf({ spans: [span(0), span(2, { name: 'x'.repeat(2_000_000) }), span(4)] }));
    assert.deepEqual(
      lines.map((line) => spansOf([line]).length),
      [1, 1, 1],
    );
  });

  it('divides metrics with many points', () => {
    const points = Array.from({ length: 5_000 }, (_, index) =>
      histogramPoint({ attributes: { run: RUN, app: `app${index}` } }),
    );
    const lines = toOtlpJson(batchOf({ metrics: [{ ...durations, points } as Metric] }));
    const apps = lines.flatMap((line) => {
      assert.ok(line.length < 1_048_576);
      const written = parse(line).resourceMetrics[0]!.scopeMetrics[0]!.metrics;
      return written.flatMap((metric) =>
        metric.histogram.dataPoints.map((point) => point.attributes[1]!.value['stringValue']),
      );
    });
    assert.deepEqual(
      apps,
      points.map(({ attributes }) => attributes['app']),
    );
  });

  it('is JSON on one line, whatever attributes hold', () => {
    const anyValue = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.array(fc.double()),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), anyValue), (attributes) => {
        const [line] = toOtlpJson(batchOf({ spans: [span(0, { attributes })] }));
        assert.ok(!line!.includes('\n'));
        assert.equal(spansOf([line!])[0]!.attributes.length, Object.keys(attributes).length);
      }),
    );
  });

  it('appends the lines of each batch, and counts spans, logs and points', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-'));
    const path = join(directory, 'out.jsonl');
    const running = await startExporter(otlpJson, { path });
    await running.export({ spans: [span(0)], logs: [log(0)] });
    await running.export({ metrics });
    await running.stop();
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => Object.keys(parse(line))[0]),
      ['resourceSpans', 'resourceLogs', 'resourceMetrics'],
    );
    assert.equal(running.sent, 7);
    rmSync(directory, { recursive: true });
  });
});
