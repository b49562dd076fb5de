/** What the releases of Parsl tell of the same thing in different ways (reference: recordings). */
import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { fold, only, where } from '../helpers/engine.ts';
import { nanos, parsl } from '../helpers/records.ts';

const of = (attempt: number) => ({ 'parsl.span': 'try', 'parsl.try': attempt });
const phase = (attempt: number, name: string) => ({ 'parsl.phase': name, 'parsl.try': attempt });
const failed = (text: string) => ({ 'parsl.task_fail_history': text });

describe('model: releases', () => {
  describe('Parsl 1.0, which numbers no tries', () => {
    const count = (fails: number, more = {}) => ({ 'parsl.task_fail_count': fails, ...more });
    const task = (state: string, seconds: number, fails: number, more = {}): WideRecord => {
      const final = state === 'done' || state === 'failed';
      return parsl.task(0, undefined, state, seconds, final ? { ended: seconds } : {}, count(fails, more));
    };
    /** Fails once, goes back to pending, is done with the second try. */
    const retried = [
      task('pending', 0, 0),
      task('launched', 1, 0),
      parsl.sample(0, undefined, 2, 1, 100, { 'parsl.first_msg': true, 'parsl.task_state': 'running' }),
      parsl.sample(0, undefined, 3, 2, 200),
      task('pending', 4, 1, failed("OSError('disk')")),
      task('launched', 5, 1),
      parsl.sample(0, undefined, 6, 7, 50, { 'parsl.first_msg': true, 'parsl.task_state': 'running' }),
      parsl.sample(0, undefined, 8, 10, 70),
      task('done', 9, 1),
    ];
    const { spans } = fold(retried);

    it('counts tries by the failures before them', () => {
      assert.equal(only(spans, { 'parsl.span': 'task' }).attributes['parsl.tries'], 2);
      assert.deepEqual(where(spans, { 'parsl.span': 'try' }).map(({ name }) => name), ['try 0', 'try 1']); // prettier-ignore
    });

    it('ends a try when its task goes back to pending, and calls it failed', () => {
      const first = only(spans, of(0));
      assert.deepEqual([first.startTimeUnixNano, first.endTimeUnixNano], [nanos(1), nanos(4)]);
      assert.equal(first.attributes['parsl.inferred'], undefined);
      assert.deepEqual([first.status.code, first.status.message], [2, "OSError('disk')"]);
      assert.equal(first.attributes['error.type'], 'OSError');
    });

    it('ends the last try with `done`, which is exec_done', () => {
      const last = only(spans, of(1));
      assert.deepEqual([last.startTimeUnixNano, last.endTimeUnixNano], [nanos(5), nanos(9)]);
      assert.deepEqual([last.status.code, last.attributes['parsl.inferred']], [0, undefined]);
      assert.equal(only(spans, { 'parsl.span': 'task' }).attributes['parsl.task_state'], 'exec_done');
    });

    it('gives a sample to the try in whose time it lies', () => {
      const [first, second] = [only(spans, phase(0, 'running')), only(spans, phase(1, 'running'))];
      assert.deepEqual([first.startTimeUnixNano, second.startTimeUnixNano], [nanos(2), nanos(6)]);
      assert.deepEqual(
        [first, second].map(({ attributes }) => attributes['parsl.usage.memory_peak']),
        [200, 70],
      );
      assert.equal(second.attributes['parsl.usage.cpu_time'], 3);
    });

    it('gives the same spans in any order', () => {
      assert.deepEqual(fold(retried.toReversed()).spans, spans);
    });

    it('calls `done` without a launch a memo hit', () => {
      const { spans } = fold([task('pending', 0, 0), task('done', 1, 0)]);
      const { attributes } = only(spans, { 'parsl.span': 'task' });
      assert.deepEqual([attributes['parsl.task_state'], attributes['parsl.tries']], ['memo_done', 0]);
    });

    it('calls the last try of a task that failed for good failed', () => {
      const { spans } = fold([task('launched', 1, 0), task('failed', 4, 1, failed("OSError('disk')"))]);
      const attempt = only(spans, of(0));
      assert.deepEqual([attempt.status.code, attempt.endTimeUnixNano], [2, nanos(4)]);
      assert.deepEqual(where(spans, of(1)), []);
    });

    it('takes the prose of a dependency failure for what it is', () => {
      const { spans } = fold([task('dep_fail', 1, 0, failed('Dependency failure for task 43 from: [None]'))]);
      assert.equal(only(spans, { 'parsl.span': 'task' }).attributes['error.type'], '_OTHER');
    });
  });

  describe('Parsl 1.2, whose workers tell only the start', () => {
    it('ends `running` with the return of the try, marked inferred', () => {
      const [pending, launched, running, , done] = parsl.whole(0, 0, 5);
      const { spans } = fold([pending, launched, running, done].filter((record) => record !== undefined));
      const span = only(spans, phase(0, 'running'));
      assert.deepEqual([span.endTimeUnixNano, span.attributes['parsl.inferred']], [nanos(4.95), 'end']);
      assert.deepEqual(where(spans, phase(0, 'returning')), []);
    });
  });

  describe('Parsl up to 2025', () => {
    it('tells starts and ends by first_msg and last_msg of RESOURCE_INFO', () => {
      const message = (flags: object) => ({
        run_id: 'a', task_id: 0, try_id: 0, hostname: 'n1', block_id: '0', timestamp: '2026-01-01T00:00:00.000000', ...flags,
      }); // prettier-ignore
      const [first, last, sample] = [
        { first_msg: true, last_msg: false },
        { first_msg: false, last_msg: true },
        { first_msg: false, last_msg: false, psutil_process_time_user: 1 },
      ].map((flags) => {
        const payload = Buffer.from(JSON.stringify({ tag: 'RESOURCE_INFO', payload: message(flags) }));
        return decodeFrames([{ channel: 14, time: 0, payload }], 'test').records[0];
      });
      assert.equal(first?.['parsl.task_state'], 'running');
      assert.equal(last?.['parsl.task_state'], 'running_ended');
      assert.equal(sample?.['parsl.task_state'], undefined);
    });

    it('tells a failed dependency twice, first without a reason', () => {
      const dependent = (more = {}) => parsl.task(1, 0, 'dep_fail', 1, { invoked: 0, ended: 1 }, more);
      const records = [dependent(), dependent(failed("DependencyError([(OSError('x'), 'task 0')], 1)"))];
      for (const order of [records, records.toReversed()]) {
        const { spans, logs } = fold(order);
        const span = only(spans, { 'parsl.span': 'task' });
        assert.equal(span.status.message, "DependencyError([(OSError('x'), 'task 0')], 1)");
        assert.equal(span.attributes['error.type'], 'DependencyError');
        assert.deepEqual(logs.map(({ body }) => body), ["task 1 dep_fail: DependencyError([(OSError('x'), 'task 0')], 1)"]); // prettier-ignore
      }
    });
  });

  describe('every state', () => {
    it('of a task that went through all of them leaves one log event each', () => {
      const first = { invoked: 0, launched: 1, returned: 4 };
      const second = { invoked: 0, launched: 6, returned: 9 };
      const { spans, logs } = fold([
        parsl.task(0, 0, 'unsched', 0, { invoked: 0 }),
        parsl.task(0, 0, 'pending', 0.5, { invoked: 0 }),
        parsl.task(0, 0, 'launched', 1, first),
        parsl.worker(0, 0, 'running', 2),
        parsl.worker(0, 0, 'running_ended', 3),
        parsl.task(0, 0, 'fail_retryable', 4, first, failed("OSError('disk')")),
        parsl.task(0, 1, 'pending', 5, { invoked: 0 }),
        parsl.task(0, 1, 'launched', 6, second),
        parsl.worker(0, 1, 'running', 7),
        parsl.worker(0, 1, 'running_ended', 8),
        parsl.task(0, 1, 'joining', 9, second, { 'parsl.joined_task': '1,2' }),
        parsl.task(0, 1, 'exec_done', 10, { ...second, ended: 10 }, { 'parsl.joined_task': '1,2' }),
        parsl.task(3, 0, 'failed', 11, { invoked: 10, ended: 11 }, failed("OSError('disk')")),
        parsl.task(4, 0, 'memo_done', 11, { invoked: 10, ended: 11 }),
        parsl.task(5, 0, 'dep_fail', 11, { invoked: 10, ended: 11 }),
      ]);
      assert.deepEqual(
        logs.map(({ attributes, severityText }) => `${String(attributes['parsl.task_state'])} ${severityText}`),
        ['unsched INFO', 'pending INFO', 'launched INFO', 'running INFO', 'running_ended INFO', 'fail_retryable WARN',
          'pending INFO', 'launched INFO', 'running INFO', 'running_ended INFO', 'joining INFO', 'exec_done INFO',
          'failed ERROR', 'memo_done INFO', 'dep_fail ERROR'],
      ); // prettier-ignore
      const tree = where(spans, { 'parsl.task': 0 }).map(({ name }) => name);
      assert.deepEqual(tree, [
        'simulate', 'pending', 'try 0', 'queued', 'running', 'returning', 'try 1', 'queued', 'running', 'returning', 'joining',
      ]); // prettier-ignore
    });

    it('that nobody has heard of yet is kept and shown', () => {
      const { spans, logs } = fold([parsl.task(0, 0, 'paused', 1, { invoked: 0 })]);
      assert.equal(only(spans, { 'parsl.span': 'task' }).attributes['parsl.task_state'], 'paused');
      assert.equal(logs[0]?.body, 'task 0 paused');
    });
  });

  describe('workers alone', () => {
    it('give a try its span, all that was not told being marked', () => {
      const { spans } = fold([parsl.worker(0, 0, 'running', 1), parsl.worker(0, 0, 'running_ended', 3)]);
      const attempt = only(spans, { 'parsl.span': 'try' });
      assert.deepEqual([attempt.startTimeUnixNano, attempt.endTimeUnixNano], [nanos(1), nanos(3)]);
      assert.equal(attempt.attributes['parsl.inferred'], 'start,end');
      assert.equal(only(spans, phase(0, 'running')).attributes['parsl.inferred'], undefined);
      const task = only(spans, { 'parsl.span': 'task' });
      assert.deepEqual([task.attributes['parsl.unfinished'], task.attributes['parsl.inferred']], [true, 'start,end']);
    });

    it('that tell nothing but resources leave no span: not one time is known', () => {
      const { spans } = fold([parsl.sample(0, 0, 2, 1, 100), parsl.sample(0, 0, 3, 2, 100)]);
      assert.deepEqual(where(spans, { 'parsl.task': 0 }), []);
    });
  });
});
