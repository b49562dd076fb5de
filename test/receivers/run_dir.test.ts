import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync, chmodSync, cpSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync,
} from 'node:fs'; // prettier-ignore
import { dirname, join } from 'node:path';

import type { WideRecord } from '../../bridge/core/record.ts';
import { runDir } from '../../bridge/receivers/run_dir/index.ts';
import { cleanUp, finished, startReceiver, type Overrides, type Running } from '../helpers/receiver.ts';
import { asOrdinaryUser } from '../helpers/ordinary_user.ts';
import { archiveOf, temporary, unpacked } from '../helpers/run_dirs.ts';

const line = (message: string): string =>
  `${JSON.stringify({ created: 1795261675.5, levelname: 'INFO', msg: message, formatted: message })}\n`;
const TEXT = '1795261724.001503 2026-11-21 11:48:44 MainProcess-1 MainThread-2 parsl.dataflow.dflow:91 f INFO: ';

const messages = (records: readonly WideRecord[]) => records.map(({ message }) => message);

describe('receivers/run_dir', () => {
  cleanUp();

  let root = '';
  let journal = new Map<string, unknown>();
  beforeEach(() => {
    root = temporary();
    journal = new Map();
  });
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const add = (path: string, text: string): void => appendFileSync(join(root, path), text);
  const follow = (overrides: Overrides = {}): Promise<Running> =>
    startReceiver(
      runDir,
      { path: root, mode: 'follow', poll_interval_ms: 10, scan_interval_ms: 10 },
      { journal, ...overrides },
    );
  const read = async (overrides: Overrides = {}, path = root): Promise<Running> => {
    const receiver = await startReceiver(runDir, { path }, { journal, ...overrides });
    await finished(receiver);
    await receiver.stop();
    return receiver;
  };

  it('reads a directory once, the submit side first, and not again after a restart', async () => {
    put('000/htex/block-0/d941c5ff7759/worker_0.log', `${TEXT}worker\n`);
    put('000/htex/interchange.jsonlog', line('interchange'));
    put('000/parsl.jsonlog', line('submit'));
    const { records, reported } = await read();
    assert.deepEqual([messages(records), reported], [['submit', 'interchange', 'worker'], []]);
    assert.deepEqual(messages((await read()).records), []);
    add('000/parsl.jsonlog', line('later'));
    assert.deepEqual(messages((await read()).records), ['later']);
  });

  it('never opens keys, pickles and users’ data, follows no link, and reads nothing twice', async () => {
    put('000/parsl.log', `${TEXT}one\n`);
    put('vine/2026/vine-logs/transactions', '1795265090812965 21775 MANAGER 21775 START 0\n');
    for (const secret of ['htex/certificates/server.log', 'wq/function_data/0001/map.log', 'log_config/x.log'])
      put(`000/${secret}`, line('secret'));
    put('000/htex/server.key_secret', line('secret'));
    const outside = temporary();
    writeFileSync(join(outside, 'parsl.log'), `${TEXT}outside\n`);
    symlinkSync(outside, join(root, '001'));
    symlinkSync(join(root, 'vine', '2026'), join(root, 'vine', 'most-recent'));
    symlinkSync(join(outside, 'parsl.log'), join(root, '000', 'htex', 'interchange.log'));
    assert.deepEqual(messages((await read()).records), ['one', 'MANAGER 21775 START 0']);
  });

  it('reads tar, tar.gz and zip as it reads the directory', async () => {
    const directory = unpacked('2026.10.26-W1-htex');
    const said = ({ records }: Running) => records.map((record) => `${String(record['source.path'])}:${String(record['source.line'])} ${String(record['message'])}`).sort(); // prettier-ignore
    const whole = said(await read({ journal: new Map() }, directory));
    assert.ok(whole.length > 5_000);
    const archives = temporary();
    execFileSync('tar', ['cf', join(archives, 'a.tar'), '-C', directory, 'runinfo']);
    const script = 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", sys.argv[2])';
    execFileSync('python3', ['-c', script, join(archives, 'b'), directory]);
    for (const path of [archiveOf('2026.10.26-W1-htex'), join(archives, 'a.tar'), join(archives, 'b.zip')]) {
      const first = await read({ journal: new Map() }, path);
      assert.deepEqual([said(first), first.reported], [whole, []]);
    }
  });

  it('uses what is whole of an archive that was cut off, and says so once', async () => {
    const archives = temporary();
    const path = join(archives, 'cut.tar.gz');
    cpSync(archiveOf('workqueue-parsl'), path);
    chmodSync(path, 0o600);
    truncateSync(path, 120_000);
    const { records, reported } = await read({}, path);
    assert.ok(records.length > 100);
    assert.deepEqual(
      reported.map(({ code, reason }) => [code, reason]),
      [['BRIDGE_DECODE', 'truncated']],
    );
  });

  it('uses what is there of the log in which an archive was cut off, and of a zip without its end nothing', async () => {
    put('000/parsl.log', Array.from({ length: 20_000 }, (_, task) => `${TEXT}Task ${task} ${task * 7919}\n`).join(''));
    const archives = temporary();
    const [tar, zip] = [join(archives, 'cut.tar.gz'), join(archives, 'cut.zip')];
    execFileSync('tar', ['czf', tar, '-C', root, '000']);
    truncateSync(tar, 50_000);
    const cut = await read({}, tar);
    assert.ok(cut.records.length > 5_000);
    assert.deepEqual(
      cut.reported.map(({ message, reason }) => [message, reason]),
      [[`unzip ${tar}: unexpected end of file`, 'truncated']],
    );
    const script = 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", sys.argv[2])';
    execFileSync('python3', ['-c', script, join(archives, 'cut'), root]);
    truncateSync(zip, 50_000);
    const { records, reported } = await read({}, zip);
    assert.deepEqual([records.length, reported.length, reported[0]?.code], [0, 1, 'BRIDGE_DECODE']);
  });

  it('reads a monitoring.db that lies beside the logs, out of an archive too', async () => {
    for (const path of [unpacked('workqueue-parsl'), archiveOf('workqueue-parsl')]) {
      const { records } = await read({ journal: new Map() }, path);
      const states = records.filter((record) => record['source.format'] === 'monitoring_db');
      assert.equal(states.length, 456);
    }
  });

  it('takes in what is written while it looks: lines, files, runs', async () => {
    put('000/parsl.jsonlog', line('a'));
    const receiver = await follow();
    await receiver.until(({ records }) => records.length === 1);
    add('000/parsl.jsonlog', `${line('b')}${line('c').slice(0, 20)}`);
    await receiver.until(({ records }) => records.length === 2);
    add('000/parsl.jsonlog', line('c').slice(20));
    put('001/parsl.jsonlog', line('d'));
    await receiver.until(({ records }) => records.length === 4);
    await receiver.stop();
    assert.deepEqual(messages(receiver.records).sort(), ['a', 'b', 'c', 'd']);
  });

  it('gives out the last record of a text log when nobody has written for a look, with all of its lines', async () => {
    put('000/parsl.log', `${TEXT}a\n  more\n${TEXT}b\n`);
    const receiver = await follow();
    await receiver.until(({ records }) => records.length === 2);
    await receiver.stop();
    assert.deepEqual(messages(receiver.records), ['a\n  more', 'b']);
  });

  it('reads a truncated log from its beginning, and keeps what it had', async () => {
    put('000/parsl.jsonlog', line('before it died') + line('more'));
    const receiver = await follow();
    await receiver.until(({ records }) => records.length === 2);
    put('000/parsl.jsonlog', line('after'));
    await receiver.until(({ records }) => records.length === 3);
    // Longer than before, and yet another one.
    put('000/parsl.jsonlog', line('third life').repeat(5));
    await receiver.until(({ records }) => records.length === 8);
    await receiver.stop();
    assert.deepEqual(messages(receiver.records).slice(0, 4), ['before it died', 'more', 'after', 'third life']);
    assert.deepEqual(
      receiver.records.slice(2, 5).map((record) => record['source.line']),
      [1, 1, 2],
    );
  });

  it('reads a log on under its new name when it was rotated, and the new one beside it', async () => {
    const text = (message: string): string => `2026-11-21 12:40:54,127634 DEBUG M-1 T-2 x:9 f ${message}\n`;
    put('ep/endpoint.log', text('a'));
    const receiver = await follow();
    await receiver.until(({ records }) => records.length === 1);
    add('ep/endpoint.log', text('b'));
    renameSync(join(root, 'ep/endpoint.log'), join(root, 'ep/endpoint.log.1'));
    put('ep/endpoint.log', text('c'));
    await receiver.until(({ records }) => records.length === 3);
    add('ep/endpoint.log', text('d'));
    await receiver.until(({ records }) => records.length === 4);
    await receiver.stop();
    assert.deepEqual(messages(receiver.records).sort(), ['a', 'b', 'c', 'd']);
  });

  it('remembers only what the journal holds, and reads the rest again after a restart', async () => {
    put('000/parsl.jsonlog', line('a'));
    const first = await follow();
    await first.until(({ records }) => records.length === 1);
    await first.stop();
    add('000/parsl.jsonlog', line('b'));
    const refusing = await follow({ next: () => Promise.reject(new Error('full')) });
    await refusing.until(({ reported }) => reported.length > 0);
    await refusing.stop();
    const second = await follow();
    await second.until(({ records }) => records.length === 1);
    await second.stop();
    assert.deepEqual(messages(second.records), ['b']);
  });

  it('reads a last line without a newline once, and again only if it has grown', async () => {
    put('000/parsl.log', `${TEXT}a\n${TEXT}b`);
    assert.deepEqual(messages((await read()).records), ['a', 'b']);
    assert.deepEqual(messages((await read()).records), []);
    add('000/parsl.log', `ut more\n${TEXT}c\n`);
    assert.deepEqual(messages((await read()).records), ['but more', 'c']);
  });

  it('does not forget where it was while a batch is on its way', async () => {
    put('000/parsl.jsonlog', line('a'));
    const gate = Promise.withResolvers<undefined>();
    const receiver = await follow({ next: () => gate.promise });
    await receiver.until(({ received }) => received.length === 1);
    const stopped = receiver.stop();
    gate.resolve(undefined);
    await stopped;
    assert.deepEqual(messages((await read()).records), []);
  });

  it('reads each line once, whatever is written, rotated and truncated between and during its lives', async () => {
    let seed = 1;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const logs = ['000/parsl.jsonlog', '000/htex/interchange.jsonlog', '001/parsl.jsonlog'];
    const written: string[] = [];
    const read: string[] = [];
    const write = (log: string): void => {
      for (let count = 1 + random(3); count > 0; count--) {
        const message = `${written.length}`;
        written.push(message);
        mkdirSync(dirname(join(root, log)), { recursive: true });
        add(log, line(message));
      }
    };
    for (let life = 0; life < 40; life++) {
      const log = logs[random(3)] ?? '';
      if (life > 5 && random(3) === 0)
        renameSync(join(root, log), join(root, `${log.replace('.jsonlog', '')}.${life}.jsonlog`)); // prettier-ignore
      else if (life > 5 && random(3) === 0) truncateSync(join(root, log), 0);
      write(log);
      let left = random(3);
      const next = (): void => {
        if (left-- <= 0 && random(2) === 0) throw new Error('killed');
      };
      const receiver = await follow({ next });
      write(logs[random(3)] ?? '');
      const before = read.length;
      await receiver.until((told) => before + told.records.length === written.length || told.reported.length > 3);
      await receiver.stop();
      read.push(...messages(receiver.records).map(String));
      // What is not read yet is read by a life that nobody ends: it could be truncated else.
      const last = await follow();
      await last.until(({ records }) => read.length + records.length >= written.length);
      await last.stop();
      read.push(...messages(last.records).map(String));
      assert.deepEqual(read.toSorted(), written.toSorted());
    }
  });

  it('knows a log again that the file system has given another inode, in one life and over two', async () => {
    const another = (path: string): void => {
      cpSync(join(root, path), join(root, 'copy'));
      renameSync(join(root, 'copy'), join(root, path));
    };
    put('000/parsl.jsonlog', line('a'));
    assert.deepEqual(messages((await read()).records), ['a']);
    another('000/parsl.jsonlog');
    add('000/parsl.jsonlog', line('b'));
    const receiver = await follow();
    await receiver.until(({ records }) => records.length === 1);
    another('000/parsl.jsonlog');
    add('000/parsl.jsonlog', line('c'));
    await receiver.until(({ records }) => records.length === 2);
    await receiver.stop();
    assert.deepEqual(messages(receiver.records), ['b', 'c']);
    assert.deepEqual(messages((await read()).records), []);
    assert.equal(journal.size, 1);
  });

  it('does not forget what it cannot look into now', async () => {
    put('000/parsl.jsonlog', line('a'));
    put('001/parsl.jsonlog', line('b'));
    assert.equal((await read()).records.length, 2);
    await asOrdinaryUser(root, async () => {
      chmodSync(join(root, '001'), 0);
      assert.equal((await read()).reported.length, 1);
      chmodSync(join(root, '001'), 0o700);
      assert.deepEqual((await read()).records, []);
    });
  });

  it('counts bad lines with their reason and reads their neighbours', async () => {
    put('000/parsl.jsonlog', `${line('a')}{"torn": \n${line('b')}`);
    const { records, rejected } = await read();
    assert.deepEqual(messages(records), ['a', 'b']);
    assert.deepEqual(
      rejected.map(({ error }) => error.reason),
      ['json'],
    );
    assert.match(Buffer.from(rejected[0]?.frame.payload ?? []).toString(), /"line":2,.*\n\{"torn": $/);
  });

  it('reads nothing from what holds no logs, and refuses a file that is no archive', async () => {
    put('notes/data.csv', '1,2\n');
    const { records, reported } = await read();
    assert.deepEqual([records, reported.map(({ reason }) => reason)], [[], ['unknown_format']]);
    writeFileSync(join(root, 'run.tar.xz'), Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]));
    await assert.rejects(read({}, join(root, 'run.tar.xz')), { message: /: compressed by xz$/, hint: /xz -d/ });
    await assert.rejects(read({}, join(root, 'notes/data.csv')), {
      code: 'BRIDGE_CONFIG',
      message: `read ${join(root, 'notes/data.csv')}: neither a directory nor a tar, tar.gz or zip`,
    });
  });

  it('refuses to follow an archive', async () => {
    const path = archiveOf('htex-text-2025');
    await assert.rejects(startReceiver(runDir, { path, mode: 'follow' }), { code: 'BRIDGE_CONFIG' });
  });

  it('goes on when a followed directory is gone and comes back', async () => {
    put('000/parsl.jsonlog', line('a'));
    const receiver = await follow();
    await receiver.until(({ records }) => records.length === 1);
    rmSync(join(root, '000'), { recursive: true });
    put('000/parsl.jsonlog', line('b'));
    await receiver.until(({ records }) => records.length === 2);
    await receiver.stop();
    assert.deepEqual(messages(receiver.records), ['a', 'b']);
  });
});
