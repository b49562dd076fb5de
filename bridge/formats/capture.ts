/**
 * The binary form of frames: capture files, journal entries, the plugin's spool and its HTTP bodies.
 *
 *   frame    length u32 · channel u8 · arrival f64 · payload       little-endian, no header before the first frame
 *   length   of the payload alone
 *   arrival  seconds since the epoch; a double holds microseconds exactly until the year 2106
 *
 * Nothing marks where a frame begins, so after a damaged header there is no way back into step.
 */
import { BridgeError } from '../core/errors.ts';
import { Channel, type Frame } from '../core/frame.ts';

const HEADER = 13;
const CHANNELS: ReadonlySet<number> = new Set(Object.values(Channel));
/** Channels whose payloads are bare pickles. */
const PICKLES: ReadonlySet<number> = new Set([
  Channel.priority, Channel.node, Channel.block, Channel.resource, Channel.zmq, Channel.htex,
]); // prettier-ignore
const PLAUSIBLE_BYTES_MAX = 64 * 1024 * 1024;
const YEAR_2015_S = 1_420_070_400;
const YEAR_2106_S = 4_291_747_200;

export function encodeFrames(frames: readonly Frame[]): Uint8Array {
  const size = frames.reduce((sum, { payload }) => sum + HEADER + payload.length, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { channel, time, payload } of frames) {
    view.setUint32(at, payload.length, true);
    view.setUint8(at + 4, channel);
    view.setFloat64(at + 5, time / 1e6, true);
    bytes.set(payload, at + HEADER);
    at += HEADER + payload.length;
  }
  return bytes;
}

export interface FrameParser {
  /**
   * The frames that are complete now; their payloads share memory with the chunks. Throws BRIDGE_DECODE if a header
   * cannot be one, but only after the frames before it were given.
   */
  push(chunk: Uint8Array): Frame[];
  /** Bytes that belong to no complete frame: more than 0 means that the capture is cut off or damaged. */
  end(): number;
}

export function createFrameParser({ frame_bytes_max }: { readonly frame_bytes_max: number }): FrameParser {
  // Chunks are joined only when a frame is complete, so that a long frame in many chunks is copied once.
  let chunks: Uint8Array[] = [];
  let length = 0;
  let wanted = HEADER;

  return {
    push(chunk) {
      chunks.push(chunk);
      length += chunk.length;
      if (length < wanted) return [];
      const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const frames: Frame[] = [];
      let at = 0;
      for (wanted = HEADER; at + wanted <= length; wanted = HEADER) {
        const size = view.getUint32(at, true);
        const time = Math.round(view.getFloat64(at + 5, true) * 1e6);
        if (size > frame_bytes_max || !Number.isSafeInteger(time)) {
          if (frames.length === 0) refuse(size, frame_bytes_max);
          break;
        }
        wanted += size;
        if (at + wanted > length) break;
        const payload = bytes.subarray(at + HEADER, at + wanted);
        frames.push({ channel: view.getUint8(at + 4), time, payload });
        at += wanted;
      }
      chunks = at === length ? [] : [bytes.subarray(at)];
      length -= at;
      return frames;
    },
    end: () => length,
  };
}

function refuse(size: number, max: number): never {
  const [why, reason] =
    size > max ? [`a message of ${size} bytes, more than ${max}`, 'limit'] : ['a time that is none', 'malformed'];
  throw new BridgeError('BRIDGE_DECODE', `read capture: ${why}`, { reason });
}

/** True if a file that begins with `head` is a capture. 13 bytes are needed, with a 14th it is surer. */
export function looksLikeCapture(head: Uint8Array): boolean {
  if (head.length < HEADER) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const size = view.getUint32(0, true);
  const channel = view.getUint8(4);
  const time = view.getFloat64(5, true);
  if (size === 0 || size > PLAUSIBLE_BYTES_MAX || !CHANNELS.has(channel)) return false;
  if (!(time > YEAR_2015_S && time < YEAR_2106_S)) return false;
  return !PICKLES.has(channel) || head.length === HEADER || head[HEADER] === 0x80;
}
