import assert from 'node:assert/strict';

import { readTable } from '../../bridge/formats/table.ts';

describe('formats/table', () => {
  it('reads CSV with quotes, commas, newlines and doubled quotes in fields', () => {
    assert.deepEqual(readTable('\uFEFFtask,cluster,note\r\n3,"red, dark","says ""hi""\nthere"\r\n\r\n4,blue,\r\n'), [
      { task: 3, cluster: 'red, dark', note: 'says "hi"\nthere' },
      { task: 4, cluster: 'blue', note: '' },
    ]);
  });

  it('takes for numbers only what reads back the same', () => {
    assert.deepEqual(readTable('a,b,c,d,e\n3,03,-1.5,1e3,12345678901234567890\n'), [
      { a: 3, b: '03', c: -1.5, d: '1e3', e: '12345678901234567890' },
    ]);
  });

  it('reads NDJSON, scalars alone', () => {
    assert.deepEqual(readTable('{"task": 3, "tags": ["x"]}\n\n{"task": 4, "ok": true}\n'), [
      { task: 3 },
      { task: 4, ok: true },
    ]);
  });

  it('says in which row a table is wrong', () => {
    for (const [text, why] of [
      ['a,b\n1\n', /row 2: 1 fields, but the header has 2/],
      ['a,\n1,2\n', /row 1: a column has no name/],
      ['a\n"x\n', /row 2: a quote is not closed/],
      ['a\n"x"y\n', /row 2: text after a quote/],
      ['{"a":1}\n{"a":\n', /row 2: no JSON/],
      ['{"a":1}\n[]\n', /row 2: not an object/],
    ] as const)
      assert.throws(() => readTable(text), { code: 'BRIDGE_DECODE', message: why }, text);
  });
});
