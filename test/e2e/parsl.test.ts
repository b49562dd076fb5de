/**
 * Real Parsl, three releases, every radio: the diamond workflow of test/e2e/python runs against a bridge that is a
 * process of its own, and its traces, metrics and page are held against what the workflow knows that it did.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { RunDetail } from '../../bridge/store/store.ts';
import { phaseSpanId, runId, taskId } from '../../bridge/core/ids.ts';
import type { BridgeProcess } from '../helpers/bridge.ts';
import { startBridgeProcess } from '../helpers/bridge.ts';
import type { OtlpServer, ReceivedSpan } from '../helpers/otlp_server.ts';
import { startOtlpServer } from '../helpers/otlp_server.ts';
import { runWorkflow } from '../helpers/workflow.ts';
import type { WorkflowRun } from '../helpers/workflow.ts';

/** Oldest plugin epoch, one between, the newest; encrypted where the radio crosses the interchange. */
const cases = [
  ['2024.12.16', 'htex', false],
  ['2024.12.16', 'udp', false],
  ['2025.12.15', 'filesystem', false],
  ['2025.12.15', 'htex', true],
  ['2026.10.26', 'htex', true],
  ['2026.10.26', 'udp', false],
  ['2026.10.26', 'filesystem', false],
  ['2026.10.26', 'threads', false],
] as const;

/** The run as the page shows it, once it shows all tasks as final: the read side is written a few times a second. */
async function shownRun({ url }: BridgeProcess, { run_id, tasks }: WorkflowRun): Promise<RunDetail> {
  for (let end = Date.now() + 5_000; ;) {
    const { run: shown } = (await (await fetch(`${url}/api/runs/${run_id}`)).json()) as { run: RunDetail };
    const final = ['exec_done', 'memo_done', 'failed', 'dep_fail'].reduce(
      (sum, state) => sum + (shown.counts[state] ?? 0),
      0,
    );
    if (final === tasks.length || Date.now() > end) return shown;
  }
}

for (const [parsl, radio, encrypted] of cases) {
  describe(`Parsl ${parsl}, ${radio} radio${encrypted ? ', encrypted' : ''}`, function () {
    this.timeout(300_000);
    let backend: OtlpServer;
    let bridge: BridgeProcess;
    let outcome: WorkflowRun;
    let spans: readonly ReceivedSpan[];
    let metrics = '';
    let page: RunDetail;

    before(async () => {
      backend = await startOtlpServer();
      bridge = await startBridgeProcess({
        args: ['--finish'],
        config: { exporters: { prometheus: {}, otlp: { endpoint: backend.grpcUrl } }, metrics_interval_ms: 500 },
      });
      outcome = await runWorkflow({ parsl, radio, encrypted, connectionFile: bridge.connectionFile });
      metrics = await (await fetch(`${bridge.url}/metrics`)).text();
      page = await shownRun(bridge, outcome);
      assert.equal(await bridge.interrupt(), 0, bridge.errors());
      spans = backend.spans;
    });

    after(async () => {
      if ((bridge as BridgeProcess | undefined)?.child.exitCode === null) await bridge.kill();
      await (backend as OtlpServer | undefined)?.stop();
    });

    const ofTask = (task: number): ReceivedSpan[] => {
      const { traceId } = taskId(outcome.run_id, task);
      return spans.filter((span) => span.traceId === traceId);
    };
    const kind = (list: readonly ReceivedSpan[], what: string): ReceivedSpan[] =>
      list.filter((span) => span.attributes['parsl.span'] === what);

    it('gives every task a trace with its app, state and tries', () => {
      for (const { task, app, state, launched } of outcome.tasks) {
        const trace = ofTask(task);
        const [root] = kind(trace, 'task');
        assert.ok(root !== undefined, `task ${task} has no root span`);
        assert.deepEqual(
          [root.name, root.attributes['parsl.task_state'], root.attributes['parsl.tries'], kind(trace, 'try').length],
          [app, state, launched, launched],
          `task ${task}`,
        );
      }
    });

    it('exports each span once', () => {
      const ids = spans.map(({ traceId, spanId }) => `${traceId}/${spanId}`);
      assert.equal(new Set(ids).size, ids.length);
    });

    it('links tasks to their dependencies, joins and run', () => {
      for (const { task, depends } of outcome.tasks) {
        const [root] = kind(ofTask(task), 'task');
        const joined = outcome.joined.find((join) => join.task === task)?.joins ?? [];
        const expected = [
          runId(outcome.run_id).spanId,
          ...[...depends, ...joined].map((other) => taskId(outcome.run_id, other).spanId),
        ];
        const linked = new Set(root?.links.map(({ spanId }) => spanId));
        for (const spanId of expected) assert.ok(linked.has(spanId), `task ${task} lacks a link`);
      }
    });

    it('shows where each try ran, and orders its phases', () => {
      for (const { task, executor } of outcome.tasks.filter(({ launched }) => launched > 0)) {
        const trace = ofTask(task);
        const phases = kind(trace, 'phase');
        const running = phases.filter(({ name }) => name === 'running');
        assert.equal(running.length, kind(trace, 'try').length, `task ${task} has a try that did not run`);
        for (const phase of running) {
          assert.equal(phase.attributes['parsl.executor'], executor);
          assert.equal(phase.resource['service.name'], `${outcome.workflow_name}.${executor}`);
          assert.ok(phase.endTimeUnixNano >= phase.startTimeUnixNano);
        }
      }
    });

    it('marks failures with their type and text', () => {
      for (const { task, state } of outcome.tasks) {
        const [root] = kind(ofTask(task), 'task');
        const failed = state === 'failed' || state === 'dep_fail';
        assert.equal(root?.status.code === 2, failed, `task ${task}`);
        if (failed) assert.match(String(root?.attributes['error.type']), /^(ValueError|DependencyError)$/);
      }
    });

    it('puts the trace context of the running phase into the task’s environment', () => {
      const seen = outcome.observed.filter(({ file }) => file !== undefined);
      assert.ok(seen.length > 0);
      for (const { task, try: attempt, file } of seen) {
        const found = JSON.parse(readFileSync(file ?? '', 'utf8')) as Record<string, string>;
        const { traceId } = taskId(outcome.run_id, task);
        assert.deepEqual(found, {
          TRACEPARENT: `00-${traceId}-${phaseSpanId(outcome.run_id, task, attempt, 'running')}-01`,
          PARSL_OTEL_RUN_ID: outcome.run_id,
          PARSL_OTEL_TASK_ID: String(task),
          PARSL_OTEL_TRY_ID: String(attempt),
        });
      }
    });

    it('counts tasks in metrics and on the page', () => {
      const byState = Object.groupBy(outcome.tasks, ({ state }) => state);
      for (const [state, tasks = []] of Object.entries(byState)) {
        const line = metrics
          .split('\n')
          .find((text) => text.startsWith('parsl_tasks{') && text.includes(`state="${state}"`));
        assert.equal(Number(line?.split(' ').at(-1)), tasks.length, `${state}: ${line}`);
        assert.equal(page.counts[state], tasks.length);
      }
      assert.equal(page.tasks, outcome.tasks.length);
    });

    it('leaves nothing undelivered', () => {
      assert.doesNotMatch(metrics, /parsl_bridge_(undecodable|dropped)\w*\{[^}]*\} [1-9]/);
      assert.ok(!existsSync(join(bridge.dataDir, 'quarantine')));
    });
  });
}
