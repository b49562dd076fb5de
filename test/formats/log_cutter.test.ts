import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { WideRecord } from '../../bridge/core/record.ts';
import type { Frame } from '../../bridge/core/frame.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { LogCutter, logLimits, type LogPosition } from '../../bridge/formats/log_cutter.ts';
import type { LogFormat } from '../../bridge/formats/log_text.ts';
import { cutLog, decodeLog } from '../helpers/logs.ts';

const json = (message: string) =>
  JSON.stringify({ created: 1795261675.5, levelname: 'INFO', msg: message, formatted: message });
const TEXT = '1795261724.001503 2026-11-21 11:48:44 MainProcess-1 MainThread-2 parsl.dataflow.dflow:91 f INFO: ';
const DEBUG = '2026/11/21 11:43:59.26 work_queue_python[17999] wq: ';

/** Lines of each kind of log, good and bad, with some that only continue others. */
const linesOf: Partial<Record<LogFormat, fc.Arbitrary<string>>> = {
  parsl_json_log: fc.oneof(fc.string({ unit: 'grapheme' }).map(json), fc.constantFrom('{"created": 1', '', '"no"', '{}')),
  parsl_text_log: fc.oneof(
    fc.string().map((text) => TEXT + text.replaceAll('\n', ' ')),
    fc.constantFrom('Traceback (most recent call last):', '  File "x.py"', '', '1795261724.00 is no prefix', 'ünïcödé'),
  ),
  work_queue_debug: fc.oneof(fc.constantFrom(`${DEBUG}task 1`, DEBUG, '  more', '')),
  work_queue_transactions: fc.constantFrom(
    '# time manager_pid TASK', '1795261439320127 17999 TASK 1 WAITING default FIRST_RESOURCES {"cores":[1,"cores"]}',
    '1795261439320127 17999 TASK 1 DONE SUCCESS  0  {} {}', 'torn', '',
  ),
  work_queue_performance: fc.constantFrom('# timestamp a b', '# timestamp b', '1 2 3', '1 2', 'x'),
  batch_output: fc.constantFrom('a', ' b', 'Traceback (most recent call last):', '  File "x"', 'ValueError: y', ''),
}; // prettier-ignore

function recordsOf(frames: Parameters<typeof decodeFrames>[0]): { records: WideRecord[]; problems: string[] } {
  const { records, problems } = decodeFrames(frames, 'test');
  // Which columns were known before a line may be told in its header or in a line of its chunk.
  const said = problems.map(({ frame }) =>
    Buffer.from(frame.payload)
      .toString()
      .replace(/,"columns":"[^"]*"/, ''),
  );
  return { records, problems: said };
}

const never = (error: Error): never => {
  throw error;
};

describe('formats/log_cutter', () => {
  for (const [format, line] of Object.entries(linesOf) as [LogFormat, fc.Arbitrary<string>][]) {
    it(`gives the same records of ${format}, however its bytes come`, () => {
      const file = fc.tuple(fc.array(line, { minLength: 1, maxLength: 30 }), fc.boolean());
      fc.assert(
        fc.property(file, fc.array(fc.nat(4_000), { maxLength: 12 }), ([lines, isTorn], cuts) => {
          const bytes = Buffer.from(lines.join('\n') + (isTorn ? '' : '\n'));
          const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
            (a, b) => a - b,
          );
          const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
          const whole = recordsOf(cutLog(format, [bytes]).frames);
          assert.deepEqual(recordsOf(cutLog(format, pieces).frames), whole);
          if (format !== 'work_queue_performance' && whole.records.length > 0)
            assert.deepEqual(whole.records, decodeLog(format, bytes.toString()).records);
        }),
        { numRuns: 300 },
      );
    });

    it(`gives the same records of ${format}, wherever it has to begin anew`, () => {
      const limits = { line_bytes_max: 200, record_bytes_max: 2 ** 20 };
      const long = fc.constant('x'.repeat(300));
      const file = fc.array(fc.oneof({ arbitrary: line, weight: 9 }, long), { minLength: 1, maxLength: 10 });
      fc.assert(
        fc.property(file, fc.array(fc.nat(4_000), { maxLength: 12 }), (lines, cuts) => {
          const bytes = Buffer.from(`${lines.join('\n')}\n`);
          const header = { format, keys: { 'source.path': 'a.log' } };
          /** Byte by byte, for what is too long is told by what has come of it. */
          const push = (cutter: LogCutter, end: number): Frame[] =>
            [...bytes.subarray(cutter.position.offset, end)].flatMap((byte) => cutter.push(Uint8Array.of(byte)));
          const whole = new LogCutter(header, limits, () => {});
          const wanted = [...push(whole, bytes.length), ...whole.flush(true)];
          let cutter = new LogCutter(header, limits, () => {});
          const frames: Frame[] = [];
          for (const cut of cuts.map((cut) => cut % (bytes.length + 1))) {
            frames.push(...push(cutter, cut));
            // Through JSON, as it is kept.
            const kept = JSON.parse(JSON.stringify(cutter.position)) as LogPosition;
            cutter = new LogCutter(header, limits, () => {}, kept);
          }
          frames.push(...push(cutter, bytes.length), ...cutter.flush(true));
          assert.deepEqual(recordsOf(frames), recordsOf(wanted));
        }),
        { numRuns: 100 },
      );
    });
  }

  it('cuts a long log of many-line records only where one begins', () => {
    const record = `${TEXT}begins\n${'  goes on and on\n'.repeat(100)}`;
    const { frames } = cutLog('parsl_text_log', [Buffer.from(record.repeat(1_000))]);
    assert.ok(frames.length > 3);
    const { records, problems } = decodeFrames(frames, 'test');
    assert.deepEqual([records.length, problems.length], [1_000, 0]);
    assert.ok(records.every(({ message }) => String(message).split('\n').length === 101));
    assert.deepEqual(records.at(-1)?.['source.line'], 999 * 101 + 1);
  });

  it('goes on at the position where it stopped, with the columns of a table', () => {
    const text = '# timestamp a b\n1 2 3\n4 5 6\n';
    const first = new LogCutter({ format: 'taskvine_performance', keys: {} }, logLimits, never);
    first.push(Buffer.from(text.slice(0, 23)));
    assert.deepEqual(first.position, { offset: 22, line: 3, columns: 'timestamp a b' });
    const header = { format: 'taskvine_performance', keys: {} } as const;
    const second = new LogCutter(header, logLimits, never, first.position);
    const { records } = decodeFrames(second.push(Buffer.from(text.slice(22))), 'test');
    assert.deepEqual(
      records.map((record) => [record['source.line'], record['time'], record['taskvine.a'], record['taskvine.b']]),
      [[3, 4000n, 5, 6]],
    );
  });

  it('holds back the last record of a text log until it is told that nobody writes', () => {
    const cutter = new LogCutter({ format: 'parsl_text_log', keys: {} }, logLimits, never);
    const one = `${TEXT}one\n`;
    assert.deepEqual(cutter.push(Buffer.from(`${one}  more\n${TEXT.slice(0, 30)}`)), []);
    assert.equal(cutter.waiting, one.length + 7 + 30);
    const { records } = decodeFrames(cutter.flush(false), 'test');
    assert.deepEqual(
      records.map(({ message }) => message),
      ['one\n  more'],
    );
    assert.equal(cutter.waiting, 30);
  });

  it('leaves out a line that is too long, tells it once, and reads on behind it', () => {
    const long = Buffer.alloc(5_000, 'x');
    const pieces = [Buffer.from(`${json('a')}\n`), long, long, Buffer.from(`\n${json('b')}\n`)];
    const { frames, reported } = cutLog('parsl_json_log', pieces, { line_bytes_max: 4_096, record_bytes_max: 4_096 });
    const { records, problems } = decodeFrames(frames, 'test');
    assert.deepEqual(
      records.map((record) => [record['message'], record['source.line']]),
      [
        ['a', 1],
        ['b', 3],
      ],
    );
    assert.deepEqual([reported, problems], [['too_large'], []]);
  });

  it('takes a hole for no line, however large it is, and however it comes', () => {
    const limits = { line_bytes_max: 1_000, record_bytes_max: 10_000 };
    for (const sizes of [[5_000], [10, 4_000, 990], [1_500]]) {
      const holes = sizes.map((size) => Buffer.alloc(size));
      const { frames, reported, position } = cutLog('parsl_text_log', [...holes, Buffer.from(`${TEXT}a\n`), ...holes, Buffer.from(`${TEXT}b\n`)], limits); // prettier-ignore
      const { records } = decodeFrames(frames, 'test');
      assert.deepEqual([records.map(({ message }) => message), reported], [['a', 'b'], []]);
      assert.equal(position.offset, 2 * (sizes.reduce((sum, size) => sum + size, 0) + TEXT.length + 2));
    }
  });

  it('does not hold a record back for the line behind it that is too long', () => {
    const long = Buffer.alloc(5_000, 'x');
    const limits = { line_bytes_max: 4_096, record_bytes_max: 4_096 };
    const reported: (string | undefined)[] = [];
    const header = { format: 'parsl_text_log', keys: { 'source.path': 'parsl.log' } } as const;
    const cutter = new LogCutter(header, limits, ({ reason }) => reported.push(reason));
    const { records } = decodeFrames(cutter.push(Buffer.concat([Buffer.from(`${TEXT}a\n`), long])), 'test');
    assert.deepEqual([records[0]?.['message'], cutter.waiting, reported], ['a', 0, ['too_large']]);
    cutter.push(long);
    const after = [...cutter.push(Buffer.from(`\n${TEXT}b\n`)), ...cutter.flush(true)];
    const [b] = decodeFrames(after, 'test').records;
    assert.deepEqual([b?.['message'], b?.['source.line'], reported.length], ['b', 3, 1]);
  });

  it('takes lines of 50 kB as they are', () => {
    const message = 'é'.repeat(25_000);
    const { records } = decodeFrames(cutLog('parsl_json_log', [Buffer.from(json(message))]).frames, 'test');
    assert.equal(records[0]?.['message'], message);
  });

  it('cuts a record of many lines that grows beyond its limit', () => {
    const text = `${TEXT}begins\n${'  more\n'.repeat(1_000)}`;
    const { frames } = cutLog('parsl_text_log', [Buffer.from(text), Buffer.from('  last\n')], {
      line_bytes_max: 4_096,
      record_bytes_max: 4_096,
    });
    const { records } = decodeFrames(frames, 'test');
    assert.equal(records.length, 2);
    assert.match(String(records[1]?.['source.note']), /without the beginning/);
  });
});
