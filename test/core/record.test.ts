import assert from 'node:assert/strict';

import { flag, number, stringify, text } from '../../bridge/core/record.ts';

describe('core/record', () => {
  const record = { a: 'x', empty: '', n: 3, zero: 0, yes: true, no: false, none: null, time: 1795261680316588401n };

  it('reads a text only where there is one that is not empty', () => {
    const read = ['a', 'empty', 'n', 'none', 'absent'].map((key) => text(record, key));
    assert.deepEqual(read, ['x', undefined, undefined, undefined, undefined]);
  });

  it('reads a number, zero included, and never a bigint', () => {
    const read = ['n', 'zero', 'a', 'none', 'time'].map((key) => number(record, key));
    assert.deepEqual(read, [3, 0, undefined, undefined, undefined]);
  });

  it('reads a flag, false included', () => {
    assert.deepEqual(
      ['yes', 'no', 'n', 'none'].map((key) => flag(record, key)),
      [true, false, undefined, undefined],
    );
  });

  it('writes one line, keys in the order they were set, nanoseconds whole', () => {
    assert.equal(
      stringify(record),
      '{"a":"x","empty":"","n":3,"zero":0,"yes":true,"no":false,"none":null,"time":"1795261680316588401"}',
    );
  });
});
