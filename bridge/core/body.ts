/** Bodies of HTTP requests, read under a limit, and answers in JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createGunzip } from 'node:zlib';

import { reasonOf } from './errors.ts';

export type Body =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly status: number; readonly error: string };

/**
 * Reads a request's body, unzipped where it says that it is gzip. `bytes_max` holds for what comes over the wire and for
 * what it unzips to. `take` is told of every piece that is kept, and may refuse it.
 */
export function readBody(
  request: IncomingMessage,
  bytes_max: number,
  take: (bytes: number) => boolean = () => true,
): Promise<Body> {
  const tooLarge: Body = { ok: false, status: 413, error: `the body is longer than ${bytes_max} bytes` };
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    const error = `Content-Encoding ${encoding} is not supported: send gzip or none`;
    return Promise.resolve({ ok: false, status: 415, error });
  }
  if (Number(request.headers['content-length']) > bytes_max) return Promise.resolve(tooLarge);
  return new Promise((resolve) => {
    const gunzip = encoding === 'gzip' ? request.pipe(createGunzip()) : undefined;
    const source = gunzip ?? request;
    const pieces: Buffer[] = [];
    let length = 0;
    function settle(body: Body): void {
      source.off('data', add);
      if (gunzip !== undefined) request.unpipe(gunzip.destroy()); // A small body may unzip to a huge one.
      request.resume(); // What is left of a body that was refused goes nowhere.
      resolve(body);
    }
    function add(piece: Buffer): void {
      length += piece.length;
      if (length > bytes_max) settle(tooLarge);
      else if (!take(piece.length)) settle({ ok: false, status: 503, error: 'too much is waiting to be taken in' });
      else pieces.push(piece);
    }
    function fail(error?: Error): void {
      settle({ ok: false, status: 400, error: `the body cannot be read: ${reasonOf(error ?? 'it is cut off')}` });
    }
    source.on('data', add);
    source.once('end', () => settle({ ok: true, bytes: Buffer.concat(pieces, length) }));
    for (const stream of new Set([source, request])) stream.on('error', fail);
    request.once('close', () => {
      if (!request.complete) fail();
    });
  });
}

/** Room for the bodies that a receiver holds at the same time, over all requests. */
export class BodyRoom {
  readonly #bytes_max: number;
  #held = 0;

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max;
  }

  /** Runs `work` with a `take` for readBody(); what it took is free again when it ends. One body always finds room. */
  async lend<T>(work: (take: (bytes: number) => boolean) => Promise<T>): Promise<T> {
    let taken = 0;
    try {
      return await work((bytes) => {
        if (this.#held > 0 && this.#held + bytes > this.#bytes_max) return false;
        taken += bytes;
        this.#held += bytes;
        return true;
      });
    } finally {
      this.#held -= taken;
    }
  }
}

/** Bytes of a refused body that are read only to be dropped. */
const DROPPED_BYTES_MAX = 2 ** 28;

/**
 * Drops what is left of a body that was refused. Its sender is still writing: hung up on, it would see a broken pipe and
 * no answer. Who sends without end is hung up on all the same.
 */
export function dropRest(request: IncomingMessage): void {
  if (request.complete) return;
  let dropped = 0;
  request.on('data', (piece: Buffer) => {
    dropped += piece.length;
    if (dropped > DROPPED_BYTES_MAX) request.destroy();
  });
  request.resume();
}

export function answer(
  response: ServerResponse,
  status: number,
  content: object,
  headers: Record<string, string> = {},
): void {
  dropRest(response.req);
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(`${JSON.stringify(content)}\n`);
}
