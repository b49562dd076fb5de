/**
 * A receiver that reads files is cut off after any batch, again and again: what it handed on in all its lives is what one
 * life hands on, no record less and none twice, and each bad line is told once.
 */
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { z } from 'zod';

import type { ReceiverSpec } from '../../bridge/core/component.ts';
import { recordsFrame } from '../../bridge/core/lines.ts';
import { stringify } from '../../bridge/core/record.ts';
import { encodeFrames } from '../../bridge/formats/capture.ts';
import { sourcesOf } from '../../bridge/ingest.ts';
import { findInputs } from '../../bridge/inputs.ts';
import { capture } from '../../bridge/receivers/capture.ts';
import { jsonl } from '../../bridge/receivers/jsonl.ts';
import { monitoringDb } from '../../bridge/receivers/monitoring_db/index.ts';
import { runDir } from '../../bridge/receivers/run_dir/index.ts';
import { recordedDbFile } from '../helpers/monitoring_db.ts';
import { cleanUp, finished, startReceiver } from '../helpers/receiver.ts';
import { temporary } from '../helpers/run_dirs.ts';

const LONG = 'x'.repeat(2_000);
const TEXT = '1795261724.001503 2026-11-21 11:48:44 MainProcess-1 MainThread-2 parsl.dataflow.dflow:91 f INFO: ';

/** A run directory with records of one and of many lines, bad lines, and a last line without its newline. */
function directory(): string {
  const root = temporary();
  const put = (path: string, lines: readonly string[]): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), lines.join('\n'));
  };
  const json = (n: number): string =>
    n % 100 === 7
      ? `{"torn": ${n}`
      : JSON.stringify({ created: 1.79e9 + n, msg: `m ${n}`, formatted: `m ${n} ${LONG}` });
  put(
    '000/parsl.jsonlog',
    Array.from({ length: 1_000 }, (_, n) => json(n)),
  );
  put(
    '000/parsl.log',
    Array.from({ length: 1_000 }, (_, n) => `${TEXT}${n}\n  more ${LONG}`),
  );
  const rotated = Array.from({ length: 1_000 }, (_, n) => `${TEXT}${n} ${LONG}`).join('\n');
  mkdirSync(join(root, '000/htex'));
  writeFileSync(join(root, '000/htex/interchange.log.1.gz'), gzipSync(rotated));
  for (let worker = 0; worker < 50; worker++)
    put(`000/htex/block-0/d941c5ff7759/worker_${worker}.log`, [`${TEXT}begins ${LONG}`, `${TEXT}ends`, '']);
  return root;
}

interface Case {
  readonly name: string;
  readonly make: () => { spec: ReceiverSpec; config: unknown };
}

const made = <S extends z.ZodType>(spec: ReceiverSpec<S>, config: z.input<S>): ReturnType<Case['make']> => ({
  spec,
  config,
});
const ofIngest = (path: string): ReturnType<Case['make']> => {
  const [source] = sourcesOf(findInputs([path]), { runs: [], follow: false });
  assert.ok(source !== undefined);
  return { spec: source.spec, config: source.config };
};
const archive = (kind: 'tar' | 'tar.gz' | 'zip'): string => {
  const [root, path] = [directory(), join(temporary(), `run.${kind}`)];
  if (kind !== 'zip') execFileSync('tar', [kind === 'tar' ? 'cf' : 'czf', path, '-C', root, '000']);
  else {
    const script = 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", sys.argv[2])';
    execFileSync('python3', ['-c', script, path.replace(/\.zip$/, ''), root]);
  }
  return path;
};
const file = (name: string, bytes: string | Uint8Array): string => {
  const path = join(temporary(), name);
  writeFileSync(path, bytes);
  return path;
};
const lines = (): string =>
  Array.from({ length: 3_000 }, (_, n) => (n % 500 === 3 ? `torn ${n}` : stringify({ n, text: LONG }))).join('\n');
function database(): string {
  const path = recordedDbFile('2026.10.26-W1-htex', temporary());
  const db = new Database(path);
  const columns = db.pragma('table_info(resource)') as { name: string }[];
  const later = columns.map(({ name }) =>
    name === 'timestamp' ? "strftime('%Y-%m-%d %H:%M:%f000', timestamp, ?)" : name,
  );
  const add = db.prepare(`INSERT OR IGNORE INTO resource SELECT ${later.join(', ')} FROM resource WHERE rowid <= 56`);
  db.pragma('foreign_keys = OFF');
  for (let minutes = 10; minutes < 1_000; minutes += 10) add.run(`+${minutes} minutes`);
  db.close();
  return path;
}
const frames = (): Uint8Array =>
  encodeFrames(Array.from({ length: 3_000 }, (_, n) => recordsFrame([{ n, text: LONG }], 1_790_000_000_000_000 + n)));

const cases: readonly Case[] = [
  { name: 'a run directory', make: () => made(runDir, { path: directory() }) },
  { name: 'a tar of one', make: () => made(runDir, { path: archive('tar') }) },
  { name: 'a tar.gz of one', make: () => made(runDir, { path: archive('tar.gz') }) },
  { name: 'a zip of one', make: () => made(runDir, { path: archive('zip') }) },
  { name: 'JSON lines', make: () => made(jsonl, { path: file('a.jsonl', lines()) }) },
  { name: 'JSON lines in a gzip', make: () => made(jsonl, { path: file('a.jsonl.gz', gzipSync(lines())) }) },
  { name: 'captures', make: () => made(capture, { paths: [file('a', frames()), file('b', gzipSync(frames()))] }) },
  { name: 'a database', make: () => made(monitoringDb, { path: database() }) },
  { name: 'ingest of an archive', make: () => ofIngest(archive('tar.gz')) },
  { name: 'ingest of JSON lines', make: () => ofIngest(file('a.jsonl', lines())) },
  { name: 'ingest of a capture', make: () => ofIngest(file('a.capture', frames())) },
  { name: 'ingest of a log', make: () => ofIngest(join(directory(), '000/parsl.log')) },
]; // prettier-ignore

describe('a receiver that is cut off after any batch', function () {
  this.timeout(30_000);
  cleanUp();

  /** What it handed on in all of its lives, of which each but the last ends when `batches` were taken. */
  async function live({ spec, config }: ReturnType<Case['make']>, batches: number) {
    const journal = new Map<string, unknown>();
    const records: string[] = [];
    const rejected: string[] = [];
    let lives = 0;
    for (let isEnd = false; !isEnd; lives++) {
      assert.ok(lives < 100, 'it comes to no end');
      let left = batches;
      const next = (): void => {
        if (left-- <= 0) throw new Error('killed');
      };
      const receiver = await startReceiver(spec, config, { journal, next });
      isEnd = await Promise.race([
        finished(receiver).then(() => true),
        receiver.until(({ reported }) => reported.some(({ message }) => message.includes('killed'))).then(() => false),
      ]);
      await receiver.stop();
      for (const record of receiver.records) records.push(stringify({ ...record, 'source.arrival': null }));
      for (const { frame } of receiver.rejected) rejected.push(Buffer.from(frame.payload).toString());
    }
    return { records: records.sort(), rejected: rejected.sort(), lives, remembered: journal.size };
  }

  for (const { name, make } of cases)
    it(`hands on each record of ${name} once`, async () => {
      const made = make();
      const whole = await live(made, Infinity);
      assert.ok(whole.records.length > 400 && whole.lives === 1);
      const cut = await live(made, 1);
      assert.ok(cut.lives > 2, `${cut.lives} lives`);
      assert.deepEqual(cut.records, whole.records);
      assert.deepEqual(cut.rejected, whole.rejected);
      assert.equal(cut.remembered, whole.remembered);
    });
});
