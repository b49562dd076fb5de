/**
 * The pipeline with its receivers, exporters and read side, to which nobody can send: for files that are read into a data
 * directory, and what a bridge adds its page to. Sinks start first, sources stop first.
 */
import { join } from 'node:path';

import type { CaptureFile } from './capture_file.ts';
import type { BridgeConfig } from './config.ts';
import type { Secrets } from './connection.ts';
import { loadSecrets, makeWritable } from './connection.ts';
import type { Contexts, Surroundings } from './contexts.ts';
import { contexts } from './contexts.ts';
import type { Component, Positions } from './core/component.ts';
import { BridgeError } from './core/errors.ts';
import type { FiniteReceiver } from './core/input.ts';
import type { Logger } from './core/log.ts';
import { Meters } from './core/meters.ts';
import type { WideRecord } from './core/record.ts';
import type { Metric } from './core/signal.ts';
import { holdDataDir } from './data_dir.ts';
import { filled } from './filled.ts';
import { Outputs } from './outputs.ts';
import { Pipeline } from './pipeline.ts';
import { openQuarantine } from './quarantine.ts';
import { liveOperators } from './rules.ts';
import { gauges } from './self.ts';
import { openStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { startTelemetry } from './telemetry.ts';
import type { Live } from './web/live.ts';
import { createLive } from './web/live.ts';

export interface ReaderOptions {
  readonly config: BridgeConfig;
  readonly dataDir: string;
  readonly log: Logger;
  /** Microseconds since the epoch. */
  readonly now: () => number;
  /** For the bridge's own telemetry, which the OpenTelemetry SDK configures by environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told of every batch of records. */
  readonly onRecords?: (records: readonly WideRecord[]) => void;
  /** Told how many bytes of their input finite receivers have read. */
  readonly onRead?: (bytes: number) => void;
  /** Told of what is wrong with the input of receivers, instead of the log. */
  readonly onProblem?: (error: BridgeError) => void;
}

export interface Reader {
  readonly meters: Meters;
  /** Resolves when all receivers whose input has an end have come to it. */
  finished(): Promise<void>;
  /** Closes all runs as they stand. */
  finish(): Promise<void>;
  /** Takes nothing more in, hands on what was taken, resolves when it is delivered or safe on disk. */
  stop(): Promise<void>;
}

export type Known = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

/** How to undo what was started, in the order of starting. */
export type Undo = (() => Promise<void> | void)[];

/**
 * Starts a bridge without port and connection file. Its receivers read files and can wait, so they wait for the
 * exporters where a listener's input would be dropped. Rejects with BRIDGE_CONFIG if it cannot work as configured; then
 * nothing is left running.
 */
export function startReader(options: ReaderOptions): Promise<Reader> {
  return undoable(async (undo) => {
    const { pipeline, sources, meters } = await startCore(options, undefined, 'waits', undo);
    return { meters, finish: () => pipeline.finish(), finished: () => finished(sources) };
  });
}

/**
 * Calls `start`; stop() of what it gives undoes each step once, however often it is called, the last one first. A step that
 * fails leaves none of the others out: the journal is closed and the data directory given back. Then the first failure is
 * thrown.
 */
export async function undoable<T>(start: (undo: Undo) => Promise<T>): Promise<T & { stop(): Promise<void> }> {
  const undo: Undo = [];
  const stop = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  try {
    return { ...(await start(undo)), stop };
  } catch (error) {
    await stop().catch(() => {}); // Why it cannot work says more.
    throw error;
  }
}

export interface Core {
  readonly pipeline: Pipeline;
  readonly sources: Sources;
  readonly outputs: Outputs;
  readonly live: Live;
  readonly own: () => Metric[];
  readonly meters: Meters;
  readonly secrets: Secrets;
}

/** `whenFull`: what becomes of input that comes faster than the exporters take it. */
export async function startCore(
  options: ReaderOptions,
  capture: CaptureFile | undefined,
  whenFull: 'drops' | 'waits',
  undo: Undo,
): Promise<Core> {
  const { dataDir, now, env } = options;
  undo.push(holdDataDir(makeWritable(dataDir)));
  const secrets = loadSecrets(join(dataDir, 'secrets.json'));
  const config = filled(options.config, secrets);
  const meters = new Meters();
  const since = now();
  const own = (): Metric[] => meters.collect(since, now(), { attributes: { 'service.name': 'parsl-otel' } });

  const store = openStore(join(dataDir, 'store.db'), { records_max: config.settings.limits.records_max });
  undo.push(() => store.close());
  const live = createLive();
  // Components are made before the pipeline that they hand on to.
  const late: { pipeline?: Pipeline } = {};
  const notReady = new BridgeError('BRIDGE_REFUSED', 'take records: not ready');
  const take: Surroundings['take'] = async (...batch) => {
    await (late.pipeline?.take(...batch) ?? Promise.reject(notReady));
    if (whenFull === 'waits') await outputs.room();
  };
  const remembered = (receiver: string): Positions => late.pipeline?.journal.positions(receiver) ?? new Map();
  const collect = (): Metric[] => [...(late.pipeline?.collect(false) ?? []), ...own()];
  const handed = handContexts(options, { meters, capture, take, remembered, collect });
  const outputs = new Outputs(config.exporters, (id) => handed.exporter(id));
  undo.push(() => outputs.stop(0));
  await outputs.start();
  const pipeline = await openPipeline(options, { store, live, outputs, meters });
  late.pipeline = pipeline;
  undo.push(() => pipeline.stop());
  const telemetry = await startTelemetry(env, meters);
  undo.push(() => telemetry.stop());
  undo.push(gauges({ meters, pipeline, outputs, store, lastReceived: handed.lastReceived, now }));

  const sources = await startSources(config, handed, undo);
  pipeline.start();
  return { pipeline, sources, outputs, live, own, meters, secrets };
}

export async function finished({ components }: Sources): Promise<void> {
  for (const component of components) if (isFinite(component)) await component.finished();
}

function isFinite(component: Component): component is FiniteReceiver {
  return 'finished' in component;
}

function handContexts(
  { config, dataDir, log, now, onRead, onProblem }: ReaderOptions,
  handed: Pick<Surroundings, 'meters' | 'capture' | 'take' | 'remembered' | 'collect'>,
): Contexts {
  const { quarantine_messages_max: messagesMax, quarantine_bytes_max: bytesMax } = config.settings.limits;
  return contexts({
    ...handed,
    log,
    now,
    onRead,
    onProblem,
    quarantine: openQuarantine(join(dataDir, 'quarantine'), { messagesMax, bytesMax }),
    stateDir: makeWritable(join(dataDir, 'receivers')),
  });
}

interface Sinks {
  readonly store: Store;
  readonly live: Live;
  readonly outputs: Outputs;
  readonly meters: Meters;
}

function openPipeline(options: ReaderOptions, { store, live, outputs, meters }: Sinks): Promise<Pipeline> {
  return Pipeline.open({
    ...options,
    journalPath: join(options.dataDir, 'journal.db'),
    outputs,
    operators: liveOperators(options.config.settings, options.log),
    rows: {
      seq: store.seq(),
      write(rows, seq) {
        store.write(rows, seq);
        live.rows(rows);
      },
    },
    onRecords(records, arrival) {
      live.records(records);
      options.onRecords?.(records);
      const came = records.at(-1)?.['source.arrival'];
      if (typeof came === 'number') meters.set('lag', [], Math.max(0, arrival - came) / 1e6);
    },
  });
}

export interface Sources {
  readonly components: readonly Component[];
  readonly known: Known;
}

async function startSources(config: BridgeConfig, handed: Contexts, undo: Undo): Promise<Sources> {
  const known: Record<string, Record<string, string | number>> = {};
  const components: Component[] = [];
  for (const { id, spec, config: written } of config.receivers) {
    const component = spec.create(written, handed.receiver(id));
    undo.push(() => component.stop());
    await component.start();
    known[id] = component.connection?.() ?? {};
    components.push(component);
  }
  return { components, known };
}
