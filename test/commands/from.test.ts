/** `--from INPUT…`: what the commands that ask are given. Their answers are tested by themselves (query.test.ts). */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { readInputs } from '../../bridge/commands/from.ts';
import type { Io } from '../../bridge/commands/io.ts';
import type { RecordQuery } from '../../bridge/store/store.ts';
import { fixtureBytes } from '../helpers/fixtures.ts';
import { temporary } from '../helpers/run_dirs.ts';

const RUN = '00000000-0000-4000-8000-000000000001';
const NAME = '2026.10.26-W1-htex';

describe('commands/from', function () {
  this.timeout(30_000);
  let told: string[] = [];
  const io: Io = { env: {}, isTerminal: false, out: () => {}, err: (line) => void told.push(line) };
  const all: RecordQuery = { where: {}, limit: 100, offset: 0 };
  const file = (name: string, text: string | Uint8Array): string => {
    const path = join(temporary(), name);
    writeFileSync(path, text);
    return path;
  };
  beforeEach(() => {
    told = [];
  });

  it('reads captures and JSON lines into one store, which knows tasks and lines', async () => {
    const line = JSON.stringify({
      run_id: RUN,
      task_id: 3,
      created: 1.79e9,
      formatted: 'of a prototype',
      colour: 'red',
    });
    const inputs = [file('messages.bin', fixtureBytes(NAME, 'messages.bin')), file('prototype.jsonl', `${line}\n`)];
    const { reads, problems, close } = await readInputs(inputs, {}, io);
    assert.deepEqual([problems, told], [0, []]);
    assert.equal((await reads.runs()).find(({ workflow }) => workflow === 'diamond-W1')?.closed, true);
    const { records } = await reads.records({ ...all, where: { colour: ['red'] } });
    assert.deepEqual(records.map(({ message }) => message), ['of a prototype']); // prettier-ignore
    close();
  });

  it('reads a naive time by the zone that a later line tells, else by the one it is given', async () => {
    const naive = { run_id: RUN, 'parsl.timestamp': '2026-01-01 12:00:00', message: 'naive' };
    const zone = { run_id: RUN, 'parsl.utc_offset': 3600, created: 1.7e9, message: 'zone' };
    const write = (records: readonly object[]): string => file('x.jsonl', records.map((record) => JSON.stringify(record)).join('\n')); // prettier-ignore
    const timeOf = async (path: string, timeZone?: string): Promise<unknown> => {
      const { reads, close } = await readInputs([path], timeZone === undefined ? {} : { timeZone }, io);
      const { records } = await reads.records({ ...all, text: 'naive' });
      close();
      return records[0]?.['time'];
    };
    const eleven = BigInt(Date.UTC(2026, 0, 1, 11)) * 1_000_000n;
    assert.equal(await timeOf(write([naive, zone])), eleven);
    assert.equal(await timeOf(write([naive]), '+01:00'), eleven);
  });

  it('widens by the user’s own rules, too', async () => {
    const rules = file('own.yaml', "rules:\n  - name: colour\n    text: 'It is {shade:word}'\n");
    const input = file('own.jsonl', JSON.stringify({ message: 'It is blue', created: 1.7e9 }));
    const { reads, close } = await readInputs([input], { rules: [rules] }, io);
    assert.equal((await reads.records({ ...all, where: { shade: ['blue'] } })).total, 1);
    close();
  });

  it('tells what it cannot use and goes on; what is called wrong it refuses', async () => {
    const input = file('cut.jsonl', '{"message": "good", "created": 1.7e9}\n{"message": \n');
    const { reads, problems, close } = await readInputs([input], {}, io);
    assert.equal((await reads.records(all)).total, 1);
    assert.deepEqual([problems, told.length], [1, 1]);
    close();
    await assert.rejects(readInputs([input], { timeZone: 'Mars' }, io), { code: 'BRIDGE_CONFIG' });
    await assert.rejects(readInputs([join(temporary(), 'none')], {}, io), { code: 'BRIDGE_CONFIG' });
  });
});
