import assert from 'node:assert/strict';

import { runId, taskId, trySpanId } from '../bridge/core/ids.ts';
import type { WideRecord } from '../bridge/core/record.ts';
import { Engine } from '../bridge/engine.ts';
import { asText, fold, LiveEngine, pointValue } from './helpers/engine.ts';
import { at, nanos, parsl, RUN, runOf } from './helpers/records.ts';

const other = runOf('00000000-0000-4000-8000-000000000000');
const line = (seconds: number | undefined, message: string, more: WideRecord = {}): WideRecord => ({
  'parsl.dfk': RUN,
  ...(seconds === undefined ? {} : { time: nanos(seconds) }),
  message,
  ...more,
});

describe('engine', () => {
  describe('at the end', () => {
    const records = [
      parsl.begin(0),
      ...parsl.whole(1, 2, 6),
      ...parsl.whole(0, 1, 5),
      ...other.whole(0, 1, 5),
      parsl.end(9),
    ];

    it('gives spans by run, task and try, each task before its phases and tries, runs after their tasks', () => {
      const { spans } = fold(records);
      const ids = [...new Set(spans.map(({ attributes }) => String(attributes['parsl.dfk']).slice(-1)))];
      assert.deepEqual(ids, ['0', '1']);
      const task = ['simulate', 'pending', 'try 0', 'queued', 'running', 'returning'];
      assert.deepEqual(spans.map(({ name }) => name), [...task, 'run', 'htex', ...task, ...task, 'study', 'htex']); // prettier-ignore
    });

    it('hands on output in pieces while it finishes, in the same order', () => {
      const many = Array.from({ length: 400 }, (_, task) => parsl.whole(task, task, task + 3)).flat();
      const pieces: string[] = [];
      const engine = new Engine({ closing: 'end', onOutput: ({ spans }) => pieces.push(...spans.map(asText)) });
      engine.apply(many, 0);
      const rest = engine.finish().spans.map(asText);
      assert.ok(pieces.length >= 1_000 && rest.length > 0);
      assert.deepEqual([...pieces, ...rest], fold(many).spans.map(asText));
    });

    it('tells a task’s states in the order of their times', () => {
      const { logs } = fold(parsl.whole(0, 0, 5).toReversed());
      const states = logs.map(({ attributes }) => attributes['parsl.task_state']);
      assert.deepEqual(states, ['pending', 'launched', 'running', 'running_ended', 'exec_done']);
    });

    it('gives its metrics the time of the run’s end', () => {
      const { metrics } = fold(records);
      const active = metrics.find(
        ({ name, points }) => name === 'parsl.run.active' && points[0]?.attributes['run'] === RUN,
      );
      assert.equal(active?.points[0]?.timeUnixNano, nanos(9));
      assert.equal(active.points[0].startTimeUnixNano, nanos(0));
    });
  });

  describe('records with text', () => {
    it('become log lines with the ids of the try, the task or nothing', () => {
      const { logs } = fold([
        line(1, 'of a try', { 'parsl.task': 3, 'parsl.try': 0 }),
        line(2, 'of a task', { 'parsl.task': 3 }),
        line(3, 'of a run'),
        { message: 'of nobody', time: nanos(4) },
      ]);
      const ids = new Map(logs.map(({ body, traceId, spanId }) => [body, { traceId, spanId }]));
      const task = taskId(RUN, 3);
      assert.deepEqual(ids.get('of a try'), { traceId: task.traceId, spanId: trySpanId(RUN, 3, 0) });
      assert.deepEqual(ids.get('of a task'), task);
      assert.deepEqual(ids.get('of a run'), { traceId: '', spanId: '' });
      assert.deepEqual(ids.get('of nobody'), { traceId: '', spanId: '' });
    });

    it('leave at once from a live engine', () => {
      const live = new LiveEngine().apply([line(1, 'hello')], at(1));
      assert.deepEqual(live.logs.map(({ body }) => body), ['hello']); // prettier-ignore
    });

    it('are told once, sorted, however often and in whatever order they come', () => {
      const lines = [
        line(2, 'b'),
        line(1, 'c'),
        line(1, 'a'),
        line(1, 'a', { level: 'INFO' }),
        line(1, 'a', { level: 'WARN' }),
      ];
      const expected = fold(lines).logs.map(({ body, severityText }) => `${body} ${severityText}`);
      assert.deepEqual(expected, ['a ', 'a INFO', 'a WARN', 'c ', 'b ']);
      const again = fold([...lines, ...lines].toReversed()).logs.map(
        ({ body, severityText }) => `${body} ${severityText}`,
      );
      assert.deepEqual(again, expected);
    });

    it('have the name and the zone of their run, though it is told after them', () => {
      const early = { 'parsl.dfk': RUN, 'parsl.timestamp': at(3_600), message: 'early' };
      const begin = parsl.begin(3_600, { 'source.arrival': at(0) });
      for (const order of [
        [early, begin],
        [begin, early],
      ]) {
        const [log] = fold(order).logs;
        assert.equal(log?.timeUnixNano, nanos(0));
        assert.equal(log.resource.attributes['service.name'], 'study');
      }
    });

    it('keep all their keys, and no task is opened by a run’s line', () => {
      const { logs, engine } = fold([
        line(1, 'hello', { level: 'ERROR', 'my key': 7, 'source.path': 'parsl.log', none: null }),
      ]);
      assert.deepEqual(logs[0]?.attributes, { 'parsl.dfk': RUN, 'my key': 7, 'source.path': 'parsl.log' });
      assert.deepEqual([logs[0].severityNumber, logs[0].severityText], [17, 'ERROR']);
      assert.equal(engine.openTasks, 0);
    });
  });

  describe('records with a metric', () => {
    const metric = (seconds: number, value: number): WideRecord => ({
      metric: 'queue.length',
      value,
      time: nanos(seconds),
    });

    it('become a gauge, of which the newest value counts', () => {
      for (const order of [
        [metric(1, 5), metric(2, 3)],
        [metric(2, 3), metric(1, 5)],
      ])
        assert.equal(pointValue(fold(order).metrics, 'queue.length'), 3);
    });

    it('take the only number that is no key of Parsl’s for their value', () => {
      const { metrics } = fold([{ 'parsl.dfk': RUN, 'parsl.task': 4, metric: 'm', length: 9, unit: 'tasks' }]);
      assert.equal(pointValue(metrics, 'm', { run: RUN }), 9);
    });

    it('of the observability branch, where every value is text, take the only text that is a number', () => {
      const told = { metric: 'pending_task_queue_length', queued_tasks: '7', 'log.logger': 'x', 'process.pid': 3 };
      assert.equal(pointValue(fold([told]).metrics, 'pending_task_queue_length'), 7);
      assert.equal(fold([{ metric: 'managers_count', interesting: '1', ready: '2' }]).counts.metricsWithoutValue, 1);
    });

    it('of a naive time stand where their run’s clock says', () => {
      const told = { metric: 'm', value: 1, message: 'said', 'parsl.dfk': RUN, 'parsl.timestamp': at(3600) };
      const { metrics } = fold([{ ...parsl.begin(0), 'parsl.utc_offset': 3600 }, told]);
      const [point] = metrics.find(({ name }) => name === 'm')?.points ?? [];
      assert.equal(point?.timeUnixNano, nanos(0));
    });

    it('without a value, or with two, are counted', () => {
      const { counts, metrics } = fold([{ metric: 'm' }, { metric: 'm', a: 1, b: 2 }, { metric: 'm', value: 'x' }]);
      assert.equal(counts.metricsWithoutValue, 3);
      assert.equal(pointValue(metrics, 'm'), undefined);
    });
  });

  it('counts records that name no run', () => {
    const { counts, spans } = fold([{ 'parsl.task': 1, 'parsl.task_state': 'pending', 'parsl.timestamp': at(1) }]);
    assert.deepEqual([counts.unattributed, spans], [1, []]);
  });

  it('tells when runs open and close', () => {
    const told: string[] = [];
    const live = new LiveEngine({
      onRunOpened: (id) => told.push(`+${id.slice(-1)}`),
      onRunClosed: (id) => told.push(`-${id.slice(-1)}`),
    });
    live
      .apply([parsl.begin(0), other.begin(0), parsl.end(1), parsl.end(1)])
      .tick(at(60))
      .finish();
    assert.deepEqual(told, ['+1', '+0', '-1', '-0']);
  });

  it('gives rows of what changed since the last call, and samples once', () => {
    const live = new LiveEngine().apply([
      parsl.begin(0),
      ...parsl.whole(0, 1, 5),
      parsl.sample(0, 0, 3, 2, 100),
      parsl.manager('m', 1),
    ]);
    const rows = live.engine.takeRows();
    assert.deepEqual([rows.runs, rows.tasks, rows.tries, rows.managers, rows.samples].map(({ length }) => length), [1, 1, 1, 1, 1]); // prettier-ignore
    assert.ok(Object.values(live.engine.takeRows()).every((list: readonly unknown[]) => list.length === 0));
    live.tick(at(60));
    const [task] = live.engine.takeRows().tasks;
    assert.deepEqual([task?.task, task?.closed, task?.trace_id], [0, true, taskId(RUN, 0).traceId]);
  });

  it('puts all of a run under the id that the recipe gives it', () => {
    const { spans } = fold([parsl.begin(0), parsl.end(1)]);
    assert.deepEqual(spans.map(({ traceId, spanId }) => ({ traceId, spanId })), [runId(RUN)]); // prettier-ignore
  });
});
