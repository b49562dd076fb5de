/** Frames out of the bytes of one input that is no tree and no database: which kind it is, its first bytes tell. */
import { BridgeError } from './core/errors.ts';
import type { Frame } from './core/frame.ts';
import { LineBuffer, lineFrames } from './core/lines.ts';
import { createFrameParser, looksLikeCapture } from './formats/capture.ts';
import { LogCutter, logLimits, type LogPosition } from './formats/log_cutter.ts';
import { headBytes } from './formats/log_files.ts';
import { looksLikeSqlite } from './receivers/monitoring_db/reader.ts';
import { holeProblem, recognise } from './receivers/run_dir/look.ts';
import { planOne } from './receivers/run_dir/plan.ts';
import type { SeenFile } from './receivers/run_dir/tree.ts';

const FRAME_BYTES_MAX = 64 * 1024 * 1024;
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const OPEN_BRACKET = 0x5b;

export interface Parser {
  push(chunk: Uint8Array): Frame[];
  /** Behind the last byte that was given out. */
  position(): LogPosition;
  end(): { frames: Frame[]; left: number };
}

/** `start` is how the input begins, at least HEAD_BYTES of it if it has as many. Throws BRIDGE_DECODE for what is not known. */
export function parserFor(
  start: Uint8Array,
  path: string,
  name: string,
  report: (error: BridgeError) => void,
  from: LogPosition,
): Parser {
  if (looksLikeCapture(start)) return captureParser(from);
  const hole = Math.max(0, start.findIndex((byte) => byte !== 0)); // prettier-ignore
  const head = { bytes: start.subarray(hole, hole + headBytes(name)), hole };
  if (looksLikeSqlite(head.bytes)) throw notAsStream(path);
  const found = recognise(name.replace(/\.gz$/, ''), head, path);
  if (found instanceof BridgeError && found.reason === 'packed') throw found;
  const problem = found instanceof BridgeError ? undefined : found && holeProblem(head, path);
  if (problem !== undefined) report(problem);
  if (found !== undefined && !(found instanceof BridgeError) && found.format !== 'text' && found.format !== 'database')
    return logParser(found, name, report, from);
  if (head.bytes.find((byte) => byte > 32) === OPEN_BRACKET) return lineParser(from);
  throw new BridgeError('BRIDGE_DECODE', `read ${path}: neither a capture nor JSON lines nor a log that is known`, {
    reason: 'unknown_format',
  });
}

function notAsStream(path: string): BridgeError {
  const hint = 'unpack it first, with gunzip, and give the file itself';
  return new BridgeError('BRIDGE_DECODE', `read ${path}: a database that is compressed or comes through a pipe`, {
    reason: 'packed',
    hint,
  });
}

/** A single log, with what its name tells. */
function logParser(file: SeenFile, name: string, report: (error: BridgeError) => void, from: LogPosition): Parser {
  const { format } = file;
  const keys = { 'source.input': name, 'source.path': file.path };
  // JSON lines of any kind may be of many runs: where they lie tells nothing.
  const isLog = format !== 'json' && format !== 'database' && format !== 'unread';
  const header = isLog ? planOne(file, format, name).header : { format: 'json' as const, keys };
  const cutter = new LogCutter(header, logLimits, report, from);
  return {
    push: (chunk) => cutter.push(chunk),
    position: () => cutter.position,
    end: () => ({ frames: cutter.flush(true), left: 0 }),
  };
}

function captureParser({ offset }: LogPosition): Parser {
  const parser = createFrameParser({ frame_bytes_max: FRAME_BYTES_MAX });
  let read = offset;
  return {
    push(chunk) {
      read += chunk.length;
      return parser.push(chunk);
    },
    position: () => ({ offset: read - parser.end(), line: 1 }),
    end: () => ({ frames: [], left: parser.end() }),
  };
}

function lineParser({ offset }: LogPosition): Parser {
  const lines = new LineBuffer(LINE_BYTES_MAX);
  let given = offset;
  return {
    push(chunk) {
      const whole = lines.push(chunk);
      given += whole.length;
      return lineFrames(whole, 0);
    },
    position: () => ({ offset: given, line: 1 }),
    end() {
      const rest = lines.end();
      given += rest.length;
      return { frames: lineFrames(rest, 0), left: 0 };
    },
  };
}
