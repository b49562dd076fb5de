import assert from 'node:assert/strict';

import { decodeLog } from '../helpers/logs.ts';

describe('formats/plain_log', () => {
  it('takes a traceback and what announces it as one record', () => {
    const traceback = [
      '4a25e466: Caught an exception while executing user function',
      'Traceback (most recent call last):',
      '  File "x.py", line 77, in f',
      "KeyError: 'missing'",
      '',
      'The above exception was the direct cause of the following exception:',
      '',
      'Traceback (most recent call last):',
      '  File "y.py"',
      '    ^^^',
      'pkg.SomeError: cannot',
    ].join('\n');
    const { records } = decodeLog('batch_output', `before\n${traceback}\nafter it\n`);
    assert.deepEqual(records.map((record) => [record['source.line'], record['message']]), [
      [1, 'before'],
      [2, traceback],
      [13, 'after it'],
    ]); // prettier-ignore
  });

  it('understands Python’s logging where nobody has set it up', () => {
    const { records } = decodeLog('text', 'DEBUG:parsl.process_loggers:Normal ending for monitor\n');
    const { level, message, 'log.logger': logger } = records[0] ?? {};
    assert.deepEqual([level, logger, message], ['DEBUG', 'parsl.process_loggers', 'Normal ending for monitor']);
  });

  it('takes a script as one record, made when its name says', () => {
    const path = '000/submit_scripts/parsl.htex.block-0.1795261764.0892692.sh';
    const script = '\nexport JOBNAME=x\n\nCMD() {\n  work\n}';
    const { records } = decodeLog('submit_script', `${script}\n\n`, { 'source.path': path });
    assert.deepEqual(
      records.map(({ time, message }) => [time, message]),
      [[1795261764089269000n, script]],
    );
  });
});
