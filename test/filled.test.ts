import assert from 'node:assert/strict';

import { parseConfig } from '../bridge/config.ts';
import { filled } from '../bridge/filled.ts';
import { exporters, receivers } from '../bridge/registry.ts';

const secrets = { token: 't'.repeat(32), hmacKey: 'k'.repeat(64) };
const parsed = (input: object): ReturnType<typeof filled> =>
  filled(parseConfig(input, { receivers, exporters }), secrets);

describe('filled', () => {
  it('gives UDP the bridge’s own key where the user set none', () => {
    const keys = parsed({ receivers: { udp: {}, 'udp/mine': { hmac_key: 'ab'.repeat(16) } } }).receivers;
    assert.deepEqual(
      keys.map(({ config }) => (config as { hmac_key: string }).hmac_key),
      [secrets.hmacKey, 'ab'.repeat(16)],
    );
  });

  it('tells the database exporter what the receivers read, which it must not write to', () => {
    const [exporter] = parsed({
      receivers: { monitoring_db: { path: '/a/monitoring.db' }, run_dir: { path: '/b' }, jsonl: { path: '-' } },
      exporters: { monitoring_db: { inputs: ['/c.db'] } },
    }).exporters;
    assert.deepEqual((exporter?.config as { inputs: string[] }).inputs, ['/c.db', '/a/monitoring.db', '/b']);
  });
});
