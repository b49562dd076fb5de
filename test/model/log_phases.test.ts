/** Phases that only logs tell: which there are, what bounds them, and when they leave. */
import assert from 'node:assert/strict';

import { phaseSpanId, trySpanId } from '../../bridge/core/ids.ts';
import type { Value, WideRecord } from '../../bridge/core/record.ts';
import type { Span } from '../../bridge/core/signal.ts';
import { asText, fold, LiveEngine, only, seeded, shuffled, where } from '../helpers/engine.ts';
import { at, nanos, parsl, RUN } from '../helpers/records.ts';

/** A line that bounds phases of task 1, as the operators mark it. */
function mark(
  seconds: number,
  started: string | undefined,
  ended?: string,
  more: Record<string, Value> = {},
): WideRecord {
  return {
    'parsl.dfk': RUN, time: nanos(seconds), message: 'said', 'parsl.task': 1, 'parsl.try': 0,
    ...(started === undefined ? { 'parsl.phase': ended!, 'parsl.phase_edge': 'end' } : { 'parsl.phase': started, 'parsl.phase_edge': 'start' }),
    ...(started !== undefined && ended !== undefined ? { 'parsl.phase_ended': ended } : {}),
    ...more,
  }; // prettier-ignore
}

/** Launched at 1.1, running from 1.2 to 4.9, returned at 4.95. */
const messages = parsl.whole(1, 1, 5);
const marks = [
  mark(1.11, 'submit'),
  mark(1.12, 'interchange_queue', 'submit'),
  mark(1.14, undefined, 'interchange_queue'),
  mark(1.15, 'manager_queue'),
  mark(1.21, 'worker', 'manager_queue'),
  mark(4.89, 'result', 'worker'),
  mark(4.94, undefined, 'result'),
];
const finer = (spans: readonly Span[]): Span[] =>
  spans.filter(({ name }) => ['submit', 'interchange_queue', 'manager_queue', 'worker', 'result', 'own'].includes(name)); // prettier-ignore
const shown = (spans: readonly Span[]) =>
  finer(spans).map(({ name, startTimeUnixNano, endTimeUnixNano, attributes }) =>
    [name, Number(startTimeUnixNano - nanos(0)) / 1e9, Number(endTimeUnixNano - nanos(0)) / 1e9, attributes['parsl.inferred'] ?? '']); // prettier-ignore

describe('model/log_phases', () => {
  it('lie in the phases of their try, by the recipe of ids, and say what they are about', () => {
    const { spans } = fold([...messages, ...marks]);
    assert.deepEqual(shown(spans), [
      ['submit', 1.11, 1.12, ''],
      ['interchange_queue', 1.12, 1.14, ''],
      ['manager_queue', 1.15, 1.21, ''],
      ['worker', 1.21, 4.89, ''],
      ['result', 4.89, 4.94, ''],
    ]);
    const parents = finer(spans).map(({ parentSpanId }) => parentSpanId);
    const [queued, running, returning] = ['queued', 'running', 'returning'].map((name) => phaseSpanId(RUN, 1, 0, name));
    assert.deepEqual(parents, [queued, queued, queued, running, returning]);
    const worker = only(spans, { 'parsl.phase': 'worker' });
    assert.equal(worker.spanId, phaseSpanId(RUN, 1, 0, 'worker'));
    assert.deepEqual([worker.attributes['parsl.app_name'], worker.attributes['parsl.executor']], ['simulate', 'htex']);
    assert.equal(worker.resource.attributes['service.name'], 'parsl.htex');
    assert.equal(worker.traceId, only(spans, { 'parsl.span': 'task' }).traceId);
  });

  it('take a bound that no line told from the neighbour or from the try, and say so', () => {
    const told = fold([...messages, marks[1]!, marks[4]!, marks[5]!]).spans;
    assert.deepEqual(shown(told), [
      ['submit', 1.1, 1.12, 'start'],
      ['worker', 1.21, 4.89, ''],
      ['result', 4.89, 4.95, 'end'],
    ]);
    const neighbour = fold([...messages, marks[2]!, marks[4]!]).spans;
    assert.deepEqual(shown(neighbour), [
      ['manager_queue', 1.14, 1.21, 'start'],
      ['worker', 1.21, 4.9, 'end'],
    ]);
  });

  it('are left out where they would be negative, and counted', () => {
    const { spans, counts } = fold([...messages, mark(1.3, 'submit'), mark(1.2, 'interchange_queue', 'submit')]);
    assert.deepEqual([shown(spans), counts.negativePhases], [[], 1]);
  });

  it('are spells with an id of their own where a try goes part of the way again', () => {
    const again = [mark(3, 'manager_queue'), mark(3.1, 'worker', 'manager_queue')];
    const { spans } = fold([...messages, ...marks, ...again]);
    assert.deepEqual(shown(spans), [
      ['submit', 1.11, 1.12, ''],
      ['interchange_queue', 1.12, 1.14, ''],
      ['manager_queue', 1.15, 1.21, ''],
      ['worker', 1.21, 3, 'end'],
      ['manager_queue', 3, 3.1, ''],
      ['worker', 3.1, 4.89, ''],
      ['result', 4.89, 4.94, ''],
    ]);
    const second = only(spans, { 'parsl.phase': 'worker', 'parsl.phase.spell': 2 });
    assert.deepEqual([second.spanId, second.name], [phaseSpanId(RUN, 1, 0, 'worker#2'), 'worker']);
    assert.equal(second.parentSpanId, phaseSpanId(RUN, 1, 0, 'running'));
  });

  it('may have a name that only a user’s rule knows: then they lie in the try', () => {
    const { spans } = fold([...messages, mark(2, 'own'), mark(3, undefined, 'own')]);
    assert.deepEqual(shown(spans), [['own', 2, 3, '']]);
    assert.equal(finer(spans)[0]?.parentSpanId, trySpanId(RUN, 1, 0));
  });

  it('are the same in any order, with lines doubled', () => {
    const whole = finer(fold([...messages, ...marks]).spans).map(asText);
    for (const seed of [1, 2, 3, 4]) {
      const mixed = shuffled([...messages, ...marks, ...marks], seeded(seed));
      assert.deepEqual(finer(fold(mixed).spans).map(asText), whole);
    }
  });

  it('wait for late lines a linger longer than the try, which waits for none of them, and leave once', () => {
    const live = new LiveEngine({ settleUs: 1e6, lingerUs: 10e6 }).apply([...messages, ...marks.slice(0, 4)], at(5));
    live.tick(at(6.5));
    assert.equal(where(live.spans, { 'parsl.span': 'task' }).length, 1);
    assert.deepEqual(finer(live.spans), []);
    live.apply(marks.slice(4), at(10)).tick(at(17));
    assert.equal(finer(live.spans).length, 5);
    live.apply(marks, at(18)).tick(at(99)).finish();
    assert.equal(finer(live.spans).length, 5);
  });

  it('of lines that come after their try closed leave by themselves', () => {
    const live = new LiveEngine({ settleUs: 1e6, lingerUs: 10e6 }).apply([...messages, parsl.end(6)], at(6));
    live.tick(at(99));
    live.apply(marks, at(100)).tick(at(111));
    assert.deepEqual(shown(live.spans).length, 5);
    assert.deepEqual(Object.keys(finer(live.spans)[0]!.attributes).length, 5);
  });

  it('keep their run’s entries in the journal until they have left', () => {
    const closed: string[] = [];
    const live = new LiveEngine({ settleUs: 1e6, lingerUs: 10e6, onRunClosed: (run) => closed.push(run) });
    live.apply([...messages, ...marks, parsl.end(6)], at(6));
    live.tick(at(15.9));
    const before = [...closed];
    live.tick(at(40));
    assert.deepEqual([before, closed], [[], [RUN]]);
  });

  it('leave when all is told to finish', () => {
    const live = new LiveEngine().apply([...messages.slice(0, 3), ...marks.slice(0, 4)], at(5)).finish();
    assert.deepEqual(finer(live.spans).map(({ name }) => name), ['submit', 'interchange_queue', 'manager_queue']); // prettier-ignore
  });
});
