/**
 * The stack without Docker: the configuration files of compose, the Collector built here, Jaeger, Loki, Prometheus and
 * Alertmanager as processes of this machine, and real Parsl in front. What the workflow knows that it did is held against
 * what each backend answers, also after Jaeger and Prometheus were gone for a while.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runId, taskId, trySpanId } from '../../bridge/core/ids.ts';
import type { BridgeProcess } from '../helpers/bridge.ts';
import { startBridgeProcess } from '../helpers/bridge.ts';
import type { ExpectedTask, WorkflowRun } from '../helpers/workflow.ts';
import { runWorkflow, startStuck } from '../helpers/workflow.ts';
import { assertLinksAndPlace, assertTaskTree, spansOfKind } from '../stack/expected.ts';
import { until } from '../stack/process.ts';
import type { JaegerSpan, Sample } from '../stack/queries.ts';
import {
  firingAlerts, getJson, jaegerSearch, jaegerTrace, lokiQuery, promExemplars, promQuery,
} from '../stack/queries.ts'; // prettier-ignore
import type { Stack } from '../stack/stack.ts';
import { startStack } from '../stack/stack.ts';

const PARSL = '2026.10.26';
/** From a span's end until it can be found: the bridge's settling, the Collector's batch, Prometheus' next sample. */
const SEEN_MS = 60_000;

describe('the stack', function () {
  this.timeout(300_000);
  const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-stack-'));
  let stack: Stack;
  let bridge: BridgeProcess;
  let outcome: WorkflowRun;

  before(async () => {
    const data = join(directory, 'stack');
    mkdirSync(data);
    stack = await startStack({ directory: data });
    bridge = await startBridgeProcess({
      directory,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: stack.urls.otlpHttp, OTEL_METRIC_EXPORT_INTERVAL: '1000' },
      config: {
        exporters: { otlp: { endpoint: stack.urls.otlpGrpc } },
        metrics_interval_ms: 1_000,
        closing: { linger_ms: 5_000 },
      },
    });
    outcome = await runWorkflow({ parsl: PARSL, radio: 'htex', connectionFile: bridge.connectionFile });
  });

  after(async () => {
    if ((bridge as BridgeProcess | undefined)?.child.exitCode === null) await bridge.interrupt();
    await (stack as Stack | undefined)?.stop();
    rmSync(directory, { recursive: true });
  });

  /** Asks Jaeger for a trace until it is as it must be: its spans come in several batches, in any order. */
  const traceAs = (traceId: string, check: (spans: readonly JaegerSpan[]) => void): Promise<void> =>
    until(
      `trace ${traceId} is in Jaeger, and whole`,
      async () => {
        check(await jaegerTrace(stack.urls.jaeger, traceId));
        return true as const;
      },
      SEEN_MS,
    ).then(() => {});

  /** Every task with the tree that it must have. */
  async function assertAllInJaeger(run: WorkflowRun): Promise<void> {
    for (const expected of run.tasks)
      await traceAs(taskId(run.run_id, expected.task).traceId, (spans) => assertTaskTree(run, expected, spans));
  }

  const samples = (query: string, isThere: (found: readonly Sample[]) => boolean): Promise<readonly Sample[]> =>
    until(
      query,
      async () => {
        const found = await promQuery(stack.urls.prometheus, query);
        return isThere(found) && found;
      },
      SEEN_MS,
    );
  const numberOf = (found: readonly Sample[]): number => Number(found[0]?.value[1]);

  it('gives every task a trace with its tree in Jaeger', () => assertAllInJaeger(outcome));

  it('links tasks to their dependencies and their run, and shows where they ran', async () => {
    for (const expected of outcome.tasks.filter(({ launched }) => launched > 0))
      await traceAs(taskId(outcome.run_id, expected.task).traceId, (spans) =>
        assertLinksAndPlace(outcome, expected, spans),
      );
  });

  it('finds tasks by a search for their app, with their failure', async () => {
    const found = await jaegerSearch(stack.urls.jaeger, {
      service: outcome.workflow_name,
      operation: 'broken',
      from: Date.now() - 3_600_000,
      to: Date.now() + 60_000,
    });
    const roots = found.filter(({ parentSpanId }) => parentSpanId === '');
    const broken = outcome.tasks.filter(({ app }) => app === 'broken');
    assert.deepEqual(
      roots.map(({ traceId, attributes }) => [traceId, attributes['parsl.task_state'], attributes['error.type']]),
      broken.map(({ task }) => [taskId(outcome.run_id, task).traceId, 'failed', 'ValueError']),
    );
    assert.ok(roots.every(({ status }) => status.code === 2 && status.message !== ''));
  });

  it('shows the run itself once it is over', async () => {
    await traceAs(runId(outcome.run_id).traceId, (spans) => {
      assert.equal(spansOfKind(spans, 'run')[0]?.spanId, runId(outcome.run_id).spanId);
      assert.deepEqual([spansOfKind(spans, 'block').length, spansOfKind(spans, 'manager').length], [1, 1]);
    });
  });

  it('has the workflow’s metrics in Prometheus, each series once', async () => {
    const byState = Object.entries(Object.groupBy(outcome.tasks, ({ state }) => state));
    for (const [state, tasks = []] of byState)
      await samples(
        `parsl_tasks{run="${outcome.run_id}",state="${state}"}`,
        (found) => found.length === 1 && numberOf(found) === tasks.length,
      );
    const finished = outcome.tasks.filter(({ state }) => state !== 'dep_fail').length;
    const [count] = await samples(
      `sum(parsl_task_duration_seconds_count{run="${outcome.run_id}"})`,
      (found) => numberOf(found) >= finished,
    );
    assert.ok(count !== undefined);
    await samples('parsl_run_active == 0', (found) => found.some(({ metric }) => metric['run'] === outcome.run_id));
  });

  it('leads from a histogram to the trace of a task, by exemplar', async () => {
    const query = `parsl_task_duration_seconds_bucket{run="${outcome.run_id}"}`;
    const exemplars = await until(
      'exemplars',
      async () => {
        const found = await promExemplars(stack.urls.prometheus, query);
        return found.length > 0 && found;
      },
      SEEN_MS,
    );
    const traces = new Set(outcome.tasks.map(({ task }) => taskId(outcome.run_id, task).traceId));
    for (const { labels } of exemplars) assert.ok(traces.has(labels['trace_id'] ?? ''), JSON.stringify(labels));
  });

  it('counts spans by app, and draws Jaeger’s Monitor tab of our kinds', async () => {
    const prepared = outcome.tasks.filter(({ app }) => app === 'prepare').length;
    const query = `sum(traces_span_metrics_calls_total{parsl_app_name="prepare",parsl_span="task"})`;
    await samples(query, (found) => numberOf(found) >= prepared);
    // What is another one in every run must not be a series in every run.
    const unbounded = `traces_span_metrics_calls_total{span_name=~"(block|manager) .*"} or {__name__=~"traces_span_.*",instance!=""}`;
    assert.deepEqual(await promQuery(stack.urls.prometheus, unbounded), []);
    interface Drawn {
      readonly metrics: readonly { readonly metricPoints: readonly unknown[] }[];
    }
    for (const [service, kind] of [
      [outcome.workflow_name, 'internal'],
      [outcome.workflow_name, 'producer'],
      [`${outcome.workflow_name}.htex`, 'consumer'],
    ] as const)
      for (const what of ['calls', 'latencies']) {
        const url = `${stack.urls.jaeger}/api/metrics/${what}?service=${service}&spanKind=${kind}&lookback=3600000&step=5000&ratePer=60000&quantile=0.95`;
        const points = await until(
          `${what} of ${service}, ${kind}`,
          async () => (await getJson<Drawn>(url))?.metrics[0]?.metricPoints,
          SEEN_MS,
        );
        assert.ok(points.length > 0);
      }
  });

  it('finds the log events of a task in Loki by the id of its trace', async () => {
    const task = outcome.tasks.find(({ app }) => app === 'flaky') as ExpectedTask;
    const { traceId } = taskId(outcome.run_id, task.task);
    const lines = await until(
      'the events of flaky',
      async () => {
        const found = await lokiQuery(
          stack.urls.loki,
          `{service_name="${outcome.workflow_name}"} | trace_id="${traceId}"`,
        );
        return found.some(({ line }) => line.includes(task.state)) && found;
      },
      SEEN_MS,
    );
    assert.ok(lines.every(({ labels }) => labels['event_name'] === 'parsl.task.state'));
    assert.equal(lines.filter(({ line }) => line.includes('fail_retryable')).length, 2);
    assert.ok(lines.some(({ labels }) => labels['span_id'] === trySpanId(outcome.run_id, task.task, 2)));
  });

  it('has the bridge’s and the Collector’s own metrics', async () => {
    await samples('parsl_bridge_acknowledged_total{job="parsl-otel"}', (found) => numberOf(found) > 0);
    await samples(
      'otelcol_exporter_sent_spans{exporter="otlp_grpc/jaeger"} or otelcol_exporter_sent_spans_total{exporter="otlp_grpc/jaeger"}',
      (found) => numberOf(found) > 0,
    );
  });

  it('has written neither a deprecation nor an error', () => {
    const lines = stack.output('collector').split('\n');
    assert.deepEqual(
      lines.filter((line) => /deprecat/i.test(line) || /"level":"(warn|error)"/.test(line)),
      [],
    );
    assert.equal(
      bridge
        .errors()
        .split('\n')
        .filter((line) => /"level":[456]0/.test(line))
        .join('\n'),
      '',
    );
  });

  it('alerts about workers that are idle while work waits, until they are not', async () => {
    const alert = (): ReturnType<typeof firingAlerts> =>
      firingAlerts(stack.urls.alertmanager, 'ParslWorkersIdleWithBacklog');
    const stuck = await startStuck(PARSL, directory, bridge.connectionFile);
    try {
      const [firing] = await until(
        'the alert fires',
        async () => {
          const found = await alert();
          return found.length > 0 && found;
        },
        120_000,
      );
      assert.deepEqual(
        [firing?.labels['run'], firing?.labels['workflow'], firing?.labels['executor']],
        [stuck.run, 'stuck', 'pool'],
      );
      assert.match(firing?.annotations['summary'] ?? '', /stuck/);
      assert.equal(await stuck.end(), 0);
      await until('the alert resolves', async () => (await alert()).length === 0, 120_000);
    } finally {
      await stuck.end();
    }
  });

  it('loses no span while Jaeger and Prometheus are gone', async () => {
    await Promise.all([stack.kill('jaeger'), stack.kill('prometheus')]);
    const away = await runWorkflow({ parsl: PARSL, radio: 'udp', connectionFile: bridge.connectionFile });
    await until(
      'the Collector holds what Jaeger does not take',
      async () => {
        const page = await (await fetch(stack.urls.collectorMetrics)).text();
        const queued = /^otelcol_exporter_queue_size\{[^}]*exporter="otlp_grpc\/jaeger"[^}]*\} (\d+)/m.exec(page);
        return Number(queued?.[1]) > 0;
      },
      SEEN_MS,
    );
    // What waits on disk also outlives the Collector.
    await stack.kill('collector');
    await Promise.all([stack.start('jaeger'), stack.start('prometheus'), stack.start('collector')]);
    await assertAllInJaeger(away);
    await assertAllInJaeger(outcome);
    await samples(
      `parsl_tasks{run="${away.run_id}",state="failed"}`,
      (found) => numberOf(found) === away.tasks.filter(({ state }) => state === 'failed').length,
    );
  });
});
