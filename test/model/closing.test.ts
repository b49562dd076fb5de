/** When things close (DESIGN.md §4.8): settle is 2 s and linger 30 s of the clock that arrivals move. */
import assert from 'node:assert/strict';

import { asText, LiveEngine, only, where } from '../helpers/engine.ts';
import { at, nanos, parsl, RUN, runOf } from '../helpers/records.ts';

const other = runOf('00000000-0000-4000-8000-000000000002');
const times = { invoked: 0, launched: 1 };
const done = { ...times, returned: 5, ended: 5 };

/** The names of the tasks' and tries' own spans that have left, without phases. */
function closed({ spans }: LiveEngine): string[] {
  return spans
    .filter(({ attributes }) => attributes['parsl.span'] !== 'phase')
    .map(({ name, attributes }) => (name === 'simulate' ? `task ${String(attributes['parsl.task'])}` : name));
}

describe('model: closing', () => {
  it('knows which open runs have fallen silent, by the clock of arrival', () => {
    const live = new LiveEngine().apply(parsl.whole(0, 0, 5));
    const last = at(5) + 1000;
    assert.deepEqual([live.engine.silentRuns(last), live.engine.silentRuns(last + 1)], [[], [RUN]]);
    live.engine.finish(RUN);
    assert.deepEqual(live.engine.silentRuns(Infinity), []);
  });

  describe('a try', () => {
    it('closes two seconds after launch, start, end and return are known, and its task with it', () => {
      const live = new LiveEngine().apply(parsl.whole(0, 0, 5));
      const last = at(5) + 1000;
      assert.equal(live.engine.nextDeadline, last + 2e6);
      assert.deepEqual(closed(live.tick(last + 2e6 - 1)), []);
      assert.deepEqual(closed(live.tick(last + 2e6)), ['try 0', 'task 0']);
    });

    it('closes thirty seconds after its return where its worker told nothing', () => {
      const live = new LiveEngine();
      live.apply([parsl.task(0, 0, 'launched', 1, times), parsl.task(0, 0, 'exec_done', 5, done)]);
      const returned = at(5) + 1000;
      assert.deepEqual(closed(live.tick(returned + 30e6 - 1)), []);
      assert.deepEqual(closed(live.tick(returned + 30e6)), ['try 0', 'task 0']);
    });

    it('closes thirty seconds after its end on the worker where nothing told of its return', () => {
      const live = new LiveEngine();
      live.apply([parsl.task(0, 0, 'launched', 1, times), parsl.worker(0, 0, 'running_ended', 4)]);
      const ended = at(4) + 1000;
      assert.deepEqual(closed(live.tick(ended + 30e6 - 1)), []);
      assert.deepEqual(closed(live.tick(ended + 30e6)), ['try 0']);
    });

    it('stays open as long as it runs', () => {
      const live = new LiveEngine();
      live.apply([parsl.task(0, 0, 'launched', 1, times), parsl.worker(0, 0, 'running', 2)]);
      assert.deepEqual(closed(live.tick(at(1e6))), []);
      assert.equal(live.engine.openTasks, 1);
    });

    it('that failed closes on its own, long before the retry that follows it', () => {
      const live = new LiveEngine();
      live.apply([
        parsl.task(0, 0, 'launched', 1, times),
        parsl.worker(0, 0, 'running', 2),
        parsl.worker(0, 0, 'running_ended', 3),
        parsl.task(
          0,
          0,
          'fail_retryable',
          4,
          { ...times, returned: 4 },
          { 'parsl.task_fail_history': "OSError('disk')" },
        ),
        parsl.task(0, 1, 'pending', 4.1, { invoked: 0 }),
      ]);
      assert.deepEqual(closed(live.tick(at(7))), ['try 0']);
      live.apply([
        parsl.task(0, 1, 'launched', 100, { invoked: 0, launched: 100 }),
        parsl.worker(0, 1, 'running', 101),
        parsl.worker(0, 1, 'running_ended', 102),
        parsl.task(0, 1, 'exec_done', 103, { invoked: 0, launched: 100, returned: 103, ended: 103 }),
      ]);
      assert.deepEqual(closed(live.tick(at(106))), ['try 0', 'try 1', 'task 0']);
      assert.equal(only(live.spans, { 'parsl.span': 'task' }).attributes['parsl.tries'], 2);
    });

    it('of a join ends with its task, however long the tasks inside take', () => {
      const live = new LiveEngine();
      live.apply([
        parsl.task(0, 0, 'launched', 1, times),
        parsl.worker(0, 0, 'running', 2),
        parsl.worker(0, 0, 'running_ended', 3),
        parsl.task(0, 0, 'joining', 4, { ...times, returned: 3.5 }, { 'parsl.joined_task': '1' }),
      ]);
      assert.deepEqual(closed(live.tick(at(1_000))), []);
      live.apply([parsl.task(0, 0, 'exec_done', 2_000, { ...times, returned: 3.5, ended: 2_000 })]);
      assert.deepEqual(closed(live.tick(at(2_003))), ['try 0', 'task 0']);
      assert.equal(only(live.spans, { 'parsl.span': 'try' }).endTimeUnixNano, nanos(2_000));
    });
  });

  describe('a task', () => {
    it('that was never launched closes two seconds after its final state', () => {
      const live = new LiveEngine();
      live.apply([
        parsl.task(0, 0, 'pending', 0, { invoked: 0 }),
        parsl.task(0, 0, 'memo_done', 1, { invoked: 0, ended: 1 }),
      ]);
      const last = at(1) + 1000;
      assert.deepEqual(closed(live.tick(last + 2e6 - 1)), []);
      assert.deepEqual(closed(live.tick(last + 2e6)), ['task 0']);
    });

    it('that failed by a dependency closes once, though it is told twice', () => {
      const live = new LiveEngine();
      const failed = parsl.task(0, 0, 'dep_fail', 1, { invoked: 0, ended: 1 });
      live.apply([failed, { ...failed, 'parsl.task_fail_history': 'DependencyError([], 0)' }, failed]);
      assert.deepEqual(closed(live.tick(at(60))), ['task 0']);
      assert.equal(live.spans[0]?.status.message, 'DependencyError([], 0)');
    });

    it('does not close without a final state, though all its tries have', () => {
      const live = new LiveEngine().apply(parsl.whole(0, 0, 5).slice(0, 4));
      assert.deepEqual(closed(live.tick(at(1_000))), ['try 0']);
      assert.equal(live.engine.openTasks, 1);
      live.apply([parsl.task(0, 0, 'exec_done', 2_000, { invoked: 0, launched: 0.1, returned: 5, ended: 5 })]);
      assert.deepEqual(closed(live.tick(at(2_003))), ['try 0', 'task 0']);
    });

    it('closes though a try that it names was never launched', () => {
      const live = new LiveEngine();
      live.apply([parsl.task(0, 3, 'failed', 1, { invoked: 0, ended: 1 })]);
      assert.deepEqual(closed(live.tick(at(4))), ['task 0']);
    });
  });

  describe('a run', () => {
    const whole = [
      parsl.begin(0),
      ...parsl.whole(0, 1, 5),
      parsl.task(1, 0, 'pending', 1, { invoked: 1 }),
      parsl.end(6),
    ];

    it('closes thirty seconds after its end message, and unfinished tasks with it', () => {
      const live = new LiveEngine().apply(whole);
      const end = at(6) + 1000;
      assert.deepEqual(closed(live.tick(end + 30e6 - 1)), ['try 0', 'task 0']);
      assert.deepEqual(closed(live.tick(end + 30e6)), ['try 0', 'task 0', 'task 1', 'study', 'htex']);
      assert.equal(only(live.spans, { 'parsl.task': 1, 'parsl.span': 'task' }).attributes['parsl.unfinished'], true);
      assert.deepEqual([...live.engine.openRuns], []);
    });

    it('gives its tasks thirty seconds though its end message came first', () => {
      const live = new LiveEngine().apply([parsl.end(6)]);
      live.apply(whole.slice(0, -2), at(20));
      assert.deepEqual(closed(live.tick(at(60))), ['try 0', 'task 0', 'study', 'htex']);
    });

    it('without an end message stays open until it is told to finish', () => {
      const live = new LiveEngine().apply(whole.slice(0, -1));
      assert.deepEqual(closed(live.tick(at(1e6))), ['try 0', 'task 0']);
      assert.deepEqual(closed(live.finish()), ['try 0', 'task 0', 'task 1', 'study', 'htex']);
      assert.equal(only(live.spans, { 'parsl.span': 'run' }).attributes['parsl.unfinished'], true);
    });

    it('finishes alone when it is told so by its id', () => {
      const live = new LiveEngine().apply([parsl.begin(0), other.begin(0), other.task(0, 0, 'pending', 1)]);
      assert.equal(where(live.finish(RUN).spans, { 'parsl.dfk': RUN }).length, live.spans.length);
      assert.deepEqual([...live.engine.openRuns], ['00000000-0000-4000-8000-000000000002']);
      assert.equal(live.engine.openTasks, 1);
    });

    it('that nobody knows can be told to finish', () => {
      assert.deepEqual(new LiveEngine().finish('never').spans, []);
    });

    it('that closed before never opens again', () => {
      const live = new LiveEngine({ closedRuns: [RUN] }).apply(whole).finish();
      assert.deepEqual([live.spans, live.logs, live.engine.counts.late], [[], [], whole.length]);
    });
  });

  describe('what comes late', () => {
    it('changes nothing about a task that closed, and is counted', () => {
      const live = new LiveEngine().apply(parsl.whole(0, 0, 5)).tick(at(8));
      const before = asText(live.spans);
      const late = [parsl.worker(0, 0, 'running', 0.15), parsl.task(0, 1, 'launched', 6), parsl.sample(0, 0, 3, 1, 1)];
      live.apply(late, at(9)).tick(at(100)).finish();
      assert.equal(asText(where(live.spans, { 'parsl.task': 0 })), before);
      assert.equal(live.engine.counts.late, late.length);
      assert.equal(live.engine.openTasks, 0);
    });

    it('changes nothing about a try that closed, though its task is open', () => {
      const live = new LiveEngine().apply(parsl.whole(0, 0, 5).slice(0, 4)).tick(at(40));
      const before = asText(live.spans);
      live.apply([parsl.worker(0, 0, 'running', 0.1)], at(41)).tick(at(100));
      assert.equal(asText(live.spans), before);
      assert.equal(live.engine.counts.late, 1);
    });

    it('is counted for a run that closed', () => {
      const live = new LiveEngine().apply([parsl.begin(0)]).finish();
      const before = live.spans.length;
      live.apply([...parsl.whole(0, 1, 2), parsl.end(3)]).finish();
      assert.equal(live.spans.length, before);
      assert.equal(live.engine.counts.late, 6);
    });
  });

  describe('beyond the limit of open tasks', () => {
    const pending = (run: ReturnType<typeof runOf>, task: number) =>
      run.task(task, 0, 'pending', task, { invoked: task });

    it('the oldest is closed as unfinished, and counted', () => {
      const live = new LiveEngine({ openTasksMax: 3 }).apply([0, 1, 2, 3, 4].map((task) => pending(parsl, task)));
      assert.deepEqual(closed(live), ['task 0', 'task 1']);
      assert.ok(
        live.spans.every(({ attributes }) => attributes['parsl.span'] === 'phase' || attributes['parsl.unfinished']),
      );
      assert.deepEqual([live.engine.counts.evicted, live.engine.openTasks], [2, 3]);
    });

    it('a run with many open tasks gives way, not the one that has just begun', () => {
      const live = new LiveEngine({ openTasksMax: 3 }).apply([0, 1, 2].map((task) => pending(parsl, task)));
      live.apply(other.whole(0, 10, 15)).tick(at(18));
      assert.deepEqual(closed(live), ['task 0', 'try 0', 'task 0']);
      assert.equal(where(live.spans, { 'parsl.span': 'task' })[1]?.attributes['parsl.task_state'], 'exec_done');
    });
  });

  it('entries replayed in their order give the same bytes', () => {
    const entries = [
      [parsl.begin(0)],
      parsl.whole(0, 1, 5),
      [parsl.task(1, 0, 'pending', 2)],
      parsl.whole(2, 2, 7),
      [parsl.end(9)],
    ];
    const replay = () => {
      const live = new LiveEngine();
      for (const [index, records] of entries.entries()) live.apply(records, at(index * 4)).tick(at(index * 4 + 3));
      return asText(live.tick(at(100)));
    };
    assert.equal(replay(), replay());
  });

  it('an arrival clock that is set back closes nothing early', () => {
    const live = new LiveEngine().apply([parsl.task(1, 0, 'pending', 5)], at(100));
    live.apply(parsl.whole(0, 0, 5), at(-3_600));
    assert.deepEqual(closed(live.tick(at(50))), []);
    assert.deepEqual(closed(live.tick(at(101.9))), []);
    assert.deepEqual(closed(live.tick(at(102))), ['try 0', 'task 0']);
  });

  it('nothing waits once all is closed', () => {
    const live = new LiveEngine().apply([...parsl.whole(0, 0, 5), parsl.end(6)]).tick(at(100));
    assert.equal(live.engine.nextDeadline, Infinity);
    assert.equal(live.engine.openTasks, 0);
  });
});
