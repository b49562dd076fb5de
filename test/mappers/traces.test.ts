import assert from 'node:assert/strict';

import { phaseSpanId, runId, taskId, trySpanId } from '../../bridge/core/ids.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { SpanKind } from '../../bridge/core/signal.ts';
import { taskNumbers } from '../../bridge/mappers/traces.ts';
import { fold, only, where } from '../helpers/engine.ts';
import { nanos, parsl, RUN } from '../helpers/records.ts';

const times = { invoked: 0, launched: 1, returned: 8, ended: 9 };
const launched = parsl.task(0, 0, 'launched', 1.5, { invoked: 0, launched: 1 });
const done = parsl.task(0, 0, 'exec_done', 9, times);
const running = parsl.worker(0, 0, 'running', 2);
const ended = parsl.worker(0, 0, 'running_ended', 7);

const phases = (records: readonly WideRecord[]) =>
  where(fold(records).spans, { 'parsl.span': 'phase' }).map(
    ({ name, startTimeUnixNano: start, endTimeUnixNano: end, attributes }) =>
      `${name} ${Number(start - nanos(0)) / 1e9}-${Number(end - nanos(0)) / 1e9}${
        attributes['parsl.inferred'] === undefined ? '' : ` ${String(attributes['parsl.inferred'])}`
      }`,
  );

describe('mappers/traces', () => {
  describe('a task and its try', () => {
    const { spans } = fold([
      parsl.begin(0),
      parsl.block('htex', '0', 'RUNNING', 0),
      parsl.manager('8f8b', 0),
      launched,
      running,
      ended,
      done,
    ]);
    const task = only(spans, { 'parsl.span': 'task' });
    const attempt = only(spans, { 'parsl.span': 'try' });

    it('have the ids of the recipe, the try below the task and phases below the try', () => {
      assert.deepEqual({ traceId: task.traceId, spanId: task.spanId }, taskId(RUN, 0));
      assert.deepEqual([attempt.spanId, attempt.parentSpanId], [trySpanId(RUN, 0, 0), task.spanId]);
      for (const name of ['queued', 'running', 'returning']) {
        const span = only(spans, { 'parsl.phase': name });
        assert.deepEqual([span.spanId, span.parentSpanId], [phaseSpanId(RUN, 0, 0, name), attempt.spanId]);
      }
      const pending = only(spans, { 'parsl.phase': 'pending' });
      assert.deepEqual(
        [pending.spanId, pending.parentSpanId],
        [phaseSpanId(RUN, 0, undefined, 'pending'), task.spanId],
      );
      assert.ok(where(spans, { 'parsl.task': 0 }).every(({ traceId }) => traceId === task.traceId));
    });

    it('are named after the app and the number, a try produces and its running consumes', () => {
      assert.deepEqual([task.name, task.kind], ['simulate', SpanKind.INTERNAL]);
      assert.deepEqual([attempt.name, attempt.kind], ['try 0', SpanKind.PRODUCER]);
      assert.equal(only(spans, { 'parsl.phase': 'running' }).kind, SpanKind.CONSUMER);
      assert.equal(only(spans, { 'parsl.phase': 'queued' }).kind, SpanKind.INTERNAL);
    });

    it('say what they are about', () => {
      assert.deepEqual(attempt.attributes, {
        'parsl.span': 'try',
        'parsl.dfk': RUN,
        'parsl.task': 0,
        'parsl.app_name': 'simulate',
        'parsl.try': 0,
        'parsl.executor': 'htex',
        'parsl.block': '0',
        'parsl.manager': '8f8b',
        'parsl.task_state': 'exec_done',
      });
      assert.deepEqual(task.attributes, {
        'parsl.span': 'task',
        'parsl.dfk': RUN,
        'parsl.task': 0,
        'parsl.app_name': 'simulate',
        'parsl.executor': 'htex',
        'parsl.task_state': 'exec_done',
        'parsl.tries': 1,
      });
    });

    it('belong to the submit side, and what ran on the worker to its manager', () => {
      const worker = only(spans, { 'parsl.phase': 'running' }).resource.attributes;
      assert.deepEqual(
        [worker['service.name'], worker['service.instance.id'], worker['host.name']],
        ['study.htex', '8f8b', 'node1'],
      );
      for (const span of [task, attempt, only(spans, { 'parsl.phase': 'queued' })])
        assert.equal(span.resource.attributes['service.name'], 'study');
    });
  });

  describe('times', () => {
    it('are those of the messages’ own fields, not of the statuses', () => {
      assert.deepEqual(phases([launched, running, ended, done]), [
        'pending 0-1',
        'queued 1-2',
        'running 2-7',
        'returning 7-8',
      ]);
    });

    it('are those of the statuses where the fields are empty', () => {
      const bare = [parsl.task(0, 0, 'pending', 0), parsl.task(0, 0, 'launched', 1), parsl.task(0, 0, 'exec_done', 9)];
      const { spans } = fold(bare);
      const [task, attempt] = [only(spans, { 'parsl.span': 'task' }), only(spans, { 'parsl.span': 'try' })];
      assert.deepEqual([task.startTimeUnixNano, task.endTimeUnixNano], [nanos(0), nanos(9)]);
      assert.deepEqual([attempt.startTimeUnixNano, attempt.endTimeUnixNano], [nanos(1), nanos(9)]);
      assert.equal(attempt.attributes['parsl.inferred'], undefined);
    });

    it('may show a worker’s start before the `launched` status: lanes race', () => {
      const late = parsl.task(0, 0, 'launched', 3, { invoked: 0, launched: 1 });
      assert.deepEqual(phases([late, running, ended, done])[1], 'queued 1-2');
    });
  });

  describe('a phase', () => {
    it('takes a bound that nobody told from its try, and says so', () => {
      assert.deepEqual(phases([launched, running, done]), ['pending 0-1', 'queued 1-2', 'running 2-8 end']);
      assert.deepEqual(phases([launched, ended, done]), ['pending 0-1', 'running 1-7 start', 'returning 7-8']);
    });

    it('that nobody told of is left out', () => {
      assert.deepEqual(phases([launched, done]), ['pending 0-1']);
    });

    it('that would end before it began, by clocks that disagree, is left out and counted', () => {
      const { counts } = fold([launched, parsl.worker(0, 0, 'running', 0.5), ended, done]);
      assert.equal(counts.negativePhases, 1);
      const skewed = [launched, parsl.worker(0, 0, 'running', 0.5), ended, done];
      assert.deepEqual(phases(skewed), ['pending 0-1', 'running 0.5-7', 'returning 7-8']);
      assert.equal(fold([launched, running, parsl.worker(0, 0, 'running_ended', 30), done]).counts.negativePhases, 1);
    });

    it('of a join is joining, from the return of its function to the end of its task', () => {
      const join = parsl.task(
        0,
        0,
        'joining',
        4,
        { invoked: 0, launched: 1, returned: 3 },
        { 'parsl.joined_task': '1' },
      );
      const end = parsl.task(0, 0, 'exec_done', 9, { ...times, returned: 3 }, { 'parsl.joined_task': '1' });
      const early = parsl.worker(0, 0, 'running_ended', 2.5);
      assert.deepEqual(phases([launched, running, early, join, end]), [
        'pending 0-1', 'queued 1-2', 'running 2-2.5', 'returning 2.5-3', 'joining 3-9',
      ]); // prettier-ignore
    });
  });

  describe('a task that never ended', () => {
    it('ends with the last word about it, marked, and has no error', () => {
      const span = only(fold([launched, running, parsl.sample(0, 0, 90, 1, 1)]).spans, { 'parsl.span': 'task' });
      assert.deepEqual(
        [span.endTimeUnixNano, span.attributes['parsl.inferred'], span.status.code],
        [nanos(2), 'end', 0],
      );
      assert.equal(span.attributes['parsl.unfinished'], true);
      assert.equal(span.attributes['parsl.task_state'], 'launched');
    });
  });

  describe('links', () => {
    const linksOf = (more: WideRecord) =>
      only(fold([parsl.task(5, 0, 'exec_done', 9, { ended: 9 }, more)]).spans, { 'parsl.span': 'task' }).links;

    it('lead to the run, the dependencies and the joined tasks, by number', () => {
      const links = linksOf({ 'parsl.dependency_task': '11,2', 'parsl.joined_task': '6' });
      assert.deepEqual(links, [
        { ...runId(RUN), attributes: { 'parsl.link': 'run' } },
        { ...taskId(RUN, 2), attributes: { 'parsl.link': 'dependency', 'parsl.task': 2 } },
        { ...taskId(RUN, 11), attributes: { 'parsl.link': 'dependency', 'parsl.task': 11 } },
        { ...taskId(RUN, 6), attributes: { 'parsl.link': 'joined', 'parsl.task': 6 } },
      ]);
    });

    it('are at most 64; the attribute has the whole list', () => {
      const all = Array.from({ length: 500 }, (_, id) => id + 6).join(',');
      const { spans } = fold([parsl.task(5, 0, 'exec_done', 9, { ended: 9 }, { 'parsl.dependency_task': all })]);
      assert.equal(spans[0]?.links.length, 64);
      assert.equal(spans[0].attributes['parsl.dependency_task'], all);
    });

    it('lead a memo hit to the first task with its hash, though that has a larger number', () => {
      const hash = { 'parsl.task_hashsum': 'abc' };
      const { spans } = fold([
        parsl.task(1, 0, 'memo_done', 5, { ended: 5 }, hash),
        parsl.task(7, 0, 'exec_done', 4, { ended: 4 }, hash),
        parsl.task(2, 0, 'exec_done', 3, { ended: 3 }, hash),
        parsl.task(3, 0, 'memo_done', 6, { ended: 6 }, { 'parsl.task_hashsum': 'from a checkpoint' }),
      ]);
      const sources = [1, 3].map((task) => only(spans, { 'parsl.task': task, 'parsl.span': 'task' }).links.slice(1));
      assert.deepEqual(sources, [
        [{ ...taskId(RUN, 2), attributes: { 'parsl.link': 'memo_source', 'parsl.task': 2 } }],
        [],
      ]);
    });

    it('lead a memo hit to the smaller number of two that ended at one time', () => {
      const task = (id: number, state: string) =>
        parsl.task(id, 0, state, 5, { ended: 5 }, { 'parsl.task_hashsum': 'abc' });
      for (const order of [
        [2, 7],
        [7, 2],
      ]) {
        const { spans } = fold([...order.map((id) => task(id, 'exec_done')), task(9, 'memo_done')]);
        assert.equal(only(spans, { 'parsl.task': 9, 'parsl.span': 'task' }).links[1]?.attributes['parsl.task'], 2);
      }
    });

    it('are read from any comma list', () => {
      assert.deepEqual([undefined, '', '3', '10, 2,x,', 'None'].map(taskNumbers), [[], [], [3], [2, 10], []]);
    });
  });

  describe('the place of a try', () => {
    it('is what its start message says: later ones may come from elsewhere or not know the block', () => {
      const elsewhere = { 'host.name': 'login', 'parsl.block': '9' };
      const records = [
        launched,
        running,
        parsl.worker(0, 0, 'running_ended', 7, elsewhere),
        parsl.sample(0, 0, 8, 1, 1, elsewhere),
        done,
      ];
      for (const order of [records, records.toReversed()]) {
        const { attributes, resource } = only(fold(order).spans, { 'parsl.phase': 'running' });
        assert.deepEqual([attributes['parsl.block'], resource.attributes['host.name']], ['0', 'node1']);
      }
    });
  });

  describe('the manager of a try', () => {
    const at0 = { 'parsl.block': '0', 'host.name': 'node1' };
    const managerOf = (records: readonly WideRecord[]) =>
      only(fold([launched, running, done, ...records]).spans, { 'parsl.span': 'try' }).attributes['parsl.manager'];

    it('is the last one registered on its block and host before it ran', () => {
      const block = parsl.block('htex', '0', 'RUNNING', 0);
      assert.equal(
        managerOf([block, parsl.manager('a', 0.5, at0), parsl.manager('b', 1.5, at0), parsl.manager('c', 3, at0)]),
        'b',
      );
      assert.equal(managerOf([block, parsl.manager('a', 0.5, { ...at0, 'host.name': 'node2' })]), undefined);
      assert.equal(managerOf([block, parsl.manager('a', 0.5, { ...at0, 'parsl.block': '1' })]), undefined);
    });

    it('is unknown where two executors have a block of that number', () => {
      const blocks = [parsl.block('htex', '0', 'RUNNING', 0), parsl.block('gpu', '0', 'RUNNING', 0)];
      assert.equal(managerOf([...blocks, parsl.manager('a', 0.5, at0)]), undefined);
    });
  });

  describe('what a try used', () => {
    const used = (samples: readonly WideRecord[]) => {
      const { attributes } = only(fold([launched, running, ended, done, ...samples]).spans, {
        'parsl.phase': 'running',
      });
      return ['cpu_time', 'memory_peak', 'read_bytes', 'write_bytes'].map((name) => attributes[`parsl.usage.${name}`]);
    };
    const io = (read: number, write: number) => ({ psutil_process_disk_read: read, psutil_process_disk_write: write });

    it('is what was added between its first sample and its last: psutil counts the worker’s whole life', () => {
      const samples = [
        parsl.sample(0, 0, 3, 100.25, 70, io(1_000, 10)),
        parsl.sample(0, 0, 5, 101, 90, io(1_500, 10)),
        parsl.sample(0, 0, 4, 100.5, 80, io(1_200, 10)),
      ];
      assert.deepEqual(used(samples), [0.75, 90, 500, 0]);
      assert.deepEqual(used([...samples, ...samples].toReversed()), [0.75, 90, 500, 0]);
    });

    it('is unknown from one sample, but for its memory', () => {
      const sample = parsl.sample(0, 0, 3, 100.25, 70, io(1_000, 10));
      assert.deepEqual(used([sample, sample]), [undefined, 70, undefined, undefined]);
    });

    it('is unknown without samples', () => {
      assert.deepEqual(used([]), [undefined, undefined, undefined, undefined]);
    });
  });
});
