import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';

import type { BridgeError } from '../bridge/core/errors.ts';
import { Channel, type Frame } from '../bridge/core/frame.ts';
import { decodeFrames } from '../bridge/formats/frames.ts';
import type { WideRecord } from '../bridge/core/record.ts';
import { findInputs, readFrames, readPieces } from '../bridge/inputs.ts';
import { readWidened } from '../bridge/widened.ts';
import { fixtureBytes, recordedFrames } from './helpers/fixtures.ts';
import { archiveOf, temporary, unpacked } from './helpers/run_dirs.ts';

const NAME = '2026.10.26-W5-threads';

describe('inputs', () => {
  let directory: string;
  before(() => (directory = mkdtempSync(join(tmpdir(), 'parsl-otel-inputs-'))));
  after(() => rmSync(directory, { recursive: true }));

  /** What a file with this content gives. */
  async function read(content: Uint8Array | string, name = 'input') {
    const path = join(directory, name);
    writeFileSync(path, content);
    const [input] = findInputs([path]);
    assert.ok(input !== undefined);
    const frames: Frame[] = [];
    const problems: BridgeError[] = [];
    let bytes = 0;
    for await (const batch of readFrames(input, (error) => problems.push(error), (read) => (bytes += read))) frames.push(...batch); // prettier-ignore
    return { frames, problems, bytes };
  }

  /** What was read, without the headers of chunks. */
  const text = (frames: readonly Frame[]) =>
    frames.map(({ channel, payload }) => Buffer.from(payload).toString().replace(channel === Channel.log ? /^.*\n/ : '', '')).join(''); // prettier-ignore
  const capture = fixtureBytes(NAME, 'messages.bin');

  it('takes a capture for a capture, whatever it is called, gzipped or not', async () => {
    const frames = recordedFrames(NAME);
    assert.deepEqual((await read(capture, 'lines.jsonl')).frames, frames);
    assert.deepEqual((await read(gzipSync(capture), 'plain.bin')).frames, frames);
  });

  it('takes JSON lines for JSON lines, whatever they are called, the last one without its newline too', async () => {
    for (const lines of ['{"a":1}\n{"b":2}\n', '\n  {"a":1}\n{"b":2}', '[{"a":1},\n {"b":2}]\n']) {
      const { frames, problems } = await read(lines, 'capture.bin.gz');
      assert.equal(text(frames).trim(), lines.trim());
      assert.deepEqual(problems, []);
    }
  });

  it('tells of each JSON line where it stood, and nothing of what run the file may be of', async () => {
    const { frames } = await read('{"a":1}\n\n{"b":2}\n', 'prototype.jsonl');
    const source = { 'source.receiver': 'test', 'source.format': 'json', 'source.input': 'prototype.jsonl', 'source.path': 'prototype.jsonl' }; // prettier-ignore
    assert.deepEqual(decodeFrames(frames, 'test').records, [
      { a: 1, ...source, 'source.line': 1 },
      { b: 2, ...source, 'source.line': 3 },
    ]);
  });

  it('never cuts a line, however long the file', async () => {
    const lines = Array.from({ length: 30_000 }, (_, index) =>
      JSON.stringify({ index, filler: 'x'.repeat(index % 97) }),
    );
    const { frames } = await read(gzipSync(`${lines.join('\n')}\n`));
    assert.ok(frames.length > 1);
    assert.equal(text(frames), `${lines.join('\n')}\n`);
  });

  it('uses what is whole of a capture that was cut off, and says so', async () => {
    const { frames, problems } = await read(capture.subarray(0, -5));
    assert.deepEqual(frames, recordedFrames(NAME).slice(0, -1));
    assert.deepEqual(problems.map(({ code, reason }) => [code, reason]), [['BRIDGE_DECODE', 'truncated']]); // prettier-ignore
    assert.match(problems[0]?.message ?? '', /cut off, \d+ bytes at its end/);
  });

  it('uses what is whole of a gzip that was cut off, and says so', async () => {
    const { frames, problems } = await read(gzipSync(capture).subarray(0, -400));
    assert.ok(frames.length > 0 && frames.length < recordedFrames(NAME).length);
    assert.deepEqual([...new Set(problems.map(({ reason }) => reason))], ['truncated']);
  });

  it('refuses what is neither, in one line', async () => {
    for (const content of ['time,task\n1,2\n', '\u0000\u0001\u0002', 'x']) {
      const { frames, problems } = await read(content);
      assert.deepEqual([frames, problems.map(({ reason }) => reason)], [[], ['unknown_format']]);
      assert.doesNotMatch(problems[0]?.message ?? '\n', /\n/);
    }
  });

  it('takes no database by its name or in a gzip for lines of JSON', async () => {
    const { frames, problems } = await read('no database\nat all\n', 'monitoring.db');
    assert.deepEqual([frames, problems.map(({ reason }) => reason)], [[], ['unknown_format']]);
    const zipped = await read(gzipSync('SQLite format 3\0\n\n\n'), 'monitoring.db.gz');
    assert.deepEqual([zipped.frames, zipped.problems.map(({ reason }) => reason)], [[], ['packed']]);
    assert.match(zipped.problems[0]?.hint ?? '', /gunzip/);
  });

  it('finds nothing in an empty file, and nothing wrong with it', async () => {
    const { frames, problems } = await read('');
    assert.deepEqual([frames, problems], [[], []]);
  });

  it('tells how much of the file it has read, as it lies on the disk', async () => {
    const zipped = gzipSync(capture);
    assert.equal((await read(zipped)).bytes, zipped.length);
    assert.equal((await read(capture)).bytes, capture.length);
  });

  it('refuses a path that is not there and one that is neither file nor directory, before anything is read', () => {
    assert.throws(() => findInputs(['/no/such/file']), {
      code: 'BRIDGE_CONFIG',
      message: 'read /no/such/file: no such file or directory',
    });
    const message = 'read /dev/null: neither a file nor a directory';
    assert.throws(() => findInputs(['/dev/null']), { code: 'BRIDGE_CONFIG', message });
  });

  it('recognises standard input though it comes in drops', async () => {
    const script = `
      import { readFrames } from ${JSON.stringify(new URL('../bridge/inputs.ts', import.meta.url))};
      let frames = 0;
      const told = (word) => console.log(word);
      for await (const batch of readFrames({ path: '-' }, (error) => told(error.message), () => told('read'))) frames += batch.length;
      told(frames + ' frames');
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stdin.write(capture.subarray(0, 5));
    assert.equal((await lines.next()).value, 'read');
    child.stdin.end(capture.subarray(5));
    const rest: string[] = [];
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) rest.push(line.value);
    if (child.exitCode === null) await once(child, 'exit');
    assert.equal(rest.at(-1), `${recordedFrames(NAME).length} frames`);
  });

  describe('with logs', () => {
    const frames = async (paths: string[]) => {
      const told = { bytes: 0, problems: [] as string[], frames: [] as Frame[] };
      const inputs = findInputs(paths);
      for (const input of inputs) {
        const report = ({ message }: Error) => told.problems.push(message);
        for await (const batch of readFrames(input, report, (bytes) => (told.bytes += bytes)))
          told.frames.push(...batch);
      }
      return { ...told, size: inputs.reduce((sum, { size = 0 }) => sum + size, 0) };
    };

    it('tells inputs of one name apart', () => {
      const [one, other] = [temporary(), temporary()].map((parent) => join(parent, 'runinfo'));
      for (const path of [one, other]) mkdirSync(path ?? '');
      assert.deepEqual(
        findInputs([one ?? '', other ?? '', '-']).map(({ name, kind }) => [name, kind]),
        [
          ['runinfo', 'directory'],
          ['runinfo#2', 'directory'],
          ['-', 'file'],
        ],
      );
    });

    it('takes a path that is given twice, by whatever spelling, for one input', () => {
      const path = temporary();
      mkdirSync(join(path, '000'));
      symlinkSync('000', join(path, 'most-recent'));
      const spellings = [join(path, '000'), `${path}/000/`, `${path}/./000`, join(path, 'most-recent'), '-', '-'];
      assert.deepEqual(
        findInputs(spellings).map(({ name }) => name),
        ['000', '-'],
      );
    });

    it('reads a log that is called anything, as one from standard input is', async () => {
      const line = (message: string): string =>
        `1795261724.001503 2026-11-21 11:48:44 M-1 T-2 x:91 f INFO: ${message}\n`;
      const path = join(temporary(), 'mail-attachment');
      writeFileSync(
        path,
        line('Run id is: 886c6968-820f-4f28-aa39-931d91e7ce7f') + line('Task 3 will not be memoized'),
      );
      const records: WideRecord[] = [];
      for await (const batch of readWidened(findInputs([path]), { report: assert.ifError })) records.push(...batch);
      assert.deepEqual(
        records.map((record) => [record['parsl.dfk'], record['parsl.task']]),
        [['886c6968-820f-4f28-aa39-931d91e7ce7f', undefined], ['886c6968-820f-4f28-aa39-931d91e7ce7f', 3]],
      ); // prettier-ignore
    });

    it('takes what lies in a directory that is given, too, for a part of it, unless that is not read with it', () => {
      const path = temporary();
      mkdirSync(join(path, 'runinfo', '000', 'certificates'), { recursive: true });
      for (const name of ['parsl.log', 'messages.bin', 'copy.tar.gz', 'parsl.log.zip', 'certificates/parsl.log'])
        writeFileSync(join(path, 'runinfo', '000', name), 'x');
      linkSync(join(path, 'runinfo', '000', 'messages.bin'), join(path, 'again.bin'));
      const read = ['000', '000/parsl.log'];
      const unread = ['000/messages.bin', '000/copy.tar.gz', '000/parsl.log.zip', '000/certificates/parsl.log'];
      const given = [
        ...[...unread, ...read].map((name) => join(path, 'runinfo', name)),
        join(path, 'again.bin'),
        join(path, 'runinfo'),
      ];
      assert.deepEqual(
        findInputs(given).map((input) => input.path.slice(path.length + 1)),
        [...unread.map((name) => `runinfo/${name}`), 'runinfo'],
      );
    });

    it('reads a single log, gzipped or not, with what its name tells', async () => {
      const line = '1795261724.001503 2026-11-21 11:48:44 M-1 T-2 x:91 f INFO: hello\n';
      const path = join(temporary(), 'parsl.log');
      writeFileSync(path, line);
      writeFileSync(`${path}.gz`, gzipSync(line));
      for (const file of [path, `${path}.gz`]) {
        const { problems, ...read } = await frames([file]);
        const [record] = decodeFrames(read.frames, 'test').records;
        assert.deepEqual([problems, record?.['message'], record?.['source.log']], [[], 'hello', 'parsl']);
      }
    });

    it('reads all bytes of a directory’s logs that it has counted before, and nothing else of it', async () => {
      const directory = unpacked('htex-text-2025');
      const { bytes, size, problems } = await frames([directory]);
      assert.deepEqual([bytes, problems], [size, []]);
    });

    it('tells of an archive’s own bytes', async () => {
      const { bytes, size, problems } = await frames([archiveOf('htex-text-2025')]);
      assert.ok(Math.abs(bytes - size) <= 0.01 * size, `${bytes} of ${size}`);
      assert.deepEqual(problems, []);
    });

    it('leaves off within an archive when it is told to, and says nothing of it', async () => {
      const stopping = new AbortController();
      let told = 0;
      const onBytes = (bytes: number): void => {
        told += bytes;
        stopping.abort();
      };
      const path = join(temporary(), 'large.tar');
      execFileSync('tar', ['cf', path, '-C', unpacked('2026.10.26-W1-htex'), 'runinfo']);
      const [input] = findInputs([path]);
      assert.ok(input?.size !== undefined && input.size > 2_000_000);
      const pieces = readPieces(input, assert.ifError, onBytes, stopping.signal, new Map());
      await assert.rejects(pieces.next(), { name: 'AbortError' });
      assert.ok(told < input.size / 10, `${told} of ${input.size}`);
    });

    it('says that there are no logs in a directory, with what to give instead', async () => {
      const { problems } = await frames([temporary()]);
      assert.match(problems[0] ?? '', /no logs of Parsl, Work Queue or TaskVine in it$/);
    });
  });
});
