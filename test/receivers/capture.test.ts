import assert from 'node:assert/strict';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { encodeFrames } from '../../bridge/formats/capture.ts';
import { capture } from '../../bridge/receivers/capture.ts';
import { captures, fixtureBytes, recordedFrames, recordings } from '../helpers/fixtures.ts';
import { decoded, said } from '../helpers/messages.ts';
import { asOrdinaryUser } from '../helpers/ordinary_user.ts';
import {
  cleanUp,
  createReceiver,
  finished,
  startReceiver,
  tempDir,
  type Overrides,
  type Running,
} from '../helpers/receiver.ts';

const recording = '2026.10.26-W5-htex';

describe('receivers/capture', () => {
  cleanUp();
  let dir: string;
  let whole: Buffer;
  beforeEach(async () => {
    dir = await tempDir();
    whole = fixtureBytes(recording, 'messages.bin');
  });

  async function read(paths: readonly string[], overrides?: Overrides): Promise<Running> {
    const receiver = await startReceiver(capture, { paths: [...paths] }, overrides);
    await finished(receiver);
    return receiver;
  }

  it('reads the captures of every recording, with their times', async () => {
    for (const name of recordings()) {
      for (const file of captures(name)) {
        const path = join(dir, `${name}-${file}`);
        await writeFile(path, fixtureBytes(name, file));
        const frames = recordedFrames(name, file);
        const receiver = await read([path]);
        assert.deepEqual(said(receiver.records), said(decoded(frames)), path);
        assert.deepEqual(receiver.frames.map(({ time }) => time), frames.map(({ time }) => time)); // prettier-ignore
        assert.deepEqual(receiver.reported, []);
      }
    }
  }).timeout(60_000);

  it('reads gzip, and several files', async () => {
    await writeFile(join(dir, 'a'), whole);
    await writeFile(join(dir, 'b.gz'), gzipSync(whole));
    const receiver = await read([join(dir, 'a'), join(dir, 'b.gz')]);
    assert.equal(receiver.records.length, 2 * decoded(recordedFrames(recording)).length);
  });

  it('uses what is whole in a file that was cut off, and says so', async () => {
    const path = join(dir, 'cut');
    await writeFile(path, whole.subarray(0, -5));
    const receiver = await read([path]);
    assert.equal(receiver.records.length, decoded(recordedFrames(recording)).length - 1);
    assert.deepEqual(receiver.reported.map(({ code, reason }) => [code, reason]), [['BRIDGE_DECODE', 'truncated']]); // prettier-ignore
  });

  it('uses what comes before bytes that are no message', async () => {
    const path = join(dir, 'damaged');
    await writeFile(path, Buffer.concat([whole, Buffer.alloc(100, 0xff)]));
    const receiver = await read([path]);
    assert.equal(receiver.records.length, decoded(recordedFrames(recording)).length);
    assert.deepEqual(receiver.reported.map(({ code }) => code), ['BRIDGE_DECODE']); // prettier-ignore
  });

  it('does not read a file again after a restart that it had read to its end', async () => {
    const journal = new Map<string, unknown>();
    const path = join(dir, 'a');
    await writeFile(path, whole);
    assert.ok((await read([path], { journal })).records.length > 0);
    assert.equal((await read([path], { journal })).records.length, 0);
  });

  it('does not start without its file', async () => {
    await assert.rejects(startReceiver(capture, { paths: [join(dir, 'none')] }), { code: 'BRIDGE_CONFIG' });
  });

  it('reads spooled files once they are complete, and deletes them when the journal has them', async () => {
    let there: string[] = [];
    const next = async (): Promise<void> => void (there = await readdir(dir));
    await writeFile(join(dir, 'a.capture'), whole);
    await writeFile(join(dir, 'b.capture.tmp'), whole);
    await writeFile(join(dir, 'notes.txt'), 'hello');
    const receiver = await startReceiver(capture, { spool_dir: dir, spool_interval_ms: 10 }, { next });
    const count = decoded(recordedFrames(recording)).length;
    await receiver.until(({ records }) => records.length === count);
    assert.ok(there.includes('a.capture'));
    await rename(join(dir, 'b.capture.tmp'), join(dir, 'b.capture'));
    await receiver.until(({ logged }) => logged.length === 2);
    assert.equal(receiver.records.length, 2 * count);
    assert.deepEqual(await readdir(dir), ['notes.txt']);
  });

  it('reads a spooled file on where it was cut off, deletes it and forgets it', async () => {
    const journal = new Map<string, unknown>();
    const [messages, copies] = [decoded(recordedFrames(recording)).length, 40];
    await writeFile(join(dir, 'a.capture'), Buffer.concat(Array.from({ length: copies }, () => whole)));
    let left = 1;
    const next = (): void => {
      if (left-- <= 0) throw new Error('killed');
    };
    const first = await startReceiver(capture, { spool_dir: dir, spool_interval_ms: 10 }, { journal, next });
    await first.until(({ reported }) => reported.length > 0);
    await first.stop();
    assert.deepEqual([journal.size, await readdir(dir)], [1, ['a.capture']]);
    const second = await startReceiver(capture, { spool_dir: dir, spool_interval_ms: 10 }, { journal });
    await second.until(({ logged }) => logged.length > 0);
    await second.stop();
    assert.ok(first.records.length > 0 && second.records.length > 0);
    assert.equal(first.records.length + second.records.length, copies * messages);
    assert.deepEqual([journal.size, await readdir(dir)], [0, []]);
  });

  it('waits for a spool directory that is not there yet', async () => {
    const spool_dir = join(dir, 'spool');
    const receiver = await startReceiver(capture, { spool_dir, spool_interval_ms: 10 });
    await mkdir(spool_dir);
    await writeFile(join(spool_dir, 'x.tmp'), whole);
    await rename(join(spool_dir, 'x.tmp'), join(spool_dir, 'x.capture'));
    await receiver.until(({ records }) => records.length > 0);
    assert.deepEqual(receiver.reported, []);
  });

  it('keeps a spooled file that `next` refuses', async () => {
    await writeFile(join(dir, 'a.capture'), whole);
    const receiver = await startReceiver(
      capture,
      { spool_dir: dir },
      { next: () => Promise.reject(new Error('full')) },
    );
    await receiver.until(({ reported }) => reported.length > 0);
    await receiver.stop();
    assert.deepEqual(await readdir(dir), ['a.capture']);
  });

  it('puts a spooled file aside that is no capture, and takes the others', async () => {
    await writeFile(join(dir, 'a.capture'), 'this is no capture, it is prose');
    await writeFile(join(dir, 'b.capture'), whole.subarray(0, -1));
    await writeFile(join(dir, 'c.capture'), encodeFrames(recordedFrames(recording)));
    const receiver = await startReceiver(capture, { spool_dir: dir, spool_interval_ms: 10 });
    const count = decoded(recordedFrames(recording)).length;
    await receiver.until(({ logged }) => logged.length === 3);
    assert.equal(receiver.records.length, 2 * count - 1);
    assert.deepEqual(await readdir(dir), ['a.capture.bad']);
  });

  it('does not let a spooled file that cannot be read hold up the others', async () => {
    await writeFile(join(dir, 'a.capture'), whole, { mode: 0 });
    await writeFile(join(dir, 'b.capture'), whole);
    await asOrdinaryUser(dir, async () => {
      const receiver = await startReceiver(capture, { spool_dir: dir });
      await receiver.until(({ logged }) => logged.length === 1);
      assert.deepEqual(receiver.reported.map(({ code }) => code), ['BRIDGE_IO']); // prettier-ignore
      assert.deepEqual(await readdir(dir), ['a.capture']);
    });
  });

  it('stops twice, and before it was started', async () => {
    const receiver = await startReceiver(capture, { spool_dir: dir });
    await receiver.stop();
    await receiver.stop();
    await createReceiver(capture, {}).stop();
  });
});
