/**
 * otlp: takes logs by OpenTelemetry's protocol over HTTP, POST /v1/logs, protobuf or JSON: from a Collector (files,
 * journald, syslog …) or any program with an OpenTelemetry SDK.
 *
 * The answer 200 means that the journal holds the batch; a record that cannot be used is counted, and told as the
 * protocol's partial success. On 503 the sender keeps the batch and tries again.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';

import { BodyRoom, dropRest, readBody } from '../core/body.ts';
import { defineReceiver } from '../core/component.ts';
import { BridgeError } from '../core/errors.ts';
import { Channel } from '../core/frame.ts';
import { inSlices, sift } from '../core/intake.ts';
import { recordsFrame } from '../core/lines.ts';
import { decodeFrames } from '../formats/frames.ts';
import { otlpRecords } from '../formats/otlp_logs.ts';
import { readProtobufLogs, type OtlpLogs, type OtlpProblem } from '../formats/otlp_request.ts';
import { readJsonLogs } from '../formats/otlp_request_json.ts';
import { encodePartialSuccess, encodeStatus } from '../formats/otlp_response.ts';

const config = z.strictObject({
  body_bytes_max: z.int().min(1_024).max(2 ** 29).default(2 ** 24).describe('Longer bodies are refused, also unzipped.'),
  buffer_bytes_max: z.int().min(1_024).max(2 ** 32).default(2 ** 26).describe('Bytes of all bodies taken in at a time.'),
}); // prettier-ignore

type Encoding = 'application/x-protobuf' | 'application/json';

const readers: Readonly<Record<string, (body: Uint8Array) => OtlpLogs>> = {
  'application/x-protobuf': readProtobufLogs,
  'application/json': readJsonLogs,
};

/** google.rpc.Code */
const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;

export const otlp = defineReceiver({
  type: 'otlp',
  summary: 'Takes logs by OTLP over HTTP, POST /v1/logs.',
  config,
  create({ body_bytes_max, buffer_bytes_max }, context) {
    const busy = new Set<Promise<void>>();
    let isOpen = false;
    const room = new BodyRoom(buffer_bytes_max);

    async function post(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1);
      const encoding = type.trim().toLowerCase() as Encoding;
      const read = readers[encoding];
      if (read === undefined)
        return refuse(
          response,
          'application/json',
          415,
          `Content-Type ${type} is none of ${Object.keys(readers).join(', ')}`,
        );
      if (!isOpen) return refuse(response, encoding, 503, 'the receiver is not running');
      await room.lend(async (take) => {
        const body = await readBody(request, body_bytes_max, take);
        if (!body.ok) return refuse(response, encoding, body.status, body.error);
        const ingesting = ingest(body.bytes, encoding, read, response);
        busy.add(ingesting);
        await ingesting.finally(() => busy.delete(ingesting));
      });
    }

    async function ingest(
      bytes: Buffer,
      encoding: Encoding,
      read: (body: Uint8Array) => OtlpLogs,
      response: ServerResponse,
    ): Promise<void> {
      const arrival = context.now();
      let told: readonly Record<string, unknown>[];
      let problems: readonly OtlpProblem[];
      try {
        const { logs, problems: unread } = read(bytes);
        const [first] = unread;
        if (first !== undefined && logs.length === 0) throw first.error;
        told = otlpRecords(logs, context.id);
        problems = unread;
      } catch (error) {
        const problem = BridgeError.from(error, 'BRIDGE_DECODE', 'read OTLP logs');
        context.reject({ channel: Channel.records, time: arrival, payload: bytes }, problem);
        return refuse(response, encoding, 400, problem.message);
      }
      const frames = told.length === 0 ? [] : [recordsFrame(told, arrival)];
      context.received(frames);
      const { records, frames: good, rejected } = await inSlices(frames, (slice) => sift(slice, decodeFrames, context));
      try {
        if (records.length > 0) await context.next(records, good);
      } catch (error) {
        return refuse(response, encoding, 503, BridgeError.from(error, 'BRIDGE_REFUSED', 'take in the batch').message);
      }
      for (const { record, error } of problems)
        context.reject({ channel: Channel.records, time: arrival, payload: record }, error);
      response.writeHead(200, { 'content-type': encoding });
      response.end(encodePartialSuccess(encoding, rejected + problems.length, whyOf(rejected, problems)));
    }

    return {
      start() {
        isOpen = true;
        context.log.info({ path: '/v1/logs' }, 'Taking logs by OTLP.');
        return Promise.resolve();
      },
      async stop() {
        isOpen = false;
        await Promise.allSettled(busy);
      },
      routes: [{ method: 'POST', path: '/v1/logs', access: 'data', handle: post }],
    };
  },
});

/** What is told of records that are not taken; empty if there are none. */
function whyOf(undecodable: number, [first, ...others]: readonly OtlpProblem[]): string {
  const unread = first === undefined ? [] : [`${others.length + 1} cannot be read, the first: ${first.error.message}`];
  return [...unread, ...(undecodable === 0 ? [] : [`${undecodable} cannot be used`])].join('; ');
}

/** The protocol's Status; 503 is to be tried again. */
function refuse(response: ServerResponse, encoding: Encoding, status: number, message: string): void {
  const code = status === 503 ? UNAVAILABLE : INVALID_ARGUMENT;
  dropRest(response.req);
  response.writeHead(status, { 'content-type': encoding, ...(status === 503 ? { 'retry-after': '1' } : {}) });
  response.end(encodeStatus(encoding, code, message));
}
