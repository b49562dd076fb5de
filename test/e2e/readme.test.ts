/** What the README promises a newcomer, done as it says: the two commands' start, the example, the plugin's own tests. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import type { BridgeProcess } from '../helpers/bridge.ts';
import { startBridgeProcess } from '../helpers/bridge.ts';
import { parslReleases, pythonWith } from '../helpers/python.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

interface Runs {
  readonly runs: readonly {
    readonly run: string;
    readonly workflow: string;
    readonly counts: Record<string, number>;
  }[];
}

async function runsOf(url: string): Promise<Runs['runs']> {
  return ((await (await fetch(`${url}/api/runs`)).json()) as Runs).runs;
}

describe('the README', function () {
  this.timeout(300_000);

  it('npm start -- --demo prints where the page is, the two lines, and plays runs', async () => {
    const home = mkdtempSync(join(tmpdir(), 'parsl-otel-home-'));
    const env = { ...process.env, XDG_STATE_HOME: home };
    const child = spawn('npm', ['start', '--', '--demo', '--listen', '127.0.0.1:0'], {
      cwd: root,
      env,
      detached: true,
    });
    const said: string[] = [];
    try {
      let url = '';
      for await (const line of createInterface({ input: child.stdout })) {
        said.push(line);
        url = /Page +(http\S+)/.exec(line)?.[1] ?? url;
        if (line.includes('Ctrl-C')) break;
      }
      child.stdout.resume();
      assert.match(said.join('\n'), /from parsl_otel import OTelMonitoringHub\n.*monitoring=OTelMonitoringHub\(\)/s);
      assert.ok((await (await fetch(url)).text()).includes('<!doctype html'));
      const connection = JSON.parse(readFileSync(join(home, 'parsl-otel', 'connection.json'), 'utf8')) as {
        http: { url: string };
      };
      assert.equal(connection.http.url, url);
      let runs: Runs['runs'] = [];
      for (const end = Date.now() + 10_000; runs.length === 0 && Date.now() < end;) runs = await runsOf(url);
      assert.equal(runs[0]?.workflow, 'scaling');
    } finally {
      // npm does not pass signals on to everything below it, its process group gets them.
      process.kill(-(child.pid ?? 0), 'SIGINT');
      await once(child, 'exit');
    }
  });

  describe('with a bridge', () => {
    let bridge: BridgeProcess;
    before(async () => {
      bridge = await startBridgeProcess();
    });
    after(() => bridge.interrupt());

    it('examples/diamond.py is on the page within two seconds of its first message, and whole at its end', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-example-'));
      const script = join(root, 'examples', 'diamond.py');
      const python = pythonWith('2026.10.26');
      // As after `. venv/bin/activate`: Parsl starts its own programs by name.
      const path = `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}`;
      const env = { ...process.env, PATH: path, PARSL_OTEL_CONNECTION_FILE: bridge.connectionFile };
      const ended = run(python, [script], { cwd: directory, env });
      const metric = async (): Promise<boolean> =>
        /parsl_bridge_acknowledged_total\{[^}]*\} [1-9]/.test(await (await fetch(`${bridge.url}/metrics`)).text());
      const until = async (isTrue: () => Promise<boolean>, ms: number): Promise<number> => {
        const begin = performance.now();
        while (!(await isTrue())) if (performance.now() - begin > ms) throw new Error(`not within ${ms} ms`);
        return performance.now() - begin;
      };
      await until(metric, 60_000);
      await until(async () => (await runsOf(bridge.url)).some(({ workflow }) => workflow === 'example'), 2_000);
      const { stdout } = await ended;
      assert.match(stdout, /sum \d+\nfailed 3/);
      const isWhole = async (): Promise<boolean> => {
        const counts = (await runsOf(bridge.url))[0]?.counts ?? {};
        return counts['exec_done'] === 18 && counts['failed'] === 3;
      };
      await until(isWhole, 5_000);
    });
  });

  for (const parsl of parslReleases) {
    it(`the plugin’s own tests pass with Parsl ${parsl}`, async () => {
      const { stderr } = await run(pythonWith(parsl), ['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'], {
        cwd: join(root, 'python'),
      });
      // What is skipped is what this release of Parsl does not have: radios that are configured, or the hub that had them.
      assert.match(stderr, /Ran \d\d+ tests[^]*\nOK/);
    });
  }
});
