/**
 * kill -9 of a bridge that reads files, at any moment, again and again: its read side holds what it holds after a life
 * without any kill: each log record once, with all that the rules know of it (DESIGN.md §4.3).
 */
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { stringify } from '../bridge/core/record.ts';
import { temporary, unpacked } from './helpers/run_dirs.ts';

const cli = join(import.meta.dirname, '..', 'bridge', 'cli.ts');
const LONG = 'x'.repeat(2_000);
/** Entries of the journal after which a life may end. */
const ENTRIES_MAX = 3;
const KILLS = 3;

interface Life {
  readonly isKilled: boolean;
  readonly said: string;
}

/** `ingest` as a process; killed once its journal has so many entries more, and some time. */
async function ingest(
  path: string,
  data: string,
  kill?: { readonly entries: number; readonly ms: number },
): Promise<Life> {
  const child = spawn(process.execPath, [cli, 'ingest', path, '--data', data], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'exit');
  if (kill !== undefined) {
    const before = entriesOf(data);
    while (child.exitCode === null && entriesOf(data) < before + kill.entries) await sleep(5);
    await sleep(kill.ms);
    child.kill('SIGKILL');
  }
  await ended;
  return { isKilled: child.signalCode === 'SIGKILL', said };
}

function query<T>(path: string, sql: string): T[] {
  if (!existsSync(path)) return [];
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare(sql).all() as T[];
  } catch {
    return []; // Its tables are being made.
  } finally {
    db.close();
  }
}

const entriesOf = (data: string): number =>
  query<{ entries: number }>(join(data, 'journal.db'), 'SELECT max(seq) AS entries FROM entries')[0]?.entries ?? 0;

/** Every log record of the read side, whole. */
const storedIn = (data: string): string[] =>
  query<object>(
    join(data, 'store.db'),
    `SELECT run.run, s.keys AS told, r.* FROM record r JOIN record_site s USING (site) LEFT JOIN run ON run.run_no = r.run_no`,
  )
    .map((row) => JSON.stringify({ ...row, id: 0, run_no: 0, site: 0 }))
    .sort();

/** A run directory of a recorded run, with a log that is long. */
function directory(): string {
  const root = unpacked('2026.10.26-W1-htex');
  const lines = Array.from({ length: 2_000 }, (_, n) => stringify({ created: 1.79e9 + n, msg: `m ${n}`, formatted: `m ${n} ${LONG}` })); // prettier-ignore
  writeFileSync(join(root, 'runinfo', '000', 'parsl.jsonlog'), lines.join('\n'), { flag: 'a' });
  return root;
}

const inputs: Readonly<Record<string, () => string>> = {
  'a run directory': directory,
  'a tar.gz of one': () => {
    const path = join(temporary(), 'run.tar.gz');
    execFileSync('tar', ['czf', path, '-C', directory(), 'runinfo']);
    return path;
  },
  'JSON lines': () => {
    const path = join(temporary(), 'records.jsonl');
    const lines = Array.from({ length: 3_000 }, (_, n) => (n % 500 === 3 ? `torn ${n}` : stringify({ n, message: `m ${n} ${LONG}` }))); // prettier-ignore
    writeFileSync(path, lines.join('\n'));
    return path;
  },
};

describe('kill -9 of a bridge that reads files', function () {
  this.timeout(120_000);

  for (const [name, make] of Object.entries(inputs))
    it(`leaves each record of ${name} in the read side once`, async () => {
      const path = make();
      const [whole, data] = [temporary(), temporary()];
      const { said } = await ingest(path, whole);
      const wanted = storedIn(whole);
      assert.ok(wanted.length > 2_000, said);
      let kills = 0;
      while (kills < KILLS) {
        const at = { entries: 1 + Math.floor(Math.random() * ENTRIES_MAX), ms: Math.random() * 50 };
        if (!(await ingest(path, data, at)).isKilled) break; // It came to its end before.
        kills += 1;
      }
      await ingest(path, data);
      assert.ok(kills > 0);
      const found = storedIn(data);
      assert.equal(found.length, wanted.length);
      assert.deepEqual(found, wanted);
    });
});
