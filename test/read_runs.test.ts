/** The examples of docs/api.md for programs, run as they stand there over a recorded run directory. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { BridgeError } from '../bridge/core/errors.ts';
import { findInputs } from '../bridge/inputs.ts';
import { readRuns } from '../bridge/read_runs.ts';

const root = join(import.meta.dirname, '..');
const archive = join(root, 'examples/runinfo.tar.gz');
const examples = [...readFileSync(join(root, 'docs/api.md'), 'utf8').matchAll(/```js\n([^]*?)```/g)].map(([, code = '']) => code); // prettier-ignore

describe('a program', function () {
  this.timeout(60_000);

  for (const [code, said] of [
    [examples[0], /^diamond-W1 31 \d+ While tasks were under way, the limit was mostly blocks pending/],
    [examples[1], /^\w+ \d+\n\w+ \d+\n/],
  ] as const)
    it(`reads runs by the package: ${/import \{ (.*) \}/.exec(code ?? '')?.[1]}`, async () => {
      assert.ok(code !== undefined);
      const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-program-'));
      copyFileSync(archive, join(directory, 'runinfo.tar.gz'));
      const program = join(directory, 'program.ts');
      writeFileSync(program, code.replace("'parsl-otel'", JSON.stringify(join(root, 'bridge/index.ts'))));
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { cwd: directory });
      assert.match(stdout, said);
      assert.equal(stderr, '');
      rmSync(directory, { recursive: true });
    });

  it('finds records of a kind that nobody has seen before, also those without text', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-program-'));
    const file = join(directory, 'prototype.jsonl');
    const run = '00000000-0000-4000-8000-000000000001';
    const records = [
      { 'parsl.dfk': run, 'parsl.task': 3, nr: 7, unit: 's' },
      { kind: 'heartbeat', created: 1795262515.5 },
    ];
    writeFileSync(file, records.map((record) => JSON.stringify(record)).join('\n'));
    const runs = await readRuns(findInputs([file]), { report: (error) => assert.fail(error) });
    const flow = await runs.flow(run, 3);
    assert.deepEqual(flow?.lines.map(({ message, line }) => [message, line]), [['nr=7 unit=s', 1]]); // prettier-ignore
    const { records: found } = await runs.records({ where: { kind: ['heartbeat'] }, limit: 10, offset: 0 });
    assert.deepEqual(found.map(({ time }) => time), [1795262515500000000n]); // prettier-ignore
    runs.close();
    rmSync(directory, { recursive: true });
  });

  it('is told of what cannot be read, and of rules that are none', async () => {
    const problems: string[] = [];
    const runs = await readRuns(findInputs([archive, join(root, 'LICENSE')]), { report: ({ message }) => void problems.push(message) }); // prettier-ignore
    assert.equal((await runs.runs()).length, 1);
    assert.match(problems.join(), /LICENSE: neither a capture nor JSON lines nor a log/);
    assert.equal(await runs.flow('none', 5), undefined);
    runs.close();
    await assert.rejects(readRuns([], { rules: ['none.yaml'], report: () => {} }), BridgeError);
  });
});
