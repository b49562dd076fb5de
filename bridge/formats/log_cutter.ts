/**
 * Cuts the bytes of one log file, as they come, into chunks of whole records (log_chunk.ts). Pure: it holds only what is
 * not whole yet.
 *
 * The last record of a log with records of many lines is whole only when the next one has begun, or when nobody has
 * written for a while: the caller says so by `flush`. A line or record beyond its limit is cut, and told.
 */
import { BridgeError } from '../core/errors.ts';
import { Channel, type Frame } from '../core/frame.ts';
import { tableColumns } from './cctools_log.ts';
import { encodeLogChunk, placeOf, type LogHeader } from './log_chunk.ts';
import { hasManyLines, startsRecord } from './log_records.ts';
import type { LogFormat } from './log_text.ts';

export interface LogLimits {
  /** Bytes of a line; a longer one is left out and counted. */
  readonly line_bytes_max: number;
  /** Bytes of a record of many lines; a longer one is cut into several. */
  readonly record_bytes_max: number;
}

export const logLimits: LogLimits = { line_bytes_max: 2 ** 24, record_bytes_max: 2 ** 20 };

/** A chunk's size, about. */
const CHUNK_BYTES = 2 ** 18;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** What has to be seen of a line to tell whether a record begins with it. */
const START_BYTES = 512;

/** Where reading can go on: behind the last byte that was given out. */
export interface LogPosition {
  readonly offset: number;
  /** Number of the line there, from 1. */
  readonly line: number;
  /** Names of a table's columns, told by a line before it. */
  readonly columns?: string;
  /** It lies within a line that is too long and has been told. */
  readonly isSkipping?: true;
}

export class LogCutter {
  readonly #header: LogHeader;
  readonly #limits: LogLimits;
  readonly #report: (error: BridgeError) => void;
  #rest: Buffer = Buffer.alloc(0);
  /** No record begins within so many bytes of the rest, but with its first: they are not looked at again. */
  #tried = 0;
  #offset: number;
  #line: number;
  #columns: string | undefined;
  /** The rest of a line that is too long is still to come. */
  #isSkipping: boolean;

  constructor(
    header: LogHeader,
    limits: LogLimits,
    report: (error: BridgeError) => void,
    position: LogPosition = { offset: 0, line: 1 },
  ) {
    this.#header = header;
    this.#limits = limits;
    this.#report = report;
    this.#offset = position.offset;
    this.#line = position.line;
    this.#columns = position.columns;
    this.#isSkipping = position.isSkipping ?? false;
  }

  get position(): LogPosition {
    return {
      offset: this.#offset,
      line: this.#line,
      ...(this.#columns === undefined ? {} : { columns: this.#columns }),
      ...(this.#isSkipping ? { isSkipping: true } : {}),
    };
  }

  /** Goes on at `offset` instead: what lies before it was given out. */
  skipTo(offset: number): void {
    this.#offset = offset;
  }

  /** Bytes that wait for the rest of their record. */
  get waiting(): number {
    return this.#rest.length;
  }

  /** The chunks that are whole now. `bytes` must not change any more. */
  push(bytes: Uint8Array): Frame[] {
    this.#rest = this.#rest.length === 0 ? asBuffer(bytes) : Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    while (this.#skip() > 0) {
      const size = this.#wholeBytes();
      if (size === 0) break;
      frames.push(this.#take(size));
    }
    return frames;
  }

  /** All whole lines that wait, though their record could go on; with `isEnd` also a last line without a newline. */
  flush(isEnd: boolean): Frame[] {
    if (this.#skip() === 0) return [];
    const size = isEnd ? this.#rest.length : this.#rest.lastIndexOf(NEWLINE) + 1;
    return size === 0 ? [] : [this.#take(size)];
  }

  /** Leaves out NULs where nobody has written, and what is too long, as far as it has come. 0 if nothing is left. */
  #skip(): number {
    // A hole before a line is no part of it, however large it is.
    if (this.#rest[0] === 0 && !this.#isSkipping) {
      const end = this.#rest.findIndex(isWritten);
      this.#drop(end === -1 ? this.#rest.length : end);
    }
    const newline = this.#rest.indexOf(NEWLINE);
    if (!this.#isSkipping && newline === -1 && this.#rest.length > this.#limits.line_bytes_max) {
      this.#isSkipping = true;
      const message = `read ${placeOf(this.#header.keys, this.#line)}: it is longer than ${this.#limits.line_bytes_max} bytes and left out`;
      this.#report(new BridgeError('BRIDGE_DECODE', message, { reason: 'too_large' }));
    }
    if (this.#isSkipping) {
      const size = newline === -1 ? this.#rest.length : newline + 1;
      this.#drop(size);
      if (newline !== -1) {
        this.#line += 1;
        this.#isSkipping = false;
      }
    }
    return this.#rest.length;
  }

  /** How many bytes make the next chunk; 0 if it has to be waited for more. */
  #wholeBytes(): number {
    const rest = this.#rest;
    const last = rest.lastIndexOf(NEWLINE) + 1;
    if (last === 0) return 0;
    if (!hasManyLines(this.#header.format)) {
      return last <= CHUNK_BYTES ? last : rest.indexOf(NEWLINE, CHUNK_BYTES - 1) + 1 || last;
    }
    // What follows will be left out, however it goes on.
    if (rest.length - last > this.#limits.line_bytes_max) return last;
    // Up to the first record that begins beyond the chunk's size; where there is none, up to the last one there is.
    if (last > CHUNK_BYTES) {
      const from = Math.max(CHUNK_BYTES, this.#tried);
      for (let at = rest.indexOf(NEWLINE, from) + 1; at > 0 && at < last; at = rest.indexOf(NEWLINE, at) + 1) {
        if (this.#begins(at)) return at;
      }
    }
    for (let at = last; at > this.#tried; at = rest.lastIndexOf(NEWLINE, at - 2) + 1) {
      if (at < rest.length && this.#begins(at)) return at;
      if (at === 1) break; // lastIndexOf would count from the end.
    }
    this.#tried = last - 1; // The line at `last` is not whole yet.
    return last > this.#limits.record_bytes_max ? last : 0;
  }

  /** True if a record begins at `at`, as far as what has come tells. */
  #begins(at: number): boolean {
    const rest = this.#rest;
    // A blank line begins nothing.
    if (rest[at] === NEWLINE || (rest[at] === CARRIAGE_RETURN && rest[at + 1] === NEWLINE)) return false;
    const end = rest.indexOf(NEWLINE, at);
    // Half a line may look like the start of one kind and be another.
    if (end === -1) return false;
    const line = rest.toString('utf8', at, Math.min(end, at + START_BYTES));
    const before = rest.lastIndexOf(NEWLINE, at - 2) + 1;
    const previous = rest.toString('utf8', at === 1 ? 0 : before, Math.min(at - 1, before + START_BYTES));
    return startsRecord(this.#header.format, line, previous);
  }

  #take(size: number): Frame {
    const bytes = this.#rest.subarray(0, size);
    const { format, keys } = this.#header;
    const header = this.#columns === undefined ? this.#header : { format, keys: { ...keys, columns: this.#columns } };
    const payload = encodeLogChunk(header, this.#line, bytes);
    if (isTable(format)) this.#columns = lastHead(bytes) ?? this.#columns;
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) this.#line += 1;
    this.#drop(size);
    return { channel: Channel.log, time: 0, payload };
  }

  #drop(size: number): void {
    this.#rest = this.#rest.subarray(size);
    this.#tried = Math.max(0, this.#tried - size);
    this.#offset += size;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isWritten(byte: number): boolean {
  return byte !== 0;
}

function isTable(format: LogFormat): boolean {
  return format === 'work_queue_performance' || format === 'taskvine_performance';
}

/** The columns that the last heading in `bytes` names. */
function lastHead(bytes: Buffer): string | undefined {
  const at = bytes.lastIndexOf('# timestamp ');
  if (at === -1) return undefined;
  const end = bytes.indexOf(NEWLINE, at);
  return tableColumns(bytes.toString('utf8', at, end === -1 ? bytes.length : end)).join(' ');
}
