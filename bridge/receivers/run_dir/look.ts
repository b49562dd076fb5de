/** What a file in a tree is, by its name and first bytes; what it is not, too, so that none is left out in silence. Pure. */
import { constants, gunzipSync } from 'node:zlib';

import { BridgeError } from '../../core/errors.ts';
import { isGzip } from '../../core/input.ts';
import type { WideRecord } from '../../core/record.ts';
import { decodeLogChunk, encodeLogChunk } from '../../formats/log_chunk.ts';
import { isBlank, sniff } from '../../formats/log_content.ts';
import { headBytes } from '../../formats/log_files.ts';
import type { LogFormat } from '../../formats/log_text.ts';
import { firstStamp, isInterchangeBegin } from '../../formats/nameless.ts';
import { packedBy } from '../../formats/packed.ts';
import { looksLikeSqlite } from '../monitoring_db/reader.ts';
import { isDatabasePath, type SeenFile, type Start } from './tree.ts';

/** The first bytes of a file: as many as headBytes() wants, or all there are. */
export interface Head {
  readonly bytes: Uint8Array;
  /** NULs before them, where nobody has written. */
  readonly hole: number;
}

/** A file that begins with more NULs is not read to where they end: what it holds is not worth that. */
const HOLE_MAX = 2 ** 30;
/** First bytes that a first record is looked for in. */
const START_BYTES = 2_048;
const RUN_ID = /Run id is: [0-9a-f-]{36}|"parsl[._]dfk": *"/;

/**
 * The file at `path` that begins with `head`; undefined if nothing was written into it yet. A problem, which names the file
 * as `where`, if it is no text: then it is not read.
 */
export function recognise(path: string, { bytes }: Head, where: string): SeenFile | BridgeError | undefined {
  if (isDatabasePath(path)) return database(path);
  const isZipped = isGzip(bytes);
  const head = isZipped ? unzippedHead(bytes) : bytes;
  if (isBlank(head)) return undefined;
  const packed = packedBy(head);
  if (packed !== undefined)
    return new BridgeError('BRIDGE_DECODE', `read ${where}: ${packed.what}`, { reason: 'packed', hint: packed.hint });
  if (isZipped && looksLikeSqlite(head)) return packedDatabase(where);
  const format = sniff(head);
  if (format === undefined) return new BridgeError('BRIDGE_DECODE', `read ${where}: no text`, { reason: 'binary' });
  return { path, format, isZipped, start: startOf(head, format, headBytes(path)) };
}

function packedDatabase(where: string): BridgeError {
  const hint = 'unpack it first, with gunzip';
  return new BridgeError('BRIDGE_DECODE', `read ${where}: a database that is compressed`, { reason: 'packed', hint });
}

/** The problem that there are bytes before a log's first ones which nobody wrote; undefined if there are none. */
export function holeProblem({ hole }: Head, where: string): BridgeError | undefined {
  if (hole === 0) return undefined;
  const message = `read ${where}: ${hole} bytes at its beginning were never written, what follows is read`;
  return new BridgeError('BRIDGE_DECODE', message, { reason: 'hole' });
}

/** A monitoring.db is told by its name: SQLite says what is wrong with it. */
export function database(path: string): SeenFile {
  return { path, format: 'database', isZipped: false, start: { begins: false, namesRun: 'no' } };
}

/** Nothing is known of it but that it is there. */
export function unread(path: string): SeenFile {
  return { path, format: 'unread', isZipped: false, start: { begins: false, namesRun: 'not yet' } };
}

/**
 * The head of what comes in pieces. All of it is read if `isDrained`, else no more than is needed; what begins with more
 * than HOLE_MAX NULs counts as blank.
 */
export async function headOf(pieces: AsyncIterable<Buffer>, path: string, isDrained: boolean): Promise<Head> {
  const wanted = headBytes(path);
  const head: Buffer[] = [];
  let length = 0;
  let hole = 0;
  for await (const piece of pieces) {
    if (length >= wanted) continue;
    const from = length > 0 ? 0 : piece.findIndex((byte) => byte !== 0);
    hole += length > 0 ? 0 : from === -1 ? piece.length : from;
    if (from !== -1) head.push(piece.subarray(from));
    length += from === -1 ? 0 : piece.length - from;
    if (!isDrained && (length >= wanted || hole > HOLE_MAX)) break;
  }
  return { bytes: Buffer.concat(head).subarray(0, wanted), hole };
}

/** What the beginning of a gzip is the beginning of; nothing where it is broken, which is told when it is read. */
function unzippedHead(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.from('broken');
  }
}

function startOf(head: Uint8Array, format: LogFormat, wanted: number): Start {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const namesRun = RUN_ID.test(text.toString('latin1')) ? 'yes' : head.length < wanted ? 'not yet' : 'no';
  const end = text.lastIndexOf('\n', START_BYTES) + 1;
  const records: WideRecord[] = [];
  decodeLogChunk(
    encodeLogChunk({ format, keys: {} }, 1, text.subarray(0, end === 0 ? START_BYTES : end)),
    { receiver: '', arrival: 0 },
    records,
  );
  return { stamp: firstStamp(records), begins: records.some(isInterchangeBegin), namesRun };
}
