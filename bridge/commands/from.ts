/**
 * `--from INPUT…`: the answers of the read side without a bridge. The inputs go the way of all records, through decoders,
 * operators and model, into a store that is gone afterwards. Everything is there, so nothing is held back by limits.
 */
import { BridgeError } from '../core/errors.ts';
import type { WideRecord } from '../core/record.ts';
import { namedZone } from '../core/time.ts';
import { Engine } from '../engine.ts';
import { findInputs } from '../inputs.ts';
import { openStore } from '../store/sqlite.ts';
import type { Reads } from '../store/store.ts';
import { readWidened } from '../widened.ts';
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

/** Log records a transaction. */
const COMMIT_RECORDS = 20_000;

/** Reads all inputs. A temporary database holds them: SQLite keeps it in memory while it is small, and removes it. */
export async function readInputs(paths: readonly string[], options: FromOptions, io: Io): Promise<ReadInputs> {
  const zone = zoneOf(options);
  const inputs = findInputs(paths);
  const size = inputs.reduce((sum, input) => sum + (input.size ?? 0), 0);
  const bar = io.isTerminal && size > 0 ? progressBar(size) : undefined;
  const store = openStore('', { records_max: Infinity, samples_max: Infinity });
  const engine = new Engine({ closing: 'end', zone, hasRows: true, hasSignals: false });
  const problems = problemList();
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
    const onBytes = (bytes: number): void => bar?.increment(bytes);
    for await (const records of readWidened(inputs, { rules: options.rules ?? [], report: problems.add, onBytes }))
      take(records);
    engine.finish();
    commit();
  } catch (error) {
    store.close();
    throw error;
  } finally {
    bar?.stop();
  }
  problems.tell(io);
  return { reads: store, problems: problems.count, close: () => store.close() };
}

function zoneOf({ timeZone }: FromOptions): ReturnType<typeof namedZone> {
  const zone = timeZone === undefined ? undefined : namedZone(timeZone, 'config');
  if (timeZone !== undefined && zone === undefined)
    throw new BridgeError('BRIDGE_CONFIG', `no such time zone ${timeZone}`, {
      hint: 'write it like Europe/Berlin, UTC or +01:00',
    });
  return zone;
}
