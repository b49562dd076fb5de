/** Reads a tree of logs once, from its first file to its last, as frames. */
import { join } from 'node:path';

import { BridgeError } from '../../core/errors.ts';
import type { Frame } from '../../core/frame.ts';
import { LogCutter, type LogLimits } from '../../formats/log_cutter.ts';
import { passes, plan, type PlannedLog } from './plan.ts';
import { readDatabase } from './read_database.ts';
import type { Tree } from './tree.ts';

const PIECE_BYTES = 2 ** 19;

export interface ReadTree {
  readonly tree: Tree;
  /** `source.input` of all its records. */
  readonly input: string;
  readonly limits: LogLimits;
  readonly report: (error: BridgeError) => void;
}

/** Frames in batches, each of one file. What cannot be read is reported, and the rest is read. */
export async function* readTree({ tree, input, limits, report }: ReadTree): AsyncGenerator<Frame[]> {
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
  for (const path of databases) yield* readCopy(tree, path, report);
  const byPath = new Map(logs.map((log) => [log.path, log]));
  for await (const { path, bytes } of tree.read(passes(logs, tree.isSequential))) {
    const log = byPath.get(path);
    if (log !== undefined) yield* readLog(log, bytes, limits, report);
  }
}

function noLogs(input: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `read ${input}: no logs of Parsl, Work Queue or TaskVine in it`, {
    reason: 'unknown_format',
    hint: 'give a run directory such as runinfo/000, or a directory or archive with run directories in it',
  });
}

async function* readCopy(tree: Tree, path: string, report: (error: BridgeError) => void): AsyncGenerator<Frame[]> {
  try {
    const file = await tree.onDisk(path);
    try {
      yield* readDatabase(file.path, report, () => {});
    } finally {
      await file.dispose();
    }
  } catch (error) {
    report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
  }
}

async function* readLog(
  { path, header }: PlannedLog,
  content: AsyncIterable<Buffer>,
  limits: LogLimits,
  report: (error: BridgeError) => void,
): AsyncGenerator<Frame[]> {
  const cutter = new LogCutter(header, limits, report);
  try {
    for await (const chunk of gathered(content)) {
      const frames = cutter.push(chunk);
      if (frames.length > 0) yield frames;
    }
  } catch (error) {
    report(BridgeError.from(error, 'BRIDGE_IO', `read ${join(String(header.keys['source.input']), path)}`));
  }
  const frames = cutter.flush(true);
  if (frames.length > 0) yield frames;
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
