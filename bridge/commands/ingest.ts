/**
 * ingest: reads recorded input, or what is being written, into a data directory and the configured exporters: a bridge
 * with files before it and nothing that listens. `serve` with the same directory shows the runs afterwards.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { BridgeConfig } from '../config.ts';
import { stateDirectory } from '../connection.ts';
import type { Logger } from '../core/log.ts';
import { sourcesOf } from '../ingest.ts';
import { findInputs } from '../inputs.ts';
import { startReader, type Reader } from '../reader.ts';
import { openReads } from '../store/sqlite.ts';
import { loadConfig } from './config_file.ts';
import type { Io } from './io.ts';
import { Exit } from './io.ts';
import { problemList } from './problems.ts';
import { progressBar } from './progress.ts';

export interface IngestOptions {
  readonly config?: string;
  readonly data?: string;
  readonly timeZone?: string;
  readonly run?: readonly string[];
  readonly follow?: boolean;
  /** Files of rules, instead of those of the configuration. */
  readonly rules?: readonly string[];
}

/** Reading that goes on. */
export interface Ingest {
  /** Resolves with the exit code once all is read, or stop() was called, and handed on. */
  readonly ended: Promise<number>;
  stop(): void;
}

/** Resolves when reading has begun. Rejects with BRIDGE_CONFIG where the call or the configuration is wrong. */
export async function ingest(paths: readonly string[], options: IngestOptions, io: Io): Promise<Ingest> {
  const dataDir = resolve(options.data ?? join(stateDirectory(io.env), 'data'));
  const { follow = false, run = [] } = options;
  const inputs = findInputs(paths);
  const config = { ...configOf(options, dataDir, io), receivers: sourcesOf(inputs, { runs: run, follow }) };
  const runs = new Set<string>();
  let left = inputs.reduce((sum, { size = 0 }) => sum + size, 0);
  const problems = problemList();
  const bar = io.isTerminal && !follow && left > 0 ? progressBar(left) : undefined;
  const reader = await startReader({
    config,
    dataDir,
    log: plainLog(io),
    now: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
    env: io.env,
    onRecords(records) {
      for (const { 'parsl.dfk': run } of records) if (typeof run === 'string') runs.add(run);
    },
    // What is followed is told as it comes, what has an end at the end.
    ...(follow ? {} : { onProblem: problems.add }),
    onRead(bytes) {
      const shown = Math.min(bytes, left); // Rows of a database are not of one size.
      left -= shown;
      bar?.increment(shown);
    },
  }).catch((error: unknown) => {
    bar?.stop();
    throw error;
  });
  if (follow) io.err(`Following ${paths.join(', ')} into ${dataDir}. Ctrl-C stops.`);
  const stopped = Promise.withResolvers<'stopped'>();
  const ended = Promise.race([reader.finished().then(() => 'read' as const), stopped.promise]).then(async (how) => {
    // What is followed goes on in a later call; what was read to its end has told all that it will.
    if (how === 'read') await reader.finish();
    await reader.stop();
    bar?.stop();
    problems.tell(io);
    io.err(await summary(reader, runs, dataDir));
    const isIncomplete = (how === 'stopped' && !follow) || reader.meters.total('errors') > 0;
    return isIncomplete ? Exit.dataWereBad : Exit.done;
  });
  return { ended, stop: () => stopped.resolve('stopped') };
}

/** A day: until the end of the input, as in `convert`. */
const UNTIL_THE_END = { settle_ms: 600_000, linger_ms: 86_400_000 };

/**
 * Without a configuration file the rows go into the data directory alone, and to OTLP if the environment says where:
 * nobody expects a monitoring.db beside what is only read.
 */
function configOf({ config: file, timeZone, follow, rules }: IngestOptions, dataDir: string, io: Io): BridgeConfig {
  const overrides = {
    ...(timeZone === undefined ? {} : { time_zone: timeZone }),
    ...(rules === undefined ? {} : { rules }),
    ...(follow === true ? {} : { closing: UNTIL_THE_END }),
  };
  const config = loadConfig(file, { dataDir, env: io.env, demo: undefined }, overrides);
  if (file !== undefined) return config;
  return { ...config, exporters: config.exporters.filter(({ spec }) => spec.type === 'otlp') };
}

/** Trouble as a person reads it; what goes well is in the summary. */
function plainLog(io: Io): Logger {
  const tell = (fields: object, sentence: string): void => {
    const { message = sentence, hint } = fields as { readonly message?: string; readonly hint?: string };
    io.err(message);
    if (hint !== undefined) io.err(`  ${hint}`);
  };
  return { debug() {}, info() {}, warn: tell, error: tell };
}

async function summary({ meters }: Reader, runs: ReadonlySet<string>, dataDir: string): Promise<string> {
  if (meters.total('received') + meters.total('errors') === 0) return 'nothing new: what is there was read before';
  const reads = openReads(join(dataDir, 'store.db'));
  const mine = (await reads.runs()).filter(({ run }) => runs.has(run));
  reads.close();
  const tasks = mine.reduce((sum, run) => sum + run.tasks, 0);
  const parts = [
    `${mine.length} ${mine.length === 1 ? 'run' : 'runs'}, ${tasks} tasks, ${meters.total('acknowledged')} records`,
    `${meters.total('undecodable')} undecodable`,
  ];
  const dropped = meters.total('dropped');
  if (dropped > 0) parts.push(`${dropped} items not exported`);
  const aside = join(dataDir, 'quarantine');
  const where = meters.total('undecodable') > 0 && existsSync(aside) ? `; they are kept in ${aside}` : '';
  return parts.join(', ') + where;
}
