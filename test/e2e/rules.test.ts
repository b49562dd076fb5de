/**
 * The Prometheus rules under real programs: promtool checks and tests them, and a real Prometheus evaluates them on a
 * real bridge that replays a recorded run. In that run (W3) a batch job was killed with two tries on it.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { BridgeProcess } from '../helpers/bridge.ts';
import { baseConfig, startBridgeProcess } from '../helpers/bridge.ts';
import { leaveOut } from '../helpers/left_out.ts';
import { filesOf, prometheusFolder, recorded } from '../helpers/rules.ts';
import type { Started } from '../stack/process.ts';
import { freePorts, startProcess, until } from '../stack/process.ts';

const run = promisify(execFile);
const recording = join(import.meta.dirname, '../fixtures/recorded/2026.05.25-W3-htex/messages.bin.gz');

interface RuleState {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly health: string;
  readonly lastError?: string;
  readonly state?: string;
  readonly alerts?: readonly { readonly annotations: Readonly<Record<string, string>> }[];
}

/** Recorded only where something is lost or a batch of items was given up; here nothing must be. */
const EMPTY = ['parsl:bridge:dropped_gained10m'];

describe('alert rules', function () {
  this.timeout(180_000);

  before(function () {
    if (spawnSync('promtool', ['--version']).status === 0) return;
    leaveOut('the alert rules; they need promtool and prometheus (apt-get install prometheus)');
    this.skip();
  });

  it('are rules to promtool, and the configurations are configurations', async () => {
    const { stdout } = await run('promtool', ['check', 'rules', ...filesOf('rules')]);
    assert.equal(stdout.match(/SUCCESS: \d+ rules found/g)?.length, filesOf('rules').length);
    for (const name of ['prometheus.yml', 'prometheus-scrape.yml'])
      await run('promtool', ['check', 'config', join(prometheusFolder, name)]);
  });

  it('pass their unit tests', async () => {
    await run('promtool', ['test', 'rules', ...filesOf('tests')]);
  });

  it('fail their unit tests without the rules that they are about', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-rules-'));
    cpSync(prometheusFolder, directory, { recursive: true });
    const path = join(directory, 'rules', 'parsl.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace('ParslWorkersIdleWithBacklog\n', 'Other\n'));
    await assert.rejects(run('promtool', ['test', 'rules', join(directory, 'tests', 'workers.yaml')]));
    rmSync(directory, { recursive: true });
  });

  describe('in a Prometheus that scrapes a bridge', () => {
    let bridge: BridgeProcess | undefined;
    let prometheus: Started | undefined;
    let url = '';
    const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-rules-'));

    before(async () => {
      const demo = { path: recording, speed: 6, pause_s: 3_600 };
      const { receivers } = baseConfig(directory) as { receivers: object };
      bridge = await startBridgeProcess({
        directory,
        config: {
          receivers: { ...receivers, demo },
          exporters: { prometheus: {}, jsonl: { path: join(directory, 'records.jsonl') } },
          closing: { settle_ms: 100, linger_ms: 500 },
        },
      });
      const [port = 0] = await freePorts(1);
      url = `http://127.0.0.1:${port}`;
      prometheus = await startProcess({
        name: 'prometheus',
        command: 'prometheus',
        args: [
          `--config.file=${scrapeConfig(directory, bridge.url)}`,
          `--storage.tsdb.path=${join(directory, 'tsdb')}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        cwd: directory,
        readyUrl: `${url}/-/ready`,
      });
    });

    after(async () => {
      await prometheus?.stop();
      await bridge?.interrupt();
    });
    after(() => rmSync(directory, { recursive: true }));

    async function ruleStates(): Promise<RuleState[]> {
      const answer = (await (await fetch(`${url}/api/v1/rules`)).json()) as {
        data: { groups: readonly { rules: readonly RuleState[] }[] };
      };
      return answer.data.groups.flatMap(({ rules }) => rules);
    }

    async function hasData(name: string): Promise<boolean> {
      const query = encodeURIComponent(`last_over_time(${name}[5m])`);
      const answer = (await (await fetch(`${url}/api/v1/query?query=${query}`)).json()) as {
        data: { result: readonly unknown[] };
      };
      return answer.data.result.length > 0;
    }

    it('every recorded series has data, and nothing was dropped', async () => {
      const missing = new Set(recorded.filter((name) => !EMPTY.includes(name)));
      const look = async (): Promise<boolean> => {
        for (const name of missing) if (await hasData(name)) missing.delete(name);
        return missing.size === 0;
      };
      await until('all have data', look, 60_000).catch(() => assert.deepEqual([...missing], []));
      for (const name of EMPTY) assert.equal(await hasData(name), false, name);
    });

    it('the loss of the manager is told, with the batch job of its block', async () => {
      const lost = async (): Promise<RuleState | undefined> =>
        (await ruleStates()).find(({ name, state }) => name === 'ParslManagerLost' && state === 'firing');
      const { alerts: [alert] = [] } = await until('ParslManagerLost fires', lost, 30_000);
      assert.match(
        alert?.annotations['summary'] ?? '',
        /^Workflow diamond-W3: executor htex lost workers with 2 tries on them$/,
      );
      assert.match(alert?.annotations['description'] ?? '', /Batch jobs that failed lately: 9372 \(block 1, /);
    });

    it('no rule has an error, and nothing else is told of a run that went well', async () => {
      const states = await ruleStates();
      assert.ok(states.length >= 30);
      assert.deepEqual(states.filter(({ health, lastError = '' }) => health !== 'ok' || lastError !== ''), []); // prettier-ignore
      const told = states.filter(({ state }) => state === 'firing').map(({ name }) => name);
      assert.deepEqual(told, ['ParslManagerLost']);
    });
  });
});

/** The configuration as it is, with the bridge’s address, this folder's rules, and seconds for its intervals. */
function scrapeConfig(directory: string, bridge: string): string {
  const text = readFileSync(join(prometheusFolder, 'prometheus-scrape.yml'), 'utf8')
    .replace('127.0.0.1:4380', new URL(bridge).host)
    .replace('rules/*.yaml', join(prometheusFolder, 'rules', '*.yaml'))
    // Its alerts are nobody else’s.
    .replace("['127.0.0.1:9093']", '[]')
    .replaceAll(/_interval: 15s/g, '_interval: 1s');
  const path = join(directory, 'prometheus.yml');
  writeFileSync(path, text);
  return path;
}
