/**
 * A library call: the answers of the read side without a bridge. The inputs go the way of all records, through decoders,
 * operators and model, into a store that is gone afterwards. Everything is there, so nothing is held back by limits.
 */
import type { BridgeError } from './core/errors.ts';
import type { WideRecord } from './core/record.ts';
import type { Zone } from './core/time.ts';
import { Engine } from './engine.ts';
import type { Input } from './inputs.ts';
import { openStore } from './store/sqlite.ts';
import type { Reads } from './store/store.ts';
import { readWidened } from './widened.ts';

export interface ReadRunsOptions {
  /** Files of rules, which add to the shipped ones. */
  readonly rules?: readonly string[];
  /** Zone of the runs that do not tell it. */
  readonly zone?: Zone | undefined;
  /** Told of what cannot be read or decoded; the rest is used. */
  readonly report: (error: BridgeError) => void;
  readonly onBytes?: (bytes: number) => void;
}

/** What the runs are asked by, until it is closed. */
export interface RunsRead extends Reads {
  close(): void;
}

/** Log records a transaction. */
const COMMIT_RECORDS = 20_000;

/**
 * Reads all inputs (findInputs()). A temporary database holds them: SQLite keeps it in memory while it is small, and
 * removes it. Throws BRIDGE_CONFIG for rules that are none.
 */
export async function readRuns(
  inputs: readonly Input[],
  { rules = [], zone, report, onBytes = () => {} }: ReadRunsOptions,
): Promise<RunsRead> {
  const store = openStore('', { records_max: Infinity, samples_max: Infinity });
  const engine = new Engine({ closing: 'end', zone, hasRows: true, hasSignals: false });
  let waiting = 0;
  let seq = 0;
  const take = (records: readonly WideRecord[]): void => {
    engine.apply(records, 0);
    waiting += records.length;
    if (waiting >= COMMIT_RECORDS) commit();
  };
  const commit = (): void => {
    store.write(engine.takeRows(), (seq += 1));
    waiting = 0;
  };
  try {
    for await (const records of readWidened(inputs, { rules, report, onBytes })) take(records);
    engine.finish();
    commit();
  } catch (error) {
    store.close();
    throw error;
  }
  return store;
}
