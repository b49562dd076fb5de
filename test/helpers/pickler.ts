/**
 * Assembles pickles by hand: `assemble` for programs that no pickler writes, `pickle` for values in any of the ways
 * that protocols 2 to 5 allow, chosen by `choose`.
 */
export type Part = number | string | Uint8Array;

/** Numbers are bytes, strings their UTF-8, in order. */
export function assemble(...parts: Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as Uint8Array))),
  );
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** SHORT_BINUNICODE */
export function text(value: string): Buffer {
  return assemble(0x8c, Buffer.byteLength(value), value);
}

/** PROTO 2, GLOBAL */
export function global(module: string, name: string): Buffer {
  return assemble('c', `${module}\n${name}\n`);
}

export type Picklable =
  null | boolean | number | bigint | string | Uint8Array | readonly Picklable[] | { readonly [key: string]: Picklable };

/** `choose(n)` picks one of n ways. */
export function pickle(value: Picklable, choose: (ways: number) => number): Buffer {
  const parts: Part[] = [0x80, 2 + choose(4)];
  let memo = 0;
  const known = new Map<Picklable, number>();

  function put(item: Picklable): void {
    switch (choose(3)) {
      case 0:
        return;
      case 1:
        parts.push(0x94);
        break;
      case 2:
        parts.push(...(memo < 256 && choose(2) === 0 ? [0x71, memo] : [0x72, u32(memo)]));
    }
    known.set(item, memo++);
  }

  function write(item: Picklable): void {
    const index = known.get(item);
    if (index !== undefined && choose(2) === 0) {
      parts.push(...(index < 256 && choose(2) === 0 ? [0x68, index] : [0x6a, u32(index)]));
    } else if (item === null) parts.push('N');
    else if (typeof item === 'boolean') parts.push(item ? 0x88 : 0x89);
    else if (typeof item === 'number') parts.push(...numberParts(item, choose));
    else if (typeof item === 'bigint') parts.push(...longParts(item, choose));
    else if (typeof item === 'string') {
      parts.push(...lengthParts([0x8c, 0x58, 0x8d], Buffer.from(item), choose));
      put(item);
    } else if (item instanceof Uint8Array)
      parts.push(...lengthParts([0x43, 0x42, choose(2) ? 0x8e : 0x96], item, choose));
    else if (Array.isArray(item)) writeArray(item as readonly Picklable[]);
    else writeDict(item as Readonly<Record<string, Picklable>>);
    if (choose(20) === 0) parts.push(0x32, 0x30); // DUP POP
    if (choose(20) === 0) parts.push('(', 'N', 0x31); // MARK NONE POP_MARK
  }

  function writeArray(items: readonly Picklable[]): void {
    if (items.length > 0 && items.length < 4 && choose(2) === 0) {
      items.forEach(write);
      parts.push(0x84 + items.length);
    } else if (choose(2) === 0) {
      parts.push('(');
      items.forEach(write);
      parts.push(choose(2) === 0 ? 't' : 0x91);
    } else {
      const isSet = choose(3) === 0;
      parts.push(isSet ? 0x8f : choose(2) ? ']' : items.length === 0 ? ')' : ']');
      put(items);
      if (!isSet && choose(2) === 0) {
        for (const item of items) {
          write(item);
          parts.push('a');
        }
      } else {
        parts.push('(');
        items.forEach(write);
        parts.push(isSet ? 0x90 : 'e');
      }
      return;
    }
    put(items);
  }

  function writeDict(dict: Readonly<Record<string, Picklable>>): void {
    parts.push('}');
    put(dict);
    const single = choose(3) === 0;
    if (!single) parts.push('(');
    for (const [key, item] of Object.entries(dict)) {
      write(key);
      write(item);
      if (single) parts.push('s');
    }
    if (!single) parts.push('u');
  }

  write(value);
  return assemble(...parts, '.');
}

function numberParts(value: number, choose: (ways: number) => number): Part[] {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return ['G', bytes];
  }
  if (choose(3) === 0) return longParts(BigInt(value), choose);
  if (value >= 0 && value < 256 && choose(2)) return ['K', value];
  if (value >= 0 && value < 65_536 && choose(2)) return ['M', value & 255, value >> 8];
  return value >= -(2 ** 31) && value < 2 ** 31 ? ['J', u32(value >>> 0)] : longParts(BigInt(value), choose);
}

function longParts(value: bigint, choose: (ways: number) => number): Part[] {
  let size = 1;
  while (BigInt.asIntN(8 * size, value) !== value) size++;
  const bytes = Buffer.alloc(size);
  let rest = BigInt.asUintN(8 * size, value);
  for (let i = 0; i < size; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return value === 0n && choose(2) ? [0x8a, 0] : choose(2) ? [0x8a, size, bytes] : [0x8b, u32(size), bytes];
}

/** Opcodes with a length of 1, 4 and 8 bytes. */
function lengthParts(
  opcodes: readonly [number, number, number],
  bytes: Uint8Array,
  choose: (ways: number) => number,
): Part[] {
  if (bytes.length < 256 && opcodes[2] !== 0x96 && choose(2)) return [opcodes[0], bytes.length, bytes];
  return opcodes[2] !== 0x96 && choose(2)
    ? [opcodes[1], u32(bytes.length), bytes]
    : [opcodes[2], u64(BigInt(bytes.length)), bytes];
}
