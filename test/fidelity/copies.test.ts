/** A directory and a copy of it, both given: what both say counts once, and the run has the same tasks as if one were. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import type { WideRecord } from '../../bridge/core/record.ts';
import { archiveOf, readAll } from '../helpers/fidelity.ts';
import { temporary } from '../helpers/run_dirs.ts';

const about = (records: readonly WideRecord[]): string[] =>
  records
    .filter((record) => record['message'] !== undefined && record['source.line'] !== undefined)
    // Two runs may print the same on the same line, and no line of it says which run it is.
    .filter((record) => record['source.log'] !== 'task_output')
    .map((record) => [record['time'], record['parsl.timestamp'], record['process.pid'], record['source.line'], record['source.log'], record['source.copy'], record['parsl.dfk'], record['parsl.task'], record['parsl.try'], record['message']].map(String).join('|'))
    .sort(); // prettier-ignore

describe('fidelity: two copies of one directory', function () {
  this.timeout(60_000);

  for (const name of [
    '2026.10.26-W1-htex',
    'globus-compute',
    '2025.06.30-W1-udp',
    '1.2.0-W1-udp',
    'workqueue-parsl',
    'taskvine-parsl',
  ])
    it(`${name}: are one run with each line once, the tarball first or the directory`, async () => {
      const directory = temporary();
      execFileSync('tar', ['xzf', archiveOf(name), '-C', directory]);
      const inputs = [archiveOf(name), join(directory, '.')];
      const once = await readAll(inputs.slice(0, 1));
      for (const both of [inputs, [...inputs].reverse()]) {
        const { records, contradictions } = await readAll(both);
        assert.deepEqual(contradictions, []);
        const [found, expected] = [about(records), about(once.records)];
        assert.equal(found.length, expected.length);
        assert.deepEqual(found.filter((line, at) => line !== expected[at]).slice(0, 5), []); // prettier-ignore
      }
    });
});
