/** Reads a tree of logs once, from its first file to its last, as frames. */
import { join } from 'node:path';

import { BridgeError } from '../../core/errors.ts';
import type { Frame } from '../../core/frame.ts';
import { LogCutter, type LogLimits } from '../../formats/log_cutter.ts';
import { plan, type PlannedLog } from './plan.ts';
import type { Tree } from './tree.ts';

export interface ReadTree {
  readonly tree: Tree;
  /** `source.input` of all its records. */
  readonly input: string;
  readonly limits: LogLimits;
  readonly report: (error: BridgeError) => void;
  /** Reads a database of the tree; not called where there is none. */
  readonly readDatabase: (path: string) => Iterable<Frame[]> | AsyncIterable<Frame[]>;
}

/** Frames in batches, each of one file. What cannot be read is reported, and the rest is read. */
export async function* readTree({ tree, input, limits, report, readDatabase }: ReadTree): AsyncGenerator<Frame[]> {
  const { logs, databases } = plan(await tree.look(report), input);
  if (logs.length === 0 && databases.length === 0) {
    report(
      new BridgeError('BRIDGE_DECODE', `read ${input}: no logs of Parsl, Work Queue or TaskVine in it`, {
        reason: 'unknown_format',
        hint: 'give a run directory such as runinfo/000, or a directory or archive with run directories in it',
      }),
    );
  }
  // Monitoring messages first: they tell states and times that logs only repeat.
  for (const path of databases) yield* readDatabase(path);
  const byPath = new Map(logs.map((log) => [log.path, log]));
  for await (const { path, bytes } of tree.read([logs.map((log) => log.path)])) {
    const log = byPath.get(path);
    if (log !== undefined) yield* readLog(log, bytes, limits, report);
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
    for await (const chunk of content) {
      const frames = cutter.push(chunk);
      if (frames.length > 0) yield frames;
    }
  } catch (error) {
    report(BridgeError.from(error, 'BRIDGE_IO', `read ${join(String(header.keys['source.input']), path)}`));
  }
  const frames = cutter.flush(true);
  if (frames.length > 0) yield frames;
}
