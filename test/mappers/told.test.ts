import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { fold, pointsOf, recorded } from '../helpers/engine.ts';
import { recordings } from '../helpers/fixtures.ts';
import { parsl } from '../helpers/records.ts';

/** parsl.clock.skew by executor. */
function skew(records: readonly WideRecord[]): Record<string, number> {
  const points = pointsOf(fold([parsl.begin(0), ...records]).metrics, 'parsl.clock.skew');
  return Object.fromEntries(points.map(({ attributes, value }) => [String(attributes['executor']), value]));
}

describe('mappers/told', () => {
  const times = { invoked: 9, launched: 10, returned: 20, ended: 20 };
  const tried = (running: number, ended: number, state = 'exec_done') => [
    parsl.task(0, 0, 'launched', 10.1, times),
    parsl.worker(0, 0, 'running', running),
    parsl.worker(0, 0, 'running_ended', ended),
    parsl.task(0, 0, state, 20, times),
  ];

  it('tells no skew of clocks where each try ran between its launch and its return', () => {
    assert.deepEqual(skew(tried(12, 19)), { htex: 0 });
  });

  it('tells by how much a worker’s clock is behind, or before, at least', () => {
    assert.deepEqual(skew(tried(4, 11)), { htex: 6 });
    assert.deepEqual(skew(tried(19, 27)), { htex: 7 });
  });

  it('does not take the end of a failed try for a wrong clock: a lost manager’s worker goes on with it', () => {
    assert.deepEqual(skew(tried(12, 90, 'failed')), { htex: 0 });
    assert.deepEqual(skew(tried(4, 90, 'failed')), { htex: 6 });
  });

  it('finds the clocks of every recording right: each was made on one machine', () => {
    for (const name of recordings()) {
      const points = pointsOf(fold(recorded(name)).metrics, 'parsl.clock.skew');
      assert.ok(points.length > 0);
      assert.deepEqual(points.filter(({ value }) => value !== 0), [], name); // prettier-ignore
    }
  });
});
