import assert from 'node:assert/strict';

import { createShared } from '../../bridge/web/shared.ts';

describe('web/shared', () => {
  it('works an answer out once for all who ask for it', async () => {
    const shared = createShared();
    let worked = 0;
    const work = () => Promise.resolve((worked += 1));
    assert.deepEqual(await Promise.all([shared('a', work), shared('a', work), shared('b', work)]), [1, 1, 2]);
    assert.equal(await shared('a', work), 1);
  });

  it('asks again after a failure', async () => {
    const shared = createShared();
    await assert.rejects(shared('a', () => Promise.reject(new Error('busy'))));
    assert.equal(await shared('a', () => Promise.resolve(1)), 1);
  });

  it('forgets the oldest answers', async () => {
    const shared = createShared();
    let worked = 0;
    const work = () => Promise.resolve((worked += 1));
    for (let key = 0; key < 20; key += 1) await shared(String(key), work);
    await shared('19', work);
    assert.equal(worked, 20);
    await shared('0', work);
    assert.equal(worked, 21);
  });
});
