/** Every way in which a server may answer, or not, over both protocols, plain and with TLS. */
import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

import type { BridgeError } from '../../../bridge/core/errors.ts';
import { otlp } from '../../../bridge/exporters/otlp/index.ts';
import { retryAfter } from '../../../bridge/exporters/otlp/transport_http.ts';
import { batchOf, refusal, startExporter } from '../../helpers/exporter.ts';
import { otlpFixture, protocols, urlOf } from '../../helpers/otlp_fixture.ts';
import { startOtlpServer, testCertificate } from '../../helpers/otlp_server.ts';
import { span } from '../../helpers/signals.ts';

for (const protocol of protocols) {
  describe(`exporters/otlp transport by ${protocol}`, () => {
    const { listen, start } = otlpFixture(protocol);

    it('compresses', async () => {
      const server = await listen();
      const exporter = await start({ compression: 'gzip' });
      await exporter.export({ spans: Array.from({ length: 100 }, (_, index) => span(index)) });
      assert.equal(server.spans.length, 100);
      if (protocol !== 'grpc') assert.equal(server.requests[0]!.headers['content-encoding'], 'gzip');
    });

    it('sends its headers, and user and password of the endpoint as one', async () => {
      const server = await listen();
      const url = new URL(urlOf(server, protocol));
      const exporter = await start({ endpoint: `http://me:p%40ss@${url.host}`, headers: { 'X-Scope': 'lab 1' } });
      await exporter.export({ spans: [span(0)] });
      const { headers } = server.requests[0]!;
      assert.equal(headers['x-scope'], 'lab 1');
      assert.equal(headers['authorization'], `Basic ${Buffer.from('me:p@ss').toString('base64')}`);
      assert.match(headers['user-agent']!, /^parsl-otel/);
    });

    it('shows no credential: not where it says what it does, nor when the server repeats it', async () => {
      const server = await listen();
      const url = new URL(urlOf(server, protocol));
      const endpoint = `http://user:hunter2secret@${url.host}`;
      const exporter = await start({
        endpoint,
        headers: { authorization: 'Bearer tok-12345', 'x-api-key': 'key-67890' },
      });
      const said = 'no such token: tok-12345, key key-67890, hunter2secret is not it\nbut Bearer tok-12345';
      server.answerWith({ grpc: status.UNAUTHENTICATED, http: 401, message: said });
      const { message, hint, stack } = await refusal(exporter.export({ spans: [span(0)] }));
      assert.match(message, /no such token: \*\*\*, key \*\*\*/);
      assert.match(hint!, /headers/);
      const all = JSON.stringify([exporter.logged, message, hint, stack]);
      for (const secret of ['tok-12345', 'key-67890', 'user:']) assert.ok(!all.includes(secret), all);
      assert.ok(all.includes(url.host));
    });

    it('is to be tried again where the specification says so, and when the server says', async () => {
      const server = await listen();
      const exporter = await start();
      const again = [
        { grpc: status.CANCELLED, http: 429 },
        { grpc: status.DEADLINE_EXCEEDED, http: 502 },
        { grpc: status.ABORTED, http: 503 },
        { grpc: status.OUT_OF_RANGE, http: 504 },
        { grpc: status.UNAVAILABLE, http: 503 },
        { grpc: status.DATA_LOSS, http: 503 },
        { grpc: status.RESOURCE_EXHAUSTED, http: 429, retryAfterMs: 7_000 },
        { grpc: status.UNAVAILABLE, http: 503, retryAfterMs: 2_000 },
      ];
      for (const answer of again) {
        server.answerWith(answer);
        const batch = batchOf({ spans: [span(0)] });
        const { code, retryAfterMs, items } = await refusal(exporter.exporter.export(batch));
        assert.deepEqual(
          [code, retryAfterMs, items],
          ['BRIDGE_REFUSED', answer.retryAfterMs, 1],
          JSON.stringify(answer),
        );
      }
      assert.deepEqual([exporter.sent, exporter.dropped, server.spans.length], [0, {}, 0]);
    });

    it('gives up what the server will never take, and goes on with the next', async () => {
      const server = await listen();
      const exporter = await start();
      const never = [
        { grpc: status.INVALID_ARGUMENT, http: 400 },
        { grpc: status.RESOURCE_EXHAUSTED, http: 413 },
        { grpc: status.INTERNAL, http: 500 },
        { grpc: status.UNKNOWN, http: 301 },
      ];
      for (const answer of never) {
        server.answerWith({ ...answer, message: 'because' });
        await exporter.export({ spans: [span(0)] });
      }
      assert.deepEqual([exporter.sent, exporter.dropped], [0, { rejected: never.length }]);
      for (const { code, message } of exporter.reported) {
        assert.equal(code, 'BRIDGE_REJECTED');
        assert.match(message, /because/);
      }
      await exporter.export({ spans: [span(0)] });
      assert.equal(exporter.sent, 1);
    });

    it('keeps what a wrong address or wrong credentials keep from the server, and says what to mend', async () => {
      const server = await listen();
      const exporter = await start();
      const wrong = [
        { grpc: status.UNAUTHENTICATED, http: 401, hint: /headers/ },
        { grpc: status.PERMISSION_DENIED, http: 403, hint: /headers/ },
        { grpc: status.UNIMPLEMENTED, http: 404, hint: /signals/ },
        { grpc: status.UNIMPLEMENTED, http: 405, hint: /signals/ },
      ];
      const batch = batchOf({ spans: [span(0)] });
      for (const { hint, ...answer } of wrong) {
        server.answerWith(answer);
        const error = await refusal(exporter.exporter.export(batch));
        assert.equal(error.code, 'BRIDGE_REFUSED');
        assert.match(error.hint!, hint);
      }
      await exporter.exporter.export(batch);
      assert.deepEqual([exporter.sent, exporter.dropped, server.spans.length], [1, {}, 1]);
    });

    it('says what is wrong when TLS, the protocol or the name does not fit', async () => {
      const server = await listen();
      const encrypted = await listen({ tls: 'server' });
      const [port, otherPort] = protocol === 'grpc' ? [server.grpcPort, server.httpPort] : [server.httpPort, server.grpcPort]; // prettier-ignore
      const tlsPort = protocol === 'grpc' ? encrypted.grpcPort : encrypted.httpPort;
      const cases: [endpoint: string, hint: RegExp][] = [
        [`http://127.0.0.1:${otherPort}`, /`protocol: /],
        [`https://localhost:${port}`, /speaks no TLS: write http:/],
        [`http://localhost:${tlsPort}`, /TLS, write https:/],
        [`https://localhost:${tlsPort}`, /ca_file/],
        ['http://nobody.invalid:4317', /the name/],
        ['http://127.0.0.1:1', /nc -vz 127\.0\.0\.1 1$/],
      ];
      for (const [endpoint, hint] of cases) {
        const exporter = await start({ endpoint });
        const error = await refusal(exporter.export({ spans: [span(0)] }));
        assert.equal(error.code, 'BRIDGE_REFUSED', endpoint);
        assert.match(error.hint!, hint, `${endpoint}: ${error.message}`);
        await exporter.stop();
      }
    });

    it('counts what a partial success left out, tells why, and does not send it again', async () => {
      const server = await listen();
      const exporter = await start();
      server.answerWith({ rejected: 2, message: 'too old' });
      await exporter.export({ spans: [span(0), span(1), span(2)] });
      assert.deepEqual([exporter.sent, exporter.dropped, server.requests.length], [1, { partial_success: 2 }, 1]);
      assert.match(exporter.reported[0]!.message, /did not take 2 items: too old/);
    });

    it('tells a warning that comes with a success', async () => {
      const server = await listen();
      const exporter = await start();
      server.answerWith({ message: 'use the new endpoint' });
      await exporter.export({ spans: [span(0)] });
      assert.deepEqual([exporter.sent, exporter.dropped], [1, {}]);
      assert.match(exporter.reported[0]!.message, /warns: use the new endpoint/);
    });

    it('is refused by a port where nobody listens, and delivers when somebody does', async () => {
      const server = await listen();
      const { grpcPort, httpPort } = server;
      const exporter = await start();
      await server.stop();
      const batch = batchOf({ spans: [span(0)] });
      const { code, message } = await refusal(exporter.exporter.export(batch));
      assert.equal(code, 'BRIDGE_REFUSED');
      assert.match(message, /127\.0\.0\.1/);
      const second = await listen({ grpcPort, httpPort });
      // grpc-js waits a moment before it tries a connection again: until then it refuses at once.
      for (;;) {
        const again = await exporter.exporter.export(batch).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (again === undefined) break;
        assert.equal((again as BridgeError).code, 'BRIDGE_REFUSED');
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(second.spans.length, 1);
    });

    it('gives a silent server up after its time, and uses a new connection', async () => {
      const server = await listen();
      const exporter = await start({ timeout_ms: 50 });
      let answer = (): void => {};
      server.answerWith({ after: new Promise((resolve) => (answer = resolve)) });
      const { code, reason } = await refusal(exporter.export({ spans: [span(0)] }));
      assert.deepEqual([code, reason], ['BRIDGE_REFUSED', protocol === 'grpc' ? 'deadline_exceeded' : 'timeout']);
      answer();
      await exporter.stop();
      const patient = await start();
      await patient.export({ spans: [span(1)] });
      assert.equal(patient.sent, 1);
    });

    it('speaks TLS with a server whose authority it is given', async () => {
      const server = await listen({ tls: 'server' });
      const exporter = await start({ tls: { ca_file: testCertificate.ca_file } });
      await exporter.export({ spans: [span(0)] });
      assert.equal(server.spans.length, 1);
    });

    it('shows its own certificate where a server asks for one', async () => {
      const server = await listen({ tls: 'mutual' });
      const stranger = await start({ tls: { ca_file: testCertificate.ca_file } });
      assert.equal((await refusal(stranger.export({ spans: [span(0)] }))).code, 'BRIDGE_REFUSED');
      await stranger.stop();
      const known = await start({ tls: testCertificate });
      await known.export({ spans: [span(0)] });
      assert.equal(server.spans.length, 1);
    });

    it('sends nothing to a server that it has no reason to trust', async () => {
      const server = await listen({ tls: 'server' });
      const exporter = await start();
      assert.equal((await refusal(exporter.export({ spans: [span(0)] }))).code, 'BRIDGE_REFUSED');
      assert.equal(server.requests.length, 0);
    });

    it('takes no scheme as TLS, unless it is told that it is insecure', async () => {
      const server = await listen();
      const host = `localhost:${new URL(urlOf(server, protocol)).port}`;
      const secure = await start({ endpoint: host });
      assert.equal((await refusal(secure.export({ spans: [span(0)] }))).code, 'BRIDGE_REFUSED');
      await secure.stop();
      const plain = await start({ endpoint: host, tls: { insecure: true } });
      await plain.export({ spans: [span(0)] });
      assert.equal(server.spans.length, 1);
    });

    it('does not start without the files that it is told to read', async () => {
      await listen();
      const error = await refusal(
        start({ endpoint: 'https://127.0.0.1:1', tls: { ca_file: '/no/such/file.pem' } }).then(() => {}),
      );
      assert.equal(error.code, 'BRIDGE_CONFIG');
      const half = { cert_file: testCertificate.cert_file };
      assert.equal((await refusal(start({ tls: half }).then(() => {}))).code, 'BRIDGE_CONFIG');
    });
  });
}

describe('exporters/otlp and strangers', () => {
  it('takes any answer of a server that says OK as a success', async () => {
    const server = await startOtlpServer();
    const running = await startExporter(otlp, { protocol: 'http/protobuf', endpoint: server.httpUrl });
    server.answerWith({ rejected: -1 });
    await running.export({ spans: [span(0)] });
    assert.deepEqual([running.sent, running.dropped], [1, {}]);
    await running.stop();
    await server.stop();
  });

  it('says what may be wrong when HTTP meets something else', async () => {
    const server = createServer((socket) => socket.end('\0\0\0 this is no HTTP'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const running = await startExporter(otlp, { protocol: 'http/protobuf', endpoint: `http://127.0.0.1:${port}` });
    const { code, message } = await refusal(running.export({ spans: [span(0)] }));
    assert.equal(code, 'BRIDGE_REFUSED');
    assert.match(message, /Parse Error/);
    await running.stop();
    server.close();
  });

  it('reads Retry-After as seconds or as a date', () => {
    const now = Date.UTC(2026, 10, 21, 12, 0, 0);
    assert.equal(retryAfter('120', now), 120_000);
    assert.equal(retryAfter('Sat, 21 Nov 2026 12:00:30 GMT', now), 30_000);
    assert.equal(retryAfter('Sat, 21 Nov 2026 11:00:00 GMT', now), 0);
    assert.equal(retryAfter('soon', now), undefined);
    assert.equal(retryAfter(undefined, now), undefined);
  });
});
