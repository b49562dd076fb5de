import assert from 'node:assert/strict';

import { taskStates as parslStates } from '../../bridge/formats/parsl_enums.ts';
import {
  blockStates,
  isBlockEnd,
  isFailure,
  isFinal,
  isReturn,
  laneOf,
  taskStates,
} from '../../bridge/model/states.ts';

describe('model/states', () => {
  it('knows every state that any release of Parsl has', () => {
    const unknown = [...new Set(parslStates.values())].filter(
      (state) => !(taskStates as readonly string[]).includes(state),
    );
    assert.deepEqual(unknown, []);
  });

  it('has two lanes: what a worker tells, and all else', () => {
    const execution = taskStates.filter((state) => laneOf(state) === 'execution');
    assert.deepEqual(execution, ['running', 'running_ended']);
  });

  it('says of every state whether it is the last one, a failure, a return', () => {
    assert.deepEqual(taskStates.filter(isFinal), ['exec_done', 'memo_done', 'failed', 'dep_fail']);
    assert.deepEqual(taskStates.filter(isFailure), ['fail_retryable', 'failed', 'dep_fail']);
    assert.deepEqual(taskStates.filter(isReturn), ['joining', 'fail_retryable', 'exec_done', 'failed']);
    assert.ok(isFinal('done') && isReturn('done') && !isFailure('done'));
  });

  it('knows after which states a block is gone, by the names of old and new releases', () => {
    const ends = blockStates.filter(isBlockEnd);
    assert.deepEqual(ends, ['CANCELLED', 'COMPLETED', 'FAILED', 'TIMEOUT', 'MISSING', 'SCALED_IN']);
  });
});
