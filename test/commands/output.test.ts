import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Io } from '../../bridge/commands/io.ts';
import { openOutput } from '../../bridge/commands/output.ts';

const io = {} as Io; // Nothing of it is used where a file is written.

describe('commands/output', () => {
  const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-output-'));
  const path = (name: string): string => join(directory, name);
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('appears under its name when it is whole, and not at all when it is given up', () => {
    const output = openOutput(path('lines'), io);
    output.write('one');
    assert.ok(!existsSync(path('lines')));
    output.commit();
    output.abandon(); // Another output of the same command went wrong.
    assert.equal(readFileSync(path('lines'), 'utf8'), 'one\n');
    const other = openOutput(path('other'), io);
    other.write('one');
    other.abandon();
    assert.ok(!existsSync(path('other')) && !existsSync(path('other.part')));
  });

  it('writes into what is no file, such as a pipe or /dev/null, and never puts a file in its place', async () => {
    execFileSync('mkfifo', [path('pipe')]);
    const reader = spawn('cat', [path('pipe')]);
    const read: Buffer[] = [];
    reader.stdout.on('data', (chunk: Buffer) => read.push(chunk));
    const output = openOutput(path('pipe'), io);
    output.write('one');
    output.commit();
    await once(reader, 'close');
    assert.equal(Buffer.concat(read).toString(), 'one\n');
    assert.ok(lstatSync(path('pipe')).isFIFO());
  });

  it('writes to where a link leads', () => {
    writeFileSync(path('target'), 'before\n');
    symlinkSync('target', path('link'));
    const output = openOutput(path('link'), io);
    output.write('one');
    output.commit();
    assert.equal(readFileSync(path('target'), 'utf8'), 'one\n');
    assert.ok(lstatSync(path('link')).isSymbolicLink());
  });
});
