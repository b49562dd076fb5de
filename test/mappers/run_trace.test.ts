import assert from 'node:assert/strict';

import { blockSpanId, executorSpanId, managerSpanId, runId } from '../../bridge/core/ids.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { fold, only, where } from '../helpers/engine.ts';
import { nanos, parsl, RUN } from '../helpers/records.ts';

const lost = { 'parsl.manager_info.active': false };

describe('mappers/run_trace', () => {
  const whole = [
    parsl.begin(0),
    parsl.block('htex', '0', 'PENDING', 1, { 'parsl.job_id': '77' }),
    parsl.block('htex', '0', 'RUNNING', 2),
    parsl.manager('8f8b', 3),
    ...parsl.whole(0, 4, 8),
    parsl.block('htex', '0', 'SCALED_IN', 10),
    parsl.end(12),
  ];
  const bounds = (records: readonly WideRecord[], kind: string) => {
    const span = only(fold(records).spans, { 'parsl.span': kind });
    const seconds = [span.startTimeUnixNano, span.endTimeUnixNano].map((time) => Number(time - nanos(0)) / 1e9);
    return [...seconds, span.attributes['parsl.inferred']];
  };

  it('is the run, its executors, their blocks and the blocks’ managers', () => {
    const ofRun = fold(whole).spans.filter(({ traceId }) => traceId === runId(RUN).traceId);
    const block = blockSpanId(RUN, 'htex', '0');
    assert.deepEqual(
      ofRun.map(({ name, spanId, parentSpanId }) => [name, spanId, parentSpanId]),
      [
        ['study', runId(RUN).spanId, ''],
        ['htex', executorSpanId(RUN, 'htex'), runId(RUN).spanId],
        ['block 0', block, executorSpanId(RUN, 'htex')],
        ['manager 8f8b', managerSpanId(RUN, 'htex', '8f8b'), block],
      ],
    );
  });

  it('never holds a task', () => {
    const tasks = where(fold(whole).spans, { 'parsl.task': 0 });
    assert.ok(tasks.length > 0 && tasks.every(({ traceId }) => traceId !== runId(RUN).traceId));
  });

  it('says what the run was, and how many of its tasks ended how', () => {
    const { attributes } = only(fold(whole).spans, { 'parsl.span': 'run' });
    assert.equal(attributes['parsl.workflow_info.workflow_name'], 'study');
    assert.equal(attributes['parsl.tasks.exec_done'], 1);
    assert.equal(attributes['parsl.tasks.failed'], undefined);
    assert.equal(attributes['parsl.unfinished'], undefined);
  });

  it('lasts from the run’s beginning to its end', () => {
    assert.deepEqual(bounds(whole, 'run'), [0, 12, undefined]);
  });

  it('of a run that never ended lasts to the last word of its tasks, marked: samples live on', () => {
    const records = [...whole.slice(0, -2), parsl.sample(9, 0, 500, 1, 1), parsl.manager('8f8b', 400)];
    assert.deepEqual(bounds(records, 'run'), [0, 8, 'end']);
    assert.equal(only(fold(records).spans, { 'parsl.span': 'run' }).attributes['parsl.unfinished'], true);
  });

  it('of a run whose beginning was missed starts with the first word, marked', () => {
    assert.deepEqual(bounds(whole.slice(1), 'run'), [1, 12, 'start']);
  });

  it('shows a block from its first state to the one that says it is gone', () => {
    assert.deepEqual(bounds(whole, 'block'), [1, 10, undefined]);
    const { attributes } = only(fold(whole).spans, { 'parsl.span': 'block' });
    assert.deepEqual([attributes['parsl.block_state'], attributes['parsl.job_id']], ['SCALED_IN', '77']);
  });

  for (const end of ['CANCELLED', 'COMPLETED', 'FAILED', 'TIMEOUT', 'MISSING', 'SCALED_IN'])
    it(`takes ${end} for the end of a block`, () => {
      assert.deepEqual(bounds([parsl.begin(0), parsl.block('htex', '0', 'RUNNING', 2), parsl.block('htex', '0', end, 5), parsl.end(9)], 'block'), [2, 5, undefined]);
    }); // prettier-ignore

  it('ends a block that nobody ended with the run, marked', () => {
    const records = whole.filter((record) => record['parsl.block_state'] !== 'SCALED_IN');
    assert.deepEqual(bounds(records, 'block'), [1, 12, 'end']);
  });

  it('ends a manager when it was lost', () => {
    assert.deepEqual(bounds([...whole, parsl.manager('8f8b', 7, lost)], 'manager'), [3, 7, undefined]);
  });

  it('begins a manager of which no more is told than that it was lost when it was, marked', () => {
    const line = { 'parsl.dfk': RUN, time: nanos(7), message: 'removing manager', 'parsl.manager': '9a9a', ...lost };
    assert.deepEqual(bounds([...whole.filter((record) => record['parsl.manager'] === undefined), line], 'manager'), [7, 7, 'start']); // prettier-ignore
  });

  it('ends a manager that nobody ended with its block, marked', () => {
    assert.deepEqual(bounds(whole, 'manager'), [3, 10, 'end']);
  });

  it('puts managers of nobody known below the run, where two executors have blocks of one number', () => {
    const { spans } = fold([
      parsl.begin(0),
      parsl.block('a', '0', 'RUNNING', 1),
      parsl.block('b', '0', 'RUNNING', 1),
      parsl.manager('m', 2),
      parsl.end(5),
    ]);
    assert.equal(only(spans, { 'parsl.span': 'manager' }).parentSpanId, runId(RUN).spanId);
    const blocks = where(spans, { 'parsl.span': 'block' });
    assert.deepEqual(blocks.map(({ spanId }) => spanId), [blockSpanId(RUN, 'a', '0'), blockSpanId(RUN, 'b', '0')]); // prettier-ignore
  });

  it('begins an executor with the first word about it, marked, and counts its blocks', () => {
    const { attributes, startTimeUnixNano } = only(fold(whole).spans, { 'parsl.span': 'executor' });
    assert.deepEqual(
      [startTimeUnixNano, attributes['parsl.inferred'], attributes['parsl.blocks']],
      [nanos(1), 'start,end', 1],
    );
  });

  it('begins an executor no earlier than a record that names it, in any order', () => {
    const nameless = parsl.task(0, 0, 'pending', 1, {}, { 'parsl.executor': null });
    const records = [nameless, parsl.task(0, 0, 'launched', 5), parsl.begin(0)];
    for (const order of [records, records.toReversed()])
      assert.equal(only(fold(order).spans, { 'parsl.span': 'executor' }).startTimeUnixNano, nanos(5));
  });
});
