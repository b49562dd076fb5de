/**
 * Reads pickles of protocols 2 to 5 as data. Nothing in a pickle can make this call, import or build anything but
 * scalars, arrays and the few value classes of pickle_globals.ts; an unlisted name is an error that says which.
 *
 * A pickle is a program for a stack machine: one opcode byte, its argument, until `.` returns the top of the stack.
 *
 *   push       N \x88 \x89 (None True False)  K M J (1, 2, 4 byte int)  \x8a \x8b (long: 1 or 4 byte length)  G (float, big-endian)
 *              X \x8c \x8d (UTF-8: 4, 1, 8 byte length)  C B \x8e \x96 (bytes: 1, 4, 8; bytearray: 8)
 *              } ] ) \x8f (empty dict, list, tuple, set)
 *   collect    ( marks the stack; t u e \x90 \x91 make a tuple, fill a dict, list or set, make a frozenset of what is above
 *              the mark; s a fill one at a time; \x85 \x86 \x87 make tuples of 1, 2, 3; 0 1 2 pop, pop to the mark, duplicate
 *   remember   q r (memo number of 1 or 4 bytes) \x94 (the next number);  h j get
 *   refer      c (two lines) \x93 (two strings): module and name;  R applies what that stands for to a tuple
 *   frame      \x80 protocol;  \x95 length: a hint that we do not need, every read is checked by itself
 *
 * Integers beyond 2^53 are bigints, sets are arrays, bytes are Uint8Arrays. The result shares parts where the pickle
 * does, and can contain itself.
 */
import { integer, uint32 } from './little_endian.ts';
import { checkDepth } from './pickle_depth.ts';
import { fail, truncated, underflow } from './pickle_error.ts';
import { allowedGlobal, datetime, datetimeMicros, Dict, Global, LocalTime, noPairs } from './pickle_globals.ts';
import { createStringReader } from './pickle_strings.ts';

export interface PickleLimits {
  readonly bytes_max: number;
  /** Containers within containers. */
  readonly depth_max: number;
  /** Opcodes, which bounds the values made. */
  readonly elements_max: number;
  readonly memo_max: number;
  readonly integer_bytes_max: number;
}

export const pickleLimits: PickleLimits = {
  bytes_max: 8 * 1024 * 1024,
  depth_max: 64,
  elements_max: 500_000,
  memo_max: 250_000,
  integer_bytes_max: 128,
};

/** Throws BRIDGE_DECODE with the reason `limit`, `truncated`, `opcode`, `global` or `malformed`, and nothing else. */
export type PickleDecoder = (bytes: Uint8Array, limits?: PickleLimits) => unknown;

const SCRATCH = 1024;
/** In the memo: a value that was skipped because nobody ever asks for it. */
const SKIPPED = Symbol('skipped');

export const decodePickle: PickleDecoder = createPickleDecoder();

/** A decoder with its own table of strings and its own stack, which it reuses: decoding makes little but the result. */
export function createPickleDecoder(): PickleDecoder {
  const readString = createStringReader();
  const double = new DataView(new ArrayBuffer(8));
  let stack = scratch();
  let memo = scratch();
  const floors: number[] = [];

  return (bytes, limits = pickleLimits) => {
    if (bytes.length > limits.bytes_max) fail('limit', `${bytes.length} bytes, more than ${limits.bytes_max}`);
    try {
      const value = run(bytes, limits, true);
      return value === SKIPPED ? run(bytes, limits, false) : value;
    } finally {
      // What one huge message grew is not kept for the next.
      if (stack.length > SCRATCH) stack = scratch();
      if (memo.length > SCRATCH) memo = scratch();
    }
  };

  /**
   * The machine, in one function so that its registers are locals. With `skip`, the bytes and the tuple on the way to
   * a datetime are not made, a fifth of the time; if the pickle asks for one of them after all, the result is SKIPPED.
   */
  function run(bytes: Uint8Array, limits: PickleLimits, skip: boolean): unknown {
    const end = bytes.length;
    const elementsMax = limits.elements_max;
    const memoMax = limits.memo_max;
    let at = 0; // next byte
    let top = 0; // height of the stack
    let floor = 0; // height at the last mark: nothing below it can be popped
    let memoSize = 0;
    let elements = 0;
    let containers = 0;
    floors.length = 0;

    for (;;) {
      if (at >= end) truncated();
      if (++elements > elementsMax) fail('limit', `more than ${elementsMax} elements`);
      const opcode = bytes[at++] as number;
      switch (opcode) {
        case 0x8c: {
          // SHORT_BINUNICODE
          if (at >= end) truncated();
          const length = bytes[at++] as number;
          if (at + length > end) truncated();
          const value = readString(bytes, at, length);
          at += length;
          stack[top++] = value;
          // Python memoises nearly every string.
          if (bytes[at] === 0x94 && memoSize < memoMax) {
            memo[memoSize++] = value;
            at++;
          }
          continue;
        }
        case 0x94: // MEMOIZE
          if (top <= floor) underflow();
          if (memoSize >= memoMax) fail('limit', `more than ${memoMax} memo entries`);
          memo[memoSize++] = stack[top - 1];
          continue;
        case 0x4b: // BININT1
          if (at >= end) truncated();
          stack[top++] = bytes[at++];
          continue;
        case 0x93: {
          // STACK_GLOBAL
          if (top - 2 < floor) underflow();
          const name = stack[--top];
          const module = stack[top - 1];
          stack[top - 1] = allowedGlobal(module, name);
          continue;
        }
        case 0x63: {
          // GLOBAL
          const first = lineEnd(bytes, at);
          const second = lineEnd(bytes, first + 1);
          const module = readString(bytes, at, first - at);
          stack[top++] = allowedGlobal(module, readString(bytes, first + 1, second - first - 1));
          at = second + 1;
          continue;
        }
        case 0x52: {
          // REDUCE
          if (top - 2 < floor) underflow();
          const args = stack[--top];
          const callee = stack[top - 1];
          if (!(callee instanceof Global)) fail('malformed', 'REDUCE of something that is no name');
          if (!Array.isArray(args)) fail('malformed', 'REDUCE without a tuple');
          const value = callee.make(args);
          // A short REDUCE can copy a long string again and again.
          if (value instanceof Uint8Array) elements += value.length >>> 3;
          stack[top - 1] = value;
          continue;
        }
        case 0x68: // BINGET
        case 0x6a: {
          // LONG_BINGET
          const size = opcode === 0x68 ? 1 : 4;
          if (at + size > end) truncated();
          const index = size === 1 ? (bytes[at] as number) : uint32(bytes, at);
          at += size;
          if (index >= memoSize) fail('malformed', `memo has no entry ${index}`);
          const value = memo[index];
          if (value === SKIPPED) return SKIPPED;
          stack[top++] = value;
          continue;
        }
        case 0x71: // BINPUT
        case 0x72: {
          // LONG_BINPUT
          const size = opcode === 0x71 ? 1 : 4;
          if (at + size > end) truncated();
          if (top <= floor) underflow();
          const index = size === 1 ? (bytes[at] as number) : uint32(bytes, at);
          at += size;
          if (index >= memoMax) fail('limit', `memo entry ${index}, more than ${memoMax}`);
          if (index > memoSize) fail('malformed', `memo entry ${index} after ${memoSize}`);
          memo[index] = stack[top - 1];
          if (index === memoSize) memoSize++;
          continue;
        }
        case 0x28: // MARK
          floors.push(floor);
          floor = top;
          continue;
        case 0x7d: // EMPTY_DICT
          containers++;
          stack[top++] = new Dict();
          continue;
        case 0x5d: // EMPTY_LIST
        case 0x29: // EMPTY_TUPLE
        case 0x8f: // EMPTY_SET
          containers++;
          stack[top++] = [];
          continue;
        case 0x75: // SETITEMS
        case 0x65: // APPENDS
        case 0x90: {
          // ADDITEMS
          const start = floor;
          floor = unmark(floors);
          if (start <= floor) underflow();
          fill(stack[start - 1], stack, start, top, opcode === 0x75);
          top = start;
          continue;
        }
        case 0x73: // SETITEM
          if (top - 3 < floor) underflow();
          fill(stack[top - 3], stack, top - 2, top, true);
          top -= 2;
          continue;
        case 0x61: // APPEND
          if (top - 2 < floor) underflow();
          fill(stack[top - 2], stack, top - 1, top, false);
          top--;
          continue;
        case 0x74: // TUPLE
        case 0x91: {
          // FROZENSET
          const start = floor;
          floor = unmark(floors);
          containers++;
          const items = stack.slice(start, top);
          top = start;
          stack[top++] = items;
          continue;
        }
        case 0x85: // TUPLE1
        case 0x86: // TUPLE2
        case 0x87: {
          // TUPLE3
          const start = top - (opcode - 0x84);
          if (start < floor) underflow();
          containers++;
          const items = stack.slice(start, top);
          top = start;
          stack[top++] = items;
          continue;
        }
        case 0x43: {
          // SHORT_BINBYTES
          if (
            skip &&
            isDatetime(bytes, at, end) &&
            top > floor &&
            stack[top - 1] === datetime &&
            memoSize + 3 <= memoMax
          ) {
            const time = new LocalTime(datetimeMicros(bytes, at + 1));
            stack[top - 1] = time;
            memo[memoSize++] = SKIPPED;
            memo[memoSize++] = SKIPPED;
            memo[memoSize++] = time;
            at += 16;
            continue;
          }
          const length = lengthAt(bytes, at++, 1);
          stack[top++] = copy(bytes, at, length);
          at += length;
          continue;
        }
        case 0x58: // BINUNICODE
        case 0x8d: // BINUNICODE8
        case 0x42: // BINBYTES
        case 0x8e: // BINBYTES8
        case 0x96: {
          // BYTEARRAY8
          const size = opcode === 0x58 || opcode === 0x42 ? 4 : 8;
          const length = lengthAt(bytes, at, size);
          at += size;
          stack[top++] = opcode === 0x58 || opcode === 0x8d ? readString(bytes, at, length) : copy(bytes, at, length);
          at += length;
          continue;
        }
        case 0x8a: // LONG1
        case 0x8b: {
          // LONG4
          const size = opcode === 0x8a ? 1 : 4;
          const length = lengthAt(bytes, at, size);
          at += size;
          if (length > limits.integer_bytes_max) fail('limit', `integer of ${length} bytes`);
          stack[top++] = integer(bytes, at, length);
          at += length;
          continue;
        }
        case 0x47: // BINFLOAT
          if (at + 8 > end) truncated();
          for (let i = 0; i < 8; i++) double.setUint8(i, bytes[at + i] as number);
          stack[top++] = double.getFloat64(0);
          at += 8;
          continue;
        case 0x4d: // BININT2
          if (at + 2 > end) truncated();
          stack[top++] = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
          at += 2;
          continue;
        case 0x4a: // BININT
          if (at + 4 > end) truncated();
          stack[top++] = uint32(bytes, at) | 0;
          at += 4;
          continue;
        case 0x4e: // NONE
          stack[top++] = null;
          continue;
        case 0x88: // NEWTRUE
          stack[top++] = true;
          continue;
        case 0x89: // NEWFALSE
          stack[top++] = false;
          continue;
        case 0x30: // POP
          // Python pops a mark with it, too.
          if (top > floor) top--;
          else floor = unmark(floors);
          continue;
        case 0x31: // POP_MARK
          top = floor;
          floor = unmark(floors);
          continue;
        case 0x32: // DUP
          if (top <= floor) underflow();
          stack[top] = stack[top - 1];
          top++;
          continue;
        case 0x80: {
          // PROTO
          if (at >= end) truncated();
          const version = bytes[at++] as number;
          if (version < 2 || version > 5) fail('opcode', `protocol ${version}`);
          continue;
        }
        case 0x95: // FRAME
          if (at + 8 > end) truncated();
          at += 8;
          continue;
        case 0x2e: // STOP
          if (top <= floor) underflow();
          if (containers > limits.depth_max) checkDepth(stack[top - 1], limits.depth_max);
          return stack[top - 1];
        default:
          fail('opcode', `opcode 0x${opcode.toString(16).padStart(2, '0')} at byte ${at - 1}`);
      }
    }
  }
}

/** Adds what lies on the stack from `start` to `end` to a dict (keys and values in turn), or to a list or set. */
function fill(target: unknown, stack: readonly unknown[], start: number, end: number, dict: boolean): void {
  if (dict) {
    if (!(target instanceof Dict) || (end - start) % 2 === 1) fail('malformed', 'SETITEMS without a dict or a value');
    if (target.pairs === noPairs) target.pairs = stack.slice(start, end);
    else for (let i = start; i < end; i++) target.pairs.push(stack[i]);
  } else {
    if (!Array.isArray(target)) fail('malformed', 'APPENDS without a list');
    for (let i = start; i < end; i++) target.push(stack[i]);
  }
}

/** MEMOIZE TUPLE1 MEMOIZE REDUCE MEMOIZE after ten bytes: how protocol 4 applies datetime. */
function isDatetime(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 16 <= end && bytes[at] === 10 && bytes[at + 11] === 0x94 && isApplied(bytes, at + 12);
}

/** TUPLE1 MEMOIZE REDUCE MEMOIZE: a name is applied to the one argument before. */
function isApplied(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x85 && bytes[at + 1] === 0x94 && bytes[at + 2] === 0x52 && bytes[at + 3] === 0x94;
}

/** Takes the last mark away; the height at the mark before it, the new floor, is returned. */
function unmark(floors: number[]): number {
  return floors.pop() ?? fail('malformed', 'no mark on the stack');
}

function lineEnd(bytes: Uint8Array, at: number): number {
  const end = bytes.indexOf(0x0a, at);
  return end < 0 ? truncated() : end;
}

/** A length of `size` bytes; that many bytes are there. */
function lengthAt(bytes: Uint8Array, at: number, size: number): number {
  if (at + size > bytes.length) truncated();
  // Lengths of 8 bytes may be rounded above 2^53, where they are too long anyhow.
  const length =
    size === 1 ? (bytes[at] as number) : uint32(bytes, at) + (size === 8 ? uint32(bytes, at + 4) * 2 ** 32 : 0);
  return at + size + length > bytes.length ? truncated() : length;
}

function copy(bytes: Uint8Array, at: number, length: number): Uint8Array {
  return new Uint8Array(bytes.subarray(at, at + length)); // A Buffer's own slice would share memory.
}

function scratch(): unknown[] {
  // Filled by pushing, so that V8 never marks it as an array with holes.
  const array: unknown[] = [];
  while (array.length < SCRATCH) array.push(null);
  return array;
}
