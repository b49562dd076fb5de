import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { readFileSync } from 'node:fs';

import { BridgeError, reasonOf } from '../../bridge/core/errors.ts';

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('core/errors', () => {
  const missing = thrownBy(() => readFileSync('/no/such/file'));

  it('keeps the cause, the hint and the reason', () => {
    const cause = new Error('why');
    const error = new BridgeError('BRIDGE_IO', 'write x: why', { cause, hint: 'make room', reason: 'disk_full' });
    assert.ok(error instanceof Error);
    assert.deepEqual([error.code, error.message, error.cause, error.hint, error.reason], [
      'BRIDGE_IO', 'write x: why', cause, 'make room', 'disk_full',
    ]); // prettier-ignore
  });

  it('leaves a BridgeError as it is, whatever was being done', () => {
    const error = new BridgeError('BRIDGE_REFUSED', 'queue full');
    assert.equal(BridgeError.from(error, 'BRIDGE_IO', 'do it'), error);
  });

  it('wraps any other error with what was being done, and keeps it as the cause', () => {
    const error = BridgeError.from(missing, 'BRIDGE_CONFIG', 'read /no/such/file');
    assert.equal(error.code, 'BRIDGE_CONFIG');
    assert.equal(error.message, 'read /no/such/file: no such file or directory');
    assert.equal(error.cause, missing);
  });

  it('takes the short reason out of a system error', () => {
    assert.equal(reasonOf(missing), 'no such file or directory');
    const inUse = Object.assign(new Error('bind EADDRINUSE 127.0.0.1:4381'), { errno: -constants.errno.EADDRINUSE });
    assert.equal(reasonOf(inUse), 'address already in use');
  });

  it('takes the message of an ordinary error, and the text of anything else that was thrown', () => {
    assert.equal(reasonOf(new TypeError('x is not a function')), 'x is not a function');
    assert.equal(reasonOf('just text'), 'just text');
    assert.equal(reasonOf(undefined), 'undefined');
  });

  it('says in one line, harmless to a terminal, what is called anything at all', () => {
    const { message } = new BridgeError('BRIDGE_IO', 'read 000/\u001b[2Jb\u00f6se\n\u202egpj.log: gone');
    assert.equal(message, 'read 000/\\u001b[2Jb\u00f6se\\u000a\\u202egpj.log: gone');
  });
});
