import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { stringify } from '../../bridge/core/record.ts';
import { jsonl } from '../../bridge/receivers/jsonl.ts';
import { recordedFrames } from '../helpers/fixtures.ts';
import { decoded, said } from '../helpers/messages.ts';
import {
  cleanUp,
  createReceiver,
  finished,
  startReceiver,
  tempDir,
  type Overrides,
  type Running,
} from '../helpers/receiver.ts';

describe('receivers/jsonl', () => {
  cleanUp();
  let path: string;
  beforeEach(async () => {
    path = join(await tempDir(), 'records.jsonl');
  });

  async function read(config: object = {}, overrides?: Overrides): Promise<Running> {
    const receiver = await startReceiver(jsonl, { path, ...config }, overrides);
    await finished(receiver);
    return receiver;
  }

  for (const recording of ['1.2.0-W1-udp', '2026.10.26-W1-htex', '2026.10.26-W2-fs']) {
    it(`reads the records of ${recording} back, gzip or not`, async () => {
      const records = decoded(recordedFrames(recording));
      const text = records.map((record) => `${stringify(record)}\n`).join('');
      await writeFile(path, text);
      assert.deepEqual(said((await read()).records), said(records));
      await writeFile(path, gzipSync(text));
      assert.deepEqual(said((await read()).records), said(records));
    });
  }

  it('takes a last line without a newline, and lines of any length across chunks', async () => {
    const lines = Array.from(
      { length: 40 },
      (_, task) => `{"parsl.task": ${task}, "text": "${'x'.repeat(task * 5_000)}"}`,
    );
    await writeFile(path, lines.join('\n'));
    const { records } = await read();
    assert.deepEqual(records.map((record) => record['parsl.task']), lines.map((_, task) => task)); // prettier-ignore
  });

  it('rejects lines that are no records and takes the others', async () => {
    await writeFile(path, '{"parsl.task": 1}\nnonsense\n[]\n\n{"parsl.task": 2}\n');
    const receiver = await read();
    assert.deepEqual(receiver.records.map((record) => record['parsl.task']), [1, 2]); // prettier-ignore
    assert.deepEqual(receiver.rejected.map(({ frame }) => String(frame.payload).trim()), ['nonsense']); // prettier-ignore
  });

  it('uses what came before a line that is too long', async () => {
    await writeFile(path, `{"parsl.task": 1}\n${'x'.repeat(5_000_000)}`);
    const receiver = await read({ line_bytes_max: 100_000 });
    assert.deepEqual(receiver.records.length, 1);
    assert.deepEqual(receiver.reported.map(({ reason }) => reason), ['too_large']); // prettier-ignore
  });

  it('uses what is whole in a gzip file that was cut off', async () => {
    const text = Array.from({ length: 50_000 }, (_, task) => `{"parsl.task": ${task}, "x": ${Math.sin(task)}}\n`).join(
      '',
    );
    await writeFile(path, gzipSync(text).subarray(0, -1_000));
    const receiver = await read();
    assert.ok(receiver.records.length > 10_000 && receiver.records.length < 50_000);
    assert.deepEqual(receiver.reported.map(({ code, reason }) => [code, reason]), [['BRIDGE_DECODE', 'truncated']]); // prettier-ignore
  });

  it('does not read a file again after a restart that it had read to its end', async () => {
    const journal = new Map<string, unknown>();
    await writeFile(path, '{"parsl.task": 1}\n');
    assert.equal((await read({}, { journal })).records.length, 1);
    assert.equal((await read({}, { journal })).records.length, 0);
    await writeFile(path, '{"parsl.task": 1}\n{"parsl.task": 2}\n');
    assert.equal((await read({}, { journal })).records.length, 2);
  });

  it('reads a file again that it was stopped in', async () => {
    const journal = new Map<string, unknown>();
    await writeFile(path, '{"parsl.task": 1}\n');
    const refusing = await startReceiver(jsonl, { path }, { journal, next: () => Promise.reject(new Error('full')) });
    await refusing.until(({ reported }) => reported.length > 0);
    await refusing.stop();
    assert.equal((await read({}, { journal })).records.length, 1);
  });

  it('does not start without its file', async () => {
    await assert.rejects(startReceiver(jsonl, { path }), { code: 'BRIDGE_CONFIG' });
  });

  it('reads an empty file', async () => {
    await writeFile(path, '');
    assert.equal((await read()).records.length, 0);
  });

  it('stops twice, and before it was started', async () => {
    await writeFile(path, '');
    const receiver = await read();
    await receiver.stop();
    await receiver.stop();
    await createReceiver(jsonl, { path }).stop();
  });
});
