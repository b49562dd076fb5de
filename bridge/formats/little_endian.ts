/** Little-endian integers out of bytes, without a DataView to be made for each message. The caller checks the bounds. */
export function uint32(b: Uint8Array, at: number): number {
  const low = (b[at] as number) | ((b[at + 1] as number) << 8) | ((b[at + 2] as number) << 16);
  return (low | ((b[at + 3] as number) << 24)) >>> 0;
}

/** A signed integer of any length: a number, or beyond 2^53 a bigint. */
export function integer(bytes: Uint8Array, at: number, length: number): number | bigint {
  if (length === 0) return 0;
  const negative = (bytes[at + length - 1] as number) >= 0x80;
  if (length <= 6) {
    let value = 0;
    for (let i = at + length - 1; i >= at; i--) value = value * 256 + (bytes[i] as number);
    return negative ? value - 256 ** length : value;
  }
  let value = 0n;
  for (let i = at + length - 1; i >= at; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  if (negative) value -= 1n << BigInt(8 * length);
  return BigInt.asIntN(54, value) === value ? Number(value) : value;
}
