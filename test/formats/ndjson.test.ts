import assert from 'node:assert/strict';

import fc from 'fast-check';

import { stringify, type WideRecord } from '../../bridge/core/record.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { decodeBody } from '../../bridge/formats/ndjson.ts';
import { decodedMessages, recordedFrames, recordings } from '../helpers/fixtures.ts';

const origin = { receiver: 'http', arrival: 1_795_261_953_797_838 };
const from = { 'source.receiver': 'http', 'source.format': 'json', 'source.arrival': origin.arrival };

function decode(body: string | Uint8Array): { records: WideRecord[]; bad: string[]; reasons: (string | undefined)[] } {
  const records: WideRecord[] = [];
  const problems = decodeBody(Buffer.from(body as string), origin, records);
  return {
    records,
    bad: problems.map(({ line }) => Buffer.from(line).toString()),
    reasons: problems.map(({ error }) => (error.code === 'BRIDGE_DECODE' ? error.reason : error.code)),
  };
}

function one(body: string): WideRecord {
  const { records, bad } = decode(body);
  assert.deepEqual(bad, []);
  assert.equal(records.length, 1);
  return records[0] ?? {};
}

describe('formats/ndjson: wide records', () => {
  it('reads lines, an array over lines, an array in a line and one object over lines', () => {
    const wanted = [
      { 'parsl.task': 1, ...from },
      { 'parsl.task': 2, ...from },
    ];
    const [first, second] = ['{"parsl.task": 1}', '{"parsl.task": 2}'];
    for (const body of [
      `${first}\n${second}\n`,
      `${first}\r\n\r\n  \n${second}`,
      `[\n${first},\n${second}\n]\n`,
      `[${first}, ${second}]`,
      `[${first}]\n[${second}]\n`,
      `\uFEFF${first}\n${second}`,
    ]) {
      assert.deepEqual(decode(body), { records: wanted, bad: [], reasons: [] }, body);
    }
    assert.deepEqual(one('{\n "parsl.task": 1\n}\n'), wanted[0]);
    assert.deepEqual(decode(''), { records: [], bad: [], reasons: [] });
    assert.deepEqual(decode(' \n\n'), { records: [], bad: [], reasons: [] });
  });

  it('puts keys and values into their canonical form', () => {
    assert.deepEqual(
      one('{"run_id": "ABC", "task_id": "03", "levelname": "WARNING", "mine": true, "time": "1795261953797838123"}'),
      {
        'parsl.dfk': 'abc',
        'parsl.task': 3,
        level: 'WARN',
        mine: true,
        time: 1_795_261_953_797_838_123n,
        ...from,
      },
    );
    assert.deepEqual(one('{"parsl.dfk": "ABC", "parsl.task": "03", "time": 1795261953.5, "x": null}'), {
      'parsl.dfk': 'abc',
      'parsl.task': 3,
      time: 1_795_261_953_500_000_000n,
      x: null,
      ...from,
    });
  });

  it('joins nested keys by dots and makes lists text', () => {
    assert.deepEqual(
      one(
        '{"parsl": {"task": "7", "x": {"y": [1, 2, "c"]}}, "a": [{"b": 1}], "c": ["x,y"], "d": {}, "e": [], "f": [null]}',
      ),
      {
        'parsl.task': 7,
        'parsl.x.y': '1,2,c',
        a: '[{"b":1}]',
        c: '["x,y"]',
        e: '',
        f: '[null]',
        ...from,
      },
    );
  });

  it('keeps where a record says it is from', () => {
    const record = one('{"a": 1, "source.receiver": "udp", "source.format": "parsl_radio", "source.arrival": 5}');
    assert.deepEqual(record, { a: 1, 'source.receiver': 'udp', 'source.format': 'parsl_radio', 'source.arrival': 5 });
  });

  it('reads the words and spellings for what JSON has not, as null with a note', () => {
    for (const body of [
      '{"drain_time": Infinity, "text": "NaN, \\"Infinity"}',
      '{"drain_time": {"$float": "inf"}, "text": "NaN, \\"Infinity"}',
    ]) {
      assert.deepEqual(one(body), {
        drain_time: null,
        text: 'NaN, "Infinity',
        'source.note': 'drain_time was Infinity',
        ...from,
      });
    }
    assert.equal(one('{"a": -Infinity}')['source.note'], 'a was -Infinity');
    assert.equal(one('{"a": {"b": NaN}, "c": -1}')['source.note'], 'a.b was NaN');
    assert.equal(one('{"a": 1e999}')['source.note'], 'a was Infinity');
    assert.equal(one('{"a": [NaN, 1]}')['a'], '[null,1]');
    assert.equal(one('{"a": {"$bytes": "YWI="}}')['a'], 'ab');
    assert.deepEqual(decode('{"a": Nan}').reasons, ['json']);
  });

  it('sets lines aside that are no records and uses the others', () => {
    const { records, bad, reasons } = decode('{"a": 1}\nnonsense\n{"a": 2}\n5\n"text"\n{}\n{"a": 3');
    assert.deepEqual(
      records.map(({ a }) => a),
      [1, 2],
    );
    assert.deepEqual(bad, ['nonsense', '5', '"text"', '{}', '{"a": 3']);
    assert.deepEqual(new Set(reasons), new Set(['json']));
    assert.deepEqual(decode('nonsense\n{"a": 1}').bad, ['nonsense']);
    assert.deepEqual(decode('[{"a": 1}, 5, [6], {"a": 2}]'), {
      records: [
        { a: 1, ...from },
        { a: 2, ...from },
      ],
      bad: ['5', '[6]'],
      reasons: ['json', 'json'],
    });
  });

  it('gives a body of nothing but nonsense up after a thousand problems', () => {
    const lines = decode('x\n'.repeat(5_000));
    assert.deepEqual([lines.bad.length, lines.reasons.at(-1), lines.bad.at(-1)], [1_001, 'limit', 'x\n'.repeat(4_000)]);
    const array = decode(`[${'5,'.repeat(5_000)}5]`);
    assert.deepEqual([array.bad.length, array.reasons.at(-1)], [1_001, 'limit']);
  });

  it('lets no key reach a prototype', () => {
    for (const body of [
      '{"__proto__": {"polluted": 1}, "a": 1}',
      '{"__proto__": null, "a": 1}',
      '{"a": 1, "b": {"__proto__": {"polluted": 1}}}',
      '{"constructor": {"prototype": {"polluted": 1}}, "a": 1}',
    ]) {
      const record = one(body);
      assert.equal(Object.getPrototypeOf(record), Object.prototype);
      assert.equal('polluted' in {}, false);
      assert.equal('polluted' in record, false);
      assert.ok(!Object.keys(record).includes('__proto__'));
      assert.equal(record['a'], 1);
    }
  });

  it('bears a million brackets, and nested keys that are as long', () => {
    const deep = 200_000;
    for (const body of [
      '['.repeat(deep) + ']'.repeat(deep),
      '{"a":'.repeat(deep) + '1' + '}'.repeat(deep),
      '['.repeat(deep),
      `{"a":${'['.repeat(deep)}${']'.repeat(deep)}}`,
    ]) {
      const { records, bad } = decode(body);
      assert.equal(records.length + bad.length, 1);
    }
    const [record] = decode('{"a":'.repeat(40) + '1' + '}'.repeat(40)).records;
    assert.deepEqual(Object.keys(record ?? {})[0]?.split('.').length, 17);
  });

  it('never throws and keeps every record a flat one, whatever the JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), (values) => {
        const { records } = decode(values.map((value) => JSON.stringify(value)).join('\n'));
        for (const record of records) {
          for (const value of Object.values(record))
            assert.ok(value === null || ['string', 'number', 'boolean', 'bigint'].includes(typeof value));
        }
      }),
    );
  });
});

describe('formats/ndjson: monitoring messages', () => {
  const payload = {
    task_func_name: 'f',
    task_id: 3,
    run_id: 'A',
    task_status_name: 'pending',
    timestamp: '2026-11-21T11:52:32.417116',
    task_time_submitted: '2026-11-21T11:52:32.417116',
    task_stdout: '2026-11-21T11:52:32.417116',
  };

  it('reads them with the tag beside the payload or in front of it', () => {
    const wanted = {
      'parsl.message_type': 'TASK_INFO',
      'parsl.app_name': 'f',
      'parsl.task': 3,
      'parsl.dfk': 'a',
      'parsl.task_state': 'pending',
      'parsl.timestamp': 1_795_261_952_417_116,
      'parsl.task_time_submitted': 1_795_261_952_417_116,
      'parsl.task_stdout': '2026-11-21T11:52:32.417116',
      ...from,
      'source.format': 'parsl_radio',
    };
    for (const message of [
      { tag: 'TASK_INFO', payload },
      ['TASK_INFO', payload],
      [['TASK_INFO', payload], 0],
      [[['TASK_INFO', payload], 'NA']],
    ]) {
      assert.deepEqual(one(JSON.stringify(message)), wanted);
    }
    assert.deepEqual(decode(JSON.stringify([{ tag: 'TASK_INFO', payload }, ['TASK_INFO', payload]])).records, [
      wanted,
      wanted,
    ]);
    assert.deepEqual(decode('["STOP", 0]').records, []);
  });

  it('takes an object whose tag is no message type as a record', () => {
    assert.equal(one('{"tag": "mine", "payload": {"a": 1}}')['payload.a'], 1);
    assert.equal(one('{"tag": "TASK_INFO"}')['tag'], 'TASK_INFO');
  });

  it('sets a message without a dict aside', () => {
    assert.deepEqual(decode('["TASK_INFO", 5]\n["TASK_INFO", {"task_id": 1}]').reasons, ['envelope']);
    assert.deepEqual(decode('{"tag": "TASK_INFO", "payload": 5}').reasons, ['envelope']);
  });

  for (const recording of recordings()) {
    it(`makes the same records of ${recording} from Python’s JSON as from the pickles`, () => {
      const frames = recordedFrames(recording);
      const lines = decodedMessages(recording).map(({ msg }) => JSON.stringify(msg));
      const bodies = frames.map(({ time }, i) => ({ channel: 14, time, payload: Buffer.from(lines[i] ?? '') }));
      assert.deepEqual(decodeFrames(bodies, 'r'), decodeFrames(frames, 'r'));
    });

    it(`reads the records of ${recording} back from the lines that the journal keeps`, () => {
      const { records } = decodeFrames(recordedFrames(recording), 'udp');
      const payload = Buffer.from(records.map((record) => `${stringify(record)}\n`).join(''));
      assert.deepEqual(decodeFrames([{ channel: 14, time: 1, payload }], 'other'), { records, problems: [] });
    });
  }
});
