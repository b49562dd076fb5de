import assert from 'node:assert/strict';

import { formatAddress, isLoopback, listenAddress, parseAddress, requireSecret } from '../../bridge/core/listen.ts';

describe('core/listen', () => {
  it('reads and writes addresses of both kinds', () => {
    for (const [text, address] of [
      ['127.0.0.1:4380', { host: '127.0.0.1', port: 4380 }],
      ['[::1]:0', { host: '::1', port: 0 }],
      ['login.example.org:65535', { host: 'login.example.org', port: 65_535 }],
    ] as const) {
      assert.deepEqual(parseAddress(text), address);
      assert.equal(formatAddress(address), text);
    }
  });

  it('refuses what is no address', () => {
    for (const text of [
      '',
      '4380',
      ':4380',
      '127.0.0.1',
      '::1:80',
      '127.0.0.1:65536',
      'a b:1',
      '[::1]',
      'http://x:1',
    ]) {
      assert.equal(listenAddress.safeParse(text).success, false, text);
    }
  });

  it('wants a secret off loopback', () => {
    for (const host of ['127.0.0.1', '127.0.1.1', '::1', 'localhost']) {
      assert.ok(isLoopback(host));
      requireSecret(host, false, 'test', '');
    }
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.example.org', '']) {
      assert.throws(() => requireSecret(host, false, 'test', 'do this'), { code: 'BRIDGE_CONFIG', hint: 'do this' });
      requireSecret(host, true, 'test', '');
    }
  });
});
