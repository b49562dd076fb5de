/**
 * Finds the pickle in a datagram of Parsl's UDP radio. Since 2025-06 a datagram is an HMAC digest and then the pickle;
 * nothing says how long the digest is but the radio's configuration (sha512 by default), which a capture does not have.
 */
import { uint32 } from './little_endian.ts';

/** sha512; sha256 and its kin; sha384; sha224; sha1; md5; none. */
const DIGEST_BYTES = [64, 32, 48, 28, 20, 16, 0];
const HEADER = 11;

/** The datagram without its digest; as it is if there is no pickle in it. */
export function stripDigest(datagram: Uint8Array): Uint8Array {
  const size =
    DIGEST_BYTES.find((bytes) => isPickle(datagram, bytes, true)) ??
    // A datagram that the network or the receiver cut short: the decoder will say so.
    DIGEST_BYTES.find((bytes) => isPickle(datagram, bytes, false));
  return size === undefined || size === 0 ? datagram : datagram.subarray(size);
}

/**
 * PROTO, the version and, from 4 on, FRAME with a length that fits. In protocols 2 and 3 a message begins with a tuple,
 * dict or name.
 */
function isPickle(bytes: Uint8Array, at: number, whole: boolean): boolean {
  const version = bytes[at + 1];
  if (bytes[at] !== 0x80 || version === undefined || version < 2 || version > 5) return false;
  if (version < 4) return [0x28, 0x7d, 0x63, 0x4b, 0x5d].includes(bytes[at + 2] ?? 0);
  if (bytes.length < at + HEADER || bytes[at + 2] !== 0x95) return false;
  const frame = uint32(bytes, at + 3) + uint32(bytes, at + 7) * 2 ** 32;
  return whole ? at + HEADER + frame <= bytes.length : frame < 2 ** 20;
}
