/** Requests: grouped by resource, and never larger than they may be. */
import fc from 'fast-check';
import assert from 'node:assert/strict';

import type { Metric } from '../../../bridge/core/signal.ts';
import { metricEncoding } from '../../../bridge/exporters/otlp/metrics.ts';
import { spanEncoding } from '../../../bridge/exporters/otlp/traces.ts';
import { decodeRequest, pointsOf, spansOf } from '../../helpers/otlp_decode.ts';
import { decodedSpans, encode, one } from '../../helpers/otlp_encode.ts';
import { failures, numberPoint, RUN, silence, span, submit, worker } from '../../helpers/signals.ts';

describe('exporters/otlp requests', () => {
  it('groups by resource, by identity and by content', () => {
    const twin = structuredClone(submit);
    const items = [span(0), span(1), span(2, { resource: twin }), span(3), span(4)];
    const request = decodeRequest('traces', one(items, spanEncoding)) as {
      resourceSpans: { scopeSpans: { spans: object[] }[] }[];
    };
    assert.deepEqual(
      request.resourceSpans.map(({ scopeSpans }) => scopeSpans.map(({ spans }) => spans.length)),
      [[3], [2]],
    );
    assert.deepEqual(
      new Set(decodedSpans(items).map(({ spanId }) => spanId)),
      new Set(items.map(({ spanId }) => spanId)),
    );
  });

  it('makes no request of nothing', () => assert.deepEqual(encode([], spanEncoding), { requests: [], tooLarge: 0 }));

  it('splits by encoded bytes and loses nothing', () => {
    const items = Array.from({ length: 20_000 }, (_, index) =>
      span(index, index % 1000 === 0 ? { status: { code: 2, message: 'é'.repeat(40_000) } } : {}),
    );
    const bytesMax = 3 << 20;
    const { requests, tooLarge } = encode(items, spanEncoding, bytesMax);
    assert.equal(tooLarge, 0);
    assert.ok(requests.length > 1);
    const ids = requests.flatMap(({ body, items: count }) => {
      const decoded = spansOf(decodeRequest('traces', body));
      assert.ok(body.length <= bytesMax);
      assert.equal(decoded.length, count);
      return decoded.map(({ spanId, resource }) => `${spanId} ${String(resource['service.name'])}`);
    });
    assert.deepEqual(
      ids.toSorted(),
      items.map(({ spanId, resource }) => `${spanId} ${String(resource.attributes['service.name'])}`).toSorted(),
    );
    // All but the last one are nearly full.
    for (const { body } of requests.slice(0, -1)) assert.ok(body.length > bytesMax - 90_000, String(body.length));
  });

  it('keeps the limit, however many resources there are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4096, max: 20_000 }),
        fc.array(fc.tuple(fc.nat(30), fc.nat(3000)), { maxLength: 60 }),
        (bytesMax, shapes) => {
          const resources = Array.from({ length: 31 }, (_, index) => ({
            attributes: { 'service.instance.id': String(index) },
          }));
          const items = shapes.map(([which, size], index) =>
            span(index, { resource: resources[which]!, attributes: { text: 'x'.repeat(size) } }),
          );
          const { requests, tooLarge } = encode(items, spanEncoding, bytesMax);
          assert.equal(tooLarge, 0);
          assert.equal(requests.flatMap(({ body }) => spansOf(decodeRequest('traces', body))).length, items.length);
          for (const { body } of requests) assert.ok(body.length <= bytesMax);
        },
      ),
    );
  });

  it('leaves out an item that is too large by itself, counts it and sends its neighbours', () => {
    const items = [span(0), span(1, { name: 'x'.repeat(10_000) }), span(2)];
    const { requests, tooLarge } = encode(items, spanEncoding, 8_192);
    assert.equal(tooLarge, 1);
    const names = requests.flatMap(({ body }) => spansOf(decodeRequest('traces', body))).map(({ spanId }) => spanId);
    assert.deepEqual(names.toSorted(), [items[0]!.spanId, items[2]!.spanId].toSorted());
  });

  it('halves a metric with more points than fit', () => {
    const points = Array.from({ length: 2_000 }, (_, index) => numberPoint(index, { run: RUN, app: `app${index}` }));
    const { requests, tooLarge } = encode([{ ...silence, points } as Metric, failures], metricEncoding, 20_000);
    const decoded = requests.flatMap(({ body }) => pointsOf(decodeRequest('metrics', body)));
    assert.equal(tooLarge, 0);
    assert.deepEqual(
      decoded.map(({ value }) => value),
      [...points.map(({ value }) => value), 2],
    );
    assert.equal(
      requests.reduce((sum, { items }) => sum + items, 0),
      2_001,
    );
    for (const { body } of requests) assert.ok(body.length <= 20_000);
  });

  it('writes worker and submit resources as they are', () => {
    const [onSubmit, onWorker] = decodedSpans([span(0), span(1)]);
    assert.deepEqual([onSubmit!.resource, onWorker!.resource], [submit.attributes, worker.attributes]);
  });
});
