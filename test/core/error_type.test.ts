import assert from 'node:assert/strict';

import { errorType } from '../../bridge/core/error_type.ts';

describe('core/error_type', () => {
  it('is the leading identifier of an exception’s repr', () => {
    assert.equal(errorType(`ValueError('flaky')`), 'ValueError');
    assert.equal(errorType(`parsl.app.errors.AppTimeout('x')`), 'parsl.app.errors.AppTimeout');
    assert.equal(errorType(`ManagerLost(b'985f0e22cba9', 'vm')`), 'ManagerLost');
  });

  it('is the exception of the last line of a traceback', () => {
    assert.equal(errorType('ValueError: flaky'), 'ValueError');
    assert.equal(errorType('parsl.app.errors.AppTimeout'), 'parsl.app.errors.AppTimeout');
    assert.equal(errorType('error: flaky'), '_OTHER');
  });

  it('is _OTHER for prose and for nothing', () => {
    assert.equal(errorType('Dependency failure for task 43 from: [...]'), '_OTHER');
    assert.equal(errorType(''), '_OTHER');
    assert.equal(errorType(undefined), '_OTHER');
  });
});
