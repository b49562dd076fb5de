/**
 * A running bridge: the pipeline with its receivers, exporters, read side and page. Sinks start first, sources stop
 * first. Signals, argv and exit codes are cli.ts's.
 */
import { accessSync, constants, mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { openCaptureFile } from './capture_file.ts';
import type { BridgeConfig } from './config.ts';
import { loadSecrets, removeConnection, writeConnection } from './connection.ts';
import { contexts } from './contexts.ts';
import type { Component } from './core/component.ts';
import { BridgeError, reasonOf } from './core/errors.ts';
import { formatAddress, isLoopback, parseAddress, requireSecret } from './core/listen.ts';
import type { Logger } from './core/log.ts';
import { Meters } from './core/meters.ts';
import type { Metric } from './core/signal.ts';
import { Outputs } from './outputs.ts';
import { Pipeline } from './pipeline.ts';
import { openQuarantine } from './quarantine.ts';
import { gauges } from './self.ts';
import { openStore } from './store/sqlite.ts';
import { openReadsThread } from './store/thread.ts';
import type { Telemetry } from './telemetry.ts';
import { startTelemetry } from './telemetry.ts';
import { version } from './version.ts';
import { createApp } from './web/app.ts';
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
  readonly receivers: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  readonly meters: Meters;
  /** Closes all runs as they stand. */
  finish(): Promise<void>;
  /** Takes nothing more in, hands on what was taken, resolves when it is delivered or safe on disk. */
  stop(): Promise<void>;
}

/** Starts a bridge. Rejects with BRIDGE_CONFIG if it cannot work as configured; then nothing is left running. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { config, dataDir, connectionFile, capturePath, log, now, env } = options;
  const undo: (() => Promise<void> | void)[] = [];
  try {
    return await start();
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }

  async function start(): Promise<Bridge> {
    const since = now();
    makeWritable(dataDir);
    const directory = (name: string): string => makeWritable(join(dataDir, name));
    const secrets = loadSecrets(join(dataDir, 'secrets.json'));
    const token = config.settings.http.token ?? secrets.token;
    const meters = new Meters();
    const capture = capturePath === undefined ? undefined : await openCaptureFile(capturePath, log);
    if (capture !== undefined) undo.push(() => capture.close());
    const quarantine = openQuarantine(join(dataDir, 'quarantine'), {
      messagesMax: config.settings.limits.quarantine_messages_max,
      bytesMax: config.settings.limits.quarantine_bytes_max,
    });
    const store = openStore(join(dataDir, 'store.db'));
    undo.push(() => store.close());
    // Questions over many tasks are answered by a thread of their own: they must not keep a receiver waiting.
    const reads = openReadsThread(join(dataDir, 'store.db'));
    undo.push(() => reads.close());
    const live = createLive();

    const own = (): Metric[] => meters.collect(since, now(), { attributes: { 'service.name': 'parsl-otel' } });
    let pipeline: Pipeline | undefined;
    const handed = contexts({
      log,
      meters,
      now,
      quarantine,
      capture,
      stateDir: directory('receivers'),
      take: (receiver, records, raw) =>
        pipeline?.take(receiver, records, raw) ?? Promise.reject(new BridgeError('BRIDGE_REFUSED', 'take records: not ready')),
      collect: () => [...(pipeline?.collect(false) ?? []), ...own()],
    });
    const outputs = new Outputs(config.exporters, (id) => handed.exporter(id));
    await outputs.start();
    undo.push(() => outputs.stop(0));
    const opened = await Pipeline.open({
      config,
      journalPath: join(dataDir, 'journal.db'),
      log,
      now,
      outputs,
      rows: {
        seq: store.seq(),
        write(rows, seq) {
          store.write(rows, seq);
          live.rows(rows);
        },
      },
      onRecords(records, arrival) {
        live.records(records);
        const stamped = records.at(-1)?.['source.arrival'];
        if (typeof stamped === 'number') meters.set('lag', [], Math.max(0, arrival - stamped) / 1e6);
      },
    });
    pipeline = opened;
    undo.push(() => opened.stop());
    const telemetry: Telemetry = await startTelemetry(env, meters);
    undo.push(() => telemetry.stop());
    const stopGauges = gauges({ meters, pipeline: opened, outputs, lastReceived: handed.lastReceived, now });
    undo.push(stopGauges);

    const sources = config.receivers.map(({ id, spec, config: written }) => {
      // The bridge's own key where the user set none: workers learn it from the connection file.
      const filled = spec.type === 'udp' ? { hmac_key: secrets.hmacKey, ...(written as object) } : written;
      return { id, component: spec.create(filled, handed.receiver(id)) };
    });
    const known: Record<string, Record<string, string | number>> = {};
    for (const { id, component } of sources) {
      await component.start();
      undo.push(() => component.stop());
      known[id] = component.connection?.() ?? {};
    }
    opened.start();

    const { listen: address, token: chosen } = config.settings.http;
    requireSecret(parseAddress(address)?.host ?? '', chosen !== undefined, 'the page', 'set http.token, at least 16 characters');
    let url = '';
    const app = createApp({
      store: reads,
      log,
      now,
      live,
      routes: [...sources, ...outputs.outputs.map(({ exporter }) => ({ component: exporter as Component }))].flatMap(
        ({ component }) => component.routes ?? [],
      ),
      access: { token, loopback: isLoopback(parseAddress(address)?.host ?? '') },
      info: () => ({
        version,
        waiting_for: [],
        url,
        host: hostname(),
        data_dir: dataDir,
        connection_file: connectionFile,
        receivers: known,
        meters: own(),
        jaeger_url: config.settings.jaeger_url ?? null,
      }),
    });
    const server = createServer(app);
    url = await listen(server, address);
    undo.push(() => closeServer(server));
    undo.push(() => live.close());
    writeConnection(connectionFile, {
      ...Object.fromEntries(Object.entries(known).filter(([, facts]) => Object.keys(facts).length > 0)),
      version: 1,
      pid: process.pid,
      http: { url, token },
      spool_dir: directory('spool'),
    });
    undo.push(() => removeConnection(connectionFile, process.pid));
    opened.journal.prune(0);
    log.info({ url, data_dir: dataDir, connection_file: connectionFile }, 'Bridge started.');

    return {
      url,
      token,
      connectionFile,
      receivers: known,
      meters,
      finish: () => opened.finish(),
      async stop() {
        // Steps were pushed in the order of starting; each is undone once.
        for (const step of undo.splice(0).reverse()) await step();
        log.info({}, 'Bridge stopped.');
      },
    };
  }
}

/** Makes the directory, or says in one line why it cannot be used. */
function makeWritable(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return path;
  } catch (error) {
    const hint = 'choose another with --data DIR';
    throw new BridgeError('BRIDGE_CONFIG', `use data directory ${path}: ${reasonOf(error)}`, { cause: error, hint });
  }
}

async function listen(server: Server, address: string): Promise<string> {
  const { host, port } = parseAddress(address) ?? { host: '127.0.0.1', port: 0 };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint =
        error.code === 'EADDRINUSE'
          ? 'is another bridge running? Stop it, or set http.listen (--listen HOST:PORT) to another port'
          : 'set http.listen (--listen HOST:PORT) to an address of this machine';
      reject(new BridgeError('BRIDGE_CONFIG', `listen on ${address}: ${reasonOf(error)}`, { cause: error, hint }));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return `http://${formatAddress({ host: bound.address, port: bound.port })}`;
}

/** Stops listening and ends what is open: event streams would stay open for ever. */
async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 1000).unref();
  });
}
