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
import { treeLimits, type Tree } from '../../../bridge/receivers/run_dir/tree.ts';
import { openZipped } from '../../../bridge/receivers/run_dir/zipped.ts';
import { temporary } from '../../helpers/run_dirs.ts';

const line = (message: string): string =>
  `1795261724.001503 2026-11-21 11:48:44 MainProcess-1 MainThread-2 parsl.dataflow.dflow:91 f INFO: ${message}\n`;

describe('receivers/run_dir/zipped', () => {
  it('goes on behind what was read, though it was stopped before it came there', async () => {
    const root = temporary();
    const journal = new Map<string, unknown>();
    const lines: string[] = [];
    let isStopped = false;
    /** One look at all there is, by a receiver that is started anew; `changed` may change what it reads. */
    const live = async (changed: (tree: Tree) => Tree = (tree) => tree): Promise<void> => {
      isStopped = false;
      const remembered = new Map(journal);
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
      const report = assert.ifError;
      const tree = directoryTree(root, treeLimits, () => {});
      const { logs } = plan(await tree.look(report), 'run');
      const tails = openTails({ root, limits: logLimits, report, onBytes: () => {}, remembered, deliver });
      const zipped = openZipped({ root, tree: changed(tree), limits: logLimits, report, remembered, deliver, tails }); // prettier-ignore
      await tails.look(logs.filter(({ isZipped }) => !isZipped), true); // prettier-ignore
      await zipped.look(logs.filter(({ isZipped }) => isZipped));
    };

    const written = Array.from({ length: 20_000 }, (_, n) => line(`m ${n}`));
    mkdirSync(join(root, '000'));
    writeFileSync(join(root, '000/parsl.log'), written.join(''));
    await live();
    assert.equal(lines.length, written.length);

    rmSync(join(root, '000/parsl.log'));
    writeFileSync(join(root, '000/parsl.log.1.gz'), gzipSync([...written, line('last')].join('')));
    await live((tree) => ({
      ...tree,
      async *read(groups) {
        for await (const { path, bytes } of tree.read(groups)) yield { path, bytes: stopping(bytes) };
      },
    }));
    async function* stopping(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const piece of bytes) {
        yield piece;
        isStopped = true;
      }
    }
    await live();
    assert.deepEqual(lines.slice(written.length), [line('last').trimEnd()]);
  });
});
