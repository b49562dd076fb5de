/** A directory and a copy of it, both given: what both say counts once, and the run has the same tasks as if one were. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

import type { WideRecord } from '../../bridge/core/record.ts';
import { archiveOf, readAll } from '../helpers/fidelity.ts';
import { temporary } from '../helpers/run_dirs.ts';

/** The table of twins has so many places: a few of them give way before their turn. */
const MISSED_SHARE = 0.002;

/** By line: the tasks that its records are about, one entry a record; `undefined` where nothing tells the run. */
function subjects(records: readonly WideRecord[]): Map<string, (string | undefined)[]> {
  const lines = new Map<string, (string | undefined)[]>();
  for (const record of records) {
    if (record['message'] === undefined || record['source.line'] === undefined) continue;
    // Two runs may print the same on the same line, and no line of it says which run it is.
    if (record['source.log'] === 'task_output') continue;
    const keys = ['time', 'parsl.timestamp', 'process.pid', 'source.line', 'source.log', 'source.copy', 'message'];
    const line = keys.map((key) => String(record[key])).join('|');
    const { 'parsl.dfk': run, 'parsl.task': task, 'parsl.try': attempt } = record;
    const subject = run === undefined ? undefined : [run, task, attempt].map(String).join(' ');
    lines.set(line, [...(lines.get(line) ?? []), subject]);
  }
  return lines;
}

const count = (lines: ReadonlyMap<string, readonly unknown[]>): number =>
  [...lines.values()].reduce((sum, records) => sum + records.length, 0);

describe('fidelity: two copies of one directory', function () {
  this.timeout(60_000);
  let directory = '';
  beforeEach(() => {
    directory = temporary();
  });
  const unpack = (name: string): void => {
    execFileSync('tar', ['xzf', archiveOf(name), '-C', directory]);
  };

  for (const name of ['2026.10.26-W1-htex', 'globus-compute', '2025.06.30-W1-udp', '1.2.0-W1-udp', 'workqueue-parsl', 'taskvine-parsl'])
    it(`${name}: are one run with each line once`, async () => {
      unpack(name);
      const inputs = [archiveOf(name), join(directory, '.')];
      const expected = subjects((await readAll(inputs.slice(0, 1))).records);
      for (const both of [inputs, [...inputs].reverse()]) {
        const { records, contradictions } = await readAll(both);
        assert.deepEqual(contradictions, []);
        const found = subjects(records);
        const wrong = [...expected].filter(([line, about]) => {
          const told = (found.get(line) ?? []).filter((subject) => subject !== undefined);
          return about.some((subject) => subject !== undefined && !told.includes(subject)) || told.some((subject) => !about.includes(subject)); // prettier-ignore
        });
        assert.deepEqual(wrong.slice(0, 5), []);
        const twice = count(found) - count(expected);
        assert.ok(twice >= 0 && twice <= count(expected) * MISSED_SHARE, `${twice} lines are there twice`);
      }
    }); // prettier-ignore

  // Not of a program with several runs, whose lines the logs of earlier ones repeat under other numbers.
  for (const name of ['2026.10.26-W1-htex', 'workqueue-parsl'])
    it(`${name}: of which one was made while the run went on, say all that the later one says`, async () => {
      unpack(name);
      const archive = join(directory, 'early.tar.gz');
      const expected = subjects((await readAll([join(directory, 'runinfo')])).records);
      const early = join(directory, 'early');
      execFileSync('cp', ['-r', join(directory, 'runinfo'), early]);
      for (const path of globSync('**/*.{log,jsonlog}', { cwd: early })) {
        const half = readFileSync(join(early, path)).lastIndexOf('\n', statSync(join(early, path)).size / 2) + 1;
        truncateSync(join(early, path), half);
      }
      execFileSync('tar', ['czf', archive, '-C', directory, 'early']);
      const found = subjects((await readAll([archive, join(directory, 'runinfo')])).records);
      const wrong = [...expected].filter(([line, about]) => about.some((subject) => subject !== undefined && found.get(line)?.includes(subject) !== true)); // prettier-ignore
      assert.deepEqual(wrong.slice(0, 5), []);
    });
});
