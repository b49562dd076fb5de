import fc from 'fast-check';
import assert from 'node:assert/strict';

import { ProtobufWriter, varintSize } from '../../../bridge/exporters/otlp/protobuf.ts';
import { readFields } from '../../../bridge/formats/protobuf_reader.ts';

const FIRST_BUFFER = 64 * 1024;

describe('exporters/otlp protobuf writer', () => {
  it('grows at any byte without losing one', () => {
    const content = Buffer.alloc(200, 7);
    for (let before = FIRST_BUFFER - 260; before <= FIRST_BUFFER; before += 1) {
      const writer = new ProtobufWriter();
      writer.raw(Buffer.alloc(before, 1));
      const start = writer.begin(0x12, 1);
      writer.raw(content);
      writer.end(start, 1);
      assert.ok(
        writer
          .bytes()
          .subarray(before)
          .equals(Buffer.concat([Buffer.from([0x12, 200, 1]), content])),
        String(before),
      );
    }
  });

  it('gives every length the fewest bytes, however many were left for it', () => {
    for (const left of [1, 2] as const) {
      for (const length of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
        const writer = new ProtobufWriter();
        const start = writer.begin(0x0a, left);
        writer.raw(Buffer.alloc(length, 9));
        writer.end(start, left);
        assert.equal(writer.length, 1 + varintSize(length) + length);
        const [field, ...more] = readFields(writer.bytes());
        assert.deepEqual([field!.number, (field!.value as Uint8Array).length, more.length], [1, length, 0]);
        assert.ok((field!.value as Uint8Array).every((byte) => byte === 9));
      }
    }
  });

  it('forgets what comes after a point', () => {
    const writer = new ProtobufWriter();
    writer.string(0x0a, 'kept');
    const kept = Buffer.from(writer.bytes());
    writer.string(0x0a, 'x'.repeat(FIRST_BUFFER));
    writer.truncate(kept.length);
    assert.ok(writer.bytes().equals(kept));
  });
});

describe('exporters/otlp protobuf reader', () => {
  it('reads fields of every wire type', () => {
    const bytes = Buffer.from([
      0x08, 0x96, 0x01, 0x11, 1, 0, 0, 0, 0, 0, 0, 0x80, 0x1d, 2, 0, 0, 0, 0x22, 2, 0x68, 0x69,
    ]);
    assert.deepEqual(
      [...readFields(bytes)].map(({ number, value }) => [
        number,
        typeof value === 'bigint' ? value : Buffer.from(value).toString(),
      ]),
      [
        [1, 150n],
        [2, 0x8000_0000_0000_0001n],
        [3, 2n],
        [4, 'hi'],
      ],
    );
  });

  it('ends with a RangeError, whatever it is given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          for (const { value } of readFields(bytes))
            assert.ok(typeof value === 'bigint' || value.length <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
