/** The one error of the pickle decoder. */
import { BridgeError } from '../core/errors.ts';

/** Why a pickle is refused; the words are what such frames are counted by. */
export type PickleReason = 'limit' | 'truncated' | 'opcode' | 'global' | 'malformed';

export function fail(reason: PickleReason, why: string): never {
  throw new BridgeError('BRIDGE_DECODE', `decode pickle: ${why}`, { reason });
}

export function truncated(): never {
  fail('truncated', 'it ends before its end');
}

export function underflow(): never {
  fail('malformed', 'stack underflow');
}
