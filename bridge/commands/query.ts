/**
 * What the commands that ask have in common: where the answers come from, which run is meant, JSON for programs.
 * RUN is a run's id or any beginning of it that no other run has, or a workflow's name that only one run has.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { stateDirectory } from '../connection.ts';
import { BridgeError } from '../core/errors.ts';
import { stringify } from '../core/record.ts';
import { openReads } from '../store/sqlite.ts';
import type { Reads, RunSummary } from '../store/store.ts';
import { readInputs, type FromOptions } from './from.ts';
import { Exit, type Io } from './io.ts';
import { instant } from './table.ts';

export interface QueryOptions extends FromOptions {
  readonly data?: string;
  readonly from?: readonly string[];
  readonly json?: boolean;
}

/**
 * Asks the inputs of `--from`, else the data directory's store, which a running bridge may be writing at the same time.
 * Gives the exit code: that of `ask`, or 1 if part of the inputs was bad.
 */
export async function withReads(
  options: QueryOptions,
  io: Io,
  ask: (reads: Reads) => Promise<number>,
): Promise<number> {
  const { data, from = [] } = options;
  if (from.length > 0) {
    const inputs = await readInputs(from, options, io);
    try {
      const code = await ask(inputs.reads);
      return code === Exit.done && inputs.problems > 0 ? Exit.dataWereBad : code;
    } finally {
      inputs.close();
    }
  }
  const dataDir = resolve(data ?? join(stateDirectory(io.env), 'data'));
  const path = join(dataDir, 'store.db');
  if (!existsSync(path))
    throw new BridgeError('BRIDGE_CONFIG', `read ${dataDir}: there is no store of a bridge`, {
      hint: 'give the data directory of a bridge that ran, or files by --from RUNDIR',
    });
  const reads = openReads(path);
  try {
    return await ask(reads);
  } finally {
    reads.close();
  }
}

/** Runs that an error message lists. */
const LISTED_MAX = 8;

export async function findRun(reads: Reads, name: string | undefined): Promise<RunSummary> {
  const runs = await reads.runs();
  if (runs.length === 0)
    throw new BridgeError('BRIDGE_CONFIG', 'there is no run here', {
      hint: 'is it the right --data directory? --from RUNDIR reads a run directory, a capture or a tarball',
    });
  if (name === undefined) {
    if (runs.length === 1 && runs[0] !== undefined) return runs[0];
    throw new BridgeError('BRIDGE_CONFIG', `which of ${runs.length} runs? ${list(runs)}`, {
      hint: 'give the beginning of a run’s id, or its workflow’s name',
    });
  }
  const wanted = name.toLowerCase();
  const byId = runs.filter(({ run }) => run.startsWith(wanted));
  const found = byId.length > 0 ? byId : runs.filter(({ workflow }) => workflow === name);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new BridgeError(
    'BRIDGE_CONFIG',
    found.length === 0 ? `there is no run ${name}` : `${found.length} runs are called ${name}: ${list(found)}`,
    { hint: found.length === 0 ? `there are: ${list(runs)}` : 'give the beginning of one’s id' },
  );
}

function list(runs: readonly RunSummary[]): string {
  const shown = runs.slice(0, LISTED_MAX).map(({ run, workflow, began, first_seen }) =>
    `${run.slice(0, 8)} (${workflow ?? 'no name'}, ${instant(began ?? first_seen)})`); // prettier-ignore
  return `${shown.join('; ')}${runs.length > LISTED_MAX ? `; and ${runs.length - LISTED_MAX} more` : ''}`;
}

/** One JSON value, on one line; bigints are strings of digits. */
export function printJson(value: object, io: Io): void {
  io.out(stringify(value as Readonly<Record<string, unknown>>));
}
