import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BridgeError } from '../../bridge/core/errors.ts';
import { lineFile } from '../../bridge/core/line_file.ts';

const hasCode = (code: string) => (error: unknown) => error instanceof BridgeError && error.code === code;

describe('core/line_file', () => {
  let directory = '';
  let path = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsl-otel-'));
    path = join(directory, 'deep', 'er', 'out.jsonl');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('makes its directory, and appends to what is there', async () => {
    for (const lines of [['a', 'b'], [], ['c']]) {
      const file = lineFile(path);
      await file.open();
      await file.append(lines);
      await file.close();
    }
    assert.equal(readFileSync(path, 'utf8'), 'a\nb\nc\n');
  });

  it('keeps batches whole and in order, though several are appended at once', async () => {
    const file = lineFile(path);
    await file.open();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => file.append([`${index} ${'x'.repeat(10_000)}`, `${index} end`])),
    );
    await file.close();
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => Number(line.split(' ')[0])),
      Array.from({ length: 40 }, (_, index) => index >> 1),
    );
  });

  it('starts a new file when the old one was moved or removed', async () => {
    const file = lineFile(path);
    await file.open();
    await file.append(['one']);
    renameSync(path, `${path}.1`);
    await file.append(['two']);
    rmSync(path);
    await file.append(['three']);
    await file.close();
    assert.deepEqual([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')], ['one\n', 'three\n']);
  });

  it('goes on in a file that somebody else put there', async () => {
    const file = lineFile(path);
    await file.open();
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'theirs\n');
    await file.append(['ours']);
    await file.close();
    assert.equal(readFileSync(path, 'utf8'), 'theirs\nours\n');
  });

  it('ends a line that a crash cut off', async () => {
    const first = lineFile(path);
    await first.open();
    await first.append(['whole']);
    await first.close();
    appendFileSync(path, '{"cut');
    const second = lineFile(path);
    await second.open();
    await second.append(['next', 'after']);
    await second.close();
    assert.equal(readFileSync(path, 'utf8'), 'whole\n{"cut\nnext\nafter\n');
  });

  it('says at the start that a file cannot be made', async () => {
    writeFileSync(join(directory, 'file'), '');
    await assert.rejects(lineFile(join(directory, 'file', 'out')).open(), hasCode('BRIDGE_CONFIG'));
    await assert.rejects(lineFile(directory).open(), hasCode('BRIDGE_CONFIG'));
  });

  it('is to be tried again when a write fails, and works once it can', async () => {
    const file = lineFile(path);
    await file.open();
    await file.append(['one']);
    rmSync(join(directory, 'deep'), { recursive: true });
    writeFileSync(join(directory, 'deep'), 'in the way');
    await assert.rejects(file.append(['two']), hasCode('BRIDGE_IO'));
    rmSync(join(directory, 'deep'));
    await file.append(['two']);
    await file.close();
    assert.equal(readFileSync(path, 'utf8'), 'two\n');
  });

  it('writes what was appended before it closes, and nothing afterwards', async () => {
    const file = lineFile(path);
    await file.open();
    const appended = file.append(['last']);
    await file.close();
    await appended;
    await assert.rejects(file.append(['late']), hasCode('BRIDGE_IO'));
    await file.close();
    assert.equal(statSync(path).size, 5);
  });
});
