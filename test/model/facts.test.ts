import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { Earliest, Latest, StateFact } from '../../bridge/model/facts.ts';
import {
  earliest, isKnown, latest, learn, learnInstant, learnLocal, learnState, rankOf, shownStates, stateRankOf,
} from '../../bridge/model/facts.ts'; // prettier-ignore

const told = fc.record({
  value: fc.constantFrom<string>('a', 'b', 'c'),
  at: fc.integer({ min: 0, max: 4 }),
  isFinal: fc.boolean(),
  logged: fc.boolean(),
});

type Told = typeof told extends fc.Arbitrary<infer T> ? T : never;

function merge(all: readonly Told[]): Latest<string> {
  const cell = latest<string>();
  for (const { value, at, isFinal, logged } of all) learn(cell, value, rankOf({ at, local: false, logged }, isFinal));
  return cell;
}

const base: StateFact = {
  state: 'pending', attempt: 0, at: 1, local: true, logged: false,
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
      { value: 'b', at: 2, isFinal: false, logged: false },
      { value: 'a', at: 1, isFinal: false, logged: false },
    ]);
    assert.equal(cell.value, 'b');
  });

  it('a final state outranks any that came later', () => {
    const cell = merge([
      { value: 'failed', at: 1, isFinal: true, logged: false },
      { value: 'launched', at: 99, isFinal: false, logged: false },
    ]);
    assert.equal(cell.value, 'failed');
  });

  it('of two finals the later wins, of two at the same time the smaller value', () => {
    const later = merge([
      { value: 'a', at: 1, isFinal: true, logged: false },
      { value: 'b', at: 2, isFinal: true, logged: false },
    ]);
    const same = merge([
      { value: 'b', at: 2, isFinal: true, logged: false },
      { value: 'a', at: 2, isFinal: true, logged: false },
    ]);
    assert.deepEqual([later.value, same.value], ['b', 'a']);
  });

  it('a final state outranks all else until the year 2096', () => {
    const stamp = (at: number, logged = false) => ({ at, local: false, logged });
    const last = Date.UTC(2096, 9, 1) * 1000;
    assert.ok(rankOf(stamp(0), true) > rankOf(stamp(last), false));
    assert.ok(rankOf(stamp(0), false) > rankOf(stamp(last, true), true), 'a message counts more than any line');
  });

  it('a task is in the final state that a line tells, unless a message tells another', () => {
    const stamp = (at: number, logged: boolean) => ({ at, local: false, logged });
    const last = Date.UTC(2096, 9, 1) * 1000;
    assert.ok(stateRankOf(stamp(0, true), true) > stateRankOf(stamp(last, false), false));
    assert.ok(stateRankOf(stamp(0, true), true) < stateRankOf(stamp(1, false), true));
  });

  it('a state that lines and messages tell is one state, and the message’s; several lines are one, and the first', () => {
    const facts: StateFact[] = [];
    const say = (fact: Partial<StateFact>): boolean => learnState(facts, { ...base, ...fact });
    assert.deepEqual([say({ at: 5, logged: true }), say({ at: 3, logged: true, app: 'a' })], [true, false]);
    assert.deepEqual(shownStates(facts).map(({ at, app }) => [at, app]), [[3, 'a']]); // prettier-ignore
    say({ at: 4, attempt: undefined, logged: true });
    say({ at: 2, local: false, logged: true });
    assert.deepEqual(shownStates(facts).map(({ at }) => at), [2]); // prettier-ignore
    say({ at: 9 });
    say({ at: 7, state: 'running', logged: true });
    assert.deepEqual(shownStates(facts).map(({ state, at }) => [state, at]), [['pending', 9], ['running', 7]]); // prettier-ignore
  });

  it('of the times told for one event the earliest counts, in each kind of clock', () => {
    const cell: Earliest = earliest();
    for (const us of [5, 3, 4]) learnLocal(cell, us);
    for (const us of [9, 8]) learnInstant(cell, us);
    learnLocal(cell, undefined);
    assert.deepEqual(cell, { local: 3, instant: 8, logged: undefined });
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
