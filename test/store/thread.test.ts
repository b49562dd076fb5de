import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openStore } from '../../bridge/store/sqlite.ts';
import { openReadsThread } from '../../bridge/store/thread.ts';
import { makeRows, none } from './rows.ts';

describe('store/thread', () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'store-'))));
  afterEach(() => rmSync(dir, { recursive: true }));

  it('answers as the store itself does, and sees what is written meanwhile', async () => {
    const path = join(dir, 'store.db');
    const store = openStore(path);
    const rows = makeRows({ tasks: 200 });
    const { run } = rows.runs[0]!;
    store.write(rows, 1);
    const reads = openReadsThread(path);
    assert.deepEqual(await reads.run(run), await store.run(run));
    assert.deepEqual(await reads.states(run, 50), await store.states(run, 50));
    const query = { sort: 'ran', order: 'desc', limit: 7, offset: 3 } as const;
    assert.deepEqual(await reads.tasks(run, query), await store.tasks(run, query));
    store.write({ ...none, tasks: [{ ...rows.tasks[0]!, task: 1000 }] }, 2);
    assert.deepEqual([await reads.revision(run), (await reads.run(run))?.tasks], [2, 201]);
    await Promise.all([reads.close(), reads.close()]);
    await assert.rejects(reads.runs(), { code: 'BRIDGE_IO' });
    store.close();
  });

  it('rejects what it cannot answer and goes on', async () => {
    const path = join(dir, 'store.db');
    const store = openStore(path);
    const reads = openReadsThread(path);
    await assert.rejects(reads.run(undefined as unknown as string), { code: 'BRIDGE_IO' });
    assert.deepEqual(await reads.runs(), []);
    await reads.close();
    store.close();
  });

  it('rejects every question if there is no store', async () => {
    const reads = openReadsThread(join(dir, 'none.db'));
    await assert.rejects(reads.runs(), { name: 'BridgeError' });
    await reads.close();
  });
});
