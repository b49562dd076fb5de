/**
 * Several runs in one directory, as Globus Compute leaves them: logs go on in the same files, executor tasks are
 * numbered from 1 again, there is a block 0 twice. Made of two recorded runs of one workflow, whose records are known.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { WideRecord } from '../../bridge/core/record.ts';
import { archiveOf, readAll } from '../helpers/fidelity.ts';

/** What a record is about, by what it says and when: the same wherever its file lies. */
function subjects(records: readonly WideRecord[]): Map<string, string> {
  const lines = records.filter(({ message, time }) => message !== undefined && typeof time === 'bigint');
  return new Map(
    lines.map((record) => [
      [record.time, record['process.pid'], record['source.log'], record['source.copy'], record['message']].map(String).join('|'),
      [record['parsl.dfk'], record['parsl.task'], record['parsl.try']].map(String).join(' '),
    ]),
  ); // prettier-ignore
}

describe('fidelity: two runs in one directory', function () {
  this.timeout(60_000);
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsl-otel-jumbled-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('gives each line to the run, task and try that it is about in a directory of its own', async () => {
    execFileSync('tar', ['xzf', archiveOf('2026.10.26-W1-htex'), '-C', directory]);
    const apart = join(directory, 'runinfo');
    const together = join(directory, 'jumbled');
    for (const run of ['000', '001']) {
      for (const path of globSync('**/*', { cwd: join(apart, run) })) {
        if (statSync(join(apart, run, path)).isDirectory()) continue;
        mkdirSync(dirname(join(together, '000', path)), { recursive: true });
        appendFileSync(join(together, '000', path), readFileSync(join(apart, run, path)));
      }
    }
    assert.ok(statSync(join(together, '000', 'parsl.jsonlog')).size > 0);
    const expected = subjects((await readAll([apart])).records);
    const { records, contradictions } = await readAll([together]);
    const found = subjects(records);
    assert.deepEqual(contradictions, []);
    const wrong: string[] = [];
    let right = 0;
    for (const [line, subject] of expected) {
      if (line.includes('|database_manager|')) continue;
      const got = found.get(line);
      if (got === subject) right += 1;
      else wrong.push(`${line}: ${got}, not ${subject}`);
    }
    // What the submit side says before it gives the run its id lies before that run in time, too.
    const early =
      /Starting DataFlowKernel|Parsl version|Initialized <|Starting MonitoringHub|Started DBM process|Tracking level|Monitoring Hub initialized/;
    assert.deepEqual(wrong.filter((line) => !early.test(line)).slice(0, 10), []); // prettier-ignore
    assert.ok(right > 4_000 && wrong.length < right / 100, `${right} right, ${wrong.length} not`);
  });
});
