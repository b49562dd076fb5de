import assert from 'node:assert/strict';

import { connectedSpans, type ConnectedLine } from '../../bridge/analysis/workers.ts';

const line = (time: number, fields: Partial<ConnectedLine>): ConnectedLine => ({
  executor: 'wq', worker: 'a', time, state: null, cores: null, ...fields,
}); // prettier-ignore
const shown = (lines: readonly ConnectedLine[], end = 100): string[] =>
  connectedSpans(lines, end).map(({ executor, workers, from, to }) => `${executor} ${workers} ${from}..${to}`);

describe('analysis/workers', () => {
  it('counts a worker process as its cores from its connection to its end', () => {
    const lines = [line(10, { state: 'CONNECTION' }), line(11, { cores: 2 }), line(60, { state: 'DISCONNECTION' })];
    assert.deepEqual(shown(lines), ['wq 2 10..60']);
    assert.deepEqual(shown(lines.toReversed()), ['wq 2 10..60']);
    assert.deepEqual(shown([...lines, ...lines]), ['wq 2 10..60']);
  });

  it('lets one that was never said to leave stay to the end, and counts one of unknown cores as one', () => {
    assert.deepEqual(shown([line(10, { state: 'CONNECTION' }), line(20, { worker: 'b', state: 'CONNECTION' })]), [
      'wq 1 10..100', 'wq 1 20..100',
    ]); // prettier-ignore
  });

  it('follows a worker that comes again, or whose cores change', () => {
    const again = [
      line(1, { state: 'CONNECTION' }), line(2, { cores: 4 }), line(5, { state: 'DISCONNECTION' }), line(7, { state: 'CONNECTION' }),
      line(8, { cores: 4 }), line(9, { cores: 4 }), line(50, { cores: 8 }),
    ]; // prettier-ignore
    assert.deepEqual(shown(again), ['wq 4 1..5', 'wq 4 7..50', 'wq 8 50..100']);
  });
});
