/** Every field of every signal, read back by a decoder that knows nothing of the encoder. */
import fc from 'fast-check';
import assert from 'node:assert/strict';

import { isDouble } from '../../../bridge/core/keys.ts';
import type { AttributeValue, Metric } from '../../../bridge/core/signal.ts';
import { scope } from '../../../bridge/core/signal.ts';
import { setStaleApart } from '../../../bridge/exporters/otlp/metrics.ts';
import { Encoder } from '../../../bridge/exporters/otlp/split.ts';
import { spanEncoding } from '../../../bridge/exporters/otlp/traces.ts';
import type { Decoded } from '../../helpers/otlp_decode.ts';
import { decodeRequest, spansOf } from '../../helpers/otlp_decode.ts';
import { decodedLogs, decodedPoints, decodedSpans, encode, MANY, one } from '../../helpers/otlp_encode.ts';
import {
  BEGAN,
  durations,
  histogramPoint,
  idsOf,
  log,
  metrics,
  numberPoint,
  span,
  tasksByState,
} from '../../helpers/signals.ts';

/** What an attribute must be after a round trip. */
function expected(value: AttributeValue): Decoded {
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value) return value.toString();
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'object') return value.map(expected);
  return value;
}

const anyValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 200 }),
  // Half of a surrogate pair, as a log cut in the middle has it.
  fc.constantFrom('\ud800', 'a\udfff', 'é'.repeat(40), 'x'.repeat(127), 'x'.repeat(128), '漢'.repeat(6000)),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
  fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }),
  fc.array(fc.maxSafeInteger(), { maxLength: 5 }),
  fc.array(
    fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
    { maxLength: 5 },
  ),
);
const anyKey = fc
  .oneof(
    fc.constantFrom(
      'parsl.task',
      'parsl.task_fail_cost',
      'psutil_process_cpu_percent',
      'k'.repeat(43),
      'k'.repeat(200),
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).map((key) => key.toWellFormed()),
  )
  .filter((key) => key !== '__proto__');

describe('exporters/otlp encoding', () => {
  it('writes every field of a span', () => {
    const full = span(3, {
      links: [
        { ...idsOf(7), attributes: { 'parsl.link': 'depends_on' } },
        { ...idsOf(8), attributes: {} },
      ],
      status: { code: 2, message: 'ValueError: 3' },
    });
    const [decoded] = decodedSpans([full]);
    const { resource, links, ...rest } = full;
    const { types, schemaUrls, scope: decodedScope, ...got } = decoded!;
    assert.deepEqual(Object.keys(types), Object.keys(rest.attributes));
    assert.deepEqual(got, {
      ...rest,
      flags: 0x101,
      resource: resource.attributes,
      links: links.map((link) => ({ ...link, flags: 0x01 })),
    });
    assert.deepEqual(decodedScope, { name: scope.name, version: '' });
    assert.deepEqual(schemaUrls, [scope.schemaUrl, scope.schemaUrl]);
  });

  it('writes every field of a log record', () => {
    const full = log(3, { severityText: 'ERROR', severityNumber: 17 });
    const [decoded] = decodedLogs([full]);
    assert.deepEqual(decoded, {
      ...full,
      resource: full.resource.attributes,
      flags: 1,
      scope: { name: scope.name, version: '' },
      schemaUrls: [scope.schemaUrl, scope.schemaUrl],
    });
  });

  it('leaves out what a log record does not have', () => {
    const [decoded] = decodedLogs([
      log(1, { timeUnixNano: 0n, traceId: '', spanId: '', eventName: '', severityNumber: 0, body: '' }),
    ]);
    assert.deepEqual(
      [decoded!.timeUnixNano, decoded!.traceId, decoded!.flags, decoded!.eventName, decoded!.body],
      [0n, '', 0, '', ''],
    );
  });

  it('writes gauges, sums and histograms, cumulative and as doubles', () => {
    const points = decodedPoints(metrics);
    assert.deepEqual(
      points.map(({ name, type, unit, monotonic, temporality, value, flags, attributes }) => [
        name,
        type,
        unit,
        monotonic,
        temporality,
        value,
        flags,
        attributes['state'],
      ]),
      [
        ['parsl.tasks', 'sum', '{task}', false, 2, 3, 0, 'running'],
        ['parsl.tasks', 'sum', '{task}', false, 2, 0, 0, 'failed'],
        ['parsl.try.failures', 'sum', '{try}', true, 2, 2, 0, undefined],
        ['parsl.run.silence', 'gauge', 's', false, 0, 1.5, 0, undefined],
        ['parsl.task.duration', 'histogram', 's', false, 2, undefined, 0, undefined],
      ],
    );
    for (const point of points)
      assert.deepEqual([point.startTimeUnixNano, point.timeUnixNano], [BEGAN, BEGAN + 15_000_000_000n]);
  });

  it('writes histograms with exemplars that lead to a trace', () => {
    const [point] = decodedPoints([durations]);
    const { count, sum, min, max, bucketCounts, exemplars } = histogramPoint();
    assert.deepEqual(
      [point!.count, point!.sum, point!.min, point!.max, point!.bucketCounts, point!.explicitBounds, point!.exemplars],
      [count, sum, min, max, bucketCounts, [0.5, 2], exemplars],
    );
  });

  it('says nothing of the smallest and largest of no values', () => {
    const empty = histogramPoint({
      count: 0,
      sum: 0,
      min: Infinity,
      max: -Infinity,
      bucketCounts: [0, 0, 0],
      exemplars: [],
    });
    const [point] = decodedPoints([{ ...durations, points: [empty] } as Metric]);
    assert.deepEqual(
      [point!.count, point!.sum, point!.min, point!.max, point!.bucketCounts],
      [0, 0, undefined, undefined, [0, 0, 0]],
    );
  });

  it('marks the end of a series, each in a metric of its own', () => {
    const stale = numberPoint(3, { state: 'gone' }, { stale: true });
    const ending = { ...tasksByState, points: [stale, ...tasksByState.points, stale] } as Metric;
    const points = decodedPoints(
      setStaleApart([ending, { ...durations, points: [histogramPoint({ stale: true })] } as Metric]),
    );
    assert.deepEqual(
      points.map(({ name, flags, value, together, bucketCounts }) => [
        name,
        flags,
        value,
        together,
        bucketCounts.length,
      ]),
      [
        ['parsl.tasks', 0, 3, 2, 0],
        ['parsl.tasks', 0, 0, 2, 0],
        ['parsl.tasks', 1, undefined, 1, 0],
        ['parsl.tasks', 1, undefined, 1, 0],
        ['parsl.task.duration', 1, undefined, 1, 3],
      ],
    );
  });

  it('leaves metrics without ends as they are', () => assert.deepEqual(setStaleApart(metrics), metrics));

  it('chooses int or double by the key, not by the value', () => {
    const [decoded] = decodedSpans([
      span(1, { attributes: { 'parsl.task_fail_cost': 2, 'parsl.task': 2, mine: 2, other: 2.5, list: [1, 2.5] } }),
    ]);
    assert.deepEqual(decoded!.types, {
      'parsl.task_fail_cost': 'doubleValue',
      'parsl.task': 'intValue',
      mine: 'intValue',
      other: 'doubleValue',
      list: 'arrayValue',
    });
  });

  it('keeps every attribute, whatever it holds', () => {
    const encoder = new Encoder();
    fc.assert(
      fc.property(fc.dictionary(anyKey, anyValue, { maxKeys: 8 }), (attributes) => {
        const { requests } = encode([span(1, { attributes })], spanEncoding, MANY, encoder);
        const [decoded] = spansOf(decodeRequest('traces', requests[0]!.body));
        assert.deepEqual(
          decoded!.attributes,
          Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, expected(value)])),
        );
        for (const [key, value] of Object.entries(attributes)) {
          const type =
            typeof value === 'number'
              ? isDouble(key) || !Number.isSafeInteger(value)
                ? 'doubleValue'
                : 'intValue'
              : undefined;
          if (type !== undefined) assert.equal(decoded!.types[key], type);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('keeps texts of every length', () => {
    const lengths = [0, 1, 11, 12, 13, 71, 72, 73, 120, 127, 128, 129, 16_383, 16_384, 2_097_152];
    for (const letter of ['x', 'é', '😀']) {
      const attributes = Object.fromEntries(lengths.map((length) => [`n${length}`, letter.repeat(length)]));
      const [decoded] = decodedSpans([
        span(1, { attributes, name: letter.repeat(300), status: { code: 2, message: letter.repeat(20_000) } }),
      ]);
      assert.deepEqual(decoded!.attributes, attributes);
      assert.deepEqual([decoded!.name, decoded!.status.message], [letter.repeat(300), letter.repeat(20_000)]);
    }
  });

  it('keeps keys and texts of every length beside each other', () => {
    for (const letter of ['x', 'é']) {
      for (let keyLength = 30; keyLength <= 50; keyLength += 1) {
        const key = 'k'.repeat(keyLength);
        const texts = Array.from({ length: 90 }, (_, length) => letter.repeat(length + 50));
        const decoded = decodedSpans(texts.map((text) => span(0, { attributes: { [key]: text, last: true } })));
        assert.deepEqual(
          decoded.map(({ attributes }) => attributes),
          texts.map((text) => ({ [key]: text, last: true })),
        );
      }
    }
  });

  it('keeps all numbers of a histogram', () => {
    fc.assert(
      fc.property(
        fc.array(fc.maxSafeInteger().map(Math.abs), { maxLength: 20 }),
        fc.double({ noNaN: true }),
        (bucketCounts, sum) => {
          const point = histogramPoint({ bucketCounts, sum, count: 2 ** 53 - 1 });
          const [decoded] = decodedPoints([{ ...durations, points: [point] } as Metric]);
          assert.deepEqual([decoded!.bucketCounts, decoded!.sum, decoded!.count], [bucketCounts, sum, 2 ** 53 - 1]);
        },
      ),
    );
  });

  it('gives the same bytes for the same data, whatever was encoded before', () => {
    const items = Array.from({ length: 100 }, (_, index) => span(index));
    const encoder = new Encoder();
    const first = encode(items, spanEncoding, MANY, encoder).requests[0]!.body;
    encode(
      Array.from({ length: 5_000 }, (_, index) => span(index, { attributes: { [`key${index}`]: 'é' } })),
      spanEncoding,
      MANY,
      encoder,
    );
    const again = encode(
      items.map((item) => structuredClone(item)),
      spanEncoding,
      MANY,
      encoder,
    ).requests[0]!.body;
    assert.ok(first.equals(again));
    assert.ok(first.equals(one(items, spanEncoding)));
  });
});
