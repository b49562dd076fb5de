import assert from 'node:assert/strict';

import { convert } from '../bridge/convert.ts';
import type { ConvertFormat } from '../bridge/convert.ts';
import type { BridgeError } from '../bridge/core/errors.ts';
import type { Frame } from '../bridge/core/frame.ts';
import { Channel } from '../bridge/core/frame.ts';
import type { Zone } from '../bridge/core/time.ts';
import { fixedZone } from '../bridge/core/time.ts';
import { batched, seeded, shuffled } from './helpers/engine.ts';
import { recordedFrames } from './helpers/fixtures.ts';

const NAME = '2026.10.26-W1-htex';

async function run(batches: readonly (readonly Frame[])[], to: ConvertFormat = 'otlp_json', zone?: Zone) {
  const lines: string[] = [];
  const problems: BridgeError[] = [];
  async function* each(): AsyncGenerator<readonly Frame[]> {
    for (const batch of batches) yield await Promise.resolve(batch);
  }
  const write = (line: string) => lines.push(line);
  const result = await convert(each(), { to, zone, write, report: (error) => problems.push(error) });
  return { lines, problems, result };
}

const json = (...records: readonly object[]): Frame => ({
  channel: Channel.records,
  time: 0,
  payload: Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join('')),
});

describe('convert', () => {
  const frames = recordedFrames(NAME);

  it('writes the same bytes whatever the order, the batches and the repeats', async () => {
    const { lines } = await run([frames]);
    const random = seeded(7);
    for (let turn = 0; turn < 3; turn++) {
      const mixed = batched(shuffled([...frames, ...frames], random), 100, random);
      assert.deepEqual((await run(mixed)).lines, lines);
    }
  });

  it('writes whole OTLP requests, one a line: traces, logs and metrics', async () => {
    const { lines, result } = await run([frames]);
    const requests = lines.map((line) => JSON.parse(line) as Record<string, readonly unknown[]>);
    assert.deepEqual([...new Set(requests.flatMap((request) => Object.keys(request)))].sort(), [
      'resourceLogs',
      'resourceMetrics',
      'resourceSpans',
    ]);
    assert.ok(requests.every((request) => Object.keys(request).length === 1));
    assert.deepEqual(
      [result.messages, result.records, result.problems, result.spans],
      [frames.length, frames.length, 0, 303],
    );
  });

  it('writes records sorted by run, task, try and time, each once', async () => {
    const { lines } = await run([frames, frames], 'jsonl');
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(records.length, frames.length);
    const keys = records.map((record) => [
      record['parsl.dfk'],
      record['parsl.task'],
      record['parsl.try'],
      record['parsl.timestamp'],
    ]);
    // A record without the key comes first, as NULL does in SQLite.
    const rank = (value: unknown) =>
      typeof value === 'number' ? String(value).padStart(20, '0') : typeof value === 'string' ? value : '';
    const sorted = keys.toSorted((a, b) => (a.map(rank).join('\n') < b.map(rank).join('\n') ? -1 : 1));
    assert.deepEqual(keys, sorted);
  });

  it('reads its own JSON lines back to the same spans, logs and metrics', async () => {
    const { lines } = await run([frames], 'jsonl');
    const body: Frame = { channel: Channel.records, time: 0, payload: Buffer.from(lines.join('\n')) };
    assert.deepEqual((await run([[body]])).lines, (await run([frames])).lines);
    assert.deepEqual((await run([[body]], 'jsonl')).lines, lines);
  });

  it('keeps records that differ in anything but how they arrived', async () => {
    const record = { 'parsl.dfk': 'r', 'parsl.task': 1, message: 'hello' };
    const all = [
      record,
      { ...record, 'source.arrival': 5 },
      { ...record, 'source.receiver': 'x' },
      { ...record, message: 'other' },
    ];
    const { lines } = await run([[json(...all)]], 'jsonl');
    assert.deepEqual(lines.map((line) => (JSON.parse(line) as { message: string }).message), ['hello', 'other']); // prettier-ignore
  });

  it('keeps unknown keys, and times as they are read', async () => {
    const { lines } = await run([[json({ time: '1795261680316588401', 'my key': 'x', n: 1.5, none: null })]], 'jsonl');
    const [record] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      [record?.['time'], record?.['my key'], record?.['n'], record?.['none']],
      ['1795261680316588401', 'x', 1.5, null],
    );
  });

  it('goes on after what does not decode, reports it and counts it', async () => {
    const torn: Frame = { channel: Channel.zmq, time: 0, payload: Buffer.from('not a pickle') };
    const { lines, problems, result } = await run([[torn], frames, [torn]]);
    assert.deepEqual([problems.length, result.problems, result.messages], [2, 2, frames.length + 2]);
    assert.ok(problems.every(({ code }) => code === 'BRIDGE_DECODE'));
    assert.deepEqual(lines, (await run([frames])).lines);
  });

  it('takes any value under any key', async () => {
    const odd = [
      { 'parsl.task': true, 'parsl.try': 'x' },
      { time: 1e300 },
      { 'parsl.dfk': false, time: -5 },
      { 'parsl.timestamp': 1e300 },
    ];
    for (const to of ['jsonl', 'otlp_json'] as const) assert.deepEqual((await run([[json(...odd)]], to)).problems, []);
    assert.equal((await run([[json(...odd)]], 'jsonl')).lines.length, odd.length);
  });

  it('reads naive times in the zone it is told', async () => {
    const record = {
      'parsl.dfk': 'r',
      'parsl.task': 1,
      'parsl.task_state': 'pending',
      'parsl.timestamp': '2026-01-01T12:00:00.000000',
    };
    const { lines } = await run([[json(record)]], 'otlp_json', fixedZone(7_200_000_000, 'config'));
    assert.match(lines.join('\n'), /"startTimeUnixNano":"1767261600000000000"/);
  });

  it('writes nothing for nothing', async () => {
    assert.deepEqual((await run([])).lines, []);
    assert.deepEqual((await run([], 'jsonl')).lines, []);
  });
});
