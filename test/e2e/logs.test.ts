/**
 * Fresh runs of real Parsl with HTEX, text and JSON logs, and with Work Queue: what its logs name is given to the task
 * and try that the workflow itself knows of, the run has a model from logs alone, and nothing breaks a rule of the lint.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { lintCommand } from '../../bridge/commands/lint.ts';
import type { Expected } from '../helpers/fidelity.ts';
import { check, readAll, truthOf } from '../helpers/fidelity.ts';
import { leaveOut } from '../helpers/left_out.ts';
import { pythonWith } from '../helpers/python.ts';

const cases = [
  ['2024.12.16', 'htex', 'text', ['parsl parsl_text_log', 'interchange parsl_text_log', 'manager parsl_text_log', 'worker parsl_text_log']],
  ['2026.10.26', 'htex', 'json', ['parsl parsl_json_log', 'interchange parsl_json_log', 'manager parsl_json_log', 'worker parsl_json_log']],
  ['2026.10.26', 'workqueue', 'json', ['parsl parsl_json_log', 'work_queue work_queue_transactions', 'work_queue work_queue_debug']],
] as const; // prettier-ignore

const packages = ['coop-computing-tools', 'python3-workqueue'];

/** What a program needs to find Debian's Work Queue, unpacked into the cache; undefined: it cannot be had here. */
function workQueue(python: string): Record<string, string> | undefined {
  const cache = join(process.env['PARSL_OTEL_CACHE'] ?? join(homedir(), '.cache', 'parsl-otel'), 'workqueue');
  const root = join(cache, 'root');
  if (!existsSync(join(cache, 'complete'))) {
    mkdirSync(join(root, 'shim', 'ndcctools'), { recursive: true });
    if (spawnSync('apt-get', ['download', ...packages], { cwd: cache }).status !== 0) return undefined;
    for (const name of packages) execFileSync('sh', ['-c', `dpkg -x ${name}_*.deb root`], { cwd: cache });
    // Parsl imports it by the name that it has in newer releases.
    writeFileSync(join(root, 'shim', 'ndcctools', '__init__.py'), '');
    writeFileSync(join(root, 'shim', 'ndcctools', 'work_queue.py'), 'from work_queue import *\n');
    writeFileSync(join(cache, 'complete'), '');
  }
  const env = {
    PATH: [dirname(python), join(root, 'usr', 'bin'), process.env['PATH'] ?? ''].join(delimiter),
    PYTHONPATH: [join(root, 'usr', 'lib', 'python3', 'dist-packages'), join(root, 'shim')].join(delimiter),
  };
  const import_ = spawnSync(python, ['-c', 'import ndcctools.work_queue'], { env: { ...process.env, ...env } });
  return import_.status === 0 ? env : undefined;
}

for (const [parsl, executor, format, kinds] of cases) {
  describe(`logs of Parsl ${parsl} with ${executor}, ${format}`, function () {
    this.timeout(400_000);
    let directory = '';
    let expected: Expected;

    before(async function () {
      const python = pythonWith(parsl);
      const env =
        executor === 'workqueue'
          ? workQueue(python)
          : { PATH: `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}` };
      if (env === undefined) {
        leaveOut(`Work Queue; it needs Debian’s ${packages.join(' and ')}, and their Python`);
        return this.skip();
      }
      directory = mkdtempSync(join(tmpdir(), 'parsl-otel-logs-'));
      const script = join(import.meta.dirname, 'python', 'logged.py');
      const expect = join(directory, 'expect.json');
      const args = ['--executor', executor, '--run-dir', join(directory, 'runinfo'), '--expect', expect, ...(format === 'json' ? ['--json'] : [])]; // prettier-ignore
      await promisify(execFile)(python, [script, ...args], { cwd: directory, env: { ...process.env, ...env } });
      expected = JSON.parse(readFileSync(expect, 'utf8')) as Expected;
    });
    after(() => {
      if (directory !== '') rmSync(directory, { recursive: true, force: true });
    });

    it('are given to the right task and try', async () => {
      check(await readAll([join(directory, 'runinfo')]), truthOf(expected), kinds);
    });

    it('break no rule of the lint', async () => {
      const lines: string[] = [];
      const io = { env: {}, isTerminal: false, out: (line: string) => void lines.push(line), err: () => {} };
      assert.equal(await lintCommand([join(directory, 'runinfo')], {}, io), 0, lines.join('\n'));
    });
  });
}
