import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';

import { stripDigest } from '../../bridge/formats/digest.ts';
import { fixtureBytes, recordedFrames } from '../helpers/fixtures.ts';

const { payload } = recordedFrames('2026.10.26-W1-htex').find((frame) => frame.payload.length > 700) ?? {
  payload: Buffer.of(),
};
const protocol3 = Buffer.from([0x80, 3, ...Buffer.from('}q\x00X\x01\x00\x00\x00aq\x01K\x01s.', 'latin1')]);

describe('formats/digest', () => {
  for (const algorithm of ['sha512', 'sha256', 'sha384', 'sha224', 'sha1', 'md5', 'sha3-512', 'blake2s256']) {
    it(`finds the pickle behind a ${algorithm} digest`, () => {
      for (let key = 0; key < 200; key++) {
        for (const pickle of [payload, protocol3]) {
          const digest = createHmac(algorithm, Buffer.of(key)).update(pickle).digest();
          assert.deepEqual(
            Buffer.from(stripDigest(Buffer.concat([digest, pickle]))),
            Buffer.from(pickle),
            `key ${key}`,
          );
        }
      }
    });
  }

  it('leaves a pickle without a digest as it is', () => {
    assert.equal(stripDigest(payload), payload);
    assert.equal(stripDigest(protocol3), protocol3);
  });

  it('is not misled by a digest that looks like the beginning of a pickle', () => {
    const digest = createHash('sha512').update('x').digest();
    digest.set([0x80, 0x04, 0x95], 0);
    digest.set([0x80, 0x04, 0x95, 0xff, 0xff, 0xff], 32);
    assert.deepEqual(Buffer.from(stripDigest(Buffer.concat([digest, payload]))), Buffer.from(payload));
  });

  it('finds the pickle of a datagram that was cut off', () => {
    const digest = createHash('sha512').update('x').digest();
    const cut = Buffer.concat([digest, payload]).subarray(0, 500);
    assert.deepEqual(Buffer.from(stripDigest(cut)), Buffer.from(payload.subarray(0, 500 - 64)));
  });

  it('leaves what is no pickle as it is', () => {
    for (const bytes of [
      Buffer.of(),
      Buffer.of(0x80),
      Buffer.alloc(64),
      Buffer.alloc(200, 0x2e),
      Buffer.from('text.'),
    ]) {
      assert.equal(stripDigest(bytes), bytes);
    }
  });

  it('takes the very digests off that Parsl sent', () => {
    const recording = '2026.10.26-W1-udp';
    const { key, digest } = JSON.parse(fixtureBytes(recording, 'hmac.json').toString()) as {
      key: string;
      digest: string;
    };
    for (const frame of recordedFrames(recording, 'raw_udp.bin')) {
      const pickle = stripDigest(frame.payload);
      const wanted = createHmac(digest, Buffer.from(key, 'hex')).update(pickle).digest();
      assert.deepEqual(Buffer.from(frame.payload.subarray(0, frame.payload.length - pickle.length)), wanted);
    }
  });
});
