/** The exporter behind real sockets, by both protocols: what arrives, what is sent again, and what is counted. */
import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';

import type { ExportBatch } from '../../../bridge/core/component.ts';
import { queued } from '../../../bridge/core/queue.ts';
import { retrying } from '../../../bridge/core/retry.ts';
import { otlp } from '../../../bridge/exporters/otlp/index.ts';
import { batchOf, collecting, refusal, startExporter } from '../../helpers/exporter.ts';
import { otlpFixture, protocols, urlOf } from '../../helpers/otlp_fixture.ts';
import { startOtlpServer } from '../../helpers/otlp_server.ts';
import { durations, failures, histogramPoint, log, metrics, numberPoint, span } from '../../helpers/signals.ts';

for (const protocol of protocols) {
  describe(`exporters/otlp by ${protocol}`, () => {
    const { listen, start } = otlpFixture(protocol);

    it('delivers spans, logs and metrics, with exemplars and ends of series', async () => {
      const server = await listen();
      const exporter = await start();
      const stale = { ...failures, points: [numberPoint(2, { run: 'old' }, { stale: true })] } as typeof failures;
      await exporter.export({ spans: [span(0), span(1)], logs: [log(0)], metrics: [...metrics, stale] });
      assert.deepEqual(new Set(server.spans.map(({ spanId }) => spanId)), new Set([span(0).spanId, span(1).spanId]));
      assert.deepEqual(
        server.logs.map(({ body }) => body),
        ['task 0 launched'],
      );
      assert.deepEqual(
        server.points.map(({ name, flags }) => [name, flags]),
        [
          ['parsl.tasks', 0],
          ['parsl.tasks', 0],
          ['parsl.try.failures', 0],
          ['parsl.run.silence', 0],
          ['parsl.task.duration', 0],
          ['parsl.try.failures', 1],
        ],
      );
      assert.deepEqual(server.points[4]!.exemplars, histogramPoint().exemplars);
      assert.deepEqual([exporter.sent, exporter.dropped, exporter.reported], [9, {}, []]);
    });

    it('sends nothing of an empty batch, and only the signals that are asked for', async () => {
      const server = await listen();
      const exporter = await start({ signals: ['logs'] });
      await exporter.export({});
      await exporter.export({ spans: [span(0)], metrics });
      assert.equal(server.requests.length, 0);
      await exporter.export({ spans: [span(0)], logs: [log(0)] });
      assert.deepEqual([server.requests.map(({ signal }) => signal), exporter.sent], [['logs'], 1]);
    });

    it('splits 20,000 spans into requests that a Collector takes', async () => {
      const server = await listen();
      const exporter = await start();
      await exporter.export({ spans: Array.from({ length: 20_000 }, (_, index) => span(index)) });
      assert.equal(new Set(server.spans.map(({ traceId, spanId }) => traceId + spanId)).size, 20_000);
      assert.ok(server.requests.length > 1);
      for (const { bytes } of server.requests) assert.ok(bytes <= 3_145_728);
      assert.equal(exporter.sent, 20_000);
    });

    it('counts a span that fits into no request, and sends the others', async () => {
      const server = await listen();
      const exporter = await start({ request_bytes_max: 4_096 });
      await exporter.export({ spans: [span(0), span(1, { name: 'x'.repeat(5_000) }), span(2)] });
      assert.deepEqual([server.spans.length, exporter.sent, exporter.dropped], [2, 2, { too_large: 1 }]);
      assert.deepEqual(
        exporter.reported.map(({ code, reason }) => [code, reason]),
        [['BRIDGE_REJECTED', 'too_large']],
      );
    });

    it('sends the same bytes for the same batch', async () => {
      const server = await listen();
      const exporter = await start();
      const batch = { spans: [span(0), span(1)], logs: [log(0)], metrics };
      await exporter.export(batch);
      const once = [server.spans.length, server.logs.length, server.points.length] as const;
      await exporter.export(structuredClone(batch));
      assert.deepEqual(server.spans.slice(once[0]), server.spans.slice(0, once[0]));
      assert.deepEqual(server.logs.slice(once[1]), server.logs.slice(0, once[1]));
      assert.deepEqual(server.points.slice(once[2]), server.points.slice(0, once[2]));
    });

    it('gives up one signal that is not taken, and delivers the others', async () => {
      const server = await listen();
      const exporter = await start();
      server.answerWith({}, { grpc: status.UNIMPLEMENTED, http: 404 });
      await exporter.export({ spans: [span(0)], logs: [log(0)], metrics: [failures] });
      assert.deepEqual([server.spans.length, server.points.length, server.logs.length], [1, 0, 1]);
      assert.deepEqual([exporter.sent, exporter.dropped], [2, { rejected: 1 }]);
    });

    it('sends again only what was not taken', async () => {
      const server = await listen();
      const exporter = await start({ request_bytes_max: 4_096 });
      const spans = Array.from({ length: 40 }, (_, index) => span(index * 2));
      const batch: ExportBatch = batchOf({ spans, logs: [log(1)] });
      const busy = { grpc: status.UNAVAILABLE, http: 503 };
      server.answerWith({}, busy);
      const { items } = await refusal(exporter.exporter.export(batch));
      assert.equal(items, 41 - exporter.sent);
      assert.ok(exporter.sent > 0 && exporter.sent < 40);
      await exporter.exporter.export(batch);
      assert.deepEqual(
        server.spans.map(({ spanId }) => spanId).toSorted(),
        spans.map(({ spanId }) => spanId).toSorted(),
      );
      assert.deepEqual([server.logs.length, exporter.sent, exporter.dropped], [1, 41, {}]);
    });

    it('asks a server that refuses only once for all signals', async () => {
      const server = await listen();
      const exporter = await start();
      server.answerWith({ grpc: status.UNAVAILABLE, http: 503 });
      const { items } = await refusal(exporter.export({ spans: [span(0)], logs: [log(0)], metrics: [failures] }));
      assert.deepEqual([server.requests.length, items], [1, 3]);
    });

    it('delivers behind queue and retries after the server was unavailable', async () => {
      const server = await listen();
      const told = collecting();
      const exporter = otlp.create(otlp.config.parse({ protocol, endpoint: urlOf(server, protocol) }), told.context);
      const waits: number[] = [];
      const sleep = (ms: number): Promise<void> => {
        waits.push(ms);
        return Promise.resolve();
      };
      const busy = { grpc: status.UNAVAILABLE, http: 503, retryAfterMs: 9_000 };
      server.answerWith(busy, busy);
      const queue = queued(retrying(exporter, told.context, { sleep, random: () => 0.5 }), told.context);
      await queue.start();
      queue.offer(7, batchOf({ spans: [span(0)] }));
      await queue.stop(10_000);
      assert.deepEqual([server.spans.length, told.sent, told.dropped, waits], [1, 1, {}, [9_000, 9_000]]);
      assert.deepEqual([queue.acknowledged(), queue.size()], [7, 0]);
    });

    it('sends a signal elsewhere, in its own way', async () => {
      const server = await listen();
      const other = await startOtlpServer();
      const exporter = await start({
        logs: { protocol: 'http/protobuf', endpoint: `${other.httpUrl}/insert/v1/logs`, headers: { 'x-only': 'logs' } },
        headers: { 'x-all': 'yes' },
      });
      await exporter.export({ spans: [span(0)], logs: [log(0)] });
      assert.deepEqual([server.spans.length, server.logs.length, other.logs.length], [1, 0, 1]);
      const { headers } = other.requests[0]!;
      assert.deepEqual([headers[':path'], headers['x-only'], headers['x-all']], ['/insert/v1/logs', 'logs', undefined]);
      await other.stop();
    });

    it('delivers one signal though the other’s server is dead', async () => {
      const server = await listen();
      const dead = await startOtlpServer();
      await dead.stop();
      const exporter = await start({
        traces: { endpoint: protocol === 'grpc' ? dead.grpcUrl : `${dead.httpUrl}/v1/traces` },
      });
      const batch = batchOf({ spans: [span(0)], logs: [log(0)] });
      const { code, items } = await refusal(exporter.exporter.export(batch));
      assert.deepEqual([code, items, server.logs.length], ['BRIDGE_REFUSED', 1, 1]);
      await refusal(exporter.exporter.export(batch));
      assert.equal(server.logs.length, 1);
    });

    it('finishes what is under way before it stops', async () => {
      const server = await listen();
      const exporter = await start();
      let answer = (): void => {};
      server.answerWith({ after: new Promise((resolve) => (answer = resolve)) });
      const exported = exporter.export({ spans: [span(0)] });
      await server.arrived(1);
      const stopped = exporter.stop();
      answer();
      await Promise.all([exported, stopped]);
      assert.equal(exporter.sent, 1);
      assert.equal((await refusal(exporter.export({ spans: [span(1)] }))).code, 'BRIDGE_REFUSED');
    });
  });
}

describe('exporters/otlp by HTTP', () => {
  it('appends the path of each signal to the endpoint', async () => {
    const server = await startOtlpServer();
    const running = await startExporter(otlp, {
      protocol: 'http/protobuf',
      endpoint: `${server.httpUrl}/otlp/?tenant=a`,
    });
    await running.export({ spans: [span(0)], logs: [log(0)], metrics: [durations] });
    assert.deepEqual(
      server.requests.map(({ headers }) => headers[':path']),
      ['traces', 'metrics', 'logs'].map((signal) => `/otlp/v1/${signal}?tenant=a`),
    );
    await running.stop();
    await server.stop();
  });
});
