/** What a directory or archive holds beside plain logs: read where it can be, told where it cannot, never passed over. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { runDir } from '../../../bridge/receivers/run_dir/index.ts';
import { cleanUp, finished, startReceiver, type Overrides, type Running } from '../../helpers/receiver.ts';
import { temporary } from '../../helpers/run_dirs.ts';

const line = (message: string): string =>
  `1795261724.001503 2026-11-21 11:48:44 MainProcess-1 MainThread-2 parsl.dataflow.dflow:91 f INFO: ${message}\n`;
const messages = ({ records }: Running): unknown[] => records.map(({ message }) => message).sort();

describe('receivers/run_dir: what is no plain log', () => {
  cleanUp();

  let root = '';
  let memory: Overrides = {};
  beforeEach(() => {
    root = temporary();
    memory = { stateFile: join(temporary(), 'state.json') };
  });
  const put = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const read = async (path = root, overrides: Overrides = memory): Promise<Running> => {
    const receiver = await startReceiver(runDir, { path }, overrides);
    await finished(receiver);
    await receiver.stop();
    return receiver;
  };
  /** The same files as tar.gz and zip. */
  const packed = (): string[] => {
    const directory = temporary();
    execFileSync('tar', ['czf', join(directory, 'a.tar.gz'), '-C', root, '.']);
    execFileSync('python3', ['-c', 'import shutil,sys; shutil.make_archive(sys.argv[1], "zip", sys.argv[2])', join(directory, 'a'), root]); // prettier-ignore
    return [join(directory, 'a.tar.gz'), join(directory, 'a.zip')];
  };
  const reasons = ({ reported }: Running): unknown[] => reported.map(({ reason }) => reason).sort();

  describe('compressed logs', () => {
    const fill = (): void => {
      put('000/parsl.log', line('new'));
      put('000/parsl.log.1.gz', gzipSync(line('old')));
      put('000/htex/interchange.jsonlog.gz', gzipSync('{"created": 1.5, "levelname": "INFO", "formatted": "json"}\n'));
    };

    it('are read in a directory, tar.gz and zip', async () => {
      fill();
      for (const path of [root, ...packed()]) {
        const receiver = await read(path, {});
        assert.deepEqual([messages(receiver), reasons(receiver)], [['json', 'new', 'old'], []], path);
      }
    });

    it('are told where they are broken, and the others read', async () => {
      fill();
      put('000/htex/interchange.jsonlog.gz', gzipSync(Buffer.alloc(100_000, 'x')).subarray(0, 60));
      for (const path of [root, ...packed()]) {
        const receiver = await read(path, {});
        assert.deepEqual([messages(receiver).slice(0, 2), reasons(receiver).length], [['new', 'old'], 1], path);
      }
    });

    it('are not read again for having been compressed: only what came in between is new', async () => {
      put('000/parsl.log', line('a') + line('b'));
      const receiver = await startReceiver(
        runDir,
        { path: root, mode: 'follow', poll_interval_ms: 10, scan_interval_ms: 10 },
        memory,
      );
      await receiver.until(({ records }) => records.length === 1);
      appendFileSync(join(root, '000/parsl.log'), line('c'));
      await receiver.until(({ records }) => records.length === 3);
      const rotated = Buffer.concat([readFileSync(join(root, '000/parsl.log')), Buffer.from(line('d'))]);
      writeFileSync(join(root, 'next'), gzipSync(rotated));
      rmSync(join(root, '000/parsl.log'));
      renameSync(join(root, 'next'), join(root, '000/parsl.log.1.gz'));
      await receiver.until(({ records }) => records.length === 4);
      await receiver.stop();
      assert.deepEqual(messages(receiver), ['a', 'b', 'c', 'd']);
    });

    it('are known as far as they were read last, not as far as before a restart', async () => {
      put('000/parsl.log', line('a') + line('b'));
      const journal = new Map<string, unknown>();
      await read(root, { journal });
      appendFileSync(join(root, '000/parsl.log'), line('c'));
      const config = { path: root, mode: 'follow', poll_interval_ms: 10, scan_interval_ms: 10 } as const;
      const receiver = await startReceiver(runDir, config, { journal });
      await receiver.until(({ records }) => records.length === 1);
      writeFileSync(join(root, 'next'), gzipSync(line('a') + line('b') + line('c') + line('d')));
      rmSync(join(root, '000/parsl.log'));
      renameSync(join(root, 'next'), join(root, '000/parsl.log.1.gz'));
      await receiver.until(({ records }) => records.some(({ message }) => message === 'd'));
      await receiver.stop();
      assert.deepEqual(messages(receiver), ['c', 'd']);
    });
  });

  it('tells of noise, of other encodings and compressions what they are, and what to do', async () => {
    put('000/parsl.log', line('a'));
    const noise = Buffer.from(Array.from({ length: 5_000 }, (_, at) => (at * 37 + 11) % 256));
    put('000/noise.log', noise);
    put('000/htex/interchange.log', Buffer.from(`\ufeff${line('wide')}`, 'utf16le'));
    put('000/parsl.log.2.xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3]));
    put('000/parsl.log.3.zst', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]));
    put('monitoring.db.gz', gzipSync('SQLite format 3\0'));
    put('000/empty.log', '');
    for (const path of [root, ...packed()]) {
      const receiver = await read(path, {});
      assert.deepEqual(
        [messages(receiver), reasons(receiver)],
        [['a'], ['binary', 'packed', 'packed', 'packed', 'packed']],
        path,
      );
      const said = receiver.reported.map(({ message, hint }) => `${message} ${hint}`).join('\n');
      for (const word of [/noise\.log: no text/, /UTF-16.*iconv/, /xz -d/, /zstd -d/, /gunzip/])
        assert.match(said, word);
    }
  });

  it('tells once, not at every look, what is followed and cannot be read', async () => {
    put('000/parsl.log', line('a'));
    put('000/noise.log', Buffer.from([1, 2, 0, 3, 0xff, 0xfe, 0xfd, 0, 0, 9]));
    put('000/parsl.log.1.gz', Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(500, 0xff)]));
    const receiver = await startReceiver(runDir, { path: root, mode: 'follow', poll_interval_ms: 10, scan_interval_ms: 10 }, memory); // prettier-ignore
    for (const message of ['b', 'c', 'd']) {
      const count = receiver.records.length;
      put(`000/${message}.log`, line(message));
      await receiver.until(({ records }) => records.length > count);
    }
    await receiver.stop();
    assert.deepEqual(reasons(receiver), ['binary', 'corrupt']);
  });

  it('reads what stands behind a hole at the beginning of a log, and tells of the hole', async () => {
    put('000/parsl.log', Buffer.concat([Buffer.alloc(100_000), Buffer.from(line('a') + line('b'))]));
    put('000/htex/interchange.log', line('c'));
    for (const path of [root, ...packed()]) {
      const receiver = await read(path, {});
      assert.deepEqual([messages(receiver), reasons(receiver)], [['a', 'b', 'c'], ['hole']], path);
      assert.match(receiver.reported[0]?.message ?? '', /000\/parsl\.log: 100000 bytes/);
    }
  });

  it('takes the last of two files with one path in a tar, as tar does', async () => {
    const directory = temporary();
    const archive = join(directory, 'a.tar');
    put('000/parsl.log', line('first'));
    put('000/gone.log', line('then nothing'));
    execFileSync('tar', ['cf', archive, '-C', root, '000']);
    put('000/parsl.log', line('first') + line('second'));
    put('000/gone.log', '');
    execFileSync('tar', ['rf', archive, '-C', root, '000']);
    assert.deepEqual(messages(await read(archive)), ['first', 'second']);
  });

  it('tells of archives within, and opens none', async () => {
    put('runinfo/000/parsl.log', line('a'));
    execFileSync('tar', ['czf', join(root, 'runinfo.tar.gz'), '-C', root, 'runinfo']);
    put('old.zip', 'PK');
    for (const path of [root, ...packed()]) {
      const receiver = await read(path, {});
      assert.deepEqual([messages(receiver), reasons(receiver)], [['a'], ['nested_archive']], path);
      assert.match(receiver.reported[0]?.message ?? '', /: old\.zip and 1 more$/);
    }
  });

  it('reads a path that leads out of an archive as none, and says so', async () => {
    put('000/parsl.log', line('a'));
    put('x/parsl.log', line('out'));
    const archive = join(temporary(), 'a.tar');
    execFileSync('tar', ['cPf', archive, '--transform', 's|^x/|../x/|', '-C', root, '000', 'x']);
    const receiver = await read(archive);
    assert.deepEqual([messages(receiver), reasons(receiver)], [['a'], ['path']]);
  });

  it('reads a file with several names under the one that tells most', async () => {
    put('000/parsl.log', line('a'));
    for (const name of ['000/copy.log', 'a.log', 'z.log']) linkSync(join(root, '000/parsl.log'), join(root, name));
    const receiver = await read();
    assert.deepEqual(receiver.records.map((record) => [record['message'], record['source.path']]), [['a', '000/parsl.log']]); // prettier-ignore
  });

  it('reads a log whatever its name is, and tells of names as one line', async () => {
    put('000/parsl.log', line('a'));
    put('000/böse\n\u001b[31m名.log', line('b'));
    put('000/\u001b[2J\n.log', Buffer.from([0xff, 0, 1, 2, 0xfe]));
    const receiver = await read();
    assert.deepEqual([messages(receiver), reasons(receiver)], [['a', 'b'], ['binary']]);
    assert.doesNotMatch(receiver.reported[0]?.message ?? '\n', /[\u0000-\u001f]/);
  });

  it('takes no directory for a log, whatever it is called', async () => {
    put('000/parsl.log/what', 'x');
    put('000/htex/interchange.log', line('a'));
    assert.deepEqual(messages(await read()), ['a']);
  });
});
