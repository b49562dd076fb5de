/**
 * Inputs as receivers: what `ingest` puts before a bridge. Databases and directories have receivers of their own, which
 * remember how far they read, so that a second call reads what is new; everything else is read once to its end.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { z } from 'zod';

import type { Configured } from './config.ts';
import { defineReceiver, type ReceiverSpec } from './core/component.ts';
import { openDelivery } from './core/delivery.ts';
import { BridgeError } from './core/errors.ts';
import { fileMemory } from './core/file_memory.ts';
import { readingReceiver, type FiniteReceiver } from './core/input.ts';
import { decodeFrames } from './formats/frames.ts';
import { findInputs, isDatabase, readPieces, type Input } from './inputs.ts';
import { isOfRuns } from './of_runs.ts';
import { monitoringDb } from './receivers/monitoring_db/index.ts';
import { runDir } from './receivers/run_dir/index.ts';

export interface SourceOptions {
  /** Beginnings of ids of runs; the records of others are passed over. None: all. */
  readonly runs: readonly string[];
  /** Go on reading what is added. */
  readonly follow: boolean;
}

/** Throws BRIDGE_CONFIG for what cannot be read, followed or selected from. */
export function sourcesOf(inputs: readonly Input[], { runs, follow }: SourceOptions): Configured<ReceiverSpec>[] {
  return inputs.map(({ path, name, kind }) => {
    const mode = follow ? 'follow' : 'replay';
    if (kind === 'directory') {
      if (runs.length > 0)
        refuse(`select runs of ${path}`, 'lines of logs do not all name their run', 'give the directory of the run');
      return configured(runDir, path, { path, mode, input: name }, runs);
    }
    if (isDatabase(path)) return configured(monitoringDb, path, { path, mode }, runs);
    if (follow && path !== '-')
      refuse(`follow ${path}`, 'only a monitoring.db or a directory is followed', 'leave out --follow');
    return configured(file, path, { path, input: name }, runs);
  });
}

function refuse(doing: string, why: string, hint: string): never {
  throw new BridgeError('BRIDGE_CONFIG', `${doing}: ${why}`, { hint });
}

/** The same input with the same selection has the same id, and so its memory, wherever the command is called. */
function configured<S extends z.ZodType>(
  spec: ReceiverSpec<S>,
  path: string,
  config: unknown,
  runs: readonly string[],
): Configured<ReceiverSpec> {
  const what = [path === '-' ? '-' : realpathSync(path), ...[...runs].sort()].join('\n');
  const id = `${spec.type}/${createHash('sha256').update(what).digest('hex').slice(0, 12)}`;
  return { id, spec: selecting(spec, runs), config: spec.config.parse(config) };
}

/** The receiver, which hands on the records of these runs alone. */
function selecting<S extends z.ZodType>(spec: ReceiverSpec<S>, runs: readonly string[]): ReceiverSpec<S> {
  if (runs.length === 0) return spec;
  const isWanted = isOfRuns(runs);
  return {
    ...spec,
    create: (config, context) =>
      spec.create(config, {
        ...context,
        async next(records, _, positions) {
          const mine = records.filter(isWanted);
          if (mine.length > 0 || (positions?.size ?? 0) > 0) await context.next(mine, undefined, positions);
        },
      }),
  };
}

const file = defineReceiver({
  type: 'file',
  summary: 'Reads a capture, JSON lines, a log or an archive of run directories once.',
  config: z.strictObject({ path: z.string().min(1), input: z.string().min(1) }),
  create({ path, input: name }, context): FiniteReceiver {
    const { log } = context;
    const stopping = new AbortController();
    const { signal } = stopping;
    const report = (error: BridgeError): void => context.report(error);
    const onBytes = (bytes: number): void => context.read?.(bytes);

    async function read(): Promise<void> {
      const delivery = openDelivery(context, decodeFrames, signal);
      try {
        const file = await fileMemory(path, context.remembered());
        if (file.isRead) return log.info({ path }, 'File was read before.');
        for (const input of findInputs([path])) {
          const pieces = readPieces({ ...input, name }, report, onBytes, signal, file.parts);
          for await (const { frames, positions } of pieces) {
            if (!(await delivery.add(frames, file.reached(positions)))) return;
            if (file.isStream && !(await delivery.flush())) return; // The next may come in an hour.
          }
        }
        await delivery.add([], file.end());
        if (await delivery.flush()) log.info({ path }, 'File is read.');
      } catch (error) {
        if (!signal.aborted) report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
      } finally {
        await delivery.flush();
      }
    }

    return readingReceiver(stopping, () => Promise.resolve(), read);
  },
});
