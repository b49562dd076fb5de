/**
 * What both ways of speaking OTLP share: the contract, the answer and what may be said about a failure. Headers are
 * credentials: no message shows one, not even where the server repeats it.
 */
import { readFile } from 'node:fs/promises';

import { BridgeError } from '../../core/errors.ts';
import { readFields } from '../../formats/protobuf_reader.ts';
import type { Target } from './config.ts';

export interface Reply {
  /** Items that the server says it did not take. */
  readonly rejected: number;
  /** Its reason, or a warning if it took everything. */
  readonly message: string;
}

export interface Transport {
  /** Reads what it needs. Rejects with BRIDGE_CONFIG if it never will work. */
  open(): Promise<void>;
  /**
   * Sends one request. Rejects with BRIDGE_REFUSED for what the OTLP specification says may be tried again and for what
   * tells of a wrong address or wrong credentials, with BRIDGE_REJECTED for the rest.
   */
  send(body: Buffer): Promise<Reply>;
  /** Lets go of connections. */
  close(): void;
}

const MESSAGE_CHARACTERS = 300;

/**
 * Export<Signal>ServiceResponse { 1: partial success { 1: rejected items, 2: error message } }. An answer that is not
 * one comes from a server that took the request all the same, so nothing is sent again for it.
 */
export function parseReply(body: Uint8Array): Reply {
  try {
    return readReply(body);
  } catch {
    return { rejected: 0, message: 'the answer is not OTLP' }; // The bytes say no more than that.
  }
}

function readReply(body: Uint8Array): Reply {
  let rejected = 0n;
  let message = '';
  for (const { number, value } of readFields(body)) {
    if (number !== 1 || typeof value === 'bigint') continue;
    for (const inner of readFields(value)) {
      if (inner.number === 1 && typeof inner.value === 'bigint') rejected = BigInt.asIntN(64, inner.value);
      if (inner.number === 2 && typeof inner.value !== 'bigint') message = Buffer.from(inner.value).toString();
    }
  }
  return { rejected: Math.max(0, Number(rejected)), message };
}

export interface Status {
  readonly message: string;
  /** Of google.rpc.RetryInfo, if it is there. */
  readonly retryAfterMs: number | undefined;
}

/** google.rpc.Status { 1: code, 2: message, 3: details, each Any { 1: type url, 2: value } }; undefined if it is none. */
export function parseStatus(body: Uint8Array): Status | undefined {
  try {
    let message = '';
    let retryAfterMs: number | undefined;
    for (const { number, value } of readFields(body)) {
      if (typeof value === 'bigint') continue;
      if (number === 2) message = Buffer.from(value).toString();
      if (number === 3) retryAfterMs = retryDelay(value) ?? retryAfterMs;
    }
    return { message, retryAfterMs };
  } catch {
    return undefined; // Whoever answers may be a proxy that speaks something else.
  }
}

/** RetryInfo { 1: Duration { 1: seconds, 2: nanoseconds } } in an Any. */
function retryDelay(any: Uint8Array): number | undefined {
  let type = '';
  let info: Uint8Array = new Uint8Array();
  for (const { number, value } of readFields(any)) {
    if (typeof value === 'bigint') continue;
    if (number === 1) type = Buffer.from(value).toString();
    if (number === 2) info = value;
  }
  if (!type.endsWith('google.rpc.RetryInfo')) return undefined;
  let ms = 0;
  for (const { number, value } of readFields(info)) {
    if (number !== 1 || typeof value === 'bigint') continue;
    for (const part of readFields(value)) {
      if (typeof part.value !== 'bigint') continue;
      ms += part.number === 1 ? Number(part.value) * 1000 : Number(part.value) / 1e6;
    }
  }
  return ms;
}

/** What the server said, cut to a readable length, without control characters and without our own headers' values. */
export function sayable(text: string, { headers }: Target): string {
  let said = text;
  for (const value of Object.values(headers)) {
    for (const secret of [value, value.replace(/^\w+ /, '')])
      if (secret.length > 3) said = said.replaceAll(secret, '***');
  }
  said = said.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return said.length > MESSAGE_CHARACTERS ? `${said.slice(0, MESSAGE_CHARACTERS)}…` : said;
}

export interface Certificates {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

export async function readCertificates({ tls, secure, shown }: Target): Promise<Certificates> {
  if ((tls.cert_file === undefined) !== (tls.key_file === undefined))
    throw new BridgeError('BRIDGE_CONFIG', `prepare TLS for ${shown}: cert_file and key_file need each other`);
  const read = (path: string | undefined): Promise<Buffer | undefined> =>
    path === undefined || !secure ? Promise.resolve(undefined) : readFile(path);
  try {
    const [ca, cert, key] = await Promise.all([read(tls.ca_file), read(tls.cert_file), read(tls.key_file)]);
    return { ca, cert, key };
  } catch (error) {
    throw BridgeError.from(error, 'BRIDGE_CONFIG', `read certificates for ${shown}`);
  }
}
