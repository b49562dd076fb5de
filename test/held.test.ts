/** Records that wait for what tells whose they are: neither a crash, a stop nor time loses them, and they come out once. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import type { WideRecord } from '../bridge/core/record.ts';
import { openReads } from '../bridge/store/sqlite.ts';
import type { BridgeProcess } from './helpers/bridge.ts';
import { startBridgeProcess } from './helpers/bridge.ts';

const run = '00000000-0000-4000-8000-000000000007';
const file = { 'source.input': 'runinfo', 'source.run_dir': '000', 'parsl.executor': 'htex' };
/** Lines of a worker, which know neither run nor task. */
const lines = Array.from({ length: 20 }, (_, at) => ({ ...file, 'source.log': 'worker', 'source.path': '000/htex/block-0/8f8ba7000809/worker_0.log', 'source.line': at, message: `Received executor task ${at}`, created: 1.79e9 + at })); // prettier-ignore
/** What the submit side says of them. */
const launches = [
  { ...file, 'source.log': 'parsl', 'source.path': '000/parsl.log', message: `Run id is: ${run}`, created: 1.79e9 - 1 },
  ...lines.map((_, at) => ({ ...file, 'source.log': 'parsl', 'source.path': '000/parsl.log', message: `Parsl task ${at + 100} try 0 launched on executor htex with executor id ${at}`, created: 1.79e9 + at })), // prettier-ignore
];

async function send({ url, connection }: BridgeProcess, records: readonly object[]): Promise<void> {
  const headers = {
    'Content-Type': 'application/x-ndjson',
    Authorization: `Bearer ${connection['http']?.['token'] ?? ''}`,
  };
  const body = records.map((record) => JSON.stringify(record)).join('\n');
  const { status } = await fetch(`${url}/v1/records`, { method: 'POST', headers, body });
  assert.equal(status, 200);
}

async function stored({ dataDir }: BridgeProcess): Promise<readonly WideRecord[]> {
  const reads = openReads(join(dataDir, 'store.db'));
  const { records } = await reads.records({ where: { 'source.log': ['worker'] }, limit: 1000, offset: 0 });
  reads.close();
  return records;
}

describe('records that are held', function () {
  this.timeout(60_000);
  let bridge: BridgeProcess | undefined;
  afterEach(async () => {
    if (bridge === undefined) return;
    if (bridge.child.exitCode === null && bridge.child.signalCode === null) await bridge.kill();
    rmSync(bridge.directory, { recursive: true, force: true });
  });

  for (const how of ['kill', 'interrupt'] as const) {
    it(`get their run and task after a ${how}, and are there once`, async () => {
      const config = { exporters: {} };
      bridge = await startBridgeProcess({ config });
      await send(bridge, lines);
      await bridge[how]();
      assert.deepEqual(await stored(bridge), []);
      bridge = await startBridgeProcess({ config, directory: bridge.directory });
      await send(bridge, launches);
      assert.equal(await bridge.interrupt(), 0, bridge.errors());
      const found = await stored(bridge);
      assert.deepEqual(
        found.map((record) => [record['parsl.dfk'], record['parsl.task'], record['parsl.try'], record['source.line']]),
        lines.map((_, at) => [run, at + 100, 0, at]),
      );
    });
  }

  it('are given out as they are when the bridge is told to finish', async () => {
    bridge = await startBridgeProcess({ config: { exporters: {} }, args: ['--finish'] });
    await send(bridge, lines);
    assert.equal(await bridge.interrupt(), 0, bridge.errors());
    const found = await stored(bridge);
    assert.deepEqual([found.length, found[0]?.['parsl.task'], found[0]?.['parsl.executor_task']], [20, undefined, 0]);
  });
});
