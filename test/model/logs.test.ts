/** What log lines add to the model, alone and beside monitoring messages. */
import assert from 'node:assert/strict';

import type { Value, WideRecord } from '../../bridge/core/record.ts';
import type { Span } from '../../bridge/core/signal.ts';
import { batched, bytesOf, fold, LiveEngine, only, recorded, seeded, shuffled, where } from '../helpers/engine.ts';
import { at, nanos, parsl, RUN } from '../helpers/records.ts';
import { unpacked } from '../helpers/run_dirs.ts';
import { widened } from '../helpers/widened.ts';

/** A line about a try, as the operators give it. */
function line(seconds: number, task: number, attempt: number | undefined, more: Record<string, Value>): WideRecord {
  const about = attempt === undefined ? {} : { 'parsl.try': attempt };
  return { 'parsl.dfk': RUN, time: nanos(seconds), message: 'said', 'parsl.task': task, ...about, ...more };
}

const state = (seconds: number, name: string, attempt: number | undefined = 0, more: Record<string, Value> = {}) =>
  line(seconds, 1, attempt, { 'parsl.task_state': name, ...more });

/** The lines of one try that went well. */
const lines = [
  state(1, 'pending', undefined, { 'parsl.app_name': 'simulate' }),
  state(2.001, 'launched', undefined),
  state(2.002, 'launched', 0, { 'parsl.executor': 'htex', 'parsl.executor_task': 7 }),
  state(3, 'running', 0, { 'source.log': 'worker', 'parsl.manager': 'aaaa', 'parsl.block': '4', 'parsl.worker': 2 }),
  state(8, 'running_ended', 0, { 'source.log': 'worker', 'parsl.manager': 'aaaa' }),
  state(9, 'exec_done', 0),
];
const messages = [
  parsl.task(1, 0, 'pending', 1.1, { invoked: 0.9 }),
  parsl.task(1, 0, 'launched', 2.2, { invoked: 0.9, launched: 2.1 }),
  parsl.worker(1, 0, 'running', 3.1),
  parsl.worker(1, 0, 'running_ended', 7.9),
  parsl.task(1, 0, 'exec_done', 9.1, { invoked: 0.9, launched: 2.1, returned: 8.9, ended: 9.05 }),
];

const bounds = ({ name, startTimeUnixNano, endTimeUnixNano }: Span) => [name, startTimeUnixNano, endTimeUnixNano];
const ofTask = (spans: readonly Span[]) => where(spans, { 'parsl.task': 1 });
const events = (logs: readonly { eventName: string; attributes: Record<string, unknown> }[]) =>
  logs.filter(({ eventName }) => eventName === 'parsl.task.state').map(({ attributes }) => attributes['parsl.task_state']); // prettier-ignore

describe('model: logs', () => {
  it('a run that only logs tell of has its task, its try and its phases', () => {
    const { spans, engine } = fold(lines, { hasRows: true });
    assert.deepEqual(ofTask(spans).map(bounds), [
      ['simulate', nanos(1), nanos(9)],
      ['pending', nanos(1), nanos(2.001)],
      ['try 0', nanos(2.001), nanos(9)],
      ['queued', nanos(2.001), nanos(3)],
      ['running', nanos(3), nanos(8)],
      ['returning', nanos(8), nanos(9)],
    ]);
    const { attributes } = only(spans, { 'parsl.span': 'try' });
    assert.deepEqual(
      ['parsl.executor', 'parsl.executor_task', 'parsl.block', 'parsl.manager', 'parsl.worker'].map((key) => attributes[key]), // prettier-ignore
      ['htex', 7, '4', 'aaaa', 2],
    );
    const [task] = engine.takeRows().tasks;
    assert.deepEqual([task?.state, task?.app, task?.manager, task?.launched], ['exec_done', 'simulate', 'aaaa', at(2.001)]); // prettier-ignore
    assert.deepEqual([task?.invoked, task?.returned], [at(1), at(9)]);
  });

  it('what messages tell counts, what they do not tell comes from the logs', () => {
    const both = fold([...lines, ...messages]).spans;
    assert.deepEqual(ofTask(both).map(bounds), ofTask(fold(messages).spans).map(bounds));
    assert.equal(only(both, { 'parsl.span': 'try' }).attributes['parsl.block'], '0');
    assert.equal(only(both, { 'parsl.span': 'try' }).attributes['parsl.manager'], 'aaaa');
    const lost = messages.filter((record) => record['parsl.task_state'] !== 'running_ended');
    assert.equal(only(fold([...lines, ...lost]).spans, { 'parsl.phase': 'running' }).endTimeUnixNano, nanos(8));
  });

  it('the end of a task that no message told comes from the logs', () => {
    const { spans } = fold([...lines, ...messages.slice(0, -1)]);
    const { attributes, endTimeUnixNano } = only(spans, { 'parsl.span': 'task' });
    assert.deepEqual([attributes['parsl.task_state'], attributes['parsl.unfinished'], endTimeUnixNano], ['exec_done', undefined, nanos(9)]); // prettier-ignore
  });

  it('a state is told once: by its message, or when its task closes by the line that alone told it', () => {
    const all = ['pending', 'launched', 'running', 'running_ended', 'exec_done'];
    assert.deepEqual(events(fold(lines).logs), all);
    assert.deepEqual(events(fold([...lines, ...messages]).logs), all);
    const live = new LiveEngine().apply(lines, at(9));
    assert.deepEqual(events(live.logs), []);
    live.apply(messages.slice(0, 2), at(9.1)).finish();
    assert.deepEqual(events(live.logs), ['pending', 'launched', 'running', 'running_ended', 'exec_done']);
    const [attempt] = fold([...lines, ...messages], { hasRows: true }).engine.takeRows().tries;
    assert.equal((JSON.parse(attempt!.states) as unknown[]).length, 5);
  });

  it('no line holds a span back, and a line that comes late is no late record', () => {
    const live = new LiveEngine({ settleUs: 1e6, lingerUs: 30e6 }).apply([...lines.slice(0, 3), ...messages], at(9.1));
    live.tick(at(10.2));
    assert.ok(live.names().includes('simulate'));
    const spans = live.spans.length;
    live.apply(lines, at(11)).tick(at(99)).finish();
    assert.deepEqual([where(live.spans.slice(spans), { 'parsl.task': 1 }).length, live.engine.counts.late], [0, 0]);
    const late = live.logs.filter(({ body }) => body === 'said');
    assert.ok(late.length > lines.length && late.every(({ traceId, spanId }) => traceId !== '' && spanId !== ''));
  });

  it('a line that only names a task opens none', () => {
    const live = new LiveEngine().apply([line(1, 3, undefined, {}), line(1, 3, 0, {})], at(1));
    assert.deepEqual([live.engine.openTasks, live.engine.takeRows().runs.length], [0, 1]);
  });

  it('what a try asked for and what its executor calls it stand on its span, a bounded number of them', () => {
    const asked = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`parsl.resource_specification.${String(n).padStart(2, '0')}`, n]),
    );
    const told = line(2, 1, 0, { 'workqueue.task': 12, ...asked });
    const { attributes } = only(fold([...lines, told]).spans, { 'parsl.span': 'try' });
    assert.equal(attributes['workqueue.task'], undefined, 'the first by name stay');
    assert.equal(attributes['parsl.resource_specification.07'], 7);
    assert.equal(only(fold([...lines, line(2, 1, 0, { 'workqueue.task': 12 })]).spans, { 'parsl.span': 'try' }).attributes['workqueue.task'], 12); // prettier-ignore
  });

  it('why a try failed is what its message says, else what a line does', () => {
    const failed = [...lines.slice(0, 5), state(9, 'failed')];
    const because = line(8.9, 1, 0, { 'error.type': 'ValueError' });
    const traceback = line(8.9, 1, 0, { 'source.log': 'parsl', message: 'x\nTraceback (most recent call last):\n  f\nOSError: disk' }); // prettier-ignore
    const why = (records: readonly WideRecord[]) => {
      const { spans, logs, engine } = fold(records, { hasRows: true });
      const [attempt] = engine.takeRows().tries;
      const event = logs.find(({ attributes }) => attributes['parsl.task_state'] === 'failed' && attributes['event.name'] !== undefined); // prettier-ignore
      const [task, tried] = ['task', 'try'].map((kind) => only(spans, { 'parsl.span': kind }));
      return [task?.status.message, tried?.attributes['error.type'], event?.attributes['error.type'], attempt?.fail_history]; // prettier-ignore
    };
    assert.deepEqual(why([...failed, because]), ['ValueError', 'ValueError', 'ValueError', 'ValueError']);
    assert.deepEqual(why([...failed, traceback, because]), ['OSError: disk', 'OSError', 'OSError', 'OSError: disk']);
    const message = parsl.task(1, 0, 'failed', 9, {}, { 'parsl.task_fail_history': "KeyError('x')" });
    assert.deepEqual(why([...failed, traceback, message]), ["KeyError('x')", 'KeyError', 'KeyError', "KeyError('x')"]);
    assert.deepEqual(why([...lines, traceback]).slice(1), [undefined, undefined, null]);
  });

  it('a line’s arrival tells nothing of the run’s clocks: its file may have lain there for days', () => {
    const old = { 'parsl.dfk': RUN, message: 'old', 'parsl.timestamp': at(0), 'source.arrival': at(1e6) };
    const { engine } = fold([old, ...parsl.whole(1, 1, 5)], { hasRows: true });
    assert.equal(engine.takeRows().runs[0]?.zone, '+00:00');
  });

  describe('with a recorded run’s own logs', function () {
    this.timeout(60_000);
    const name = '2026.10.26-W1-htex';
    let logs: WideRecord[];
    before(async () => {
      logs = await widened(unpacked(name));
    });

    it('times and states are those of the messages, and the manager stays', () => {
      const alone = fold(recorded(name)).spans;
      const both = fold([...recorded(name), ...logs]).spans;
      const timed = (spans: readonly Span[]) => spans.filter(({ attributes }) => attributes['parsl.span'] !== 'phase' && attributes['parsl.task'] !== undefined).map(bounds); // prettier-ignore
      assert.deepEqual(timed(both), timed(alone));
      for (const { spanId, attributes } of where(alone, { 'parsl.span': 'try' })) {
        const same = both.find((span) => span.spanId === spanId);
        assert.deepEqual({ ...same?.attributes, ...attributes }, same?.attributes);
      }
    });

    it('gives the same bytes in any interleaving of messages and lines', () => {
      const whole = bytesOf([[...recorded(name), ...logs]]);
      for (const seed of [1, 2, 3]) {
        const random = seeded(seed);
        assert.equal(bytesOf(batched(shuffled([...recorded(name), ...logs], random), 60, random)), whole);
      }
    });
  });
});
