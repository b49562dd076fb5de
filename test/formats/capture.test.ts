import assert from 'node:assert/strict';

import fc from 'fast-check';

import { Channel, type Frame } from '../../bridge/core/frame.ts';
import { createFrameParser, encodeFrames, looksLikeCapture } from '../../bridge/formats/capture.ts';
import { captures, fixtureBytes, recordedFrames, recordings } from '../helpers/fixtures.ts';

const time = 1_795_261_953_797_838;
const frame = (payload: string, channel: number = Channel.resource): Frame => ({
  channel,
  time,
  payload: Buffer.from(payload),
});
const plain = (frames: readonly Frame[]) =>
  frames.map((one) => ({ ...one, payload: Buffer.from(one.payload).toString('latin1') }));

const anyFrame = fc.record({
  channel: fc.integer({ min: 0, max: 255 }),
  time: fc.integer({ min: 0, max: 4_102_444_800_000_000 }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

describe('formats/capture', () => {
  it('gives frames back as they were, to the microsecond, however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
        (frames, sizes) => {
          const bytes = encodeFrames(frames);
          const parser = createFrameParser({ frame_bytes_max: 1_000 });
          const parsed: Frame[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            parsed.push(...parser.push(bytes.subarray(at, at + size)));
            at += size;
          }
          assert.deepEqual(plain(parsed), plain(frames));
          assert.equal(parser.end(), 0);
        },
      ),
    );
  });

  for (const recording of recordings()) {
    it(`writes the captures of ${recording} again, as long as they were and with the same frames`, () => {
      for (const file of captures(recording)) {
        const bytes = fixtureBytes(recording, file);
        // The recorder kept the clock's full double, of which microseconds are kept here.
        const parsed = recordedFrames(recording, file);
        const again = createFrameParser({ frame_bytes_max: 1e6 }).push(encodeFrames(parsed));
        assert.equal(encodeFrames(parsed).length, bytes.length);
        assert.deepEqual(plain(again), plain(parsed));
        assert.ok(looksLikeCapture(bytes.subarray(0, 64)), file);
      }
    });
  }

  it('gives a frame as soon as it is complete', () => {
    const bytes = encodeFrames([frame('one'), frame('two')]);
    const parser = createFrameParser({ frame_bytes_max: 100 });
    assert.equal(parser.push(bytes.subarray(0, 15)).length, 0);
    assert.equal(parser.push(bytes.subarray(15, 16)).length, 1);
    assert.equal(parser.push(bytes.subarray(16)).length, 1);
  });

  it('tells how much of a cut-off capture is left over', () => {
    const bytes = encodeFrames([frame('one'), frame('two')]);
    for (let length = 0; length <= bytes.length; length++) {
      const parser = createFrameParser({ frame_bytes_max: 100 });
      const frames = parser.push(bytes.subarray(0, length));
      assert.equal(parser.end(), length - frames.length * 16, `${length} bytes`);
    }
  });

  it('refuses a message that is too long, after giving those before it', () => {
    const bytes = encodeFrames([frame('one'), frame('x'.repeat(101))]);
    const parser = createFrameParser({ frame_bytes_max: 100 });
    assert.equal(parser.push(bytes.subarray(0, 40)).length, 1);
    assert.throws(() => parser.push(bytes.subarray(40)), { code: 'BRIDGE_DECODE', reason: 'limit' });
    assert.ok(parser.end() > 0);
    assert.throws(() => createFrameParser({ frame_bytes_max: 2 }).push(bytes), {
      code: 'BRIDGE_DECODE',
      reason: 'limit',
    });
  });

  it('refuses a time that is no number', () => {
    const bytes = Buffer.from(encodeFrames([frame('one')]));
    bytes.writeDoubleLE(NaN, 5);
    assert.throws(() => createFrameParser({ frame_bytes_max: 100 }).push(bytes), {
      code: 'BRIDGE_DECODE',
      reason: 'malformed',
    });
  });

  it('copies a long frame that comes in many pieces once', () => {
    const bytes = encodeFrames([frame('x'.repeat(4_000_000))]);
    const parser = createFrameParser({ frame_bytes_max: 5_000_000 });
    let parsed: Frame[] = [];
    const began = performance.now();
    for (let at = 0; at < bytes.length; at += 256) parsed = parser.push(bytes.subarray(at, at + 256));
    assert.equal(parsed[0]?.payload.length, 4_000_000);
    assert.ok(performance.now() - began < 2_000);
  });
});

describe('formats/capture: recognition', () => {
  const head = (channel: number, payload = '\x80\x04x', at = time): Uint8Array =>
    encodeFrames([{ channel, time: at, payload: Buffer.from(payload, 'latin1') }]);

  it('knows a capture by its first bytes, whole or cut', () => {
    for (const channel of Object.values(Channel)) {
      assert.ok(looksLikeCapture(head(channel)), `channel ${channel}`);
      assert.ok(looksLikeCapture(head(channel).subarray(0, 13)), `channel ${channel}, header alone`);
      assert.ok(!looksLikeCapture(head(channel).subarray(0, 12)), `channel ${channel}, less than a header`);
    }
  });

  it('wants a pickle on the channels of pickles alone', () => {
    for (const channel of [0, 1, 2, 3, 12, 13])
      assert.ok(!looksLikeCapture(head(channel, 'text')), `channel ${channel}`);
    for (const channel of [10, 11, 14]) assert.ok(looksLikeCapture(head(channel, 'text')), `channel ${channel}`);
  });

  it('refuses unknown channels, old times, and lengths of nothing or of too much', () => {
    assert.ok(!looksLikeCapture(head(4)));
    assert.ok(!looksLikeCapture(head(3, '\x80', 1_400_000_000_000_000)));
    assert.ok(!looksLikeCapture(head(3, '\x80', 9_400_000_000_000_000)));
    assert.ok(!looksLikeCapture(head(3, '')));
    const long = Buffer.from(head(3));
    long.writeUInt32LE(2 ** 30);
    assert.ok(!looksLikeCapture(long));
  });

  it('takes neither JSON, nor SQLite, nor a pickle, nor gzip for a capture', () => {
    for (const text of [
      '{"a": 1}\n{"a": 2}\n',
      '[{"parsl.task": 3}, {}]',
      'SQLite format 3\x00\x10\x00\x02\x02',
      '\x80\x04\x95\x11\x00\x00\x00\x00\x00\x00\x00\x8c\x05',
    ]) {
      assert.ok(!looksLikeCapture(Buffer.from(text, 'latin1')), text);
    }
    assert.ok(!looksLikeCapture(Buffer.from('1f8b0800000000000003abcdef0123456789', 'hex')));
    assert.ok(!looksLikeCapture(Buffer.alloc(100)));
  });
});
