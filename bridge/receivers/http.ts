/**
 * http: takes wide records and captures by POST /v1/records. This is how the plugin, and whoever else speaks HTTP, sends.
 *
 * The answer 200 means that the journal holds the batch; on 503 the sender keeps it and tries again. An answer can get
 * lost on its way, so a sender may name a batch (`Parsl-Otel-Batch`): one that was acknowledged is not taken again.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';

import { answer, BodyRoom, readBody } from '../core/body.ts';
import { defineReceiver } from '../core/component.ts';
import { BridgeError } from '../core/errors.ts';
import { Channel, type Frame } from '../core/frame.ts';
import { inSlices, sift } from '../core/intake.ts';
import { lineFrames } from '../core/lines.ts';
import { createFrameParser } from '../formats/capture.ts';
import { decodeFrames } from '../formats/frames.ts';

const config = z.strictObject({
  body_bytes_max: z.int().min(1_024).max(2 ** 29).default(2 ** 24).describe('Longer bodies are refused, also unzipped.'),
  buffer_bytes_max: z.int().min(1_024).max(2 ** 32).default(2 ** 26).describe('Bytes of all bodies taken in at a time.'),
  batches_max: z.int().min(0).max(1_000_000).default(10_000).describe('Acknowledged batch ids that are remembered.'),
}); // prettier-ignore

const BATCH_ID = /^[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/;
const RETRY_AFTER = { 'retry-after': '1' };
const closed = { error: 'the receiver is not running' };

type Format = 'lines' | 'json' | 'capture';

const formats: Readonly<Record<string, Format>> = {
  'application/x-ndjson': 'lines',
  'application/json': 'json',
  'application/vnd.parsl-otel.capture': 'capture',
};

interface Outcome {
  readonly status: 200 | 400 | 503;
  readonly content: { readonly records: number; readonly rejected: number } | { readonly error: string };
}

export const http = defineReceiver({
  type: 'http',
  summary: 'Takes wide records and captures by POST /v1/records.',
  config,
  create({ body_bytes_max, buffer_bytes_max, batches_max }, context) {
    const { log } = context;
    /** Acknowledged batches, the oldest first. */
    const acknowledged = new Map<string, Outcome>();
    /** What is on its way to the journal, and the batch ids of it. */
    const busy = new Set<Promise<Outcome>>();
    const underway = new Map<string, Promise<Outcome>>();
    let isOpen = false;
    const room = new BodyRoom(buffer_bytes_max);

    const isClosed = (): boolean => !isOpen;

    async function post(request: IncomingMessage, response: ServerResponse): Promise<void> {
      if (isClosed()) return answer(response, 503, closed, RETRY_AFTER);
      const batch = request.headers['parsl-otel-batch'];
      if (batch !== undefined && !BATCH_ID.test(String(batch))) {
        return answer(response, 400, { error: 'Parsl-Otel-Batch is not a UUID' });
      }
      const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1);
      const format = formats[type.trim().toLowerCase()];
      if (format === undefined) {
        return answer(response, 415, { error: `Content-Type ${type} is none of ${Object.keys(formats).join(', ')}` });
      }
      await room.lend(async (take) => {
        const body = await readBody(request, body_bytes_max, take);
        if (!body.ok)
          return answer(response, body.status, { error: body.error }, body.status === 503 ? RETRY_AFTER : {});
        if (isClosed()) return answer(response, 503, closed, RETRY_AFTER);
        const { status, content } = await once(batch?.toString(), () => ingest(body.bytes, format));
        answer(response, status, content, status === 503 ? RETRY_AFTER : {});
      });
    }

    /** Takes a batch in, unless it was taken before or is being taken. */
    async function once(batch: string | undefined, take: () => Promise<Outcome>): Promise<Outcome> {
      const known = batch === undefined ? undefined : (acknowledged.get(batch) ?? underway.get(batch));
      if (known !== undefined) return known;
      const taking = take();
      busy.add(taking);
      if (batch !== undefined) underway.set(batch, taking);
      try {
        const outcome = await taking;
        if (batch !== undefined && outcome.status === 200) remember(batch, outcome);
        return outcome;
      } finally {
        busy.delete(taking);
        if (batch !== undefined) underway.delete(batch);
      }
    }

    function remember(batch: string, outcome: Outcome): void {
      acknowledged.set(batch, outcome);
      const [oldest] = acknowledged.keys();
      if (acknowledged.size > batches_max && oldest !== undefined) acknowledged.delete(oldest);
    }

    async function ingest(bytes: Buffer, format: Format): Promise<Outcome> {
      let frames: readonly Frame[];
      try {
        frames = toFrames(bytes, format, context.now(), body_bytes_max);
      } catch (error) {
        return unusable(BridgeError.from(error, 'BRIDGE_DECODE', 'read the body'));
      }
      context.received(frames);
      let first: BridgeError | undefined;
      const reject = (frame: Frame, error: BridgeError): void => {
        first ??= error;
        context.reject(frame, error);
      };
      const sifted = await inSlices(frames, (slice) => sift(slice, decodeFrames, { id: context.id, reject }));
      const { records, rejected } = sifted;
      if (records.length === 0 && first !== undefined) return unusable(first);
      try {
        if (records.length > 0) await context.next(records, sifted.frames);
      } catch (error) {
        return {
          status: 503,
          content: { error: BridgeError.from(error, 'BRIDGE_REFUSED', 'take in the batch').message },
        };
      }
      return { status: 200, content: { records: records.length, rejected } };
    }

    return {
      start() {
        isOpen = true;
        log.info({ path: '/v1/records' }, 'Taking records by HTTP.');
        return Promise.resolve();
      },
      async stop() {
        isOpen = false;
        await Promise.allSettled(busy);
      },
      routes: [{ method: 'POST', path: '/v1/records', access: 'data', handle: post }],
    };
  },
});

function unusable(error: BridgeError): Outcome {
  return { status: 400, content: { error: error.message } };
}

function toFrames(bytes: Buffer, format: Format, time: number, frame_bytes_max: number): readonly Frame[] {
  if (bytes.length === 0) throw new BridgeError('BRIDGE_DECODE', 'read the body: it is empty', { reason: 'empty' });
  if (format === 'lines') return lineFrames(bytes, time);
  if (format === 'json') return [{ channel: Channel.records, time, payload: bytes }];
  const parser = createFrameParser({ frame_bytes_max });
  const frames = parser.push(bytes);
  const left = parser.end();
  if (left === 0) return frames;
  throw new BridgeError('BRIDGE_DECODE', `read the capture: its last ${left} bytes are no whole message`, {
    reason: 'truncated',
  });
}
