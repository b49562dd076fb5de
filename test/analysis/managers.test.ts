import assert from 'node:assert/strict';

import { lostManagers, managerEnd, managerState, type Surroundings } from '../../bridge/analysis/managers.ts';
import { makeRows } from '../store/rows.ts';

const S = 1e6;
const rows = makeRows({ tasks: 10, blocks: 1 });
const manager = { ...rows.managers[0]!, manager: '8f8ba7000809', executor: 'htex', block: '0', registered: 0, left: null, active: true, draining: false, last_seen: 10 }; // prettier-ignore
const block = { ...rows.blocks[0]!, executor: 'htex', block: '0', state: 'RUNNING', ended: null };
const around: Surroundings = { run: { completed: null }, blocks: [block], named: new Set(), lastUse: new Map(), end: 900 * S }; // prettier-ignore
const left = { ...manager, left: 100 * S, active: false };

describe('analysis/managers', () => {
  const scaledIn = { ...block, state: 'SCALED_IN', ended: 100.4 * S };
  const cases: [string, string, string][] = [
    ['active', managerState(manager, around), 'one that nobody said anything else of'],
    ['draining', managerState({ ...manager, draining: true }, around), 'one that takes no more'],
    ['gone', managerState(manager, { ...around, run: { completed: 5 } }), 'any of a run that is over'],
    ['gone', managerState(left, { ...around, blocks: [scaledIn] }), 'one that is held just before its block is scaled in'],
    ['gone', managerState({ ...left, left: 250 * S }, { ...around, blocks: [scaledIn] }), 'one that is missed after its block was scaled in'],
    ['gone', managerState(left, { ...around, run: { completed: 101 * S } }), 'one that goes as the run ends'],
    ['gone', managerState({ ...left, draining: true }, around), 'one that had drained'],
    ['lost', managerState(left, around), 'one that leaves while its block goes on'],
    ['lost', managerState(left, { ...around, blocks: [{ ...scaledIn, ended: 500 * S }] }), 'one that leaves long before its block'],
    ['lost', managerState(left, { ...around, blocks: [{ ...block, state: 'FAILED', ended: 99 * S }] }), 'one of a block that failed'],
    ['lost', managerState(left, { ...around, blocks: [scaledIn], named: new Set(['8f8ba7000809']) }), 'one that failed tries name'],
  ]; // prettier-ignore
  for (const [expected, actual, what] of cases) it(`calls ${expected} ${what}`, () => assert.equal(actual, expected));

  it('reads the names of lost managers out of error texts', () => {
    const texts = [
      "ManagerLost(b'c3f9375d7cdd', 'node-17')",
      'ZeroDivisionError()',
      "x;ManagerLost(b'4d86e7107895', 'vm')",
    ];
    assert.deepEqual([...lostManagers(texts)], ['c3f9375d7cdd', '4d86e7107895']);
  });

  it('keeps a manager’s workers until it left, until its block ended, or as long as tasks were on it', () => {
    const used = new Map([['8f8ba7000809', 90]]);
    assert.equal(managerEnd(manager, around), 900 * S);
    assert.equal(managerEnd(manager, { ...around, blocks: [scaledIn] }), 100.4 * S);
    assert.equal(managerEnd(left, { ...around, lastUse: used }), 100 * S);
    assert.equal(managerEnd({ ...manager, active: false, last_seen: 10 }, { ...around, lastUse: used }), 90);
  });
});
