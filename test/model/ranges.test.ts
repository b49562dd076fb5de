import assert from 'node:assert/strict';
import fc from 'fast-check';

import { Ranges } from '../../bridge/model/ranges.ts';

describe('model/ranges', () => {
  it('holds exactly what was added, in any order, doubled', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }), (values) => {
        const ranges = new Ranges();
        for (const value of values) ranges.add(value);
        const known = new Set(values);
        assert.equal(ranges.size, known.size);
        for (let value = -1; value <= 41; value++) assert.equal(ranges.has(value), known.has(value), String(value));
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });

  it('takes a million numbers that come nearly in order in a blink', () => {
    const ranges = new Ranges();
    for (let value = 0; value < 1_000_000; value += 2) {
      ranges.add(value + 1);
      ranges.add(value);
    }
    assert.equal(ranges.size, 1_000_000);
    assert.ok(ranges.has(999_999) && !ranges.has(1_000_000));
  });
});
