/**
 * Every query of every dashboard, sent to a real Prometheus that a real bridge feeds by way of the real Collector while
 * recorded runs are played: each must parse and return numbers, some of them not zero. A second bridge is in trouble (its journal is full, its
 * backend is away, it gets rubbish), because what shows trouble has no data without it.
 *
 * Runs are played faster than they were and over and over: a panel about blocks that are idle now has data only at times,
 * so each query is asked until it has had its answer.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { BridgeProcess } from '../helpers/bridge.ts';
import { startBridgeProcess } from '../helpers/bridge.ts';
import { collectorMetrics, spanMetrics } from '../helpers/catalogue.ts';
import { dashboards, fill } from '../helpers/grafana.ts';
import { leaveOut } from '../helpers/left_out.ts';
import { goVersion } from '../stack/build.ts';
import { startCollector, startPrometheus } from '../stack/metrics_route.ts';
import type { Started } from '../stack/process.ts';
import { freePorts } from '../stack/process.ts';

const root = join(import.meta.dirname, '..', '..');
const recorded = (name: string): string => join(root, 'test/fixtures/recorded', name, 'messages.bin.gz');

const chosen = { workflow: '.*', run: '.*', executor: '.*', app: '.*' };
const values = { ...chosen, __range: '10m', __rate_interval: '10s', __rate_interval_ms: '10000', __interval: '1s' };

/** A minute is what the demo takes at this speed, and one more is for the rest. */
const SPEED = 4;
const ANSWERED_WITHIN_MS = 150_000;

/** Panels that are at zero on this machine, with its one clock and enough memory. */
const zeroIsFine = ['Late records', 'Collector: refused', 'Clocks apart'];

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [time: number, value: string];
  readonly values?: readonly (readonly [time: number, value: string])[];
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}

interface Asked {
  readonly where: string;
  readonly mayBeZero: boolean;
  readonly expr: string;
  readonly isInstant: boolean;
}

describe('dashboards over a real Prometheus', function () {
  this.timeout(ANSWERED_WITHIN_MS + 120_000);
  const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-dashboards-'));
  const running: Started[] = [];
  const bridges: BridgeProcess[] = [];
  const began = Date.now() / 1000;
  // Without Go there is no Collector: then Prometheus scrapes the bridges, and what only the Collector says is left out.
  const hasCollector = goVersion() !== undefined;
  let url: string;

  before(async function () {
    if (spawnSync('prometheus', ['--version']).status !== 0) {
      leaveOut('the dashboards’ queries; they need prometheus (apt-get install --no-install-recommends prometheus)');
      this.skip();
    }
    if (!hasCollector) leaveOut('what dashboards ask of the Collector; it needs Go');
    const [prometheus = 0, grpc = 0, http = 0, health = 0, own = 0, first = 0, second = 0, nobody = 0] =
      await freePorts(8);
    url = `http://127.0.0.1:${prometheus}`;
    const targets = hasCollector ? [own] : [first, second];
    running.push(await startPrometheus(directory, prometheus, targets));
    if (hasCollector) running.push(await startCollector(directory, { grpc, http, health, own, nobody }, url));
    const exporters = hasCollector
      ? { otlp: { endpoint: `http://127.0.0.1:${grpc}` } }
      : { prometheus: {}, jsonl: { path: join(directory, 'records.jsonl') } };
    const env = { OTEL_METRIC_EXPORT_INTERVAL: '1000', ...(hasCollector && { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${http}` }) }; // prettier-ignore
    bridges.push(await startBridgeProcess({ env, config: playing(first, exporters) }));
    const away = { 'otlp/away': { endpoint: `http://127.0.0.1:${nobody}`, sending_queue: { queue_items_max: 100 } } };
    const troubled = await startBridgeProcess({ env, config: inTrouble(second, { ...exporters, ...away }) });
    bridges.push(troubled);
  });

  after(async () => {
    for (const bridge of bridges) {
      await bridge.kill(); // What it still has to deliver is for nobody.
      rmSync(bridge.directory, { recursive: true });
    }
    for (const started of running.toReversed()) await started.kill();
    rmSync(directory, { recursive: true });
  });

  async function ask<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    const answer = (await response.json()) as Answer<T>;
    assert.equal(answer.status, 'success', `${answer.error}: ${JSON.stringify(parameters)}`);
    return answer.data;
  }

  /** A number that is one, somewhere in the time of the test. */
  async function hasData({ expr, isInstant, mayBeZero }: Asked): Promise<boolean> {
    const now = Date.now() / 1000;
    const { result } = isInstant
      ? await ask<{ result: Series[] }>('query', { query: expr })
      : await ask<{ result: Series[] }>('query_range', { query: expr, start: `${began}`, end: `${now}`, step: '1' });
    return result.some(({ value, values = [] }) =>
      [...(value === undefined ? [] : [value]), ...values].some(
        ([, number]) => number !== 'NaN' && (mayBeZero || number !== '0'),
      ),
    );
  }

  it('have data in every query', async () => {
    let open = asked().filter(({ expr }) => hasCollector || !/otelcol_|traces_span_metrics/.test(expr));
    assert.ok(open.length > 60);
    for (const end = Date.now() + ANSWERED_WITHIN_MS; open.length > 0 && Date.now() < end; await sleep(500)) {
      await sendRubbish(bridges);
      const answers = await Promise.all(open.map(async (query) => ((await hasData(query)) ? [] : [query])));
      open = answers.flat();
    }
    assert.deepEqual(open, []);
  });

  it('have something to choose in every variable', async () => {
    for (const { title, templating } of dashboards()) {
      for (const { name, type, query } of templating.list) {
        if (type !== 'query' || typeof query !== 'object') continue;
        const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(fill(query.query, values)) ?? [];
        const found = await ask<string[]>(`label/${label}/values`, { 'match[]': selector, start: `${began}` });
        assert.ok(found.length > 0, `${title}: ${name}`);
      }
    }
  });

  it('have exemplars that lead to traces', async () => {
    const query = 'parsl_task_duration_seconds_bucket';
    const end = `${Date.now() / 1000 + 60}`;
    const found = await ask<{ exemplars: { labels: Record<string, string> }[] }[]>('query_exemplars', { query, start: `${began - 600}`, end }); // prettier-ignore
    const labels = found.flatMap(({ exemplars }) => exemplars.map((exemplar) => exemplar.labels));
    assert.ok(labels.length > 0);
    for (const { trace_id = '' } of labels) assert.match(trace_id, /^[0-9a-f]{32}$/);
  });

  it('know the Collector’s metrics and their labels', async function () {
    if (!hasCollector) this.skip();
    for (const [name, { labels }] of Object.entries({ ...collectorMetrics, ...spanMetrics })) {
      const series = await ask<Record<string, string>[]>('series', { 'match[]': name, start: `${began}` });
      assert.ok(series.length > 0, name);
      const seen = new Set(series.flatMap((one) => Object.keys(one)));
      for (const label of labels) assert.ok(seen.has(label), `${name} has ${[...seen].join(', ')}, not ${label}`);
    }
  });
});

function asked(): Asked[] {
  return dashboards().flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ expr, instant }) => ({
        where: `${title}: ${panel.title}`,
        mayBeZero: zeroIsFine.includes(panel.title),
        expr: fill(expr, values),
        isInstant: instant === true,
      })),
    ),
  );
}

/** Blocks, lost managers, retries, failures; resources; idle workers. */
function playing(port: number, exporters: object): object {
  const recordings = { demo: join(root, 'examples/demo.capture.gz'), 'demo/resources': recorded('2026.10.26-W5-htex'), 'demo/idle': recorded('2026.10.26-W6-htex') }; // prettier-ignore
  const receivers = Object.entries(recordings).map(([id, path]) => [id, { path, speed: SPEED, pause_s: 1 }] as const);
  return {
    http: { listen: `127.0.0.1:${port}` },
    receivers: { http: {}, ...Object.fromEntries(receivers) },
    exporters,
    metrics_interval_ms: 1_000,
    closing: { settle_ms: 500, linger_ms: 2_000 },
  };
}

function inTrouble(port: number, exporters: object): object {
  const flood = { path: join(root, 'examples/demo.capture.gz'), speed: 1e5, pause_s: 0 };
  return { ...playing(port, exporters), receivers: { http: {}, demo: flood }, journal: { bytes_max: 1_048_576 } };
}

/** Again and again, so that there is a rate: a counter's first value is no growth. */
async function sendRubbish(bridges: readonly BridgeProcess[]): Promise<void> {
  for (const { url, connection } of bridges) {
    const headers = {
      'content-type': 'application/x-ndjson',
      authorization: `Bearer ${connection['http']?.['token']}`,
    };
    const response = await fetch(`${url}/v1/records`, { method: 'POST', headers, body: 'rubbish\n' });
    assert.equal(response.status, 400, await response.text());
  }
}
