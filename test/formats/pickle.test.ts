import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import fc from 'fast-check';

import { decodePickle } from '../../bridge/formats/pickle.ts';
import { Dict } from '../../bridge/formats/pickle_globals.ts';
import { decodedMessages, recordedFrames, recordings } from '../helpers/fixtures.ts';
import { assemble, pickle, text, u32, type Picklable } from '../helpers/pickler.ts';
import { plain } from '../helpers/plain.ts';

interface Made {
  readonly name: string;
  readonly python: string;
  readonly protocol: number;
  readonly pickler: string;
  readonly pickle: string;
  readonly value: unknown;
}

const made = gunzipSync(readFileSync(new URL('../fixtures/pickles/pickles.jsonl.gz', import.meta.url)))
  .toString('utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Made);

function decodeMade(name: string): [unknown, Made][] {
  const found = made.filter((one) => one.name === name);
  assert.ok(found.length > 2, name);
  return found.map((one) => [decodePickle(Buffer.from(one.pickle, 'base64')), one]);
}

describe('formats/pickle: what Parsl sent', () => {
  for (const recording of recordings()) {
    it(`reads every message of ${recording} as Python does`, () => {
      const frames = recordedFrames(recording);
      const messages = decodedMessages(recording);
      assert.equal(frames.length, messages.length);
      for (const [i, { payload }] of frames.entries()) assert.deepEqual(plain(decodePickle(payload)), messages[i]?.msg);
    });
  }

  it('reads a payload that is no Buffer', () => {
    const payload = recordedFrames('2026.10.26-W5-threads')[3]?.payload ?? new Uint8Array();
    assert.deepEqual(decodePickle(Uint8Array.from(payload)), decodePickle(payload));
  });
});

describe('formats/pickle: what Pythons pickle', () => {
  const names = new Set(made.filter(({ value }) => value !== null).map(({ name }) => name));

  for (const name of names) {
    it(`reads ${name} of every protocol`, () => {
      for (const [value, { python, protocol, pickler, value: wanted }] of decodeMade(name)) {
        assert.deepEqual(plain(value), wanted, `${name}: Python ${python}, protocol ${protocol}, ${pickler}`);
      }
    });
  }

  it('has pickles of protocols 2 to 5 and of enums by value and by name', () => {
    assert.deepEqual([...new Set(made.map(({ protocol }) => protocol))].sort(), [2, 3, 4, 5]);
    const enums = made.filter(({ name }) => name === 'message types').map((one) => Buffer.from(one.pickle, 'base64'));
    assert.ok(enums.some((bytes) => bytes.includes('getattr')) && enums.some((bytes) => !bytes.includes('getattr')));
  });

  it('reads a list that contains itself', () => {
    for (const [value] of decodeMade('a list in itself')) assert.ok(Array.isArray(value) && value[0] === value);
  });

  it('reads a dict that contains itself', () => {
    for (const [value] of decodeMade('a dict in itself')) {
      assert.ok(value instanceof Dict);
      assert.equal(value.pairs[1], value);
    }
  });

  it('reads a tuple that contains itself', () => {
    for (const [value] of decodeMade('a tuple in itself')) {
      const [inner] = value as [unknown[]];
      assert.deepEqual(inner[0], value);
    }
  });

  it('keeps parts shared', () => {
    for (const [value] of decodeMade('shared parts')) {
      const [first, second] = value as unknown[];
      assert.equal(first, second);
    }
  });
});

describe('formats/pickle: any mix of opcodes', () => {
  const { value } = fc.letrec<{ value: Picklable }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, false),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }),
      fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('value'), { maxLength: 6 }),
      fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 6, noNullPrototype: true }),
    ),
  }));

  it('gives back the value that was pickled', () => {
    fc.assert(
      fc.property(value, fc.infiniteStream(fc.nat(2 ** 16)), (item, stream) => {
        const choose = (ways: number): number => (stream.next().value ?? 0) % ways;
        assert.deepEqual(plain(decodePickle(pickle(item, choose))), spelt(item));
      }),
      { numRuns: 500 },
    );
  });

  it('makes the values on the way to a datetime when the pickle asks for them', () => {
    const time = [0x07, 0xea, 11, 21, 11, 52, 32, 6, 93, 92];
    const head = [0x80, 4, text('datetime'), 0x94, text('datetime'), 0x94, 0x93, 0x94];
    const apply = [0x43, 10, ...time, 0x94, 0x85, 0x94, 0x52, 0x94];
    // memo: 0 and 1 names, 2 the global, 3 the bytes, 4 the tuple of them, 5 the datetime
    const ask = (index: number): unknown => decodePickle(assemble(...head, ...apply, 0x68, index, 0x86, '.'));
    const bytes = Uint8Array.from(time);
    assert.deepEqual(plain(ask(5)), ['2026-11-21T11:52:32.417116', '2026-11-21T11:52:32.417116']);
    assert.deepEqual((ask(3) as unknown[])[1], bytes);
    assert.deepEqual((ask(4) as unknown[])[1], [bytes]);
  });

  it('overwrites a memo entry that is put twice', () => {
    assert.deepEqual(
      decodePickle(assemble(0x80, 2, 'K', 1, 'q', 0, 'K', 2, 'r', u32(0), 'h', 0, 0x87, '.')),
      [1, 2, 2],
    );
  });
});

/** What plain() makes of a decoded value, from the value itself. */
function spelt(value: Picklable): unknown {
  if (typeof value === 'bigint') return BigInt.asIntN(54, value) === value ? Number(value) : { $int: value.toString() };
  if (typeof value === 'number' && !Number.isFinite(value)) return plain(value);
  if (typeof value === 'string') return Buffer.from(value).toString('utf8');
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return plain(value);
  if (Array.isArray(value)) return value.map((item) => spelt(item as Picklable));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, spelt(item)]));
}
