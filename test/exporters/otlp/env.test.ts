import assert from 'node:assert/strict';

import { BridgeError } from '../../../bridge/core/errors.ts';
import { config, targetOf } from '../../../bridge/exporters/otlp/config.ts';
import { otlpConfigFromEnv } from '../../../bridge/exporters/otlp/env.ts';

const PREFIX = 'OTEL_EXPORTER_OTLP_';
const read = (variables: Record<string, string>) =>
  otlpConfigFromEnv(Object.fromEntries(Object.entries(variables).map(([name, value]) => [PREFIX + name, value])));

describe('exporters/otlp variables', () => {
  it('say nothing without an endpoint', () => {
    assert.equal(read({}), undefined);
    assert.equal(read({ HEADERS: 'a=b', PROTOCOL: 'grpc', TRACES_TIMEOUT: '5' }), undefined);
    assert.equal(read({ ENDPOINT: ' ' }), undefined);
    assert.equal(otlpConfigFromEnv({ OTEL_SERVICE_NAME: 'x' }), undefined);
  });

  it('speak HTTP by default', () => {
    assert.deepEqual(read({ ENDPOINT: 'http://h:4318' }), { endpoint: 'http://h:4318', protocol: 'http/protobuf' });
  });

  it('are all read', () => {
    assert.deepEqual(
      read({
        ENDPOINT: 'https://h',
        PROTOCOL: 'grpc',
        HEADERS: 'Authorization=Bearer%20a%3Db%2Cc, x-b = 2 ,',
        TIMEOUT: '2500',
        COMPRESSION: 'gzip',
        CERTIFICATE: '/ca.pem',
        CLIENT_CERTIFICATE: '/me.pem',
        CLIENT_KEY: '/me.key',
        INSECURE: 'TRUE',
      }),
      {
        endpoint: 'https://h',
        protocol: 'grpc',
        headers: { authorization: 'Bearer a=b,c', 'x-b': '2' },
        timeout_ms: 2500,
        compression: 'gzip',
        tls: { ca_file: '/ca.pem', cert_file: '/me.pem', key_file: '/me.key', insecure: true },
      },
    );
  });

  it('send only the signals that have an endpoint', () => {
    assert.deepEqual(read({ TRACES_ENDPOINT: 'http://t/insert', LOGS_ENDPOINT: 'http://l' }), {
      protocol: 'http/protobuf',
      signals: ['traces', 'logs'],
      traces: { endpoint: 'http://t/insert' },
      logs: { endpoint: 'http://l' },
    });
  });

  it('of a signal stand above the common ones', () => {
    const written = read({
      ENDPOINT: 'http://h:4318',
      CERTIFICATE: '/ca.pem',
      METRICS_PROTOCOL: 'grpc',
      METRICS_ENDPOINT: 'http://m:4317',
      METRICS_HEADERS: 'a=b',
      METRICS_CLIENT_KEY: '/k',
    });
    const parsed = config.parse(written);
    const metrics = targetOf('metrics', parsed);
    assert.deepEqual([metrics.protocol, metrics.host, metrics.headers], ['grpc', 'm', { a: 'b' }]);
    assert.deepEqual(metrics.tls, { insecure: false, ca_file: '/ca.pem', key_file: '/k' });
    const traces = targetOf('traces', parsed);
    assert.deepEqual([traces.protocol, traces.path, traces.headers], ['http/protobuf', '/v1/traces', {}]);
  });

  it('that mean nothing are told by name, without the values of headers', () => {
    const wrong = {
      PROTOCOL: 'http/json',
      LOGS_COMPRESSION: 'zstd',
      TIMEOUT: '10s',
      TRACES_TIMEOUT: '0',
      HEADERS: 'secret',
      METRICS_HEADERS: 'a=%ZZsecret',
    };
    for (const [name, value] of Object.entries(wrong)) {
      assert.throws(
        () => read({ ENDPOINT: 'http://h', [name]: value }),
        (error) => {
          assert.ok(error instanceof BridgeError && error.code === 'BRIDGE_CONFIG');
          assert.ok(error.message.includes(PREFIX + name), error.message);
          assert.ok(!error.message.includes('secret'));
          return true;
        },
      );
    }
  });
});
