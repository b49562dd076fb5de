/** Decodes pieces of logs in tests, by the same way in as everything else. */
import { Channel, type Frame } from '../../bridge/core/frame.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { decodeFrames, type Problem } from '../../bridge/formats/frames.ts';
import { encodeLogChunk } from '../../bridge/formats/log_chunk.ts';
import { LogCutter, logLimits, type LogLimits } from '../../bridge/formats/log_cutter.ts';
import type { LogFormat } from '../../bridge/formats/log_text.ts';

export function logFrame(format: LogFormat, text: string, keys: Record<string, string | number> = {}): Frame {
  return { channel: Channel.log, time: 0, payload: encodeLogChunk({ format, keys }, 1, Buffer.from(text)) };
}

/** What `text` says as one chunk. */
export function decodeLog(
  format: LogFormat,
  text: string,
  keys: Record<string, string | number> = {},
): { records: WideRecord[]; problems: Problem[] } {
  return decodeFrames([logFrame(format, text, keys)], 'test');
}

/** The frames of a log that comes in these pieces and then ends. */
export function cutLog(format: LogFormat, pieces: readonly Uint8Array[], limits: LogLimits = logLimits) {
  const reported: string[] = [];
  const cutter = new LogCutter({ format, keys: {} }, limits, (error) => reported.push(error.reason ?? error.code));
  const frames = pieces.flatMap((piece) => cutter.push(piece));
  frames.push(...cutter.flush(true));
  return { frames, reported, position: cutter.position };
}
