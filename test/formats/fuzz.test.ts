import assert from 'node:assert/strict';

import { fuzzDecode } from '../fuzz/fuzz_decode.ts';

describe('formats: damaged messages', () => {
  it('are refused with a reason or read as records, in bounded time and memory', () => {
    const { counts, faults } = fuzzDecode({ mutations: 5_000, seed: 42 });
    assert.deepEqual(faults, []);
    // All ways out were taken, so the mutations reach what they are meant to reach.
    for (const word of [
      'accepted',
      'truncated',
      'opcode',
      'malformed',
      'global',
      'envelope',
      'json',
      'log_header',
      'transaction',
      'table',
    ]) {
      assert.ok((counts[word] ?? 0) > 5, `${word}: ${counts[word] ?? 0}`);
    }
  });
});
