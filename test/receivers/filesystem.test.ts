import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Channel } from '../../bridge/core/frame.ts';
import { filesystem } from '../../bridge/receivers/filesystem/index.ts';
import { recordedFrames } from '../helpers/fixtures.ts';
import { decoded, said, taskMessage } from '../helpers/messages.ts';
import { asOrdinaryUser } from '../helpers/ordinary_user.ts';
import { cleanUp, createReceiver, runOnce, serve, startReceiver, tempDir, type Told } from '../helpers/receiver.ts';

const HOUR_US = 3_600_000_000;

describe('receivers/filesystem', () => {
  cleanUp();
  let run_dir: string;
  const maildir = (...parts: string[]): string => join(run_dir, 'monitor-fs-radio', ...parts);

  beforeEach(async () => {
    run_dir = await tempDir();
    await mkdir(maildir('new'), { recursive: true });
    await mkdir(maildir('tmp'));
  });

  /** As Parsl's FilesystemRadioSender does. */
  async function send(name: string, content: Uint8Array | string): Promise<void> {
    await writeFile(maildir('tmp', name), content);
    await rename(maildir('tmp', name), maildir('new', name));
  }

  const tasks = ({ records }: Told): unknown[] => records.map((record) => record['parsl.task']).sort();

  function announce(url: string, body: string): Promise<Response> {
    return fetch(`${url}/v1/run_dirs`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  }

  for (const recording of [
    '2023.12.11-W5-fs',
    '2024.06.24-W1-fs',
    '2026.05.25-W5-fs',
    '2026.10.26-W1-fs',
    '2026.10.26-W6-fs',
  ]) {
    it(`takes in what workers of ${recording} wrote, then deletes it`, async () => {
      const frames = recordedFrames(recording, 'raw_fs.bin');
      for (const [i, { payload }] of frames.entries()) await send(String(i), payload);
      const told = await runOnce(filesystem, { run_dirs: [run_dir], batch_files_max: 10 });
      assert.deepEqual(said(told.records), said(decoded(frames)));
      assert.deepEqual(await readdir(maildir('new')), []);
      assert.deepEqual(told.reported, []);
    });
  }

  it('hands on files as they are, with the time of their arrival', async () => {
    await send('a', taskMessage(1));
    const told = await runOnce(filesystem, { run_dirs: [run_dir] }, { now: () => 42_000_000 });
    const [frame] = told.frames;
    assert.deepEqual([frame?.channel, frame?.time], [Channel.filesystem, 42_000_000]);
    assert.deepEqual(Buffer.from(frame?.payload ?? []), taskMessage(1));
  });

  it('finds files while it runs, also in a maildir that was not there when it started', async () => {
    await rm(maildir(), { recursive: true });
    const receiver = await startReceiver(filesystem, { run_dirs: [run_dir] });
    await mkdir(maildir('new'), { recursive: true });
    await mkdir(maildir('tmp'));
    const sent = performance.now();
    await send('a', taskMessage(1));
    await receiver.until(({ records }) => records.length === 1);
    assert.ok(performance.now() - sent < 1_000);
    assert.deepEqual(receiver.reported, []);
  });

  it('creates nothing in the user’s directories', async () => {
    await rm(maildir(), { recursive: true });
    await runOnce(filesystem, { run_dirs: [run_dir] });
    assert.deepEqual(await readdir(run_dir), []);
  });

  it('keeps files that `next` refuses, and hands them on later', async () => {
    await send('a', taskMessage(1));
    const refuse = (): Promise<void> => Promise.reject(new Error('disk full'));
    const refused = await runOnce(filesystem, { run_dirs: [run_dir] }, { next: refuse });
    assert.deepEqual(await readdir(maildir('new')), ['a']);
    assert.ok(refused.reported.length > 0 && refused.records.length === 0);
    assert.deepEqual(tasks(await runOnce(filesystem, { run_dirs: [run_dir] })), [1]);
    assert.deepEqual(await readdir(maildir('new')), []);
  });

  it('deletes nothing before the journal has it', async () => {
    await send('a', taskMessage(1));
    let there: string[] = [];
    await runOnce(
      filesystem,
      { run_dirs: [run_dir] },
      { next: async () => void (there = await readdir(maildir('new'))) },
    );
    assert.deepEqual(there, ['a']);
  });

  it('rejects a file that does not decode, deletes it and takes its neighbours', async () => {
    await send('torn', taskMessage(1).subarray(0, 20));
    await send('empty', '');
    await send('other', 'not a pickle');
    await send('whole', taskMessage(1));
    const told = await runOnce(filesystem, { run_dirs: [run_dir] });
    assert.deepEqual(tasks(told), [1]);
    assert.deepEqual(told.rejected.map(({ error }) => error.code), Array(3).fill('BRIDGE_DECODE')); // prettier-ignore
    assert.deepEqual(await readdir(maildir('new')), []);
  });

  it('rejects a file that is too long, and takes long ones that are not', async () => {
    await send('a', taskMessage(1, 'x'.repeat(3_000_000)));
    await send('b', taskMessage(2, 'x'.repeat(900_000)));
    await send('c', taskMessage(3, 'x'.repeat(900_000)));
    const told = await runOnce(filesystem, { run_dirs: [run_dir], file_bytes_max: 2_000_000 });
    assert.deepEqual(tasks(told), [2, 3]);
    assert.deepEqual(told.rejected.map(({ error }) => error.reason), ['too_large']); // prettier-ignore
    assert.deepEqual(await readdir(maildir('new')), []);
  });

  it('follows no symbolic link and touches what is no file', async () => {
    const secret = join(run_dir, 'secret');
    await writeFile(secret, taskMessage(1));
    await symlink(secret, maildir('new', 'link'));
    await mkdir(maildir('new', 'dir'));
    const told = await runOnce(filesystem, { run_dirs: [run_dir] });
    assert.deepEqual([told.records, told.reported, told.rejected], [[], [], []]);
    assert.deepEqual((await readdir(maildir('new'))).sort(), ['dir', 'link']);
    assert.deepEqual(await readFile(secret), taskMessage(1));
  });

  it('reads no directory that poses as a maildir by a symbolic link', async () => {
    const private_ = join(run_dir, 'private');
    await mkdir(private_);
    await writeFile(join(private_, 'diary'), 'dear diary');
    await rm(maildir('new'), { recursive: true });
    await symlink(private_, maildir('new'));
    const told = await runOnce(filesystem, { run_dirs: [run_dir] });
    assert.deepEqual(told.rejected, []);
    assert.match(told.reported[0]?.message ?? '', /symbolic link/);
    assert.deepEqual(await readdir(private_), ['diary']);
  });

  it('does not hand a file on again and again that it cannot delete', async () => {
    await send('a', taskMessage(1));
    await asOrdinaryUser(run_dir, async () => {
      await chmod(maildir('new'), 0o500);
      const receiver = await startReceiver(filesystem, { run_dirs: [run_dir] });
      await receiver.until(({ reported }) => reported.length > 0);
      await chmod(maildir('new'), 0o700);
      await receiver.stop();
      assert.equal(receiver.records.length, 1);
      assert.deepEqual(await readdir(maildir('new')), []);
    });
  });

  it('empties many directories with more files than fit a batch', async () => {
    const others = await Promise.all([tempDir(), tempDir()]);
    const run_dirs = [run_dir, ...others];
    for (const dir of run_dirs) {
      const newDir = join(dir, 'monitor-fs-radio', 'new');
      await mkdir(newDir, { recursive: true });
      for (let task = 0; task < 40; task++) await writeFile(join(newDir, String(task)), taskMessage(task));
    }
    const told = await runOnce(filesystem, { run_dirs, batch_files_max: 7 });
    assert.equal(told.records.length, 120);
    for (const dir of run_dirs) assert.deepEqual(await readdir(join(dir, 'monitor-fs-radio', 'new')), []);
  });

  it('watches run directories that are announced', async () => {
    const receiver = await startReceiver(filesystem, {});
    const answer = await announce(await serve(receiver), JSON.stringify({ run_dir }));
    assert.deepEqual([answer.status, await answer.json()], [200, { run_dir }]);
    await send('a', taskMessage(1));
    await receiver.until(({ records }) => records.length === 1);
  });

  it('asks for the token where run directories are announced', () => {
    const [route] = createReceiver(filesystem, {}).routes ?? [];
    assert.deepEqual([route?.method, route?.path, route?.access], ['POST', '/v1/run_dirs', 'control']);
  });

  it('refuses announcements that make no sense', async () => {
    const receiver = await startReceiver(filesystem, { run_dirs_max: 1 });
    const url = await serve(receiver);
    await writeFile(join(run_dir, 'file'), '');
    const wrong = [
      '',
      'null',
      '{}',
      '{"run_dir": 7}',
      '{"run_dir": "relative"}',
      `{"run_dir": "${run_dir}/none"}`,
      `{"run_dir": "${run_dir}/file"}`,
    ];
    for (const body of wrong) {
      const answer = await announce(url, body);
      assert.equal(answer.status, 400, body);
      assert.ok('error' in ((await answer.json()) as object));
    }
    assert.equal((await announce(url, 'x'.repeat(100_000))).status, 413);
    assert.equal((await announce(url, JSON.stringify({ run_dir }))).status, 200);
    assert.equal((await announce(url, JSON.stringify({ run_dir: await tempDir() }))).status, 503);
  });

  it('remembers over a restart what was announced', async () => {
    const stateFile = join(await tempDir(), 'state.json');
    const first = await startReceiver(filesystem, {}, { stateFile });
    await announce(await serve(first), JSON.stringify({ run_dir }));
    await first.stop();
    await send('a', taskMessage(1));
    assert.deepEqual(tasks(await runOnce(filesystem, {}, { stateFile })), [1]);
  });

  it('begins anew where what it remembers is damaged', async () => {
    const stateFile = join(await tempDir(), 'state.json');
    await writeFile(stateFile, '{"run_dirs": [1');
    await runOnce(filesystem, {}, { stateFile });
  });

  for (const [reason, wait] of [
    ['gone', 120_000_000],
    ['silent', 25 * HOUR_US],
  ] as const) {
    it(`forgets an announced run directory that is ${reason}`, async () => {
      let time = 1_700_000_000_000_000;
      const stateFile = join(await tempDir(), 'state.json');
      const config = { poll_interval_min_ms: 1, poll_interval_max_ms: 1, silent_hours_max: 24 };
      const receiver = await startReceiver(filesystem, config, { stateFile, now: () => (time += 1) });
      await announce(await serve(receiver), JSON.stringify({ run_dir }));
      if (reason === 'gone') await rm(run_dir, { recursive: true });
      const timer = setInterval(() => (time += wait), 20);
      await receiver.until(({ logged }) => logged.some(({ fields }) => 'reason' in fields && fields.reason === reason));
      clearInterval(timer);
      await receiver.stop();
      assert.deepEqual(JSON.parse(await readFile(stateFile, 'utf8')), { run_dirs: [] });
    });
  }

  it('does not forget a configured run directory that is gone', async () => {
    let time = 0;
    await rm(run_dir, { recursive: true });
    const config = { run_dirs: [run_dir], poll_interval_min_ms: 1, poll_interval_max_ms: 1 };
    let looks = 0;
    const receiver = await startReceiver(filesystem, config, { now: () => ((looks += 1), (time += HOUR_US)) });
    while (looks < 20) await new Promise((resolve) => setTimeout(resolve, 5));
    await mkdir(maildir('new'), { recursive: true });
    await mkdir(maildir('tmp'));
    await send('a', taskMessage(1));
    await receiver.until(({ records }) => records.length === 1);
  });

  it('stops twice, and before it was started', async () => {
    const told = await runOnce(filesystem, { run_dirs: [run_dir] });
    await told.stop();
    await createReceiver(filesystem, {}).stop();
  });

  it('rejects an unknown key by name', () => {
    assert.throws(() => filesystem.config.parse({ pollInterval: 5 }), /pollInterval/);
  });
});
