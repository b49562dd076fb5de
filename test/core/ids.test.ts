import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import {
  blockSpanId, executorSpanId, managerSpanId, phaseSpanId, runId, taskId, trySpanId, uuid5,
} from '../../bridge/core/ids.ts'; // prettier-ignore

/** Shared with the Python plugin, which is held to the same file. */
interface Vector {
  readonly what: string;
  readonly run_id: string;
  readonly task: number;
  readonly try: number | '';
  readonly name: string;
  readonly label: string;
  readonly block: string;
  readonly manager: string;
  readonly trace_id: string;
  readonly span_id: string;
}

const file = new URL('../vectors/ids.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];

function idsOf(vector: Vector): { traceId: string; spanId: string } {
  const { what, run_id: run, task, name, label, block, manager } = vector;
  const attempt = vector.try === '' ? undefined : vector.try;
  const ofTask = (spanId: string) => ({ traceId: taskId(run, task).traceId, spanId });
  const ofRun = (spanId: string) => ({ traceId: runId(run).traceId, spanId });
  switch (what) {
    case 'run':
      return runId(run);
    case 'task':
      return taskId(run, task);
    case 'try':
      return ofTask(trySpanId(run, task, attempt ?? NaN));
    case 'phase':
      return ofTask(phaseSpanId(run, task, attempt, name));
    case 'executor':
      return ofRun(executorSpanId(run, label));
    case 'block':
      return ofRun(blockSpanId(run, label, block));
    case 'manager':
      return ofRun(managerSpanId(run, label, manager));
    default:
      throw new Error(`a vector of an unknown kind: ${what}`);
  }
}

describe('core/ids', () => {
  it('has a vector of every kind of span', () => {
    const kinds = new Set(vectors.map(({ what }) => what));
    assert.deepEqual([...kinds].sort(), ['block', 'executor', 'manager', 'phase', 'run', 'task', 'try']);
  });

  for (const [index, vector] of vectors.entries()) {
    it(`agrees with the plugin on vector ${index}, a ${vector.what}`, () => {
      assert.deepEqual(idsOf(vector), { traceId: vector.trace_id, spanId: vector.span_id });
    });
  }

  it('follows the published recipe: SHA-256, its first 16 bytes and the next 8', () => {
    const run = '60af0e2a-4e9c-41ec-b7b4-1e79d44fc8ec';
    const digest = createHash('sha256').update(`task/${run}/27`).digest('hex');
    assert.deepEqual(taskId(run, 27), { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) });
  });

  it('gives a run id in capitals the same ids', () => {
    assert.deepEqual(runId('ABCDEF00-0000-4000-8000-000000000000'), runId('abcdef00-0000-4000-8000-000000000000'));
  });

  it('makes a UUID of version 5 that depends on the name alone', () => {
    const id = uuid5('vm/4711/1795261680');
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(uuid5('vm/4711/1795261680'), id);
    assert.notEqual(uuid5('vm/4712/1795261680'), id);
  });

  it('makes the UUID that RFC 9562 asks for', () => {
    // Checked with Python: uuid.uuid5(uuid.UUID('4d63009a-8d0f-11ee-aad7-4c796ed8e320'), 'parsl')
    assert.equal(uuid5('parsl'), '85e73b5d-9d6c-5c17-a7b4-3a6bf3f51188');
  });
});
