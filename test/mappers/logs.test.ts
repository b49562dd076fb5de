import assert from 'node:assert/strict';

import { taskId, trySpanId } from '../../bridge/core/ids.ts';
import type { LogRecord } from '../../bridge/core/signal.ts';
import { fixedZone } from '../../bridge/core/time.ts';
import { isLog, logLine } from '../../bridge/mappers/logs.ts';
import { fold, LiveEngine } from '../helpers/engine.ts';
import { at, nanos, parsl, RUN } from '../helpers/records.ts';

const resource = { attributes: {} };

const utc = fixedZone(0, 'config');

describe('mappers/logs', () => {
  describe('an event of a state', () => {
    const failed = parsl.task(3, 1, 'fail_retryable', 5, {}, { 'parsl.task_fail_history': "OSError('disk')" });
    const event = (record = failed) => fold([record]).logs[0];

    it('says which task and try entered which state, and why it failed', () => {
      assert.equal(event()?.body, "task 3 fail_retryable: OSError('disk')");
      assert.equal(event()?.eventName, 'parsl.task.state');
      assert.deepEqual(event()?.attributes, {
        'event.name': 'parsl.task.state',
        'parsl.dfk': RUN,
        'parsl.task': 3,
        'parsl.try': 1,
        'parsl.task_state': 'fail_retryable',
        'parsl.app_name': 'simulate',
        'parsl.executor': 'htex',
        'error.type': 'OSError',
      });
    });

    it('has the time of the state for both of its times: nothing of the bridge is told', () => {
      assert.deepEqual([event()?.timeUnixNano, event()?.observedTimeUnixNano], [nanos(5), nanos(5)]);
    });

    it('is an error where the task failed, a warning where it will be tried again', () => {
      const severities = ['pending', 'fail_retryable', 'failed', 'dep_fail'].map(
        (state) => event(parsl.task(0, 0, state, 1))?.severityText,
      );
      assert.deepEqual(severities, ['INFO', 'WARN', 'ERROR', 'ERROR']);
    });

    it('belongs to the try’s span where the state is the try’s, else to the task’s, live and at the end', () => {
      const records = [
        parsl.task(0, 0, 'pending', 0),
        ...parsl.whole(0, 0, 5).slice(1),
        parsl.task(1, 0, 'memo_done', 1),
        parsl.task(2, 0, 'dep_fail', 1),
      ];
      const spanIds = (logs: readonly LogRecord[]): Record<string, string> =>
        Object.fromEntries(logs.map(({ attributes, spanId }) => [String(attributes['parsl.task_state']), spanId]));
      const [task, attempt] = [taskId(RUN, 0).spanId, trySpanId(RUN, 0, 0)];
      const expected = {
        pending: task, launched: attempt, running: attempt, running_ended: attempt, exec_done: attempt,
        memo_done: taskId(RUN, 1).spanId, dep_fail: taskId(RUN, 2).spanId,
      }; // prettier-ignore
      assert.deepEqual(spanIds(fold(records).logs), expected);
      assert.deepEqual(spanIds(new LiveEngine().apply(records).logs), expected);
    });

    it('of a worker says where it was', () => {
      const log = event(parsl.worker(0, 0, 'running', 1));
      assert.deepEqual([log?.attributes['host.name'], log?.attributes['parsl.block']], ['node1', '0']);
    });
  });

  describe('a line of text', () => {
    it('keeps every key but those that became fields, naive times as ISO text', () => {
      const log = logLine(
        {
          message: 'hi',
          level: 'WARN',
          time: 5n,
          'source.receiver': 'x',
          'source.arrival': 1,
          'parsl.timestamp': at(0),
          n: 1,
          none: null,
        },
        utc,
        resource,
      );
      assert.deepEqual(log?.attributes, { 'parsl.timestamp': '2026-01-02T03:04:05.000000', n: 1 });
      assert.deepEqual([log.body, log.severityText, log.severityNumber, log.timeUnixNano], ['hi', 'WARN', 13, 5n]);
    });

    it('without a time of its own has none, and a naive one is read in its run’s zone', () => {
      assert.equal(logLine({ message: 'hi' }, utc, resource)?.timeUnixNano, 0n);
      const zone = fixedZone(3_600_000_000, 'config');
      assert.equal(logLine({ message: 'hi', 'parsl.timestamp': at(3_600) }, zone, resource)?.timeUnixNano, nanos(0));
    });

    it('of a level that nobody knows keeps its word', () => {
      const log = logLine({ message: 'hi', level: 'LOUD' }, utc, resource);
      assert.deepEqual([log?.severityText, log?.severityNumber], ['LOUD', 0]);
    });

    it('is none without text', () => {
      assert.equal(logLine({ 'parsl.dfk': RUN, message: '' }, utc, resource), undefined);
      assert.equal(logLine({ 'parsl.dfk': RUN }, utc, resource), undefined);
    });

    it('of a kind that nobody knows has what it says as attributes, also where it has no text', () => {
      const log = logLine({ nr: 3, 'source.format': 'json', time: 5n }, utc, resource);
      assert.deepEqual([log?.body, log?.attributes], ['', { nr: 3, 'source.format': 'json' }]);
      const kinds = [{ nr: 3 }, { message: 'hi' }, { 'parsl.message_type': 'TASK_INFO' }, { metric: 'm', value: 1 }];
      assert.deepEqual(kinds.map((record) => isLog({ ...record, 'source.format': 'otlp' })), [true, true, false, false]); // prettier-ignore
      assert.equal(isLog({ nr: 3, 'source.format': 'monitoring_db' }), false);
      assert.equal(isLog({ 'parsl.dfk': RUN, 'parsl.utc_offset': 3600, 'source.format': 'json' }), false);
    });

    it('with a traceback says which exception ended it, by OpenTelemetry’s names', () => {
      const traceback = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 3';
      const log = logLine({ message: `Task 3 failed\n${traceback}` }, utc, resource);
      assert.deepEqual(log?.attributes, {
        'exception.type': 'KeyError',
        'exception.message': '3',
        'exception.stacktrace': traceback,
      });
      assert.deepEqual(logLine({ message: 'ValueError: 3' }, utc, resource)?.attributes, {});
    });
  });
});
