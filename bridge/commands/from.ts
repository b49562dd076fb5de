/** `--from INPUT…`: the answers of the read side without a bridge (read_runs.ts), for a terminal. */
import { BridgeError } from '../core/errors.ts';
import { namedZone } from '../core/time.ts';
import { findInputs } from '../inputs.ts';
import { readRuns } from '../read_runs.ts';
import type { Reads } from '../store/store.ts';
import type { Io } from './io.ts';
import { problemList } from './problems.ts';
import { progressBar } from './progress.ts';

export interface FromOptions {
  /** Files of rules, which add to the shipped ones. */
  readonly rules?: readonly string[];
  /** Zone of the runs that do not tell it. */
  readonly timeZone?: string;
}

export interface ReadInputs {
  readonly reads: Reads;
  /** Inputs and messages that could not be used; the first of them were told. */
  readonly problems: number;
  readonly close: () => void;
}

/** Reads all inputs, and tells of what is wrong with them. */
export async function readInputs(paths: readonly string[], options: FromOptions, io: Io): Promise<ReadInputs> {
  const zone = zoneOf(options);
  const inputs = findInputs(paths);
  const size = inputs.reduce((sum, input) => sum + (input.size ?? 0), 0);
  const bar = io.isTerminal && size > 0 ? progressBar(size) : undefined;
  const problems = problemList();
  try {
    const onBytes = (bytes: number): void => bar?.increment(bytes);
    const reads = await readRuns(inputs, { rules: options.rules ?? [], zone, report: problems.add, onBytes });
    return { reads, problems: problems.count, close: () => reads.close() };
  } finally {
    bar?.stop();
    problems.tell(io);
  }
}

function zoneOf({ timeZone }: FromOptions): ReturnType<typeof namedZone> {
  const zone = timeZone === undefined ? undefined : namedZone(timeZone, 'config');
  if (timeZone !== undefined && zone === undefined)
    throw new BridgeError('BRIDGE_CONFIG', `no such time zone ${timeZone}`, {
      hint: 'write it like Europe/Berlin, UTC or +01:00',
    });
  return zone;
}
