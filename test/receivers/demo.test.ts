import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { demo } from '../../bridge/receivers/demo.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { fixtureBytes, recordedFrames } from '../helpers/fixtures.ts';
import { decoded } from '../helpers/messages.ts';
import { cleanUp, createReceiver, startReceiver, tempDir, type Running } from '../helpers/receiver.ts';

const NOW_US = Date.UTC(2030, 0, 1) * 1000;
const HOUR_US = 3_600_000_000;

describe('receivers/demo', () => {
  cleanUp();
  let path: string;

  /** Plays a recording so fast that all of it is due at once. */
  async function play(recording: string, config: object = {}): Promise<{ receiver: Running; original: WideRecord[] }> {
    path = join(await tempDir(), 'demo.bin');
    await writeFile(path, fixtureBytes(recording, 'messages.bin'));
    let time = NOW_US;
    const now = (): number => (time += 1_000);
    const original = decoded([...recordedFrames(recording)].sort((a, b) => a.time - b.time));
    const receiver = await startReceiver(demo, { path, speed: 1e6, pause_s: 0, ...config }, { now });
    return { receiver, original };
  }

  const idsOf = (records: readonly WideRecord[], key: string) =>
    new Set(records.map((record) => record[key]).filter((id) => typeof id === 'string'));

  it('plays every message, with all that does not tell a run, a manager or a time as it was', async () => {
    const { receiver, original } = await play('2026.10.26-W1-htex', { pause_s: 1_000 });
    await receiver.until(({ records }) => records.length >= original.length);
    const texts = (records: readonly WideRecord[]) =>
      records.map((record) =>
        ['parsl.message_type', 'parsl.task', 'parsl.app_name', 'parsl.block'].map((key) => record[key]),
      );
    assert.deepEqual(texts(receiver.records).sort(), texts(original).sort());
    assert.equal(receiver.reported.length + receiver.rejected.length, 0);
  });

  for (const key of ['parsl.dfk', 'parsl.manager']) {
    it(`gives each play a ${key} of its own for each in the capture`, async () => {
      const { receiver, original } = await play('2026.10.26-W1-htex');
      await receiver.until(({ records }) => records.length >= 2 * original.length);
      await receiver.stop();
      const count = idsOf(original, key).size;
      const first = idsOf(receiver.records.slice(0, original.length), key);
      const second = idsOf(receiver.records.slice(original.length, 2 * original.length), key);
      assert.ok(count > 0);
      assert.equal(first.size, count);
      assert.equal(new Set([...first, ...second, ...idsOf(original, key)]).size, 3 * count);
    });
  }

  for (const recording of ['2026.05.25-W5-fs', '2026.10.26-W1-htex', '1.2.0-W1-udp']) {
    it(`moves the times of ${recording} to now, as far from their arrival as they were`, async () => {
      const key = 'parsl.workflow_info.time_began';
      const { receiver, original } = await play(recording, { speed: 1 });
      await receiver.until(({ records }) => records.length > 0);
      const was = Number(original[0]?.[key]) - Number(original[0]?.['source.arrival']);
      const is = Number(receiver.records[0]?.[key]) - NOW_US;
      assert.ok(Math.abs(is - was) < 1_000_000, `${is} ${was}`);
    });
  }

  it('moves every kind of time, and keeps the zone, also where the pace is changed', async () => {
    const { receiver, original } = await play('2026.05.25-W5-fs', { pause_s: 1_000, speed: 1e6 }); // In Berlin, in winter.
    await receiver.until(({ records }) => records.length >= original.length);
    const times = (key: string): number[] =>
      receiver.records.map((record) => record[key]).filter((value) => typeof value === 'number');
    const near = (value: number, expected: number): boolean => Math.abs(value - expected) < 5_000_000;
    for (const key of [
      'parsl.timestamp',
      'parsl.task_time_invoked',
      'parsl.task_try_time_returned',
      'parsl.manager_info.last_heartbeat',
    ]) {
      assert.ok(times(key).length > 0, key);
      for (const time of times(key)) assert.ok(near(time, NOW_US + HOUR_US), key);
    }
    for (const key of ['psutil_process_create_time', 'parsl.manager_info.start_time']) {
      assert.ok(times(key).length > 0, key);
      for (const seconds of times(key)) assert.ok(near(seconds * 1e6, NOW_US), key);
    }
  });

  it('goes on after `next` refused', async () => {
    path = join(await tempDir(), 'demo.bin');
    await writeFile(path, fixtureBytes('2026.10.26-W5-threads', 'messages.bin'));
    let refusals = 1;
    const next = (): Promise<void> | undefined => (refusals-- > 0 ? Promise.reject(new Error('full')) : undefined);
    const receiver = await startReceiver(demo, { path, speed: 1e6, pause_s: 1_000 }, { next });
    await receiver.until(({ records }) => records.length >= 27);
  });

  it('does not start without a capture that can be played', async () => {
    const dir = await tempDir();
    const refused = { code: 'BRIDGE_CONFIG' };
    await assert.rejects(startReceiver(demo, { path: join(dir, 'none') }), refused);
    await writeFile(join(dir, 'prose'), 'this is no capture, it is prose');
    await assert.rejects(startReceiver(demo, { path: join(dir, 'prose') }), refused);
    await writeFile(join(dir, 'empty'), '');
    await assert.rejects(startReceiver(demo, { path: join(dir, 'empty') }), refused);
    await writeFile(join(dir, 'long'), fixtureBytes('2026.10.26-W5-htex', 'messages.bin'));
    await assert.rejects(startReceiver(demo, { path: join(dir, 'long'), capture_bytes_max: 2_000 }), refused);
  });

  it('stops twice, and before it was started', async () => {
    const { receiver } = await play('2026.10.26-W5-threads', { speed: 1 });
    await receiver.stop();
    await receiver.stop();
    await createReceiver(demo, { path }).stop();
  });
});
