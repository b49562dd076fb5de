/**
 * The commands of the README that need nothing but Node, run as they are written there, in the order of the page. What
 * needs Parsl or Docker is in test/e2e.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** What each of them must have said; a command that is not here fails the test. */
const said: Readonly<Record<string, RegExp>> = {
  bottleneck: /the limit was mostly .* pending .*Where the time of the tasks went/s,
  flow: /Received executor task 25\n.*Completed executor task 25\n/s,
  lifeline: /worker .*Received executor task \{parsl\.executor_task\}/,
  select: /^(?:\{.*"level":"ERROR".*\}\n){2}$/,
  convert: /^$|"parsl\.task_state"/,
};

describe('the README', function () {
  this.timeout(60_000);
  const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-readme-'));
  before(() => cpSync(join(root, 'examples'), join(directory, 'examples'), { recursive: true }));
  after(() => rmSync(directory, { recursive: true, force: true }));

  const commands = [...readme.matchAll(/^npx parsl-otel ([^#\n]+)/gm)].map(([, command = '']) => command.trim());

  it('has commands', () => assert.ok(commands.length >= 4));

  for (const command of commands) {
    it(command, () => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [join(root, 'bridge/cli.ts'), ...command.split(/ +/)],
        { cwd: directory, encoding: 'utf8', maxBuffer: 2 ** 28 },
      );
      assert.equal(status, 0, stderr);
      assert.match(stdout, said[command.split(' ')[0] ?? ''] ?? /a command that the test knows/);
      const output = /--output (\S+)/.exec(command)?.[1] ?? '-';
      assert.ok(output === '-' || statSync(join(directory, output)).size > 1_000);
    });
  }

  it('links to pages that are there', () => {
    const links = [...readme.matchAll(/\]\(((?!https?:)[^)#]+)/g)].map(([, path = '']) => path);
    assert.deepEqual(
      links.filter((path) => !existsSync(join(root, path))),
      [],
    );
  });
});
