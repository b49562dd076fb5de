/**
 * Reads UTF-8 text out of a buffer, giving the same string object for the same short bytes.
 *
 * The messages of one run repeat a few hundred keys and values. Making a string costs ten times more than comparing
 * its bytes with one made before, and strings that are the same object compare by address.
 */
const SLOTS = 4096;
const LENGTH_MAX = 64;

export type StringReader = (bytes: Uint8Array, start: number, length: number) => string;

/** A reader with a table of its own: direct-mapped, 256 KiB, a string displaces the one before it in its slot. */
export function createStringReader(): StringReader {
  const pool = new Uint8Array(SLOTS * LENGTH_MAX);
  const lengths = new Uint8Array(SLOTS);
  const strings = new Array<string>(SLOTS).fill('');

  return (bytes, start, length) => {
    if (length > LENGTH_MAX) return utf8(bytes, start, length);
    const slot = hash(bytes, start, length) & (SLOTS - 1);
    const base = slot * LENGTH_MAX;
    if (lengths[slot] === length) {
      let i = 0;
      while (i < length && pool[base + i] === bytes[start + i]) i++;
      if (i === length) return strings[slot] as string;
    }
    for (let i = 0; i < length; i++) pool[base + i] = bytes[start + i] as number;
    lengths[slot] = length;
    return (strings[slot] = utf8(bytes, start, length));
  };
}

/** Four bytes a step: a hash that waits for one multiplication per byte takes longer than the comparison. */
function hash(bytes: Uint8Array, start: number, length: number): number {
  let h = length;
  let i = start;
  const end = start + length;
  for (const whole = end - 3; i < whole; i += 4) {
    const word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    h = Math.imul(h ^ word, 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; i < end; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return h ^ (h >>> 15);
}

/** Bytes that are not UTF-8 become U+FFFD, and so do the lone surrogates that Python can pickle: text is never refused. */
function utf8(bytes: Uint8Array, start: number, length: number): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('utf8', start, start + length);
}
