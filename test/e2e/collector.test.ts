/**
 * The Collector distribution by itself: every shipped configuration is one that it takes, the two routes of metrics carry
 * exemplars and the end of series, and host metrics come when they are asked for.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

import type { Exemplar, HistogramPoint, Metric } from '../../bridge/core/signal.ts';
import { otlp } from '../../bridge/exporters/otlp/index.ts';
import type { RunningExporter } from '../helpers/exporter.ts';
import { startExporter } from '../helpers/exporter.ts';
import { idsOf, metrics, RUN, span } from '../helpers/signals.ts';
import { built } from '../stack/build.ts';
import { until } from '../stack/process.ts';
import type { Sample } from '../stack/queries.ts';
import { promExemplars, promQuery } from '../stack/queries.ts';
import type { Stack } from '../stack/stack.ts';
import { startStack } from '../stack/stack.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const config = (...files: string[]): string[] => files.map((file) => `--config=${join(root, file)}`);

describe('the Collector distribution', function () {
  this.timeout(300_000);

  for (const files of [
    ['otel-config.yaml'],
    ['otel-config.yaml', 'collector/scrape.yaml'],
    ['otel-config.yaml', 'collector/host-metrics.yaml'],
    ['otel-config.yaml', 'collector/scrape.yaml', 'collector/host-metrics.yaml'],
  ])
    it(`takes ${files.join(' with ')}`, async () => {
      await run(built('parsl-otelcol'), ['validate', ...config(...files)]);
    });

  it('is made of what its manifest says', async () => {
    const manifest = parse(readFileSync(join(root, 'collector', 'builder.yaml'), 'utf8')) as Record<
      string,
      readonly { gomod: string }[]
    >;
    const { stdout } = await run(built('parsl-otelcol'), ['components']);
    const inside = parse(stdout) as Record<string, readonly { name: string; module: string }[]>;
    for (const kind of ['receivers', 'processors', 'exporters', 'connectors', 'extensions', 'providers'])
      assert.deepEqual(
        (inside[kind] ?? []).map(({ module }) => module).sort(),
        (manifest[kind] ?? []).map(({ gomod }) => gomod).sort(),
        kind,
      );
  });
});

describe('a Collector with host metrics', function () {
  this.timeout(300_000);

  it('brings this machine’s memory and disks, as a job of their own', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-collector-'));
    const overrides = ['collector/host-metrics.yaml'] as const;
    const stack = await startStack({ directory, only: ['prometheus', 'collector'], overrides });
    try {
      for (const name of ['system_memory_usage_bytes', 'system_filesystem_usage_bytes'])
        await until(
          name,
          async () => (await promQuery(stack.urls.prometheus, `${name}{job="parsl/host"} > 0`)).length > 0,
          60_000,
        );
    } finally {
      await stack.stop();
      rmSync(directory, { recursive: true });
    }
  });
});

for (const route of ['writes to Prometheus', 'is scraped'] as const)
  describe(`a Collector that ${route}`, function () {
    this.timeout(300_000);
    const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-collector-'));
    let stack: Stack;
    let exporter: RunningExporter;

    before(async () => {
      const overrides = route === 'is scraped' ? (['collector/scrape.yaml'] as const) : [];
      stack = await startStack({ directory, only: ['prometheus', 'collector'], overrides });
      exporter = await startExporter(otlp, { endpoint: stack.urls.otlpGrpc });
    });

    after(async () => {
      await (exporter as RunningExporter | undefined)?.stop();
      await (stack as Stack | undefined)?.stop();
      rmSync(directory, { recursive: true });
    });

    const asked = (query: string, isSo: (found: readonly Sample[]) => boolean): Promise<unknown> =>
      until(query, async () => isSo(await promQuery(stack.urls.prometheus, query)), 20_000);

    it('brings every series once, under the bridge’s own names, with its exemplars', async () => {
      await exporter.export({ metrics: at(Date.now(), false) });
      await asked(`parsl_tasks{run="${RUN}",state="running"} == 3`, ({ length }) => length === 1);
      await asked(`parsl_try_failures_total{error_type="ValueError"} == 2`, ({ length }) => length === 1);
      await asked(`parsl_task_duration_seconds_count{app="merge"} == 4`, ({ length }) => length === 1);
      const [exemplar] = await until(
        'the exemplar',
        async () => {
          const found = await promExemplars(stack.urls.prometheus, 'parsl_task_duration_seconds_bucket');
          return found.length > 0 && found;
        },
        20_000,
      );
      assert.deepEqual(exemplar?.labels, { trace_id: idsOf(3).traceId, span_id: idsOf(3).spanId });
    });

    it('ends a series where the bridge ends it, and not five minutes later', async () => {
      await exporter.export({ metrics: at(Date.now(), true) });
      await asked(`{run="${RUN}"}`, ({ length }) => length === 0);
    });

    it('takes a request of 24 MB', async () => {
      const large = await startExporter(otlp, { endpoint: stack.urls.otlpGrpc, request_bytes_max: 33_554_432 });
      const text = 'x'.repeat(8_000);
      const spans = Array.from({ length: 3_000 }, (_, task) => span(task, { attributes: { text } }));
      await large.export({ spans });
      await large.stop();
      assert.deepEqual([large.sent, large.reported], [3_000, []]);
    });
  });

/** The bridge's metrics, stamped with a time in milliseconds; with `ends`, as the last points of their series. */
function at(ms: number, ends: boolean): Metric[] {
  const now = { timeUnixNano: BigInt(ms) * 1_000_000n };
  const stamps = { ...now, stale: ends };
  return metrics.map((metric): Metric => {
    if (metric.type !== 'histogram')
      return { ...metric, points: metric.points.map((point) => ({ ...point, ...stamps })) };
    const exemplars = (point: HistogramPoint): Exemplar[] => point.exemplars.map((one) => ({ ...one, ...now }));
    return { ...metric, points: metric.points.map((point) => ({ ...point, ...stamps, exemplars: exemplars(point) })) };
  });
}
