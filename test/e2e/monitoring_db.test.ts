/**
 * The installed Parsl's own database manager and ours, on the same messages of a run of 2,000 small tasks, finished and
 * killed in the middle: every row of every table. And the same answers to Parsl's own questions.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import Database from 'better-sqlite3';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { WideRecord } from '../../bridge/core/record.ts';
import { createFrameParser } from '../../bridge/formats/capture.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { openReader } from '../../bridge/receivers/monitoring_db/reader.ts';
import { messagesOf, readDb, recordedDbFile, writeDb } from '../helpers/monitoring_db.ts';
import { tempDir } from '../helpers/receiver.ts';
import { pythonWith, type Python } from './python_packages.ts';

const here = import.meta.dirname;
const newest = '2026.10.26';
const RELEASES = ['2024.12.16', newest];
const TASKS = 2_000;

const withMonitoring = (parsl: string): Python =>
  pythonWith(parsl, 'monitoring', [`parsl[monitoring]==${parsl}`, 'pandas']);

function messagesIn(capture: string): WideRecord[] {
  const parser = createFrameParser({ frame_bytes_max: 2 ** 26 });
  const { records, problems } = decodeFrames(parser.push(readFileSync(capture)), 'test');
  assert.deepEqual(problems, []);
  return records;
}

/** The manager lives on after the submit process: it has written all when nothing has changed for some seconds. */
async function settled(db: string, capture: string): Promise<void> {
  const count = (): string => {
    const reader = new Database(db, { readonly: true, timeout: 5_000 });
    const rows = reader.prepare('SELECT (SELECT count(*) FROM status), (SELECT count(*) FROM try)').raw().get();
    reader.close();
    return `${String(rows)} ${readFileSync(capture).length}`;
  };
  for (let last = '', same = 0; same < 4;) {
    await sleep(2_000);
    const now = count();
    same = now === last ? same + 1 : 0;
    last = now;
  }
}

describe('monitoring.db beside the installed Parsl', function () {
  this.timeout(300_000);

  for (const release of RELEASES)
    for (const end of ['finish', 'kill'] as const)
      it(`${release}: ${TASKS} small tasks, ${end}`, async () => {
        const dir = await tempDir();
        const python = withMonitoring(release);
        const env = { ...process.env, PYTHONPATH: [join(here, 'python'), python.packages].join(':') };
        const args = [join(here, 'python', 'tapped.py'), dir, String(TASKS), end];
        const child = spawn(python.path, args, { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
        let errors = '';
        child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
        const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
        const db = join(dir, 'runinfo', 'monitoring.db');
        const capture = join(dir, 'messages.capture');
        try {
          if (end === 'finish') assert.equal(code, 0, errors);
          else assert.equal(signal, 'SIGKILL', errors);
          assert.ok(existsSync(db), errors);
          await settled(db, capture);
        } finally {
          // What the killed run left behind.
          if (signal !== null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        }
        const made = join(dir, 'made.db');
        writeDb(made, messagesIn(capture));
        const [theirs, ours] = [readDb(db), readDb(made)];
        assert.ok(ours.status.length >= TASKS / 10, `${ours.status.length} statuses`);
        assert.deepEqual(ours, theirs);
        const reader = openReader(db, { follow: false });
        assert.ok(reader.look(10 * TASKS).records.length >= ours.status.length);
        reader.close();
        rmSync(dir, { recursive: true, force: true });
      });

  it('gives notebooks the same answers: all of parsl.monitoring.queries.pandas', async () => {
    const dir = await tempDir();
    const { path, packages } = withMonitoring(newest);
    const answers = (db: string): unknown[] => {
      const env = { ...process.env, PYTHONPATH: packages };
      return JSON.parse(
        execFileSync(path, [join(here, 'python', 'queries.py'), db], { env, encoding: 'utf8', maxBuffer: 2 ** 26 }),
      ) as unknown[];
    };
    for (const name of ['2024.06.24-W5-udp', '2026.10.26-W1-htex']) {
      const made = join(dir, `${name}.made.db`);
      writeDb(made, messagesOf(name));
      const wanted = answers(recordedDbFile(name, dir));
      assert.equal(new Set(wanted.map((answer) => (answer as [string, string])[1])).size, 8);
      assert.deepEqual(answers(made), wanted);
    }
  });
});
