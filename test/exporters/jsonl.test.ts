import fc from 'fast-check';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { setCanonical } from '../../bridge/core/keys.ts';
import type { Value, WideRecord } from '../../bridge/core/record.ts';
import { jsonl, recordLine } from '../../bridge/exporters/jsonl.ts';
import { startExporter } from '../helpers/exporter.ts';

/** What a reader makes of a line: every value under its canonical key and type. */
function readLine(line: string): WideRecord {
  const record: WideRecord = {};
  for (const [key, value] of Object.entries(JSON.parse(line) as Record<string, Value>))
    setCanonical(record, key, value);
  return record;
}

const record: WideRecord = {
  time: 1_795_000_000_123_456_789n,
  'parsl.dfk': '6f1f9a52-6a0e-4d0b-9a8e-3c1f6c1b2d10',
  'parsl.task': 3,
  'parsl.timestamp': Date.UTC(2026, 10, 21, 12, 0, 0) * 1000 + 42,
  'parsl.task_time_returned': null,
  'source.arrival': Date.UTC(2026, 10, 21, 11, 0, 1) * 1000 + 999_999,
  mine: 'é"\n',
  other: 0.1,
  yes: true,
};

describe('exporters/jsonl', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsl-otel-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('writes times as people read them, and keys in their order', () => {
    assert.equal(
      recordLine(record),
      '{"time":"1795000000123456789","parsl.dfk":"6f1f9a52-6a0e-4d0b-9a8e-3c1f6c1b2d10","parsl.task":3,' +
        '"parsl.timestamp":"2026-11-21T12:00:00.000042","parsl.task_time_returned":null,' +
        '"source.arrival":"2026-11-21T11:00:01.999999Z","mine":"é\\"\\n","other":0.1,"yes":true}',
    );
  });

  it('is read back without loss', () => {
    assert.deepEqual(readLine(recordLine(record)), record);
  });

  it('is read back without loss, whatever times and values there are', () => {
    const micros = fc.maxSafeInteger();
    const shape = fc.record(
      {
        time: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
        'parsl.timestamp': micros,
        'parsl.task_time_invoked': micros,
        'source.arrival': micros,
        'parsl.task': fc.nat(),
        text: fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
        number: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
        nothing: fc.constant(null),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(shape, (made) => {
        const line = recordLine(made);
        assert.ok(!line.includes('\n'));
        assert.deepEqual(readLine(line), { ...made });
      }),
    );
  });

  it('keeps times that have no calendar as numbers, and texts in place of times as they are', () => {
    const odd: WideRecord = { 'parsl.timestamp': 9e15, 'source.arrival': 0.5, 'parsl.task_time_invoked': 'yesterday' };
    assert.deepEqual(JSON.parse(recordLine({ ...odd, 'parsl.task_time_returned': 2 ** 60 })), {
      ...odd,
      'parsl.timestamp': '2255-03-14T16:00:00.000000',
      'parsl.task_time_returned': 2 ** 60,
    });
  });

  it('writes keys that objects have of their own', () => {
    const odd = JSON.parse('{"__proto__":"p","constructor":"c"}') as WideRecord;
    assert.equal(recordLine(odd), '{"__proto__":"p","constructor":"c"}');
  });

  it('appends the records of each batch, and counts them', async () => {
    const path = join(directory, 'records.jsonl');
    const running = await startExporter(jsonl, { path });
    await running.export({ records: [{ a: 1 }, { a: 2 }] });
    await running.export({ records: [{ a: 3 }] });
    await running.stop();
    assert.equal(readFileSync(path, 'utf8'), '{"a":1}\n{"a":2}\n{"a":3}\n');
    assert.deepEqual([running.sent, running.dropped], [3, {}]);
  });
});
