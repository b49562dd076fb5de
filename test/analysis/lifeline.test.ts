import assert from 'node:assert/strict';

import fc from 'fast-check';

import { longestRise, orderOf } from '../../bridge/analysis/align.ts';
import { lifelineOf, type Seen } from '../../bridge/analysis/lifeline.ts';
import { Quantities, histogramEdges } from '../../bridge/analysis/quantities.ts';

/** Lines of a task: letters are templates, at the given times. */
const seen = (task: number, attempt: number | null, steps: string, times?: number[]): Seen[] =>
  Array.from(steps, (template, k) => ({
    task, try: attempt, time: times?.[k] ?? 10 * k, step: { log: 'parsl', thread: '', template },
  })); // prettier-ignore
const isTried = (): boolean => true;
const appOf = (task: number): string => (task % 2 === 0 ? 'even' : 'odd');
const letters = (steps: readonly { template: string }[]): string => steps.map(({ template }) => template).join('');

describe('analysis/lifeline', () => {
  it('counts sequences that are equal, and shows the most frequent first', () => {
    const { tries, distinct, signatures } = lifelineOf(
      [...seen(1, 0, 'abc'), ...seen(2, 0, 'acb'), ...seen(3, 0, 'abc')],
      { appOf, isTried },
    );
    assert.deepEqual([tries, distinct], [3, 2]);
    assert.deepEqual(
      signatures.map(({ tries: of, task, steps }) => [of, task, letters(steps)]),
      [
        [2, 1, 'abc'],
        [1, 2, 'acb'],
      ],
    );
  });

  it('finds the common sequence although no two tries are equal', () => {
    const { steps, rare } = lifelineOf(
      [...seen(1, 0, 'abxcd'), ...seen(2, 0, 'abcyd'), ...seen(3, 0, 'bazcd'), ...seen(4, 0, 'abdc')],
      { appOf, isTried },
    );
    assert.equal(letters(steps), 'abcd');
    assert.deepEqual(steps.map(({ tries, in_order }) => [tries, in_order]), [[4, 4], [4, 3], [4, 4], [4, 3]]); // prettier-ignore
    assert.deepEqual(rare.map(({ template, tries }) => [template, tries]), [['x', 1], ['y', 1], ['z', 1]]); // prettier-ignore
  });

  it('orders steps by what precedes what, not by when those that have it had it', () => {
    // Half of the tries begin late, and only they have the first step.
    const slow = [1, 2].flatMap((task) => seen(task, 0, 'wabc', [0, 1000, 1010, 1020]));
    const quick = [3, 4].flatMap((task) => seen(task, 0, 'abc', [0, 10, 20]));
    assert.equal(letters(lifelineOf([...slow, ...quick], { appOf, isTried }).steps), 'wabc');
  });

  it('keeps tries apart, and gives a line that names no try to the one under way', () => {
    const lines = [
      ...seen(1, null, 's', [0]), ...seen(1, 0, 'le', [10, 20]), ...seen(1, null, 'r', [30]), ...seen(1, 1, 'le', [40, 50]), ...seen(1, null, 'd', [60]),
    ]; // prettier-ignore
    const { signatures } = lifelineOf(lines, { appOf, isTried });
    assert.deepEqual(
      signatures.map(({ try: number, steps }) => [number, letters(steps)]),
      [
        [0, 'sler'],
        [1, 'led'],
      ],
    );
  });

  it('takes the first of a step that repeats, says how often it does, and does not mind the order of lines', () => {
    const lines = seen(1, 0, 'abbbc', [0, 10, 20, 30, 90]);
    for (const given of [lines, lines.toReversed()]) {
      const { steps } = lifelineOf(given, { appOf, isTried });
      assert.deepEqual(
        steps.map(({ template, repeats, offset, took }) => [template, repeats, offset.median, took.median]),
        [
          ['a', 1, 0, 0],
          ['b', 3, 10, 10],
          ['c', 1, 90, 80],
        ],
      );
    }
  });

  it('tells steps of equal words apart by log and by kind of thread', () => {
    const at = (log: string, thread: string, time: number): Seen => ({ task: 1, try: 0, time, step: { log, thread, template: 'a' } }); // prettier-ignore
    const { steps } = lifelineOf(
      [at('parsl', '', 0), at('parsl', 'Task-Launch', 1), at('worker', '', 2), at('worker', '', 3)],
      { appOf, isTried },
    );
    assert.deepEqual(
      steps.map(({ log, thread }) => `${log} ${thread}`.trim()),
      ['parsl', 'parsl Task-Launch', 'worker'],
    );
  });

  it('looks at one app alone, and counts tries by app', () => {
    const lines = [...seen(1, 0, 'ab'), ...seen(2, 0, 'ab'), ...seen(4, 0, 'ab')];
    assert.deepEqual(lifelineOf(lines, { appOf, isTried }).apps, [
      { app: 'even', tries: 2 },
      { app: 'odd', tries: 1 },
    ]);
    assert.equal(lifelineOf(lines, { appOf, isTried, app: 'odd' }).tries, 1);
  });

  it('stops at its limit and says what it left out', () => {
    const { records, cut } = lifelineOf(seen(1, 0, 'abcdef'), { appOf, isTried, recordsMax: 4 });
    assert.deepEqual([records, cut], [4, 2]);
  });

  it('says nothing of nothing', () => {
    const { tries, steps, signatures } = lifelineOf([], { appOf, isTried });
    assert.deepEqual([tries, steps, signatures], [0, [], []]);
  });

  it('has room for a run of 500,000 records', function () {
    this.timeout(20_000);
    function* many(): Generator<Seen> {
      const steps = Array.from('abcdefghijklmnopqrst', (template) => ({ log: 'parsl', thread: '', template }));
      for (let task = 0; task < 25_000; task += 1)
        for (const [k, step] of steps.entries()) yield { task, try: 0, time: 100 * k + (task % 7), step };
    }
    const { tries, records, steps } = lifelineOf(many(), { appOf, isTried });
    assert.deepEqual([tries, records, steps.length], [25_000, 500_000, 20]);
  });
});

describe('analysis/align', () => {
  it('property: the longest rise rises, and none is longer', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(30), { maxLength: 10 }), (values) => {
        const rise = longestRise(values).map((index) => values[index]!);
        assert.deepEqual(rise, [...rise].sort((a, b) => a - b)); // prettier-ignore
        let best = 0;
        for (let mask = 0; mask < 1 << values.length; mask += 1) {
          const chosen = values.filter((_, k) => (mask >> k) & 1);
          if (chosen.every((value, k) => k === 0 || value > chosen[k - 1]!)) best = Math.max(best, chosen.length);
        }
        assert.equal(rise.length, best);
      }),
    );
  });

  it('orders by the majority', () => {
    assert.deepEqual(
      orderOf(
        [7, 8, 9],
        [
          { sequence: [9, 8, 7], tries: 3 },
          { sequence: [7, 8, 9], tries: 2 },
        ],
      ),
      [9, 8, 7],
    );
  });
});

describe('analysis/quantities', () => {
  it('tells quantiles that are among the values, and the shape', () => {
    const quantities = new Quantities();
    for (let value = 100; value >= 1; value -= 1) quantities.add(value);
    assert.deepEqual(quantities.spread(), { median: 50, p95: 95 });
    const edges = histogramEdges(quantities.range());
    assert.deepEqual(edges, [1, 2, 5, 10, 20, 50, 100]);
    assert.deepEqual(quantities.histogram(edges), [1, 3, 5, 10, 30, 50, 1]);
    assert.deepEqual(new Quantities().spread(), { median: 0, p95: 0 });
  });

  it('tells tasks that were never tried from tries', () => {
    const { tries, untried } = lifelineOf([...seen(1, 0, 'ab'), ...seen(2, 0, 'a')], { appOf, isTried: (task) => task === 1 });
    assert.deepEqual([tries, untried], [2, 1]);
  }); // prettier-ignore
});
