import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { Earliest, Latest, StateFact } from '../../bridge/model/facts.ts';
import {
  earliest, isKnown, latest, learn, learnInstant, learnLocal, learnState, rankOf,
} from '../../bridge/model/facts.ts'; // prettier-ignore

const told = fc.record({
  value: fc.constantFrom<string>('a', 'b', 'c'),
  at: fc.integer({ min: 0, max: 4 }),
  isFinal: fc.boolean(),
});

type Told = typeof told extends fc.Arbitrary<infer T> ? T : never;

function merge(all: readonly Told[]): Latest<string> {
  const cell = latest<string>();
  for (const { value, at, isFinal } of all) learn(cell, value, rankOf(at, isFinal));
  return cell;
}

const base: StateFact = {
  state: 'pending', attempt: 0, at: 1, local: true,
  app: undefined, executor: undefined, failHistory: undefined, host: undefined, block: undefined,
}; // prettier-ignore

describe('model/facts', () => {
  it('a value told by several records is the same in any order and doubled', () => {
    fc.assert(
      fc.property(
        fc
          .array(told, { minLength: 1, maxLength: 8 })
          .chain((all) =>
            fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
          ),
        ([all, shuffled]) => assert.deepEqual(merge(shuffled), merge(all)),
      ),
      { seed: 1, numRuns: 1_000 },
    );
  });

  it('the later record wins', () => {
    const cell = merge([
      { value: 'b', at: 2, isFinal: false },
      { value: 'a', at: 1, isFinal: false },
    ]);
    assert.equal(cell.value, 'b');
  });

  it('a final state outranks any that came later', () => {
    const cell = merge([
      { value: 'failed', at: 1, isFinal: true },
      { value: 'launched', at: 99, isFinal: false },
    ]);
    assert.equal(cell.value, 'failed');
  });

  it('of two finals the later wins, of two at the same time the smaller value', () => {
    const later = merge([
      { value: 'a', at: 1, isFinal: true },
      { value: 'b', at: 2, isFinal: true },
    ]);
    const same = merge([
      { value: 'b', at: 2, isFinal: true },
      { value: 'a', at: 2, isFinal: true },
    ]);
    assert.deepEqual([later.value, same.value], ['b', 'a']);
  });

  it('a final state outranks all else until the year 2096', () => {
    assert.ok(rankOf(0, true) > rankOf(Date.UTC(2096, 9, 1) * 1000, false));
  });

  it('of the times told for one event the earliest counts, in each kind of clock', () => {
    const cell: Earliest = earliest();
    for (const us of [5, 3, 4]) learnLocal(cell, us);
    for (const us of [9, 8]) learnInstant(cell, us);
    learnLocal(cell, undefined);
    assert.deepEqual(cell, { local: 3, instant: 8 });
  });

  it('a time is known once any clock told it', () => {
    const local = earliest();
    const instant = earliest();
    learnLocal(local, 0);
    learnInstant(instant, 0);
    assert.deepEqual([earliest(), local, instant].map(isKnown), [false, true, true]);
  });

  it('a state told twice is one fact; at another time, of another try or clock it is another', () => {
    const facts: StateFact[] = [];
    const others = [
      base,
      base,
      { ...base, at: 2 },
      { ...base, attempt: 1 },
      { ...base, local: false },
      { ...base, state: 'failed' },
    ];
    assert.deepEqual(others.map((fact) => learnState(facts, fact)), [true, false, true, true, true, true]); // prettier-ignore
    assert.equal(facts.length, 5);
  });
});
