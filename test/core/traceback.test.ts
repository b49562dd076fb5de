import assert from 'node:assert/strict';

import { tracebackOf } from '../../bridge/core/traceback.ts';

const chained = [
  'Traceback (most recent call last):', '  File "a.py", line 1, in f', '    g()', 'KeyError: 3', '',
  'The above exception was the direct cause of the following exception:', '',
  'Traceback (most recent call last):', '  File "b.py", line 2, in h', 'parsl.errors.BadThing: no such', '  thing',
].join('\n'); // prettier-ignore

describe('core/traceback', () => {
  it('tells the exception that was raised last, and all that led to it', () => {
    assert.deepEqual(tracebackOf(`Task 3 failed\n${chained}`), {
      type: 'parsl.errors.BadThing',
      message: 'no such',
      stacktrace: chained,
    });
  });

  it('of an exception without text, or with its end cut off, tells what there is', () => {
    assert.deepEqual(tracebackOf('Traceback (most recent call last):\n  File "a.py"\nKeyboardInterrupt'), {
      type: 'KeyboardInterrupt',
      message: '',
      stacktrace: 'Traceback (most recent call last):\n  File "a.py"\nKeyboardInterrupt',
    });
    assert.equal(tracebackOf('x\nTraceback (most recent call last):\n  File "a.py"')?.type, undefined);
  });

  it('is none where there is none', () => {
    assert.equal(tracebackOf('ValueError: 3'), undefined);
  });
});
