import assert from 'node:assert/strict';

import { undoable } from '../bridge/reader.ts';

describe('reader/undoable', () => {
  it('undoes all steps though one cannot be undone, and says so', async () => {
    const undone: string[] = [];
    const started = await undoable((undo) => {
      undo.push(() => void undone.push('data directory'));
      undo.push(() => Promise.reject(new Error('backend gone')));
      undo.push(() => void undone.push('receiver'));
      return Promise.resolve({});
    });
    await assert.rejects(started.stop(), { message: 'backend gone' });
    assert.deepEqual(undone, ['receiver', 'data directory']);
    await started.stop();
  });

  it('says why a start failed, not what could not be undone of it', async () => {
    const undone: string[] = [];
    const starting = undoable((undo) => {
      undo.push(() => void undone.push('data directory'));
      undo.push(() => Promise.reject(new Error('backend gone')));
      return Promise.reject(new Error('port taken'));
    });
    await assert.rejects(starting, { message: 'port taken' });
    assert.deepEqual(undone, ['data directory']);
  });
});
