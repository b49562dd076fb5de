/**
 * Reads a tree of logs once, from its first file to its last, as frames. Each file of it is a part with a position of its
 * own, so that reading goes on where it was, in whichever order files come.
 */
import { join } from 'node:path';

import type { Positions } from '../../core/component.ts';
import { BridgeError } from '../../core/errors.ts';
import type { Frame } from '../../core/frame.ts';
import { behind, type Piece } from '../../core/input.ts';
import { fromScope, inScope } from '../../core/positions.ts';
import { LogCutter, type LogLimits, type LogPosition } from '../../formats/log_cutter.ts';
import { passes, plan, type PlannedLog } from './plan.ts';
import { readDatabase } from './read_database.ts';
import type { Tree } from './tree.ts';

const PIECE_BYTES = 2 ** 19;
/** The position of a file that was read to its end. */
export const READ = 'read';

export interface ReadTree {
  readonly tree: Tree;
  /** `source.input` of all its records. */
  readonly input: string;
  readonly limits: LogLimits;
  readonly report: (error: BridgeError) => void;
  /** The positions that came with what was read of it before. */
  readonly remembered: Positions;
}

/** Frames in batches, each of one file. What cannot be read is reported, and the rest is read. */
export async function* readTree({ tree, input, limits, report, remembered }: ReadTree): AsyncGenerator<Piece> {
  let problems = 0;
  const seen = await tree.look((error) => {
    problems += 1;
    report(error);
  });
  const { logs, databases } = plan(seen, input);
  if (logs.length === 0 && databases.length === 0) {
    if (problems === 0) report(noLogs(input));
    return;
  }
  // Monitoring messages first: they tell states and times that logs only repeat.
  const isLeft = (path: string): boolean => remembered.get(path) !== READ;
  for (const path of databases.filter(isLeft)) yield* readCopy(tree, path, report, remembered);
  const left = logs.filter(({ path }) => isLeft(path));
  const byPath = new Map(left.map((log) => [log.path, log]));
  for await (const { path, bytes } of tree.read(passes(left, tree.isSequential))) {
    const log = byPath.get(path);
    const position = remembered.get(path) as LogPosition | undefined;
    if (log !== undefined) yield* readLog(log, bytes, limits, report, position);
  }
}

/** What is told of a tree in which nothing is to be read. */
export function noLogs(input: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `read ${input}: no logs of Parsl, Work Queue or TaskVine in it`, {
    reason: 'unknown_format',
    hint: 'give a run directory such as runinfo/000, or a directory or archive with run directories in it',
  });
}

async function* readCopy(
  tree: Tree,
  path: string,
  report: (error: BridgeError) => void,
  remembered: Positions,
): AsyncGenerator<Piece> {
  try {
    const file = await tree.onDisk(path);
    try {
      for (const piece of readDatabase(file.path, report, () => {}, inScope(path, remembered)))
        yield { ...piece, positions: fromScope(path, piece.positions) };
    } finally {
      await file.dispose();
    }
  } catch (error) {
    report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
  }
  yield { frames: [], positions: new Map([[path, READ]]) };
}

/** One log, behind `position`. Where it cannot be read on, that is reported, and what came before is used. */
export async function* readLog(
  { path, header }: PlannedLog,
  content: AsyncIterable<Buffer>,
  limits: LogLimits,
  report: (error: BridgeError) => void,
  position: LogPosition | undefined,
): AsyncGenerator<Piece> {
  const cutter = new LogCutter(header, limits, report, position);
  const piece = (frames: readonly Frame[], reached: unknown): Piece => ({
    frames,
    positions: new Map([[path, reached]]),
  });
  try {
    for await (const chunk of gathered(behind(content, position?.offset ?? 0))) {
      const frames = cutter.push(chunk);
      if (frames.length > 0) yield piece(frames, cutter.position);
    }
  } catch (error) {
    report(BridgeError.from(error, 'BRIDGE_IO', `read ${join(String(header.keys['source.input']), path)}`));
  }
  yield piece(cutter.flush(true), READ);
}

/** The same bytes in larger pieces: archives give them in small ones, and each would make a frame of its own. */
async function* gathered(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      held.push(piece);
      bytes += piece.length;
      if (bytes < PIECE_BYTES) continue;
      yield Buffer.concat(held);
      held = [];
      bytes = 0;
    }
  } catch (error) {
    if (bytes > 0) yield Buffer.concat(held);
    throw error;
  }
  if (bytes > 0) yield Buffer.concat(held);
}
