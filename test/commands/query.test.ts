/** The commands that ask, over recorded run directories. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { bottleneck } from '../../bridge/commands/bottleneck.ts';
import { flow } from '../../bridge/commands/flow.ts';
import type { Io } from '../../bridge/commands/io.ts';
import { lifeline } from '../../bridge/commands/lifeline.ts';
import { run, runs, task } from '../../bridge/commands/runs.ts';
import { states } from '../../bridge/commands/states.ts';
import { BridgeError } from '../../bridge/core/errors.ts';
import { runDir } from '../helpers/run_dirs.ts';

const htex = { from: [runDir('run_dirs/2026.10.26-W1-htex')] };

describe('commands that ask', function () {
  this.timeout(60_000);
  let lines: string[] = [];
  const io = (columns?: number): Io => ({ env: {}, isTerminal: false, columns, out: (line) => void lines.push(line), err: () => {} }); // prettier-ignore
  const text = (): string => lines.join('\n');
  const refuses = (work: Promise<unknown>, said: RegExp, hint: RegExp): Promise<void> =>
    assert.rejects(work, (error) => {
      assert.ok(error instanceof BridgeError && error.code === 'BRIDGE_CONFIG');
      assert.match(error.message, said);
      assert.match(error.hint ?? '', hint);
      return true;
    });
  beforeEach(() => {
    lines = [];
  });

  it('tell a task’s story, one line a line', async () => {
    assert.equal(await flow(['60af', '5'], htex, io()), 0);
    assert.match(lines[0]!, /^left 5 of diamond-W1 60af0e2a-.*: exec_done$/);
    assert.match(lines[1]!, /31 lines from 2026-11-21 11:48:02\.721216 UTC: parsl 14, interchange htex 4/);
    assert.match(text(), /^\+13\.086999 +worker c3f9375d7cdd\/0 +Received executor task 12$/m);
  });

  it('cut to the terminal’s width, and to nothing where there is none', async () => {
    await flow(['60af', '5'], htex, io(80));
    assert.ok(lines.slice(3).every((line) => line.length <= 80), lines.find((line) => line.length > 80)); // prettier-ignore
    assert.match(text(), /…$/m);
  });

  it('tell what each step took', async () => {
    await flow(['60af', '5'], { ...htex, phases: true }, io());
    assert.match(text(), /^    interchange_queue +\+11\.926193 +1\.16 s +logs$/m);
  });

  it('show what records of any program say of a task that Parsl told nothing of, and no time where none was told', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'parsl-otel-')), 'proto.jsonl');
    const run = 'aaaaaaaa-0000-4000-8000-000000000003';
    const said = (message: string) => JSON.stringify({ 'parsl.dfk': run, 'parsl.task': 3, message });
    writeFileSync(path, `${said('cell relaxed')}\n${said('cell kept')}\n`);
    assert.equal(await flow(['3'], { from: [path] }, io()), 0);
    assert.match(lines[0]!, /^task 3 of run aaaaaaaa-.*: no state was told$/);
    assert.match(text(), /cell relaxed\n.*cell kept/);
    await refuses(flow(['4'], { from: [path] }, io()), /has no task 4/, /0 tasks/);
    lines = [];
    await runs({ from: [path] }, io());
    assert.match(lines[1]!, /^aaaaaaaa +– /);
    rmSync(dirname(path), { recursive: true });
  });

  it('give all of it as JSON', async () => {
    await flow(['60af', '5'], { ...htex, json: true }, io());
    const answer = JSON.parse(text()) as { total: number; lines: { record: { time: string } }[] };
    assert.equal(answer.total, 31);
    assert.match(answer.lines[0]!.record.time, /^\d{19}$/);
  });

  it('find a run by the beginning of its id or by its name, and ask which where that is not enough', async () => {
    await refuses(run('diamond-W1', htex, io()), /2 runs are called diamond-W1: d9492dc3 .*60af0e2a/, /beginning/);
    await refuses(run(undefined, htex, io()), /which of 2 runs/, /beginning/);
    await refuses(run('feed', htex, io()), /there is no run feed/, /60af0e2a/);
    assert.equal(await run('60AF', htex, io()), 0);
    assert.match(text(), /44 tasks: .*exec_done 38/);
  });

  it('say which argument is no task, and that a run has no such task', async () => {
    await refuses(task(['60af', 'left'], htex, io()), /left is not the number of one/, /RUN TASK/);
    await refuses(flow(['60af', '999'], htex, io()), /has no task 999/, /44 tasks/);
    assert.equal(await task(['60af', '7'], htex, io()), 0);
    assert.match(text(), /depends on: 5 \(left\), 6 \(right\)/);
  });

  it('list runs, states, the typical task and the limits', async () => {
    assert.equal(await runs(htex, io()), 0);
    assert.match(text(), /^60af0e2a +2026-11-21 11:47:55 +24\.3 s +44 +40 +4 +told +diamond-W1$/m);
    assert.equal(await states('60af', { ...htex, points: 5 }, io()), 0);
    assert.match(text(), /running\*/);
    assert.equal(await lifeline('60af', { ...htex, app: 'left' }, io()), 0);
    assert.match(text(), /Received executor task \{parsl\.executor_task\}/);
    assert.equal(await bottleneck('60af', htex, io(100)), 0);
    assert.match(text(), /While tasks were under way, the limit was mostly/);
    assert.doesNotMatch(text(), /\u001b/, 'no colours');
  });

  it('say what docs/analysis.md shows of them', async () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/analysis.md'), 'utf8');
    await flow(['60af', '5'], htex, io());
    assert.ok(docs.includes(`run_dirs/2026.10.26-W1-htex.tar.gz\n${text()}\n\`\`\``), text());
  });

  it('say so where there is nothing', async () => {
    await refuses(flow(['5'], { data: '/nowhere' }, io()), /\/nowhere: there is no store/, /--from/);
    await refuses(bottleneck(undefined, { from: [runDir('run_dirs/none')] }, io()), /none\.tar\.gz/, /(?:)/);
  });
});
