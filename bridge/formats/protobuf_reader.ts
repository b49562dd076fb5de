/**
 * Reads protobuf messages field by field, without a schema: what we read has few fields, which a schema would not make
 * clearer. Requests with logs (otlp_logs.ts), and the answers of OTLP servers.
 */
export interface Field {
  readonly number: number;
  /** A bigint for varints and fixed numbers, bytes for everything with a length. */
  readonly value: bigint | Uint8Array;
}

const BYTES_OF_SMALL = 4;

/** The fields of a message, in order. Throws a RangeError if `bytes` are not one. */
export function* readFields(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  /** Tags and lengths are small, and most numbers are. */
  const small = (): number => {
    let value = 0;
    for (let i = 0; i < BYTES_OF_SMALL; i++) {
      const byte = view.getUint8(at++);
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    at -= BYTES_OF_SMALL;
    return Number(varint());
  };
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('varint of more than ten bytes');
  };
  while (at < bytes.length) {
    const tag = small();
    const number = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === 0) {
      yield { number, value: varint() };
    } else if (wireType === 1) {
      yield { number, value: view.getBigUint64(at, true) };
      at += 8;
    } else if (wireType === 5) {
      yield { number, value: BigInt(view.getUint32(at, true)) };
      at += 4;
    } else if (wireType === 2) {
      const length = small();
      if (length > bytes.length - at) throw new RangeError('field beyond the end');
      yield { number, value: bytes.subarray(at, at + length) };
      at += length;
    } else {
      throw new RangeError(`wire type ${wireType}`);
    }
  }
}
