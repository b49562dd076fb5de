/**
 * Protobuf, as far as OTLP needs it (protobuf.dev/programming-guides/encoding): a writer made for speed and a reader for
 * the few small messages that come back.
 *
 *   field    := tag value            tag = field number << 3 | wire type, a varint
 *   wire type   0 varint · 1 eight bytes · 2 length (varint) and so many bytes · 5 four bytes
 *
 * The writer fills one buffer from front to back. A nested message leaves room for its length and writes it when it
 * ends; where the room was too small or too large the message moves, so that every length is the shortest possible and
 * the same data always give the same bytes. Fields that hold their default are left out by the caller, as proto3 asks.
 */
import { isDouble } from '../../core/keys.ts';
import type { Attributes, AttributeValue } from '../../core/signal.ts';

const INITIAL_BYTES = 64 * 1024;
/** Keys are few, but users may put anything into records. */
const KEYS_MAX = 4_096;
/** Up to here a loop over characters is faster than a call into the runtime. */
const LOOP_TEXT = 12;
/** A key and a text up to here make a message of less than 128 bytes, whose length is one byte. */
const SHORT_KEY = 44;
const SHORT_TEXT = 72;
/** Room for the tags and lengths of a message and for a number or a short text in it. */
const MESSAGE_BYTES = 3 * SHORT_TEXT + 32;

interface KnownKey {
  /** Field 1 of KeyValue and the tag of field 2. */
  readonly bytes: Uint8Array;
  readonly isDouble: boolean;
}

/** Tags of KeyValue, AnyValue and ArrayValue (common.proto); fields 1 and 2 of KeyValue are key and value. */
const KEY_VALUE_VALUE = 0x12;
const ANY_STRING = 0x0a;
const ANY_BOOL = 0x10;
const ANY_INT = 0x18;
const ANY_DOUBLE = 0x21;
const ANY_ARRAY = 0x2a;
const ARRAY_VALUES = 0x0a;

export class ProtobufWriter {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;
  readonly #keys = new Map<string, KnownKey>();

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** Forgets everything after the first `length` bytes. */
  truncate(length: number): void {
    this.#at = length;
  }

  /** A view of what was written, valid until more is written. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** Starts a nested message whose length is likely to take `lengthBytes` bytes; returns what end() needs. */
  begin(tag: number, lengthBytes: 1 | 2): number {
    this.#reserve(8);
    this.#buffer[this.#at++] = tag;
    this.#at += lengthBytes;
    return this.#at;
  }

  /** Ends the nested message that began at `start` with the same `lengthBytes`. */
  end(start: number, lengthBytes: 1 | 2): void {
    let length = this.#at - start;
    const needed = length < 0x80 ? 1 : length < 0x4000 ? 2 : varintSize(length);
    let at = start - lengthBytes;
    if (needed !== lengthBytes) {
      this.#reserve(needed);
      this.#buffer.copyWithin(at + needed, start, this.#at);
      this.#at += needed - lengthBytes;
    }
    const buffer = this.#buffer;
    while (length > 0x7f) {
      buffer[at++] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    buffer[at] = length;
  }

  /** A varint field of a number below 2^31. */
  uint(tag: number, value: number): void {
    this.#reserve(8);
    this.#buffer[this.#at++] = tag;
    this.#varint(value);
  }

  /** The only kind of field that OTLP has with a number above 15, whose tag takes two bytes. */
  fixed32(tag: number, value: number): void {
    this.#reserve(8);
    this.#varint(tag);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  fixed64(tag: number, value: bigint): void {
    this.#reserve(16);
    this.#buffer[this.#at++] = tag;
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
  }

  double(tag: number, value: number): void {
    this.#reserve(16);
    this.#buffer[this.#at++] = tag;
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** Packed doubles. */
  doubles(tag: number, values: readonly number[]): void {
    this.#packed(tag, values.length);
    for (const value of values) {
      this.#view.setFloat64(this.#at, value, true);
      this.#at += 8;
    }
  }

  /** Packed fixed64, of safe integers. */
  counts(tag: number, values: readonly number[]): void {
    this.#packed(tag, values.length);
    for (const value of values) this.#count(value);
  }

  /** A fixed64 field of a safe integer. */
  count(tag: number, value: number): void {
    this.#reserve(16);
    this.#buffer[this.#at++] = tag;
    this.#count(value);
  }

  /** A field of bytes, given as hex digits. */
  hex(tag: number, digits: string): void {
    const length = digits.length >>> 1;
    this.#reserve(length + 8);
    const buffer = this.#buffer;
    buffer[this.#at++] = tag;
    buffer[this.#at++] = length;
    this.#at += buffer.write(digits, this.#at, 'hex');
  }

  string(tag: number, value: string): void {
    this.#reserve(16 + 3 * value.length);
    this.#buffer[this.#at++] = tag;
    this.#text(value);
  }

  /** Bytes that were encoded before, tag and all. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Repeated KeyValue. */
  attributes(tag: number, attributes: Attributes): void {
    for (const key in attributes) {
      const value = attributes[key];
      if (value !== undefined) this.#attribute(tag, key, value);
    }
  }

  /** AnyValue of a text. */
  anyText(tag: number, value: string): void {
    const start = this.begin(tag, 1);
    this.string(ANY_STRING, value);
    this.end(start, 1);
  }

  #attribute(tag: number, key: string, value: AttributeValue): void {
    const known = this.#keys.get(key) ?? this.#remember(key);
    const { bytes } = known;
    const keyLength = bytes.length;
    this.#reserve(keyLength + MESSAGE_BYTES);
    if (keyLength < SHORT_KEY && this.#shortAttribute(tag, known, value)) return;
    this.#buffer[this.#at] = tag;
    this.#at += 2;
    const start = this.#at;
    this.#buffer.set(bytes, start);
    this.#at += keyLength - 1;
    this.#anyValue(KEY_VALUE_VALUE, value, known.isDouble);
    this.end(start, 1);
  }

  /** What nearly all attributes are: all lengths fit into a byte. False, with nothing written, if it is not so. */
  #shortAttribute(tag: number, { bytes, isDouble: asDouble }: KnownKey, value: AttributeValue): boolean {
    const buffer = this.#buffer;
    const keyLength = bytes.length;
    const start = this.#at + 2;
    let at = start + keyLength + 1;
    if (typeof value === 'string') {
      const { length } = value;
      if (length > SHORT_TEXT) return false;
      buffer[at++] = ANY_STRING;
      buffer[at++] = length;
      if (!this.#ascii(value, at)) return false;
      at += length;
    } else if (typeof value === 'number') {
      if (asDouble || !Number.isSafeInteger(value)) {
        buffer[at++] = ANY_DOUBLE;
        this.#view.setFloat64(at, value, true);
        at += 8;
      } else {
        if (value < 0 || value > 0x7fff_ffff) return false;
        buffer[at++] = ANY_INT;
        let rest = value;
        for (; rest > 0x7f; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
        buffer[at++] = rest;
      }
    } else if (typeof value === 'boolean') {
      buffer[at++] = ANY_BOOL;
      buffer[at++] = value ? 1 : 0;
    } else {
      return false;
    }
    buffer[start - 2] = tag;
    buffer[start - 1] = at - start;
    buffer.set(bytes, start);
    buffer[start + keyLength] = at - start - keyLength - 1;
    this.#at = at;
    return true;
  }

  /** Writes a text at `at` as long as it is ASCII; false if it is not. */
  #ascii(value: string, at: number): boolean {
    const buffer = this.#buffer;
    const { length } = value;
    // UTF-8 has as many bytes as the text has characters only if all of them are ASCII.
    if (length > LOOP_TEXT) return buffer.write(value, at) === length;
    let all = 0;
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index);
      all |= code;
      buffer[at + index] = code;
    }
    return all <= 0x7f;
  }

  #anyValue(tag: number, value: AttributeValue, asDouble: boolean): void {
    const start = this.begin(tag, 1);
    switch (typeof value) {
      case 'string':
        this.string(ANY_STRING, value);
        break;
      case 'boolean':
        this.uint(ANY_BOOL, value ? 1 : 0);
        break;
      case 'number':
        if (asDouble || !Number.isSafeInteger(value)) this.double(ANY_DOUBLE, value);
        else this.#int(value);
        break;
      case 'bigint':
        // OTLP's integers have 64 bits; what is larger is still readable as text.
        if (BigInt.asIntN(64, value) === value) this.#bigint(value);
        else this.string(ANY_STRING, value.toString());
        break;
      default:
        this.#array(value, asDouble);
    }
    this.end(start, 1);
  }

  #array(values: readonly string[] | readonly number[], asDouble: boolean): void {
    const start = this.begin(ANY_ARRAY, 1);
    const areDoubles = asDouble || values.some((value) => !Number.isSafeInteger(value));
    for (const value of values) this.#anyValue(ARRAY_VALUES, value, areDoubles);
    this.end(start, 1);
  }

  #int(value: number): void {
    if (value < 0) {
      this.#bigint(BigInt(value));
      return;
    }
    this.#reserve(16);
    this.#buffer[this.#at++] = ANY_INT;
    this.#varint(value);
  }

  #bigint(value: bigint): void {
    this.#reserve(16);
    const buffer = this.#buffer;
    buffer[this.#at++] = ANY_INT;
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      buffer[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    buffer[this.#at++] = Number(rest);
  }

  #packed(tag: number, values: number): void {
    this.#reserve(16 + values * 8);
    this.#buffer[this.#at++] = tag;
    this.#varint(values * 8);
  }

  #count(value: number): void {
    this.#view.setUint32(this.#at, value >>> 0, true);
    this.#view.setUint32(this.#at + 4, Math.floor(value / 0x1_0000_0000), true);
    this.#at += 8;
  }

  /** Length and text. The caller has made room. */
  #text(value: string): void {
    const { length } = value;
    if (length <= SHORT_TEXT && this.#ascii(value, this.#at + 1)) {
      this.#buffer[this.#at] = length;
      this.#at += 1 + length;
      return;
    }
    this.#varint(Buffer.byteLength(value));
    this.#at += this.#buffer.write(value, this.#at);
  }

  /** A safe integer, not negative. The caller has made room. */
  #varint(value: number): void {
    const buffer = this.#buffer;
    let at = this.#at;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      buffer[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.#at = at;
  }

  #remember(key: string): KnownKey {
    if (this.#keys.size >= KEYS_MAX) this.#keys.clear();
    const text = Buffer.from(key);
    const length = Buffer.alloc(varintSize(text.length));
    for (let index = 0, rest = text.length; index < length.length; index += 1, rest >>>= 7)
      length[index] = (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0);
    const known = {
      bytes: Buffer.concat([Buffer.from([0x0a]), length, text, Buffer.from([KEY_VALUE_VALUE])]),
      isDouble: isDouble(key),
    };
    this.#keys.set(key, known);
    return known;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#buffer.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Bytes that `value`, below 2^31, takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) size += 1;
  return size;
}
