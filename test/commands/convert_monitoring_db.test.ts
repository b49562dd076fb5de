/** `convert --to monitoring_db`: the command's own part; what the rows are is the contract of the sink. */
import Database from 'better-sqlite3';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { convertCommand } from '../../bridge/commands/convert.ts';
import type { Io } from '../../bridge/commands/io.ts';
import { fixtureBytes } from '../helpers/fixtures.ts';
import { readDb, recordedDb, recordedDbFile, rowsOf } from '../helpers/monitoring_db.ts';
import { tempDir } from '../helpers/receiver.ts';

const NAME = '2026.10.26-W1-htex';
const OTHER = '2025.06.30-W1-udp';

describe('commands/convert --to monitoring_db', () => {
  let dir: string;
  let output: string;
  const said: string[] = [];
  const io: Io = { out: (line) => said.push(line), err: (line) => said.push(line), isTerminal: false, env: {} };

  const capture = (name: string): string => {
    const path = join(dir, `${name}.capture`);
    writeFileSync(path, fixtureBytes(name, 'messages.bin'));
    return path;
  };
  const convert = (input: string, to = 'monitoring_db', path = output): Promise<number> =>
    convertCommand([input], { to, output: path }, io);

  beforeEach(async () => {
    dir = await tempDir();
    output = join(dir, 'out.db');
    said.length = 0;
  });

  it('makes of a capture the database that Parsl made', async () => {
    assert.equal(await convert(capture(NAME)), 0);
    assert.deepEqual(readDb(output), rowsOf(recordedDb(NAME)));
    assert.ok(!existsSync(`${output}.part`));
  });

  it('makes it of JSON lines, too', async () => {
    const lines = join(dir, 'records.jsonl');
    await convert(capture(NAME), 'jsonl', lines);
    assert.equal(await convert(lines), 0);
    assert.deepEqual(readDb(output), rowsOf(recordedDb(NAME)));
  });

  it('makes it of a file of one JSON message a line, as other tools keep Parsl’s messages', async () => {
    const lines = join(dir, 'monitoring.json');
    const messages = fixtureBytes(NAME, 'messages.jsonl').toString('utf8').trimEnd().split('\n');
    writeFileSync(lines, messages.map((line) => JSON.stringify((JSON.parse(line) as { msg: unknown }).msg)).join('\n'));
    assert.equal(await convert(lines), 0);
    assert.deepEqual(readDb(output), rowsOf(recordedDb(NAME)));
  });

  it('adds to a database that is there', async () => {
    await convert(capture(NAME));
    await convert(capture(OTHER));
    await convert(capture(NAME));
    const both = [NAME, OTHER].flatMap((name) => rowsOf(recordedDb(name)).status);
    assert.equal(readDb(output).status.length, both.length);
    assert.equal(readDb(output).workflow.length, 4);
  });

  it('takes the runs alone that were asked for', async () => {
    assert.equal(await convertCommand([capture(NAME)], { to: 'monitoring_db', output, run: ['60af'] }, io), 0);
    const of = ({ run_id }: Readonly<Record<string, unknown>>): boolean => String(run_id).startsWith('60af');
    const { workflow, status } = rowsOf(recordedDb(NAME));
    assert.deepEqual(readDb(output).workflow, workflow.filter(of)); // prettier-ignore
    assert.deepEqual(readDb(output).status, status.filter(of));
  });

  it('uses what is whole in a capture that is cut off, and exits with 1', async () => {
    const path = join(dir, 'cut.capture');
    writeFileSync(path, fixtureBytes(NAME, 'messages.bin').subarray(0, 50_000));
    assert.equal(await convert(path), 1);
    assert.ok(readDb(output).status.length > 20);
    assert.match(said.join('\n'), /cut off/);
  });

  it('counts what rows that contradict each other leave out, in one line, and uses the rest', async () => {
    const spansOf = async (change: string): Promise<{ spans: number; line: string }> => {
      const input = recordedDbFile(NAME, await tempDir());
      const db = new Database(input);
      db.exec(change);
      db.close();
      const lines = join(dir, 'spans.jsonl');
      assert.equal(await convert(input, 'otlp_json', lines), 0);
      const line = said.at(-1) ?? '';
      return { spans: Number(/(\d+) spans/.exec(line)?.[1]), line };
    };
    const whole = await spansOf('SELECT 1');
    assert.doesNotMatch(whole.line, /left out/);
    const contrary = await spansOf(`
      UPDATE try SET task_try_time_returned = '2020-01-01 00:00:00.000000' WHERE task_id = 1;
      INSERT INTO status SELECT task_id, 'failed', timestamp, run_id, try_id FROM status
        WHERE task_status_name = 'exec_done' AND task_id = 0;
      INSERT INTO status SELECT 999, 'running', timestamp, run_id, 0 FROM status LIMIT 1;`);
    assert.match(contrary.line, /[12] phases left out: they would end before they begin/);
    assert.ok(contrary.spans >= whole.spans - 2, `${contrary.spans} of ${whole.spans}`);
  });

  it('does not write to its input, nor to what is no monitoring database', async () => {
    const input = recordedDbFile(NAME, dir);
    const bytes = readFileSync(input);
    await assert.rejects(convert(input, 'monitoring_db', input), { code: 'BRIDGE_CONFIG', message: /also an input/ });
    assert.deepEqual(readFileSync(input), bytes);
    writeFileSync(output, 'mine\n');
    await assert.rejects(convert(capture(NAME)), { code: 'BRIDGE_CONFIG' });
    assert.equal(readFileSync(output, 'utf8'), 'mine\n');
  });

  it('needs a file', async () => {
    await assert.rejects(convert(capture(NAME), 'monitoring_db', '-'), { code: 'BRIDGE_CONFIG', message: /a file/ });
  });
});
