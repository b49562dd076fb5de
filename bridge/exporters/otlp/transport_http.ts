/**
 * OTLP/HTTP with protobuf bodies: POST over kept-alive connections of node:http. Redirects are not followed, as the
 * specification asks.
 */
import type { IncomingMessage } from 'node:http';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip as gzipWithCallback } from 'node:zlib';

import { BridgeError, reasonOf } from '../../core/errors.ts';
import type { Signal, Target } from './config.ts';
import { connectionHint, needsTls } from './hints.ts';
import type { Reply, Transport } from './transport.ts';
import { parseReply, parseStatus, readCertificates, sayable } from './transport.ts';

/** The OTLP specification's list. */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/**
 * The specification would have these given up. They tell of our configuration, not of what we sent, so that is kept
 * until it is mended. A server may take no logs or metrics, but where traces are not taken the address is wrong.
 */
const misconfigured: ReadonlySet<number> = new Set([401, 403]);
const misaddressed: ReadonlySet<number> = new Set([404, 405]);
const ANSWER_BYTES_MAX = 1_048_576;
const NOTHING_REJECTED: Reply = { rejected: 0, message: '' };

const gzip = promisify(gzipWithCallback);

interface Answer {
  readonly response: IncomingMessage;
  readonly body: Buffer;
}

export function httpTransport(signal: Signal, target: Target): Transport {
  const { host, port, path, secure, shown, timeoutMs, compression } = target;
  const headers = {
    ...target.headers,
    'content-type': 'application/x-protobuf',
    'user-agent': 'parsl-otel',
    ...(compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
  };
  let agent: HttpAgent | HttpsAgent | undefined;

  async function post(body: Buffer, using: HttpAgent | HttpsAgent): Promise<Answer> {
    const payload = compression === 'gzip' ? await gzip(body) : body;
    const options = {
      host,
      port,
      path,
      method: 'POST',
      headers: { ...headers, 'content-length': payload.length },
      agent: using,
      signal: AbortSignal.timeout(timeoutMs),
    };
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(options, (response) => {
        readBody(response).then((answer) => resolve({ response, body: answer }), reject);
      });
      request.on('error', reject);
      request.end(payload);
    });
  }

  return {
    async open() {
      const { ca, cert, key } = await readCertificates(target);
      agent = secure
        ? new HttpsAgent({ keepAlive: true, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) })
        : new HttpAgent({ keepAlive: true });
    },

    async send(body) {
      if (agent === undefined) throw new BridgeError('BRIDGE_REFUSED', `send ${signal} to ${shown}: not started`);
      let answer: Answer;
      try {
        answer = await post(body, agent);
      } catch (error) {
        // node:http tells of a signal that fired as an AbortError; no other signal is given to it.
        const timedOut = error instanceof Error && error.name === 'AbortError';
        const why = timedOut ? `no answer within ${timeoutMs} ms` : reasonOf(error);
        throw new BridgeError('BRIDGE_REFUSED', `send ${signal} to ${shown}: ${sayable(why, target)}`, {
          cause: error,
          reason: timedOut ? 'timeout' : 'unreachable',
          hint: timedOut
            ? undefined
            : connectionHint(`${String((error as NodeJS.ErrnoException).code)} ${why}`, 'http', target),
        });
      }
      if (answer.response.statusCode === 200) return isProtobuf(answer) ? parseReply(answer.body) : NOTHING_REJECTED;
      throw failure(answer, signal, target);
    },

    close() {
      agent?.destroy();
      agent = undefined;
    },
  };
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`answer of more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Some servers answer 200 with an empty body, or one that is not protobuf: they took everything. */
function isProtobuf({ response }: Answer): boolean {
  return response.headers['content-type']?.startsWith('application/x-protobuf') === true;
}

function failure(answer: Answer, signal: Signal, target: Target): BridgeError {
  const { response, body } = answer;
  const code = response.statusCode ?? 0;
  const said = isProtobuf(answer) ? parseStatus(body)?.message : body.toString('utf8', 0, 1_000);
  const message = `send ${signal} to ${target.shown}: HTTP ${code}: ${sayable(said ?? '', target)}`;
  const isMisaddressed = (signal === 'traces' && misaddressed.has(code)) || needsTls(code, said ?? '');
  const again = retryable.has(code) || misconfigured.has(code) || isMisaddressed;
  return new BridgeError(again ? 'BRIDGE_REFUSED' : 'BRIDGE_REJECTED', message.replace(/: $/, ''), {
    reason: `http_${code}`,
    retryAfterMs: retryable.has(code) ? retryAfter(response.headers['retry-after'], Date.now()) : undefined,
    hint: needsTls(code, said ?? '') ? 'the server speaks TLS: write https:// in `endpoint`' : hintOf(code, signal),
  });
}

/** Retry-After: seconds, or a date. */
export function retryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function hintOf(code: number, signal: Signal): string | undefined {
  if (code === 401 || code === 403) return 'check `headers`, where credentials go';
  if (misaddressed.has(code))
    return `check \`endpoint\`: /v1/${signal} is appended to it; if the server takes no ${signal}, leave them out of \`signals\``;
  if (code === 413) return 'lower `request_bytes_max`';
  return undefined;
}
