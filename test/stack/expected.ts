/** What Jaeger must have of a task, by what the workflow knows that it did. */
import assert from 'node:assert/strict';

import { phaseSpanId, runId, taskId, trySpanId } from '../../bridge/core/ids.ts';
import type { ExpectedTask, WorkflowRun } from '../helpers/workflow.ts';
import type { JaegerSpan } from './queries.ts';

/** The spans that say of themselves to be a run, task, try, phase, ... */
export function spansOfKind(spans: readonly JaegerSpan[], kind: string): readonly JaegerSpan[] {
  return spans.filter(({ attributes }) => attributes['parsl.span'] === kind);
}

/** The task at the root, a span for each launched try, phases below tries, and nothing twice. */
export function assertTaskTree(run: WorkflowRun, expected: ExpectedTask, spans: readonly JaegerSpan[]): void {
  const { task, app, state, launched } = expected;
  const [root] = spansOfKind(spans, 'task');
  assert.deepEqual(
    [root?.name, root?.parentSpanId, root?.attributes['parsl.task_state'], root?.attributes['parsl.tries']],
    [app, '', state, launched],
    `task ${task}`,
  );
  const tries = spansOfKind(spans, 'try');
  const tryIds = Array.from({ length: launched }, (_, number) => trySpanId(run.run_id, task, number));
  assert.deepEqual(new Set(tries.map(({ spanId }) => spanId)), new Set(tryIds), `task ${task}`);
  for (const { parentSpanId } of tries) assert.equal(parentSpanId, root?.spanId);
  const phases = spansOfKind(spans, 'phase');
  assert.equal(phases.filter(({ name }) => name === 'running').length, launched, `task ${task}`);
  for (const { name, parentSpanId } of phases)
    assert.ok((name === 'pending' ? [root?.spanId] : tryIds).includes(parentSpanId), `task ${task}: ${name}`);
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length, `task ${task} has a span twice`);
}

/** Links to the run and to what the task waited for; and the worker's host, where it ran. */
export function assertLinksAndPlace(run: WorkflowRun, expected: ExpectedTask, spans: readonly JaegerSpan[]): void {
  const { task, executor, depends } = expected;
  const linked = new Set(spansOfKind(spans, 'task')[0]?.links.map(({ spanId }) => spanId));
  for (const id of [runId(run.run_id), ...depends.map((other) => taskId(run.run_id, other))])
    assert.ok(linked.has(id.spanId), `task ${task} lacks a link`);
  const running = spans.find(({ spanId }) => spanId === phaseSpanId(run.run_id, task, 0, 'running'));
  assert.equal(running?.resource['service.name'], `${run.workflow_name}.${executor}`);
  assert.ok((running.resource['host.name'] ?? '') !== '');
}
