/** A log that was compressed is read on behind what was read of it before, also over a stop at any moment. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import type { Delivery } from '../../../bridge/core/delivery.ts';
import { logLimits } from '../../../bridge/formats/log_cutter.ts';
import { directoryTree } from '../../../bridge/receivers/run_dir/directory.ts';
import { plan } from '../../../bridge/receivers/run_dir/plan.ts';
import { openTails } from '../../../bridge/receivers/run_dir/tail.ts';
import { treeLimits } from '../../../bridge/receivers/run_dir/tree.ts';
import { openZipped } from '../../../bridge/receivers/run_dir/zipped.ts';
import { temporary } from '../../helpers/run_dirs.ts';

type Bytes = AsyncIterable<Buffer>;

const line = (message: string): string =>
  `1795261724.001503 2026-11-21 11:48:44 MainProcess-1 MainThread-2 parsl.dataflow.dflow:91 f INFO: ${message}\n`;
const written = Array.from({ length: 20_000 }, (_, n) => line(`m ${n}`));

describe('receivers/run_dir/zipped', () => {
  let root = '';
  let journal = new Map<string, unknown>();
  let lines: string[] = [];
  let isStopped = false;
  beforeEach(() => {
    root = temporary();
    journal = new Map();
    lines = [];
    mkdirSync(join(root, '000'));
    writeFileSync(join(root, '000/parsl.log'), written.join(''));
  });

  const deliver: Delivery['add'] = (frames, positions) => {
    if (isStopped) return Promise.resolve(false);
    for (const { payload } of frames)
      lines.push(...Buffer.from(payload).toString().split('\n').slice(1).filter(Boolean));
    for (const [part, position] of positions) {
      if (position === undefined) journal.delete(part);
      else journal.set(part, position);
    }
    return Promise.resolve(true);
  };

  /** One look at all there is, by a receiver that is started anew; it reads what `changed` makes of compressed logs. */
  async function live(changed: (bytes: Bytes) => Bytes = (bytes) => bytes): Promise<void> {
    isStopped = false;
    const tree = directoryTree(root, treeLimits, () => {});
    const { logs } = plan(await tree.look(assert.ifError), 'run');
    const options = { root, limits: logLimits, report: assert.ifError, remembered: new Map(journal), deliver };
    const tails = openTails({ ...options, onBytes: () => {} });
    const read: typeof tree.read = async function* (groups) {
      for await (const { path, bytes } of tree.read(groups)) yield { path, bytes: changed(bytes) };
    };
    const zipped = openZipped({ ...options, tree: { ...tree, read }, tails });
    const plain = logs.filter(({ isZipped }) => !isZipped);
    await tails.look(plain, true);
    await zipped.look(logs.filter(({ isZipped }) => isZipped));
  }

  it('goes on behind what was read, though it was stopped before it came there', async () => {
    await live();
    assert.equal(lines.length, written.length);
    rmSync(join(root, '000/parsl.log'));
    writeFileSync(join(root, '000/parsl.log.1.gz'), gzipSync([...written, line('last')].join('')));
    await live(async function* (bytes) {
      for await (const piece of bytes) {
        yield piece;
        isStopped = true;
      }
    });
    await live();
    assert.deepEqual(lines.slice(written.length), [line('last').trimEnd()]);
  });

  it('closes a copy of what is still there, of which it needs the beginning alone', async () => {
    writeFileSync(join(root, '000/parsl.log.1.gz'), gzipSync(written.join('')));
    let isClosed = false;
    await live(async function* (bytes) {
      try {
        yield* bytes;
      } finally {
        isClosed = true;
      }
    });
    assert.deepEqual([lines.length, isClosed], [written.length, true]);
  });
});
