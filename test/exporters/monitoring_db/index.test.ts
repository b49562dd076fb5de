import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Exporter } from '../../../bridge/core/component.ts';
import type { Frame } from '../../../bridge/core/frame.ts';
import type { WideRecord } from '../../../bridge/core/record.ts';
import { encodeFrames } from '../../../bridge/formats/capture.ts';
import { monitoringDb } from '../../../bridge/exporters/monitoring_db/index.ts';
import { framesOf } from '../../../bridge/receivers/monitoring_db/reader.ts';
import { startBridgeProcess, type BridgeProcess } from '../../helpers/bridge.ts';
import { batchOf, collecting, refusal, type Collecting } from '../../helpers/exporter.ts';
import { recordedFrames } from '../../helpers/fixtures.ts';
import { messagesOf, readDb, recordedDb, rowsOf } from '../../helpers/monitoring_db.ts';
import { tempDir } from '../../helpers/receiver.ts';

const NAME = '2026.10.26-W1-htex';

describe('exporters/monitoring_db', () => {
  let dir: string;
  let told: Collecting;
  let exporter: Exporter;

  async function start(config: object = {}): Promise<void> {
    told = collecting();
    const context = { ...told.context, stateFile: join(dir, 'state.json') };
    exporter = monitoringDb.create(monitoringDb.config.parse(config), context);
    await exporter.start();
  }
  const send = (frames: readonly Frame[]): Promise<void> => exporter.export(batchOf({ frames }));

  /** The recording's messages, from runs whose directories are below `dir`. */
  function movedHere(name = NAME): WideRecord[] {
    const key = 'parsl.workflow_info.rundir';
    return messagesOf(name).map((record) => {
      const rundir = record[key];
      if (typeof rundir !== 'string') return record;
      return { ...record, [key]: join(dir, 'runinfo', rundir.slice(-3)) };
    });
  }
  const runDir = (name: string): string => join(dir, 'runinfo', name);

  beforeEach(async () => {
    dir = await tempDir();
    for (const name of ['000', '001']) mkdirSync(runDir(name), { recursive: true });
  });
  afterEach(() => exporter.stop());

  it('has committed a batch when it is delivered', async () => {
    const path = join(dir, 'all.db');
    await start({ path });
    const frames = recordedFrames(NAME);
    await send(frames.slice(0, 100));
    assert.ok(readDb(path).status.length > 20);
    await send(frames.slice(100));
    assert.deepEqual(readDb(path), rowsOf(recordedDb(NAME)));
    assert.equal(told.sent, frames.length);
    assert.deepEqual(told.reported, []);
  });

  it('writes beside the run’s directory, where Parsl would', async () => {
    await start();
    await send(framesOf(movedHere()));
    const without = ['workflow.rundir'];
    assert.deepEqual(readDb(join(dir, 'runinfo', 'monitoring.db'), without), rowsOf(recordedDb(NAME), without));
    assert.ok(!existsSync(join(dir, 'monitoring.db')));
  });

  it('finds that file also when what the run says of itself comes last in a large batch', async () => {
    await start();
    const name = '2026.10.26-W2-fs';
    const isOfRun = (record: WideRecord): boolean => record['parsl.message_type'] === 'WORKFLOW_INFO';
    const all = movedHere(name);
    await send(framesOf([...all.filter((record) => !isOfRun(record)), ...all.filter(isOfRun)]));
    const without = ['workflow.rundir'];
    assert.deepEqual(readDb(join(dir, 'runinfo', 'monitoring.db'), without), rowsOf(recordedDb(name), without));
    assert.ok(!existsSync(join(dir, 'monitoring.db')));
  });

  it('leaves the file of a run to Parsl’s own manager, and says where it writes instead', async () => {
    writeFileSync(join(runDir('001'), 'database_manager.log'), '');
    await start();
    await send(framesOf(movedHere()));
    const elsewhere = join(dir, 'runinfo', 'monitoring.parsl-otel.db');
    for (const [file, rundir] of [
      [join(dir, 'runinfo', 'monitoring.db'), '000'],
      [elsewhere, '001'],
    ] as const)
      assert.deepEqual(readDb(file).workflow.map((row) => row['rundir']), [runDir(rundir)]); // prettier-ignore
    const [line] = told.logged.filter(({ message }) => message.includes('elsewhere'));
    assert.equal((line?.fields as { path: string }).path, elsewhere);
  });

  it('leaves it also where the configuration names that very file', async () => {
    writeFileSync(join(runDir('000'), 'database_manager.jsonlog'), '');
    const path = join(dir, 'runinfo', 'monitoring.db');
    await start({ path });
    await send(framesOf(movedHere()));
    assert.deepEqual(readDb(path).workflow.map((row) => row['rundir']), [runDir('001')]); // prettier-ignore
  });

  it('never writes to an input of the bridge', async () => {
    const input = join(dir, 'runinfo', 'monitoring.db');
    await start({ inputs: [input] });
    await send(framesOf(movedHere()));
    assert.ok(!existsSync(input));
    assert.equal(readDb(join(dir, 'runinfo', 'monitoring.parsl-otel.db')).workflow.length, 2);
    await exporter.stop();
    const both = monitoringDb.create(monitoringDb.config.parse({ path: input, inputs: [input] }), told.context);
    assert.equal((await refusal(both.start())).code, 'BRIDGE_CONFIG');
  });

  it('nor into a directory that is one, where it would be read again', async () => {
    await start({ inputs: [join(dir, 'runinfo')] });
    await send(framesOf(movedHere()));
    assert.deepEqual(readdirSync(join(dir, 'runinfo')).sort(), ['000', '001']);
    assert.equal(readDb(join(dir, 'monitoring.db')).workflow.length, 2);
  });

  it('keeps a run whose start came late in one file, over a restart', async () => {
    const frames = framesOf(movedHere());
    const [run] = messagesOf(NAME).map((record) => record['parsl.dfk']);
    const one = messagesOf(NAME).filter((record) => record['parsl.task'] === 3 && record['parsl.dfk'] === run);
    await start();
    await send(framesOf(one));
    await exporter.stop();
    await start();
    await send(frames);
    const without = ['workflow.rundir'];
    const kept = readDb(join(dir, 'monitoring.db'), without);
    assert.deepEqual(kept.status, rowsOf(recordedDb(NAME)).status.filter(({ run_id }) => run_id === run)); // prettier-ignore
    assert.equal(kept.workflow.length, 1);
  });

  it('keeps the rows of a run whose own file cannot be written to', async () => {
    writeFileSync(join(dir, 'runinfo', 'monitoring.db'), 'mine');
    await start();
    await send(framesOf(movedHere()));
    assert.equal(readDb(join(dir, 'monitoring.db')).workflow.length, 2);
  });

  it('does not start with a file that cannot be written to', async () => {
    await start();
    const path = join(dir, 'none', 'x.db');
    const other = monitoringDb.create(monitoringDb.config.parse({ path }), told.context);
    const error = await refusal(other.start());
    assert.equal(error.code, 'BRIDGE_CONFIG');
    assert.match(error.message, /x\.db/);
    await other.stop();
  });

  it('loses no row to kill -9 of the bridge', async function () {
    this.timeout(60_000);
    await start();
    const path = join(dir, 'served.db');
    const config = { exporters: { monitoring_db: { path } } };
    let bridge = await startBridgeProcess({ config });
    try {
      const frames = recordedFrames(NAME);
      const half = Math.floor(frames.length / 2);
      for (let at = 0; at < half; at += 40) await post(bridge, frames.slice(at, Math.min(at + 40, half)));
      await bridge.kill();
      bridge = await startBridgeProcess({ config, directory: bridge.directory });
      await post(bridge, frames.slice(half - 20));
      assert.equal(await bridge.interrupt(), 0);
      assert.deepEqual(readDb(path), rowsOf(recordedDb(NAME)));
    } finally {
      if (bridge.child.exitCode === null && bridge.child.signalCode === null) await bridge.kill();
      rmSync(bridge.directory, { recursive: true, force: true });
    }
  });
});

async function post({ url, connection }: BridgeProcess, frames: readonly Frame[]): Promise<void> {
  const headers = {
    'Content-Type': 'application/vnd.parsl-otel.capture',
    Authorization: `Bearer ${String(connection['http']?.['token'])}`,
  };
  const response = await fetch(`${url}/v1/records`, { method: 'POST', headers, body: encodeFrames(frames) });
  assert.equal(response.status, 200);
}
