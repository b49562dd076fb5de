/** `ingest`: files into a data directory, as a user calls it; what the runs look like is the model's business. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';

import { ingest, type Ingest, type IngestOptions } from '../../bridge/commands/ingest.ts';
import type { Io } from '../../bridge/commands/io.ts';
import { openReads } from '../../bridge/store/sqlite.ts';
import type { RunSummary } from '../../bridge/store/store.ts';
import { holdDataDir } from '../../bridge/data_dir.ts';
import { fixtureBytes } from '../helpers/fixtures.ts';
import { messagesOf, readDb, recordedDb, recordedDbFile, rowsOf, writeDb } from '../helpers/monitoring_db.ts';
import { tempDir } from '../helpers/receiver.ts';

const NAME = '2026.10.26-W1-htex';
const FIRST = '60af0e2a';

describe('commands/ingest', () => {
  let dir: string;
  let data: string;
  let said: string[];
  let running: Ingest | undefined;

  beforeEach(async () => {
    dir = await tempDir();
    data = join(dir, 'data');
    said = [];
  });
  afterEach(() => running?.stop());

  async function start(inputs: readonly string[], options: Partial<IngestOptions> = {}): Promise<Ingest> {
    const io: Io = { out: (line) => said.push(line), err: (line) => said.push(line), isTerminal: false, env: {} };
    return (running = await ingest(inputs, { data, ...options }, io));
  }
  const run = async (...call: Parameters<typeof start>): Promise<number> => (await start(...call)).ended;
  async function runs(): Promise<readonly RunSummary[]> {
    const reads = openReads(join(data, 'store.db'));
    const found = await reads.runs();
    reads.close();
    return [...found].sort((a, b) => a.tasks - b.tasks);
  }
  const capture = (): string => {
    const path = join(dir, 'run.capture');
    writeFileSync(path, fixtureBytes(NAME, 'messages.bin'));
    return path;
  };

  it('brings the runs of a capture into a data directory, closed, and sums up', async () => {
    assert.equal(await run([capture()]), 0);
    assert.deepEqual((await runs()).map(({ tasks }) => tasks), [4, 44]); // prettier-ignore
    assert.deepEqual((await runs()).map(({ counts }) => counts['exec_done']), [2, 38]); // prettier-ignore
    assert.deepEqual(said, ['2 runs, 48 tasks, 414 records, 0 undecodable']);
  });

  it('applies a user’s own rules', async () => {
    const rules = join(dir, 'rules.yaml');
    writeFileSync(rules, "rules: [{ name: placed, text: 'job {job:int} placed' }]");
    const lines = join(dir, 'prototype.jsonl');
    writeFileSync(lines, '{"message": "job 7 placed", "created": 1795262515.5}');
    assert.equal(await run([lines], { rules: [rules] }), 0);
    const reads = openReads(join(data, 'store.db'));
    assert.equal((await reads.records({ where: { job: [7] }, limit: 10, offset: 0 })).total, 1);
    reads.close();
  });

  it('brings the same from the database that Parsl made, and does not touch it', async () => {
    const input = recordedDbFile(NAME, dir);
    const bytes = readFileSync(input);
    assert.equal(await run([input]), 0);
    assert.deepEqual((await runs()).map(({ tasks }) => tasks), [4, 44]); // prettier-ignore
    assert.deepEqual(readFileSync(input), bytes);
    assert.deepEqual(readdirSync(dir).sort(), ['2026.10.26-W1-htex.db', 'data']);
  });

  it('reads nothing twice', async () => {
    const inputs = [capture(), recordedDbFile(NAME, dir)];
    await run(inputs);
    assert.equal(await run(inputs), 0);
    assert.match(said.at(-1) ?? '', /^nothing new/);
  });

  it('takes the runs alone that were asked for, by how their ids begin', async () => {
    for (const input of [capture(), recordedDbFile(NAME, dir)]) {
      data = `${input}.data`;
      assert.equal(await run([input], { run: [FIRST.toUpperCase()] }), 0);
      assert.deepEqual((await runs()).map(({ run, tasks }) => [run.slice(0, 8), tasks]), [[FIRST, 44]]); // prettier-ignore
    }
  });

  it('follows a database that grows, until it is stopped', async () => {
    const records = messagesOf(NAME);
    const path = join(dir, 'growing.db');
    writeDb(path, records.slice(0, 200));
    const following = await start([path], { follow: true });
    writeDb(path, records);
    const tasks = async (): Promise<number> => (await runs()).reduce((sum, run) => sum + run.tasks, 0);
    while ((await tasks()) < 48) await sleep(20);
    following.stop();
    assert.equal(await following.ended, 0);
    assert.deepEqual((await runs()).map(({ tasks }) => tasks), [4, 44]); // prettier-ignore
  });

  it('exports to what the configuration names, and leaves its receivers out', async () => {
    const written = join(dir, 'made.db');
    const config = join(dir, 'bridge.yaml');
    writeFileSync(
      config,
      stringify({
        receivers: { jsonl: { path: join(dir, 'none.jsonl') } },
        exporters: { monitoring_db: { path: written } },
      }),
    );
    assert.equal(await run([capture()], { config }), 0);
    assert.deepEqual(readDb(written), rowsOf(recordedDb(NAME)));
  });

  it('does not write to the database that it reads', async () => {
    const input = recordedDbFile(NAME, dir);
    const config = join(dir, 'bridge.yaml');
    writeFileSync(config, stringify({ exporters: { monitoring_db: { path: input } } }));
    await assert.rejects(run([input], { config }), { code: 'BRIDGE_CONFIG', message: /also an input/ });
    await assert.rejects(run([dir], { config }), { code: 'BRIDGE_CONFIG', message: /also an input/ });
  });

  it('exits with 1 and says why if part of the input cannot be used, and uses the rest', async () => {
    const path = join(dir, 'cut.capture');
    writeFileSync(path, fixtureBytes(NAME, 'messages.bin').subarray(0, 50_000));
    const text = join(dir, 'notes.txt');
    writeFileSync(text, 'nothing of this kind');
    assert.equal(await run([path, text]), 1);
    assert.match(said.join('\n'), /cut off/);
    assert.match(said.join('\n'), /notes\.txt: neither/);
    assert.equal((await runs()).length, 1);
  });

  it('counts at the end, by kind and with examples of where, what could not be used, and says where that is kept', async () => {
    const log = join(dir, 'runinfo', '000', 'parsl.jsonlog');
    mkdirSync(join(log, '..'), { recursive: true });
    const good = JSON.stringify({ created: 1795261675.5, levelname: 'INFO', formatted: 'fine' });
    writeFileSync(log, `${good}\n${'{"torn": \n'.repeat(12)}${good}\n`);
    writeFileSync(join(dir, 'runinfo', '000', 'noise.log'), Buffer.from([0, 1, 2, 0xff, 0xfe]));
    assert.equal(await run([join(dir, 'runinfo')]), 1);
    assert.equal(said[0], '13 problems:');
    assert.match(said[1] ?? '', /^ +12 json, such as$/);
    assert.match(said[2] ?? '', /^ +runinfo\/000\/parsl\.jsonlog:2: read JSON: /);
    assert.match(said.join('\n'), /1 binary, such as\n +read \S+noise\.log: no text/);
    assert.match(said.at(-1) ?? '', /12 undecodable; they are kept in \S+quarantine$/);
    assert.equal(readdirSync(join(data, 'quarantine')).length, 1);
    said.length = 0;
    assert.equal(await run([join(dir, 'runinfo')]), 1, 'what cannot be read is told at every call');
  });

  it('says at once what it cannot do', async () => {
    await assert.rejects(run([join(dir, 'none')]), { code: 'BRIDGE_CONFIG', message: /none: no such file/ });
    await assert.rejects(run([capture()], { follow: true }), {
      code: 'BRIDGE_CONFIG',
      message: /follow .*run\.capture/,
    });
    await assert.rejects(run([dir], { run: ['60'] }), { code: 'BRIDGE_CONFIG', message: /select runs/ });
    assert.ok(!existsSync(data));
  });

  it('keeps away from a data directory that a bridge is using', async () => {
    assert.equal(await run([capture()]), 0);
    const letGo = holdDataDir(data);
    await assert.rejects(run([capture()]), { code: 'BRIDGE_CONFIG', message: /another bridge/ });
    letGo();
    assert.equal(await run([capture()]), 0);
  });
});
