/**
 * docker/compose.yaml as it is, on an engine of the test's own: health, what containers may and may not do, and the way
 * of a real workflow's spans and metrics through the published ports. Only Grafana is left out, whose image cannot be
 * made here.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';

import { taskId } from '../../bridge/core/ids.ts';
import { leaveOut } from '../helpers/left_out.ts';
import { runWorkflow } from '../helpers/workflow.ts';
import type { WorkflowRun } from '../helpers/workflow.ts';
import type { Engine } from '../stack/engine.ts';
import { startEngine } from '../stack/engine.ts';
import { buildImages, images } from '../stack/images.ts';
import { freePorts, until } from '../stack/process.ts';
import { jaegerTrace, promQuery } from '../stack/queries.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const VERSION = 'test';
const services = ['bridge', 'collector', 'jaeger', 'prometheus', 'alertmanager', 'loki'] as const;

/** What `docker inspect` says, as far as it matters here. */
interface Container {
  readonly State: { readonly Pid: number; readonly Health?: { readonly Status: string } };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly Memory: number;
    readonly Privileged: boolean;
  };
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>>;
  };
}

describe('docker/compose.yaml', function () {
  this.timeout(600_000);
  const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-compose-'));
  let engine: Engine;
  let ports: Readonly<Record<string, number>>;
  let outcome: WorkflowRun;
  const containers = new Map<string, Container>();

  /** Runs docker-compose with the file of the checkout, and those named. */
  async function compose(files: readonly string[], ...args: readonly string[]): Promise<string> {
    const settings = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)]));
    const env = { ...engine.env, ...images, ...settings, PARSL_OTEL_VERSION: VERSION };
    const all = [join(root, 'docker', 'compose.yaml'), ...files].flatMap((file) => ['--file', file]);
    const flags = ['--env-file', join(root, 'docker', '.env'), ...all];
    return (await run('docker-compose', [...flags, ...args], { env, maxBuffer: 1e8 })).stdout;
  }

  async function inspect(service: string): Promise<Container> {
    const id = (await compose([], 'ps', '--quiet', service)).trim();
    const [container] = JSON.parse(await engine.docker('inspect', id)) as [Container];
    return container;
  }

  before(async function () {
    try {
      engine = await startEngine(directory);
    } catch (error) {
      leaveOut(`compose: no Docker engine can be started here (${(error as Error).message.split('\n').at(-1)})`, error);
      this.skip();
    }
    await buildImages(engine, directory, VERSION);
    ports = await publishedPorts();
    await compose([overrideFile(directory, ports)], 'up', '--detach', ...services);
  });

  after(async () => {
    if ((engine as Engine | undefined) === undefined) return;
    await compose([], 'down', '--volumes', '--timeout', '5').catch(() => {}); // The engine's end is theirs, too.
    await engine.stop();
    rmSync(directory, { recursive: true });
  });

  for (const service of services)
    it(`${service} becomes healthy`, async () => {
      const isHealthy = async (): Promise<boolean> => {
        const container = await inspect(service);
        containers.set(service, container);
        return container.State.Health?.Status === 'healthy';
      };
      await until(`${service} is healthy`, isHealthy, 120_000).catch(async (error: unknown) => {
        throw new Error(await compose([], 'logs', '--tail', '20', service), { cause: error });
      });
    });

  it('runs nothing as root, or with more rights than it needs', () => {
    for (const [service, { State, HostConfig }] of containers) {
      const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
      assert.match(status, /^Uid:\t[1-9]/m, service);
      assert.match(status, /^CapEff:\t0+$/m, service);
      assert.match(status, /^NoNewPrivs:\t1$/m, service);
      const { ReadonlyRootfs, CapDrop, Privileged, Memory } = HostConfig;
      assert.deepEqual([ReadonlyRootfs, CapDrop, Privileged], [true, ['ALL'], false], service);
      assert.ok(Memory > 0, service);
    }
  });

  it('publishes on the loopback only', () => {
    const published = [...containers.values()].flatMap(({ NetworkSettings }) =>
      Object.values(NetworkSettings.Ports).flatMap((bindings) => bindings ?? []),
    );
    assert.deepEqual([...new Set(published.map(({ HostIp }) => HostIp))], ['127.0.0.1']);
    const others = ['GRAFANA_PORT'];
    const expected = Object.entries(ports).flatMap(([name, port]) => (others.includes(name) ? [] : [String(port)]));
    assert.deepEqual(published.map(({ HostPort }) => HostPort).sort(), expected.sort());
  });

  it('shows a workflow of this machine in Jaeger and Prometheus', async () => {
    const connectionFile = join(directory, 'connection.json');
    const bridge = (await compose([], 'ps', '--quiet', 'bridge')).trim();
    await engine.docker('cp', `${bridge}:/var/lib/parsl-otel/connection.json`, connectionFile);
    outcome = await runWorkflow({ parsl: '2026.10.26', radio: 'udp', connectionFile });
    for (const { task } of outcome.tasks) {
      const { traceId, spanId } = taskId(outcome.run_id, task);
      const isThere = async (): Promise<boolean> =>
        (await jaegerTrace(`http://127.0.0.1:${ports['JAEGER_PORT']}`, traceId)).some((span) => span.spanId === spanId);
      await until(`task ${task} is in Jaeger`, isThere, 60_000);
    }
    const failed = outcome.tasks.filter(({ state }) => state === 'failed').length;
    const query = `parsl_tasks{run="${outcome.run_id}",state="failed"} == ${failed}`;
    const prometheus = `http://127.0.0.1:${ports['PROMETHEUS_PORT']}`;
    await until(query, async () => (await promQuery(prometheus, query)).length === 1, 60_000);
  });

  it('keeps traces over a restart', async () => {
    await compose([], 'restart', '--timeout', '5', 'jaeger');
    const { traceId } = taskId(outcome.run_id, 0);
    const isThere = async (): Promise<boolean> =>
      (await jaegerTrace(`http://127.0.0.1:${ports['JAEGER_PORT']}`, traceId)).length > 0;
    await until('the trace is still there', isThere, 60_000);
  });

  it('plays a recorded run, over and over, with --profile demo', async () => {
    // The bridge as it is published for everybody else: the demo is in its network, where its port is the usual one.
    await compose([], '--profile', 'demo', 'up', '--detach', '--no-deps', 'bridge', 'demo');
    const isThere = async (): Promise<boolean> => {
      const answer = await fetch(`http://127.0.0.1:${ports['BRIDGE_PORT']}/api/runs`);
      const { runs } = (await answer.json()) as { runs: readonly { run: string }[] };
      return runs.some(({ run }) => run === outcome.run_id) && runs.some(({ run }) => run !== outcome.run_id);
    };
    await until('the demo is on the page, beside the run before', isThere, 60_000);
  });
});

/** A port of this machine for every one that docker/.env names. */
async function publishedPorts(): Promise<Record<string, number>> {
  const names = [...readFileSync(join(root, 'docker', '.env'), 'utf8').matchAll(/^(\w+_PORT)=/gm)].map(
    ([, name]) => name,
  );
  const free = await freePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [name ?? '', free[index] ?? 0]));
}

/** A bridge in a container cannot see where it is published, so its configuration says it: here with our ports. */
function overrideFile(directory: string, ports: Readonly<Record<string, number>>): string {
  mkdirSync(join(directory, 'override'));
  const settings = join(directory, 'override', 'bridge.yaml');
  const text = readFileSync(join(root, 'docker', 'bridge.yaml'), 'utf8')
    .replaceAll('127.0.0.1:4380', `127.0.0.1:${ports['BRIDGE_PORT']}`)
    .replaceAll('127.0.0.1:4381', `127.0.0.1:${ports['BRIDGE_UDP_PORT']}`);
  writeFileSync(settings, text);
  const path = join(directory, 'override', 'compose.yaml');
  const bridge = { volumes: [`${settings}:/etc/parsl-otel/bridge.yaml:ro`] };
  writeFileSync(path, stringify({ services: { bridge } }));
  return path;
}
