import assert from 'node:assert/strict';

import { kindsMax, plotLinesMax, plotsOf, type PlotTry } from '../../bridge/analysis/plots.ts';

const window = { start: 0, end: 100, points: 10 };
const attempt = (fields: Partial<PlotTry>): PlotTry => ({
  task: 1, try: 0, kind: 'a', launched: 0, running: 10, running_ended: 30, returned: 40, is_done: true, ...fields,
}); // prettier-ignore

describe('analysis/plots', () => {
  it('draws each try from its start on a worker to its end, in order of start', () => {
    const { lines, kinds } = plotsOf('app', [attempt({ task: 1, running: 20 }), attempt({ task: 2, kind: 'b' }), attempt({ task: 3 })], [], window); // prettier-ignore
    assert.deepEqual(kinds, ['a', 'b']);
    assert.deepEqual(
      lines!.map(({ task, kind, from, to }) => [task, kind, from, to]),
      [
        [2, 1, 10, 30],
        [3, 0, 10, 30],
        [1, 0, 20, 30],
      ],
    );
  });

  it('counts what runs, what is queued and what is done, by kind', () => {
    const { running, completed, tasks } = plotsOf('app', [attempt({}), attempt({ kind: 'b', is_done: false })], [], window);
    assert.deepEqual(running, [[0, 1, 1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0, 0, 0, 0, 0]]);
    assert.deepEqual(completed, [[0, 0, 0, 0, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]);
    assert.deepEqual(tasks.queued, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  }); // prettier-ignore

  it('gathers the rarest kinds in one where there are more than colours', () => {
    const many = Array.from({ length: 12 }, (_, k) => [
      attempt({ kind: `k${k}` }),
      attempt({ kind: `k${k % 6}` }),
    ]).flat();
    const { kinds } = plotsOf('app', [...many, attempt({ kind: null })], [], window);
    assert.equal(kinds.length, kindsMax);
    assert.equal(kinds.at(-1), 'others');
  });

  it('shows every n-th line of many, and how many there were', () => {
    const { lines, ran } = plotsOf('app', Array.from({ length: 3 * plotLinesMax }, (_, task) => attempt({ task })), [], window); // prettier-ignore
    assert.deepEqual([lines!.length, ran], [plotLinesMax, 3 * plotLinesMax]);
  });

  it('marks an end that nobody told, and ends the line where the try returned', () => {
    const { lines } = plotsOf('app', [attempt({ running_ended: null })], [], window);
    assert.deepEqual([lines![0]!.to, lines![0]!.inferred], [40, true]);
  });

  it('counts blocks that wait and that run', () => {
    const spans = [{ state: 'PENDING', from: 0, to: 20 }, { state: 'RUNNING', from: 20, to: 100 }, { state: 'CANCELLED', from: 100, to: 100 }]; // prettier-ignore
    const { blocks } = plotsOf('app', [attempt({})], [spans, spans], window);
    assert.deepEqual(blocks!.pending, [2, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(blocks!.running, [0, 0, 2, 2, 2, 2, 2, 2, 2, 2]);
  });

  it('leaves a plot out whose facts nobody told, and says what would tell them', () => {
    const silent = attempt({ running: null, running_ended: null, is_done: false });
    const { lines, running, completed, blocks, missing } = plotsOf('app', [silent], [], window);
    assert.deepEqual([lines, running, completed, blocks], [null, null, null, null]);
    assert.equal(missing.length, 3);
  });
});
