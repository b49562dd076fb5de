/** play: a recorded run that a running bridge takes for one that goes on now. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startBridgeProcess, type BridgeProcess } from '../helpers/bridge.ts';

const cli = join(import.meta.dirname, '../../bridge/cli.ts');

interface Runs {
  readonly runs: readonly { readonly run: string; readonly workflow: string }[];
}

describe('commands/play', function () {
  this.timeout(60_000);
  let bridge: BridgeProcess;
  let player: ChildProcess | undefined;
  let errors = '';

  function play(...args: string[]): ChildProcess {
    errors = '';
    const child = spawn(process.execPath, [cli, 'play', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    return (player = child);
  }

  /** The bridge's runs, once there are so many. */
  async function runs(count: number): Promise<Runs['runs']> {
    for (;;) {
      const { runs } = (await (await fetch(`${bridge.url}/api/runs`)).json()) as Runs;
      if (runs.length >= count) return runs;
      await sleep(50); // The bridge shows rows a few times a second.
    }
  }

  before(async () => {
    bridge = await startBridgeProcess();
  });
  after(async () => {
    await bridge.interrupt();
    rmSync(bridge.directory, { recursive: true });
  });
  afterEach(async () => {
    if (player?.exitCode === null && player.kill('SIGKILL')) await once(player, 'exit');
  });

  it('plays what comes with the package, again and again, and stops when told', async () => {
    const child = play('--connection-file', bridge.connectionFile, '--speed', '100000', '--pause', '0');
    const seen = await runs(6);
    assert.equal(new Set(seen.map(({ run }) => run)).size, seen.length);
    assert.equal(new Set(seen.map(({ workflow }) => workflow)).size, 2);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(errors, '');
  });

  it('plays to another address than the connection file names', async () => {
    const elsewhere = createServer().listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const { port } = elsewhere.address() as AddressInfo;
    play('--connection-file', bridge.connectionFile, '--url', `http://127.0.0.1:${port}`, '--speed', '100000');
    const [request] = (await once(elsewhere, 'request')) as [IncomingMessage];
    assert.equal(request.url, '/v1/records');
    assert.equal(request.headers.authorization, `Bearer ${bridge.connection['http']?.['token']}`);
    elsewhere.closeAllConnections();
    elsewhere.close();
  });

  it('says which connection file is missing, and tries again', async () => {
    const child = play('--connection-file', join(bridge.directory, 'none.json'), '--speed', '100000');
    while (!/none\.json: no such file.*none\.json: no such file/s.test(errors)) await once(child.stderr!, 'data');
    assert.match(errors, /start the bridge first/);
  });

  it('refuses a speed that is none', async () => {
    const child = play('--speed', 'fast');
    assert.deepEqual(await once(child, 'exit'), [2, null]);
    assert.match(errors, /demo\.speed/);
  });
});
