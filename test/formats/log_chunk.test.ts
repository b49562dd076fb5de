import assert from 'node:assert/strict';

import { Channel } from '../../bridge/core/frame.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { encodeLogChunk } from '../../bridge/formats/log_chunk.ts';
import { decodeLog, logFrame } from '../helpers/logs.ts';

const keys = { 'source.path': '000/htex/block-0/d941c5ff7759/worker_1.jsonlog', 'parsl.worker': 1, 'parsl.block': '0' };

describe('formats/log_chunk', () => {
  it('gives every record what holds for all of its file, in canonical types', () => {
    const { records } = decodeLog('json', '{"a":1}\n{"a":2}\n', { ...keys, worker_id: '1' });
    assert.deepEqual(records, [1, 2].map((a) => ({
      a,
      'source.receiver': 'test',
      'source.format': 'json',
      'source.path': keys['source.path'],
      'source.line': a,
      'parsl.worker': 1,
      'parsl.block': '0',
    }))); // prettier-ignore
  });

  it('lets no line say where it is from: that is kept under another name', () => {
    const lie = { 'source.path': '/etc/passwd', 'source.line': 9, 'source.log': 'parsl', 'source.mine': 'kept' };
    const logged = { created: 1795261675.5, levelname: 'INFO', name: 'x', msg: 'a', formatted: 'a', ...lie };
    for (const [format, line] of [
      ['json', lie],
      ['json', { source: { path: '/etc/passwd', line: 9, log: 'parsl', mine: 'kept' } }],
      ['parsl_json_log', logged],
    ] as const) {
      const [record = {}] = decodeLog(format, `${JSON.stringify(line)}\n`, { ...keys, 'source.log': 'worker' }).records;
      assert.deepEqual(
        ['source.path', 'source.line', 'source.log', 'source.format', 'source.mine'].map((key) => record[key]),
        [keys['source.path'], 1, 'worker', format, 'kept'],
      );
      assert.deepEqual(
        ['log.source.path', 'log.source.line', 'log.source.log'].map((key) => record[key]),
        ['/etc/passwd', 9, 'parsl'],
      );
    }
  });

  it('takes a log of a run that nothing names, whatever its header calls it', () => {
    const keys = { 'source.nameless': 'executor', 'source.log': 'constructor' };
    const { records, problems } = decodeLog('text', 'hello\n', keys);
    assert.deepEqual([records.map(({ message }) => message), problems], [['hello'], []]);
  });

  it('takes a record that a bridge has written as it is', () => {
    const written = { 'source.receiver': 'run_dir', 'source.path': 'worker_0.log', 'source.line': 7, a: 1 };
    const [record = {}] = decodeLog('json', `${JSON.stringify(written)}\n`, keys).records;
    assert.deepEqual([record['source.path'], record['source.line'], record['source.receiver']], ['worker_0.log', 7, 'run_dir']); // prettier-ignore
  });

  it('takes no harm from keys that objects have of their own', () => {
    const line =
      '{"__proto__": {"polluted": 1}, "constructor": "x", "toString": "y", "created": 1.5, "formatted": "m"}\n';
    for (const format of ['json', 'parsl_json_log'] as const) {
      const [record = {}] = decodeLog(format, line).records;
      const own = new Map(Object.entries(record));
      assert.deepEqual([own.get('constructor'), own.get('toString')], ['x', 'y']);
      assert.equal(Object.getPrototypeOf(record), Object.prototype);
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    }
  });

  it('reads what went through Windows: a byte order mark, carriage returns', () => {
    const text = '\ufeff2026-11-21 11:48:49.507 worker_log:576 28605 MainThread [INFO]  Received task 3\r\n';
    const [record = {}] = decodeLog('parsl_text_log', text).records;
    assert.deepEqual([record['message'], record['source.note']], ['Received task 3', undefined]);
    assert.equal(decodeLog('json', '\ufeff{"a":1}\r\n').records[0]?.['a'], 1);
  });

  it('numbers lines as in the file, blank ones too', () => {
    const payload = encodeLogChunk({ format: 'json', keys: {} }, 7, Buffer.from('\n{"a":1}\n\n{"a":2}'));
    const { records } = decodeFrames([{ channel: Channel.log, time: 0, payload }], 'test');
    assert.deepEqual(
      records.map((record) => record['source.line']),
      [8, 10],
    );
  });

  it('tells when the chunk arrived, if that is known', () => {
    const { records } = decodeFrames([{ ...logFrame('json', '{"a":1}\n'), time: 5 }], 'test');
    assert.equal(records[0]?.['source.arrival'], 5);
  });

  it('sets a bad line aside as a chunk of its own, and its neighbours do not notice', () => {
    const { records, problems } = decodeLog('json', '{"a":1}\n{"a": \xff}\n{"a":3}\n', keys);
    assert.deepEqual(
      records.map(({ a }) => a),
      [1, 3],
    );
    const [problem] = problems;
    assert.deepEqual([problems.length, problem?.error.code, problem?.error.reason], [1, 'BRIDGE_DECODE', 'json']);
    assert.match(String(problem?.error.message), /worker_1\.jsonlog:2: read JSON: /);
    assert.deepEqual(
      Buffer.from(problem?.frame.payload ?? []).toString(),
      `${JSON.stringify({ format: 'json', line: 2, ...keys })}\n{"a": \xff}`,
    );
    assert.equal(decodeFrames(problem === undefined ? [] : [problem.frame], 'test').problems.length, 1);
  });

  for (const [why, payload] of Object.entries({
    'that has no header': '{"a":1}\n',
    'with an unknown format': '{"format":"pickle","line":1}\nx',
    'without a line number': '{"format":"json","line":0}\nx',
    'that is empty': '',
  }))
    it(`refuses a chunk ${why}`, () => {
      const { problems } = decodeFrames([{ channel: Channel.log, time: 0, payload: Buffer.from(payload) }], 'test');
      assert.deepEqual(
        problems.map(({ error }) => error.reason),
        ['log_header'],
      );
    });

  it('sets nothing special, whatever its header or a line names', () => {
    const { records } = decodeLog('parsl_json_log', '{"created":1,"__proto__":{"x":1},"constructor":"y"}\n', {
      ['__proto__']: 'z',
    });
    assert.equal(Object.getPrototypeOf(records[0]), Object.prototype);
    assert.equal(records[0]?.['constructor'], 'y');
  });
});
