/**
 * A running bridge: the pipeline with its receivers, exporters, read side and page. Sinks start first, sources stop
 * first. Signals, argv and exit codes are cli.ts's.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';

import type { CaptureFile } from './capture_file.ts';
import { openCaptureFile } from './capture_file.ts';
import type { BridgeConfig } from './config.ts';
import type { Secrets } from './connection.ts';
import { loadSecrets, makeWritable, removeConnection, writeConnection } from './connection.ts';
import type { Contexts } from './contexts.ts';
import { contexts } from './contexts.ts';
import type { Component } from './core/component.ts';
import { BridgeError } from './core/errors.ts';
import { isLoopback, parseAddress, requireSecret } from './core/listen.ts';
import type { Logger } from './core/log.ts';
import { Meters } from './core/meters.ts';
import type { Metric } from './core/signal.ts';
import { startHttp } from './http_server.ts';
import { Outputs } from './outputs.ts';
import { version } from './package.ts';
import { Pipeline } from './pipeline.ts';
import { openQuarantine } from './quarantine.ts';
import { gauges } from './self.ts';
import type { Store } from './store/store.ts';
import { liveOperators } from './rules.ts';
import { openStore } from './store/sqlite.ts';
import { openReadsThread } from './store/thread.ts';
import { startTelemetry } from './telemetry.ts';
import { createApp } from './web/app.ts';
import type { Live } from './web/live.ts';
import { createLive } from './web/live.ts';

export interface BridgeOptions {
  readonly config: BridgeConfig;
  readonly dataDir: string;
  readonly connectionFile: string;
  /** Every message as it came is written there too. */
  readonly capturePath: string | undefined;
  readonly log: Logger;
  /** Microseconds since the epoch. */
  readonly now: () => number;
  /** For the bridge's own telemetry, which the OpenTelemetry SDK configures by environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Bridge {
  /** Where it can be reached. */
  readonly url: string;
  readonly token: string;
  readonly connectionFile: string;
  /** By receiver: what senders must know, such as the port. */
  readonly receivers: Known;
  readonly meters: Meters;
  /** Closes all runs as they stand. */
  finish(): Promise<void>;
  /** Takes nothing more in, hands on what was taken, resolves when it is delivered or safe on disk. */
  stop(): Promise<void>;
}

export type Known = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

/** How to undo what was started, in the order of starting. */
type Undo = (() => Promise<void> | void)[];

/** Starts a bridge. Rejects with BRIDGE_CONFIG if it cannot work as configured; then nothing is left running. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const undo: Undo = [];
  // Each step is undone once, however often stop() is called.
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...(await start(options, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(options: BridgeOptions, undo: Undo): Promise<Omit<Bridge, 'stop'>> {
  const { config, dataDir, connectionFile, capturePath, log, now, env } = options;
  const { listen, token, published } = config.settings.http;
  requireSecret(hostOf(published ?? listen), token !== undefined, 'the page', 'set http.token, at least 16 characters');
  makeWritable(dataDir);
  const secrets = loadSecrets(join(dataDir, 'secrets.json'));
  const meters = new Meters();
  const since = now();
  const own = (): Metric[] => meters.collect(since, now(), { attributes: { 'service.name': 'parsl-otel' } });
  const capture = capturePath === undefined ? undefined : await openCaptureFile(capturePath, log);
  undo.push(() => capture?.close());

  const store = openStore(join(dataDir, 'store.db'));
  undo.push(() => store.close());
  const live = createLive();
  // Components are made before the pipeline that they hand on to.
  const late: { pipeline?: Pipeline } = {};
  const handed = handContexts(options, meters, capture, late, own);
  const outputs = new Outputs(config.exporters, (id) => handed.exporter(id));
  undo.push(() => outputs.stop(0));
  await outputs.start();
  const pipeline = await openPipeline(options, { store, live, outputs, meters });
  late.pipeline = pipeline;
  undo.push(() => pipeline.stop());
  const telemetry = await startTelemetry(env, meters);
  undo.push(() => telemetry.stop());
  undo.push(gauges({ meters, pipeline, outputs, lastReceived: handed.lastReceived, now }));

  const sources = await startSources(config, secrets, handed, undo);
  pipeline.start();
  const http = await serveHttp(options, secrets, { sources, outputs, live, own }, undo);
  writeConnection(connectionFile, {
    ...Object.fromEntries(Object.entries(sources.known).filter(([, facts]) => Object.keys(facts).length > 0)),
    version: 1,
    pid: process.pid,
    http,
    spool_dir: makeWritable(join(dataDir, 'spool')),
  });
  undo.push(() => removeConnection(connectionFile, process.pid));
  log.info({ url: http.url, data_dir: dataDir, connection_file: connectionFile }, 'Bridge started.');
  return { ...http, connectionFile, receivers: sources.known, meters, finish: () => pipeline.finish() };
}

function handContexts(
  { config, dataDir, log, now }: BridgeOptions,
  meters: Meters,
  capture: CaptureFile | undefined,
  late: { pipeline?: Pipeline },
  own: () => Metric[],
): Contexts {
  const { quarantine_messages_max: messagesMax, quarantine_bytes_max: bytesMax } = config.settings.limits;
  const notReady = new BridgeError('BRIDGE_REFUSED', 'take records: not ready');
  return contexts({
    log,
    meters,
    now,
    capture,
    quarantine: openQuarantine(join(dataDir, 'quarantine'), { messagesMax, bytesMax }),
    stateDir: makeWritable(join(dataDir, 'receivers')),
    take: (...batch) => late.pipeline?.take(...batch) ?? Promise.reject(notReady),
    collect: () => [...(late.pipeline?.collect(false) ?? []), ...own()],
  });
}

interface Sinks {
  readonly store: Store;
  readonly live: Live;
  readonly outputs: Outputs;
  readonly meters: Meters;
}

function openPipeline(options: BridgeOptions, { store, live, outputs, meters }: Sinks): Promise<Pipeline> {
  return Pipeline.open({
    ...options,
    journalPath: join(options.dataDir, 'journal.db'),
    outputs,
    operators: liveOperators(options.config.settings.rules, options.log),
    rows: {
      seq: store.seq(),
      write(rows, seq) {
        store.write(rows, seq);
        live.rows(rows);
      },
    },
    onRecords(records, arrival) {
      live.records(records);
      const came = records.at(-1)?.['source.arrival'];
      if (typeof came === 'number') meters.set('lag', [], Math.max(0, arrival - came) / 1e6);
    },
  });
}

interface Sources {
  readonly components: readonly Component[];
  readonly known: Known;
}

async function startSources(config: BridgeConfig, secrets: Secrets, handed: Contexts, undo: Undo): Promise<Sources> {
  const known: Record<string, Record<string, string | number>> = {};
  const components: Component[] = [];
  for (const { id, spec, config: written } of config.receivers) {
    // The bridge's own key where the user set none: workers learn it from the connection file.
    const filled = spec.type === 'udp' ? { hmac_key: secrets.hmacKey, ...(written as object) } : written;
    const component = spec.create(filled, handed.receiver(id));
    undo.push(() => component.stop());
    await component.start();
    known[id] = component.connection?.() ?? {};
    components.push(component);
  }
  return { components, known };
}

interface Served {
  readonly sources: Sources;
  readonly outputs: Outputs;
  readonly live: Live;
  readonly own: () => Metric[];
}

async function serveHttp(
  { config, dataDir, connectionFile, log, now }: BridgeOptions,
  secrets: Secrets,
  { sources, outputs, live, own }: Served,
  undo: Undo,
): Promise<{ url: string; token: string }> {
  const { listen: address, token: chosen, published } = config.settings.http;
  const token = chosen ?? secrets.token;
  // Questions over many tasks are answered by a thread of their own: they must not keep a receiver waiting.
  const reads = openReadsThread(join(dataDir, 'store.db'));
  undo.push(() => reads.close());
  const bound = { url: '' };
  const app = createApp({
    store: reads,
    log,
    now,
    live,
    routes: [...sources.components, ...outputs.exporters].flatMap(({ routes = [] }) => routes),
    access: { token, loopback: isLoopback(hostOf(published ?? address)) },
    info: () => ({
      version,
      waiting_for: [],
      url: bound.url,
      host: hostname(),
      data_dir: dataDir,
      connection_file: connectionFile,
      receivers: sources.known,
      meters: own(),
      jaeger_url: config.settings.jaeger_url ?? null,
    }),
  });
  const server = await startHttp(app, address);
  bound.url = published === undefined ? server.url : `http://${published}`;
  undo.push(() => server.stop());
  // Event streams would keep the server open.
  undo.push(() => live.close());
  return { url: bound.url, token };
}

function hostOf(address: string): string {
  return parseAddress(address)?.host ?? '';
}
