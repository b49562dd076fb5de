import assert from 'node:assert/strict';
import { appendFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Positions } from '../../bridge/core/component.ts';
import { fileMemory } from '../../bridge/core/file_memory.ts';
import { cleanUp, tempDir } from '../helpers/receiver.ts';

/** What a journal would hold after these. */
function kept(...moves: readonly Positions[]): Map<string, unknown> {
  const all = new Map<string, unknown>();
  for (const [part, position] of moves.flatMap((moved) => [...moved]))
    if (position === undefined) all.delete(part);
    else all.set(part, position);
  return all;
}

describe('core/file_memory', () => {
  cleanUp();
  let path: string;
  beforeEach(async () => {
    path = join(await tempDir(), 'a.log');
    await writeFile(path, 'one\n');
  });

  it('knows the parts of a file again, by whatever path it is called', async () => {
    const first = await fileMemory(path, new Map());
    assert.deepEqual([first.isRead, first.isStream, first.parts.size], [false, false, 0]);
    const remembered = kept(first.reached(new Map([['a', 1], ['b', 2]])), first.reached(new Map([['a', 3]]))); // prettier-ignore
    await symlink(path, `${path}.link`);
    const { parts } = await fileMemory(`${path}.link`, remembered);
    assert.deepEqual([...parts], [['a', 3], ['b', 2]]); // prettier-ignore
  });

  it('keeps one line of a file that was read to its end, and none of one that is gone', async () => {
    const first = await fileMemory(path, new Map());
    const half = kept(first.reached(new Map([['a', 1]])));
    const second = await fileMemory(path, half);
    const whole = kept(half, second.reached(new Map([['b', 1]])), second.end());
    assert.equal(whole.size, 1);
    const third = await fileMemory(path, whole);
    assert.ok(third.isRead);
    assert.deepEqual(kept(whole, third.gone()).size, 0);
  });

  it('takes a file that has changed for another one, and forgets what it knew of it', async () => {
    const first = await fileMemory(path, new Map());
    const remembered = kept(first.reached(new Map([['a', 1]])), first.end());
    await appendFile(path, 'two\n');
    const second = await fileMemory(path, remembered);
    assert.deepEqual([second.isRead, second.parts.size], [false, 0]);
    assert.equal(kept(remembered, second.reached(new Map([['a', 1]])), second.end()).size, 1);
  });

  it('remembers nothing of a pipe', async () => {
    const input = await fileMemory('-', new Map());
    assert.deepEqual([input.isStream, input.reached(new Map([['a', 1]])).size, input.end().size], [true, 0, 0]);
  });

  it('leaves the parts of other files alone', async () => {
    const other = `${path}.2`;
    await writeFile(other, 'two\n');
    const [first, second] = [await fileMemory(path, new Map()), await fileMemory(other, new Map())];
    const remembered = kept(first.reached(new Map([['a', 1]])), second.reached(new Map([['a', 2]])), first.end());
    assert.deepEqual([...(await fileMemory(other, remembered)).parts], [['a', 2]]);
  });
});
