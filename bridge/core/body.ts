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
export async function readBody(
  request: IncomingMessage,
  bytes_max: number,
  take: (bytes: number) => boolean = () => true,
): Promise<Body> {
  const tooLarge: Body = { ok: false, status: 413, error: `the body is longer than ${bytes_max} bytes` };
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    return { ok: false, status: 415, error: `Content-Encoding ${encoding} is not supported: send gzip or none` };
  }
  if (Number(request.headers['content-length']) > bytes_max) return tooLarge;
  const gunzip = createGunzip();
  const source = encoding === 'gzip' ? request.pipe(gunzip) : request;
  request.once('error', (error) => gunzip.destroy(error));
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > bytes_max) return tooLarge;
      if (!take(piece.length)) return { ok: false, status: 503, error: 'too much is waiting to be taken in' };
      pieces.push(piece);
    }
  } catch (error) {
    return { ok: false, status: 400, error: `the body cannot be read: ${reasonOf(error)}` };
  }
  return { ok: true, bytes: Buffer.concat(pieces, length) };
}

export function answer(
  response: ServerResponse,
  status: number,
  content: object,
  headers: Record<string, string> = {},
): void {
  // What is left of a body that was refused is not waited for.
  const close = response.req.complete ? {} : { connection: 'close' };
  response.writeHead(status, { 'content-type': 'application/json', ...close, ...headers });
  response.end(`${JSON.stringify(content)}\n`);
}
