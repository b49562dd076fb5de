import assert from 'node:assert/strict';

import { taskId } from '../../bridge/core/ids.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import type { HistogramPoint, Metric } from '../../bridge/core/signal.ts';
import type { Instrument } from '../../bridge/mappers/instruments.ts';
import { instruments } from '../../bridge/mappers/instruments.ts';
import { blockStates, taskStates } from '../../bridge/model/states.ts';
import { asText, fold, LiveEngine, pointValue, recorded } from '../helpers/engine.ts';
import { decodedMessages, expected } from '../helpers/fixtures.ts';
import { at, nanos, parsl, RUN, runOf } from '../helpers/records.ts';

const other = runOf('00000000-0000-4000-8000-000000000000');
const manager = (id: string, seconds: number, more: WideRecord = {}) => parsl.manager(id, seconds, more);
const block = parsl.block('htex', '0', 'RUNNING', 0);
const byName = new Map<string, Instrument>(
  Object.values(instruments).map((instrument) => [instrument.name, instrument]),
);

function histogram(metrics: readonly Metric[], name: string): readonly HistogramPoint[] {
  return metrics.flatMap((metric) => (metric.name === name && metric.type === 'histogram' ? metric.points : []));
}

/** Live, collected at `seconds`. */
function collected(records: readonly WideRecord[], seconds: number): Metric[] {
  const live = new LiveEngine().apply(records).tick(at(seconds));
  return live.engine.collect(at(seconds));
}

describe('mappers/metrics', () => {
  describe('the catalogue', () => {
    /** All that the recordings of three kinds give between them. */
    const produced = ['2026.05.25-W3-htex', '2026.10.26-W1-udp', '2026.10.26-W4-udp'].flatMap((name) => [
      ...fold(recorded(name)).metrics,
      ...new LiveEngine().apply(recorded(name)).engine.collect(undefined),
    ]);
    // Some are there only while a run goes on: here one block has failed, and another has no work yet.
    const whole = recorded('2026.05.25-W3-htex');
    const some = whole.slice(0, whole.findIndex((record) => record['parsl.block_state'] === 'FAILED') + 3);
    produced.push(...new LiveEngine().apply(some).engine.collect(Number(some.at(-1)?.['source.arrival'])));

    it('is what is produced: every name, and no other', () => {
      assert.deepEqual([...new Set(produced.map(({ name }) => name))].sort(), [...byName.keys()].sort());
    });

    it('tells the type, unit and attributes of every point', () => {
      for (const metric of produced) {
        const instrument = byName.get(metric.name);
        const kind = metric.type === 'sum' ? (metric.monotonic ? 'counter' : 'updown') : metric.type;
        assert.deepEqual(
          [metric.unit, kind, metric.description],
          [instrument?.unit, instrument?.kind, instrument?.description],
        );
        for (const { attributes } of metric.points) assert.deepEqual(Object.keys(attributes), instrument?.attributes);
      }
    });

    it('follows OpenTelemetry: names with dots and without units, bounds that rise', () => {
      for (const { name, unit, attributes, bounds } of byName.values()) {
        assert.match(name, /^parsl(\.[a-z]+)+$/);
        assert.match(unit, /^(1|s|By|\{[a-z]+\})$/);
        assert.ok(!attributes.some((attribute) => /task|try|host/.test(attribute)), name);
        if (bounds !== undefined) assert.deepEqual(bounds, bounds.toSorted((a, b) => a - b)); // prettier-ignore
      }
    });
  });

  describe('counts of the model', () => {
    it('have every state of tasks, workers, managers and blocks, zeros included', () => {
      const metrics = collected([parsl.begin(0), block, manager('m', 1)], 2);
      const states = (name: string) =>
        metrics
          .filter((metric) => metric.name === name)
          .flatMap(({ points }) => points.map(({ attributes }) => attributes['state']));
      assert.deepEqual(states('parsl.tasks'), taskStates);
      assert.deepEqual(states('parsl.workers'), ['idle', 'busy', 'draining']);
      assert.deepEqual(states('parsl.managers'), ['live', 'gone']);
      assert.deepEqual(states('parsl.blocks'), blockStates);
      assert.equal(pointValue(metrics, 'parsl.blocks', { state: 'RUNNING' }), 1);
      assert.equal(pointValue(metrics, 'parsl.blocks', { state: 'FAILED' }), 0);
    });

    it('count a task in the one state that it is in, closed ones too', () => {
      const records = [
        ...parsl.whole(0, 0, 5),
        parsl.task(1, 0, 'pending', 6),
        parsl.task(2, 0, 'launched', 6),
        parsl.worker(3, 0, 'running', 6),
      ];
      const metrics = collected(records, 60);
      const counts = taskStates.map((state) => pointValue(metrics, 'parsl.tasks', { state }));
      assert.equal(counts.reduce<number>((sum, count) => sum + (count ?? NaN), 0), 4); // prettier-ignore
      for (const state of ['exec_done', 'pending', 'launched', 'running'])
        assert.equal(pointValue(metrics, 'parsl.tasks', { state }), 1);
    });

    it('call tasks runnable that wait for a worker alone', () => {
      const depends = (task: number, on: string) =>
        parsl.task(task, 0, 'pending', 1, {}, { 'parsl.dependency_task': on });
      const records = [
        ...parsl.whole(0, 0, 1),
        depends(1, '0'),
        depends(2, '0,1'),
        parsl.task(3, 0, 'launched', 1),
        depends(4, ''),
      ];
      assert.equal(pointValue(collected(records, 2), 'parsl.tasks.runnable'), 3);
      assert.equal(pointValue(collected([...records, parsl.worker(3, 0, 'running', 2)], 2), 'parsl.tasks.runnable'), 2);
    });

    it('tell how long a run has been silent while it is active', () => {
      const records = [parsl.begin(0), parsl.task(0, 0, 'launched', 5), parsl.worker(0, 0, 'running', 90)];
      assert.equal(pointValue(collected(records, 100), 'parsl.run.silence'), 95);
      assert.equal(pointValue(collected(records, 100), 'parsl.run.active'), 1);
      const ended = collected([...records, parsl.end(101)], 102);
      assert.deepEqual([pointValue(ended, 'parsl.run.active'), pointValue(ended, 'parsl.run.silence')], [0, undefined]);
    });
  });

  describe('workers', () => {
    const workers = (records: readonly WideRecord[], seconds: number) => {
      const metrics = collected([parsl.begin(0), block, ...records], seconds);
      return ['idle', 'busy', 'draining'].map((state) => pointValue(metrics, 'parsl.workers', { state }));
    };
    const holds = (tasks: string) => ({ 'parsl.manager_info.tasks': tasks });

    it('are what the newest word of each manager says, never a sum over time', () => {
      assert.deepEqual(workers([manager('m', 1, holds('1,2,3')), manager('m', 2, holds('3'))], 3), [3, 1, 0]);
      assert.deepEqual(workers([manager('m', 2, holds('3')), manager('m', 1, holds('1,2,3'))], 3), [3, 1, 0]);
    });

    it('are busy by their own starts and ends where managers do not tell: before 2025.06.30', () => {
      const running = [parsl.task(0, 0, 'launched', 2), parsl.worker(0, 0, 'running', 3)];
      assert.deepEqual(workers([manager('m', 1), ...running], 4), [3, 1, 0]);
      assert.deepEqual(workers([manager('m', 1), ...running, parsl.worker(0, 0, 'running_ended', 4)], 5), [4, 0, 0]);
    });

    it('are no more busy than there are: a manager prefetches', () => {
      assert.deepEqual(workers([manager('m', 1, holds('1,2,3,4,5,6,7'))], 3), [0, 4, 0]);
    });

    it('that are free are draining when their manager is', () => {
      const draining = { ...holds('1'), 'parsl.manager_info.draining': true };
      assert.deepEqual(workers([manager('m', 1, draining)], 3), [0, 1, 3]);
    });

    it('of a lost manager, of a block that is gone and of a run that is over are not there', () => {
      assert.deepEqual(
        workers([manager('m', 1), manager('m', 2, { 'parsl.manager_info.active': false })], 3),
        [0, 0, 0],
      );
      assert.deepEqual(workers([manager('m', 1), parsl.block('htex', '0', 'TIMEOUT', 2)], 3), [0, 0, 0]);
      assert.deepEqual(workers([manager('m', 1), parsl.end(2)], 3), [0, 0, 0]);
    });
  });

  describe('idle time', () => {
    const idle = (records: readonly WideRecord[], seconds: number, executor = 'htex') =>
      pointValue(collected([parsl.begin(0), ...records], seconds), 'parsl.worker.idle.time', { executor });

    for (const name of ['2026.10.26-W6-htex', '2026.10.26-W6-fs'])
      it(`of ${name} is what the messages add up to by hand`, () => {
        const messages = decodedMessages(name).map(({ msg }) => msg as [string, Record<string, unknown>]);
        const of = (...tags: string[]) => messages.filter(([tag]) => tags.includes(tag)).map(([, body]) => body);
        const seconds = (body: Record<string, unknown> | undefined) =>
          Date.parse(`${String(body?.['timestamp']).slice(0, 23)}Z`) / 1e3;
        const nodes = of('NODE_INFO').sort((a, b) => seconds(a) - seconds(b));
        const [registered, lost] = [nodes[0], nodes.find(({ active }) => active === false)];
        const paid = Number(registered?.['worker_count']) * (seconds(lost) - seconds(registered));
        const tells = of('WORKER_TASK_INFO');
        const busy = tells.reduce((sum, body) => sum + (body['last_msg'] === true ? 1 : -1) * seconds(body), 0);
        const shown = pointValue(fold(recorded(name)).metrics, 'parsl.worker.idle.time', { executor: 'htex' }) ?? NaN;
        assert.ok(Math.abs(shown - (paid - busy)) < 0.05, `${shown} for ${paid - busy}`);
        // All but one of the workers wait for task 8: that is what the recording is about.
        assert.ok(shown / paid > 0.5);
        assert.equal(expected(name).runs[0]?.tasks?.length, 20);
      });

    it('is what workers were there for, less what they did', () => {
      assert.equal(idle([block, manager('m', 1)], 11), 40);
      assert.equal(
        idle([block, manager('m', 1), parsl.task(0, 0, 'launched', 2), parsl.worker(0, 0, 'running', 3)], 11),
        32,
      );
    });

    it('ends with the run, with the manager and with its block', () => {
      assert.equal(idle([block, manager('m', 1), parsl.end(11)], 200), 40);
      assert.equal(idle([block, manager('m', 1), manager('m', 6, { 'parsl.manager_info.active': false })], 200), 20);
      assert.equal(idle([block, manager('m', 1), parsl.block('htex', '0', 'FAILED', 6)], 200), 20);
    });

    it('of a run that never ended ends with the last word of its tasks when it is finished', () => {
      const records = [
        parsl.begin(0),
        block,
        manager('m', 1),
        parsl.task(0, 0, 'launched', 11),
        parsl.sample(0, 0, 500, 1, 1),
      ];
      assert.equal(pointValue(fold(records).metrics, 'parsl.worker.idle.time'), 40);
    });

    it('never falls, though a worker tells late that it was busy', () => {
      const live = new LiveEngine().apply([parsl.begin(0), block, manager('m', 1)]).tick(at(11));
      assert.equal(pointValue(live.engine.collect(at(11)), 'parsl.worker.idle.time'), 40);
      live.apply([parsl.task(0, 0, 'launched', 2), parsl.worker(0, 0, 'running', 2)], at(11));
      assert.equal(pointValue(live.engine.collect(at(11.5)), 'parsl.worker.idle.time'), 40);
    });

    it('of managers that may be of either of two executors counts what both did', () => {
      const records = [
        parsl.block('a', '0', 'RUNNING', 0), parsl.block('b', '0', 'RUNNING', 0), manager('m', 1), manager('n', 1),
        parsl.task(0, 0, 'launched', 1, {}, { 'parsl.executor': 'a' }), parsl.worker(0, 0, 'running', 1),
        parsl.task(1, 0, 'launched', 1, {}, { 'parsl.executor': 'b' }), parsl.worker(1, 0, 'running', 6),
      ]; // prettier-ignore
      assert.equal(idle(records, 11, 'unknown'), 80 - 10 - 5);
    });
  });

  describe('histograms', () => {
    const { metrics } = fold([parsl.begin(0), ...parsl.whole(0, 0, 5), parsl.end(6)]);

    it('measure what was observed: invoked to returned, launched to returned, launched to running', () => {
      const sums = ['parsl.task.duration', 'parsl.try.duration', 'parsl.try.queue.duration'].map((name) =>
        histogram(metrics, name)[0]?.sum.toFixed(6),
      );
      assert.deepEqual(sums, ['4.980000', '4.850000', '0.100000']);
      assert.equal(histogram(metrics, 'parsl.try.duration')[0]?.attributes['outcome'], 'exec_done');
    });

    it('have exemplars that lead to the task’s trace', () => {
      for (const name of ['parsl.task.duration', 'parsl.try.duration', 'parsl.try.queue.duration']) {
        const [exemplar] = histogram(metrics, name)[0]?.exemplars ?? [];
        assert.deepEqual({ traceId: exemplar?.traceId, spanId: exemplar?.spanId }, taskId(RUN, 0));
      }
    });

    it('leave out what was inferred: a duration is never invented', () => {
      const { metrics } = fold([
        parsl.begin(0),
        parsl.worker(0, 0, 'running', 2),
        parsl.worker(0, 0, 'running_ended', 3),
        parsl.task(1, 0, 'launched', 1),
      ]);
      assert.deepEqual(metrics.filter(({ type }) => type === 'histogram'), []); // prettier-ignore
    });

    it('and counters of usage count each try once, and its failures by their type', () => {
      const { metrics } = fold([
        parsl.task(0, 0, 'launched', 1), parsl.sample(0, 0, 2, 10, 2 ** 21), parsl.sample(0, 0, 3, 12, 2 ** 20),
        parsl.task(0, 0, 'failed', 4, {}, { 'parsl.task_fail_history': "OSError('disk')" }),
      ]); // prettier-ignore
      assert.equal(pointValue(metrics, 'parsl.try.cpu.time', { executor: 'htex', app: 'simulate' }), 2);
      assert.equal(pointValue(metrics, 'parsl.try.failures', { 'error.type': 'OSError' }), 1);
      assert.deepEqual(histogram(metrics, 'parsl.try.memory.peak').map(({ sum }) => sum), [2 ** 21]); // prettier-ignore
    });
  });

  describe('the end of a series', () => {
    const ended = () =>
      new LiveEngine()
        .apply(
          [parsl.begin(0), ...parsl.whole(0, 1, 2), parsl.end(3), { metric: 'm', value: 1, 'parsl.dfk': RUN }],
          at(3),
        )
        .tick(at(33));
    const minute = 60;

    it('comes five minutes after its run closed, once, as a stale point of every series', () => {
      const { engine } = ended();
      const last = engine.collect(at(33 + 5 * minute), true);
      assert.ok(last.length > 5 && last.every(({ points }) => points.every(({ stale }) => !stale)));
      const over = engine.collect(at(34 + 5 * minute), true);
      assert.ok(over.every(({ points }) => points.every(({ stale }) => stale)));
      assert.deepEqual(over.map(({ name, points }) => [name, points.length]), last.map(({ name, points }) => [name, points.length])); // prettier-ignore
      assert.deepEqual(engine.collect(at(35 + 5 * minute), true), []);
    });

    it('is told only to the one who ends series; for others they are just gone', () => {
      const { engine } = ended();
      assert.deepEqual(engine.collect(at(34 + 5 * minute)), []);
      assert.ok(engine.collect(at(35 + 5 * minute), true).length > 0);
    });

    it('comes at once where a series ends before its run: of silence, and of a block that has work again', () => {
      const live = new LiveEngine().apply([parsl.begin(0), block, manager('m', 1)]).tick(at(2));
      const points = (name: string, seconds: number, ends: boolean) =>
        live.engine
          .collect(at(seconds), ends)
          .flatMap((metric) => (metric.name === name ? metric.points.map(({ stale }) => stale) : []));
      assert.deepEqual(points('parsl.block.idle', 2, true), [false]);
      live.apply([parsl.task(0, 0, 'launched', 3), parsl.worker(0, 0, 'running', 3)], at(3));
      assert.deepEqual(points('parsl.block.idle', 3, false), []);
      assert.deepEqual(points('parsl.run.silence', 3, true), [false]);
      assert.deepEqual(points('parsl.block.idle', 4, true), []);
      live.apply([parsl.end(5)], at(5));
      assert.deepEqual(points('parsl.run.silence', 5, true), [true]);
      assert.deepEqual(points('parsl.run.silence', 6, true), []);
    });

    it('comes without being asked for where nobody ends series: a run is not kept for ever', () => {
      const live = ended();
      live.apply([other.begin(0), other.end(1)], at(60 * minute)).tick(at(61 * minute));
      const metrics = live.engine.collect(at(61 * minute), true);
      assert.deepEqual(
        [...new Set(metrics.flatMap(({ points }) => points.map(({ attributes }) => attributes['run'])))],
        ['00000000-0000-4000-8000-000000000000'],
      );
    });
  });

  it('come in the same order whichever run was heard of first', () => {
    const records = [
      parsl.begin(0),
      ...parsl.whole(0, 1, 2),
      other.begin(0),
      { metric: 'b', value: 1 },
      { metric: 'a', value: 1 },
    ];
    assert.equal(asText(fold(records.toReversed()).metrics), asText(fold(records).metrics));
  });

  it('have the run’s beginning for the start of every point', () => {
    for (const { points } of collected([parsl.begin(0), ...parsl.whole(0, 1, 2), parsl.end(3)], 3))
      for (const { startTimeUnixNano, timeUnixNano } of points)
        assert.deepEqual([startTimeUnixNano, timeUnixNano], [nanos(0), nanos(3)]);
  });
});
