/**
 * Frames to wide records: the one way in for live receivers, for the replay of the journal and for convert. Pure, and
 * it never throws: a frame that cannot be used becomes a problem, its neighbours do not notice.
 */
import { BridgeError } from '../core/errors.ts';
import { Channel, type Frame } from '../core/frame.ts';
import type { WideRecord } from '../core/record.ts';
import { stripDigest } from './digest.ts';
import { decodeLogChunk } from './log_chunk.ts';
import { decodeBody } from './ndjson.ts';
import { decodeRadioMessage } from './parsl_radio.ts';
import { decodePickle } from './pickle.ts';

export interface Problem {
  /** What cannot be used: a frame of the input, or a frame made of the one bad line in a body of records. */
  readonly frame: Frame;
  /** BRIDGE_DECODE; the reason `internal` is a mistake of ours. */
  readonly error: BridgeError;
}

export interface Decoded {
  readonly records: WideRecord[];
  readonly problems: Problem[];
}

/** `receiver` is the id of the receiver that took the frames in. */
export function decodeFrames(frames: readonly Frame[], receiver: string): Decoded {
  const records: WideRecord[] = [];
  const problems: Problem[] = [];
  for (const frame of frames) {
    try {
      decodeFrame(frame, receiver, records, problems);
    } catch (error) {
      problems.push({ frame, error: asDecodeError(error) });
    }
  }
  return { records, problems };
}

function decodeFrame(frame: Frame, receiver: string, records: WideRecord[], problems: Problem[]): void {
  const { channel, time, payload } = frame;
  const origin = { receiver, arrival: time };
  switch (channel) {
    case Channel.priority:
    case Channel.node:
    case Channel.block:
    case Channel.resource:
    case Channel.zmq:
    case Channel.htex:
      return decodeRadioMessage(decodePickle(payload), origin, records);
    case Channel.udp:
      return decodeRadioMessage(decodePickle(stripDigest(payload)), origin, records);
    case Channel.filesystem:
      return decodeRadioMessage(decodePickle(stripHeaderLine(payload)), origin, records);
    case Channel.records:
      for (const { line, error } of decodeBody(payload, origin, records)) {
        problems.push({ frame: { channel, time, payload: line }, error });
      }
      return;
    case Channel.log:
      for (const { line, error } of decodeLogChunk(payload, origin, records)) {
        problems.push({ frame: { channel, time, payload: line }, error });
      }
      return;
    default:
      throw new BridgeError('BRIDGE_DECODE', `decode frame: no channel ${channel}`, { reason: 'channel' });
  }
}

/** Up to 2024-11 a file began with `01\n`: Parsl's serializer number one, which is pickle. */
function stripHeaderLine(payload: Uint8Array): Uint8Array {
  return payload[0] === 0x30 && payload[1] === 0x31 && payload[2] === 0x0a ? payload.subarray(3) : payload;
}

function asDecodeError(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  const { message } = BridgeError.from(error, 'BRIDGE_DECODE', 'decode frame');
  return new BridgeError('BRIDGE_DECODE', message, { cause: error, reason: 'internal' });
}
