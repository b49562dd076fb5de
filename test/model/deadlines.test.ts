import assert from 'node:assert/strict';

import { Deadlines } from '../../bridge/model/deadlines.ts';

describe('model/deadlines', () => {
  it('gives items when they are due, in the order in which they were added', () => {
    const deadlines = new Deadlines<string>(10);
    deadlines.add('a', 0);
    deadlines.add('b', 5);
    assert.equal(deadlines.next, 10);
    assert.equal(deadlines.take(9), undefined);
    assert.equal(deadlines.take(10), 'a');
    assert.equal(deadlines.next, 15);
    assert.equal(deadlines.take(14), undefined);
    assert.equal(deadlines.take(99), 'b');
    assert.equal(deadlines.take(99), undefined);
    assert.equal(deadlines.next, Infinity);
  });

  it('keeps its order through ten thousand items', () => {
    const deadlines = new Deadlines<number>(3);
    const taken: number[] = [];
    for (let now = 0; now < 10_000; now++) {
      deadlines.add(now, now);
      for (let item = deadlines.take(now); item !== undefined; item = deadlines.take(now)) taken.push(item);
    }
    assert.deepEqual(
      taken,
      Array.from({ length: 9_997 }, (_, index) => index),
    );
  });

  it('keeps nothing where the wait never ends', () => {
    const deadlines = new Deadlines<string>(Infinity);
    deadlines.add('a', 0);
    assert.equal(deadlines.next, Infinity);
    assert.equal(deadlines.take(Infinity), undefined);
  });
});
