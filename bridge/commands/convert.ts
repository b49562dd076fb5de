/** convert: recorded input to another format, without a bridge. */
import { existsSync, realpathSync, renameSync, rmSync } from 'node:fs';

import { convert, convertFormats } from '../convert.ts';
import type { ConvertFormat } from '../convert.ts';
import { BridgeError } from '../core/errors.ts';
import type { Frame } from '../core/frame.ts';
import { nearest } from '../core/nearest.ts';
import { namedZone } from '../core/time.ts';
import { openSink, type Sink } from '../exporters/monitoring_db/sink.ts';
import { findInputs, readFrames, type Input } from '../inputs.ts';
import { loadRules } from '../rules.ts';
import type { Io } from './io.ts';
import { Exit } from './io.ts';
import type { LineOutput } from './output.ts';
import { openOutput } from './output.ts';
import { problemList } from './problems.ts';
import { progressBar } from './progress.ts';

export interface ConvertCommandOptions {
  readonly to: string;
  readonly output: string;
  readonly timeZone?: string;
  /** Files of the user's own. */
  readonly rules?: readonly string[];
  /** Ids of runs, or how they begin. */
  readonly run?: readonly string[];
}

/** Resolves with the exit code: 1 if any input was bad or incomplete. */
export async function convertCommand(
  paths: readonly string[],
  options: ConvertCommandOptions,
  io: Io,
): Promise<number> {
  const to = formatOf(options.to);
  const zone = options.timeZone === undefined ? undefined : namedZone(options.timeZone, 'config');
  if (options.timeZone !== undefined && zone === undefined)
    throw new BridgeError('BRIDGE_CONFIG', `convert: no such time zone ${options.timeZone}`, {
      hint: 'write it like Europe/Berlin, UTC or +01:00',
    });
  const rules = loadRules(options.rules ?? []);
  const inputs = findInputs(paths);
  const size = inputs.reduce((sum, input) => sum + (input.size ?? 0), 0);
  const bar = io.isTerminal && size > 0 ? progressBar(size) : undefined;
  refuseInput(options.output, inputs);
  const output: Output = to === 'monitoring_db' ? openDatabase(options.output) : openOutput(options.output, io);
  const problems = problemList();
  const report = problems.add;
  async function* frames(): AsyncGenerator<readonly Frame[]> {
    for (const input of inputs) yield* readFrames(input, report, (bytes) => bar?.increment(bytes));
  }
  try {
    const { write, sink } = output;
    const result = await convert(frames(), { to, zone, rules, runs: options.run ?? [], write, sink, report });
    output.commit();
    bar?.stop();
    problems.tell(io);
    io.err(summary(result, to));
  } catch (error) {
    bar?.stop();
    output.abandon();
    throw error;
  }
  return problems.count > 0 ? Exit.dataWereBad : Exit.done;
}

function formatOf(name: string): ConvertFormat {
  const format = convertFormats.find((known) => known === name);
  if (format !== undefined) return format;
  const guess = nearest(name, convertFormats);
  throw new BridgeError('BRIDGE_CONFIG', `convert: no such format ${name}`, {
    hint: guess === undefined ? `give one of ${convertFormats.join(', ')}` : `did you mean ${guess}?`,
  });
}

function summary({ messages, records, spans, counts }: Awaited<ReturnType<typeof convert>>, to: ConvertFormat): string {
  const parts = [`${messages} messages`, `${records} records`];
  if (to === 'otlp_json') parts.push(`${spans} spans`);
  if (counts.unattributed > 0) parts.push(`${counts.unattributed} records name no run`);
  if (counts.negativePhases > 0)
    parts.push(`${counts.negativePhases} phases left out: they would end before they begin`);
  return parts.join(', ');
}

/** What is read is not written to. */
function refuseInput(output: string, inputs: readonly Input[]): void {
  if (output === '-' || !existsSync(output)) return;
  const real = realpathSync(output);
  if (!inputs.some(({ path }) => path !== '-' && realpathSync(path) === real)) return;
  throw new BridgeError('BRIDGE_CONFIG', `write ${output}: it is also an input`, { hint: 'give another --output' });
}

interface Output extends LineOutput {
  readonly sink?: Sink;
}

/** A database that is there gets more rows, none is lost; a new one appears under its name only when it is whole. */
function openDatabase(path: string): Output {
  if (path === '-')
    throw new BridgeError('BRIDGE_CONFIG', 'write monitoring_db: a database needs a file', {
      hint: 'give --output FILE.db',
    });
  const isNew = !existsSync(path);
  const file = isNew ? `${path}.part` : path;
  const remove = (): void =>
    ['', '-wal', '-shm', '-journal'].forEach((end) => rmSync(`${file}${end}`, { force: true }));
  if (isNew) remove(); // What an earlier call left behind.
  const sink = openSink(file, { platform: process.platform });
  return {
    sink,
    write: () => {}, // Rows are no lines.
    commit() {
      sink.close();
      if (isNew) renameSync(file, path);
    },
    abandon() {
      sink.close();
      if (isNew) remove();
    },
  };
}
