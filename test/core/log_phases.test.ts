import assert from 'node:assert/strict';

import { boundsOf, spellsOf, type Mark } from '../../bridge/core/log_phases.ts';
import { seeded, shuffled } from '../helpers/engine.ts';

const start = (phase: string, at: number): Mark => ({ phase, edge: 'start', at });
const end = (phase: string, at: number): Mark => ({ phase, edge: 'end', at });

/** `worker 3-5`, `worker#2 7-?`; an inferred bound has a ~. */
function shown(marks: readonly Mark[], outer: Parameters<typeof boundsOf>[2] = new Map()): string[] {
  const spells = spellsOf(marks);
  const bound = (of: ReturnType<typeof boundsOf>['start']): string =>
    of === undefined ? '?' : `${of.isInferred ? '~' : ''}${of.at}`;
  return spells.map((spell) => {
    const bounds = boundsOf(spell, spells, outer);
    return `${spell.name}${spell.spell === 1 ? '' : `#${spell.spell}`} ${bound(bounds.start)}-${bound(bounds.end)}`;
  });
}

describe('core/log_phases', () => {
  const lost = [
    start('submit', 0),
    end('submit', 1), start('manager_queue', 1), // TASK 17 WAITING
    end('manager_queue', 2), start('worker', 2), // TASK 17 RUNNING
    end('submit', 5), start('manager_queue', 5), // its worker is lost: TASK 17 WAITING
    end('manager_queue', 6), start('worker', 6), // TASK 17 RUNNING elsewhere
    end('worker', 8), start('result', 8), // TASK 17 WAITING_RETRIEVAL
    end('result', 9), // TASK 17 DONE
  ]; // prettier-ignore

  it('makes each time that a try is in a phase a spell of its own, as after a lost worker of Work Queue', () => {
    assert.deepEqual(shown(lost), [
      'submit 0-1', 'manager_queue 1-2', 'worker 2-~5', 'manager_queue#2 5-6', 'worker#2 6-8', 'result 8-9',
    ]); // prettier-ignore
  });

  it('gives the same spells in any order, with marks doubled', () => {
    const whole = shown(lost);
    for (const seed of [1, 2, 3, 4]) assert.deepEqual(shown(shuffled([...lost, ...lost], seeded(seed))), whole);
  });

  it('takes two lines that tell one bound as one, whichever phase they are in', () => {
    assert.deepEqual(shown([start('worker', 1), start('worker', 2), end('worker', 4), end('worker', 5)]), ['worker 1-4']);
  }); // prettier-ignore

  it('hands a try over once: that it was launched is told after the executor has it', () => {
    const marks = [start('submit', 1), end('submit', 2), start('interchange_queue', 2), start('submit', 3)];
    assert.deepEqual(shown(marks), ['submit 1-2', 'interchange_queue 2-?']);
  });

  it('keeps what two hosts’ clocks tell in the wrong order together, so that it is seen to be negative', () => {
    assert.deepEqual(shown([end('result', 4), start('result', 5)]), ['result 5-4']);
    assert.deepEqual(shown([end('own', 4), start('own', 5), end('own', 7), start('own', 8)]), ['own 5-4', 'own#2 8-7']);
  });

  it('infers a bound that no line told from the neighbour, else from the phase around it', () => {
    const outer = new Map([
      ['queued', { start: 0, end: 9 }],
      ['running', { start: 9, end: 12 }],
    ]);
    assert.deepEqual(shown([end('submit', 1), start('manager_queue', 5), start('worker', 9)], outer), [
      'submit ~0-1', 'manager_queue 5-~9', 'worker 9-~12',
    ]); // prettier-ignore
    assert.deepEqual(shown([end('interchange_queue', 3)], outer), ['interchange_queue ?-3']);
  });
});
