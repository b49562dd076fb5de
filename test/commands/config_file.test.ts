import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadConfig } from '../../bridge/commands/config_file.ts';

describe('commands/config_file', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsl-otel-config-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const load = (yaml: string, overrides: object) => {
    const path = join(directory, 'bridge.yaml');
    writeFileSync(path, yaml);
    return loadConfig(path, { dataDir: directory, env: {}, demo: undefined }, overrides).settings;
  };

  it('lets an option of the command line replace its own key alone', () => {
    const { http } = load('http: { token: swordfish-swordfish, listen: "127.0.0.1:1" }', {
      http: { listen: '127.0.0.1:2' },
    });
    assert.deepEqual(http, { token: 'swordfish-swordfish', listen: '127.0.0.1:2' });
  });

  it('lets an option replace what the file says', () => {
    assert.equal(load('time_zone: UTC', { time_zone: 'Europe/Berlin' }).time_zone, 'Europe/Berlin');
  });
});
