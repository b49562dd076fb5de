import assert from 'node:assert/strict';
import type { z } from 'zod';

import { config, targetOf } from '../../../bridge/exporters/otlp/config.ts';
import type { Signal } from '../../../bridge/exporters/otlp/config.ts';

const target = (written: z.input<typeof config>, signal: Signal = 'traces') => targetOf(signal, config.parse(written));
const problems = (written: unknown): string => JSON.stringify(config.safeParse(written).error?.issues ?? []);

describe('exporters/otlp configuration', () => {
  it('sends to this machine by default, on the port of its protocol', () => {
    const { protocol, host, port, secure, timeoutMs, compression } = target({});
    assert.deepEqual([protocol, host, port, secure], ['grpc', '127.0.0.1', 4317, false]);
    assert.deepEqual([timeoutMs, compression], [10_000, 'none']);
    const http = target({ protocol: 'http/protobuf' });
    assert.deepEqual([http.host, http.port, http.path], ['127.0.0.1', 4318, '/v1/traces']);
  });

  it('reads endpoints as the specification does', () => {
    const read = (endpoint: string, insecure = false) => {
      const { host, port, secure } = target({ endpoint, tls: { insecure } });
      return [host, port, secure];
    };
    assert.deepEqual(read('http://collector:4317'), ['collector', 4317, false]);
    assert.deepEqual(read('https://collector'), ['collector', 4317, true]);
    assert.deepEqual(read('collector:4317'), ['collector', 4317, true]);
    assert.deepEqual(read('collector:4317', true), ['collector', 4317, false]);
    assert.deepEqual(read('https://collector:1', true), ['collector', 1, true]);
    assert.deepEqual(read('http://[::1]:9'), ['::1', 9, false]);
    assert.deepEqual(read('10.0.0.1'), ['10.0.0.1', 4317, true]);
  });

  it('uses the ports of HTTP where an HTTP endpoint names none', () => {
    const read = (endpoint: string) => target({ protocol: 'http/protobuf', endpoint }).port;
    assert.deepEqual([read('http://h'), read('https://h'), read('h'), read('http://h:1')], [80, 443, 443, 1]);
  });

  it('appends the signal to the common endpoint, and takes a signal’s own as it is', () => {
    const written = {
      protocol: 'http/protobuf',
      endpoint: 'http://h/base/',
      logs: { endpoint: 'http://l/insert' },
    } as const;
    assert.deepEqual(
      [target(written).path, target(written, 'metrics').path, target(written, 'logs').path],
      ['/base/v1/traces', '/base/v1/metrics', '/insert'],
    );
  });

  it('lets a signal’s own settings stand above the common ones', () => {
    const written = {
      endpoint: 'http://h:1',
      headers: { 'X-All': 'yes' },
      compression: 'gzip',
      logs: { headers: { 'X-Logs': 'yes' }, timeout_ms: 5, compression: 'none' },
    } as const;
    const logs = target(written, 'logs');
    assert.deepEqual(
      [logs.host, logs.headers, logs.timeoutMs, logs.compression],
      ['h', { 'x-logs': 'yes' }, 5, 'none'],
    );
    const traces = target(written);
    assert.deepEqual([traces.headers, traces.timeoutMs, traces.compression], [{ 'x-all': 'yes' }, 10_000, 'gzip']);
  });

  it('shows endpoints without credentials and without queries', () => {
    const written = { protocol: 'http/protobuf', endpoint: 'https://me:secret@h:8443/otlp?key=secret' } as const;
    assert.equal(target(written).shown, 'https://h:8443/otlp');
    assert.equal(target({ endpoint: 'http://me:secret@h:4317' }).shown, 'http://h:4317');
  });

  it('refuses what is no endpoint, protocol, signal or header, and shows no value of a header', () => {
    assert.match(problems({ endpoint: 'ftp://h' }), /endpoint.*must be an address/);
    assert.match(problems({ endpoint: '' }), /must be an address/);
    assert.match(problems({ protocol: 'http/json' }), /protocol/);
    assert.match(problems({ signals: [] }), /signals/);
    assert.match(problems({ headers: { 'a b': 'x' } }), /headers/);
    assert.match(problems({ headers: { 'a-bin': 'x' } }), /-bin/);
    const secret = problems({ headers: { a: 'sec\nret' } });
    assert.match(secret, /printable/);
    assert.doesNotMatch(secret, /sec/);
  });
});
