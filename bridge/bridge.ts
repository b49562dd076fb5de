/**
 * A running bridge: a reader (reader.ts) with a page, an API and receivers that listen, told of by a connection file.
 * Signals, argv and exit codes are cli.ts's.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';

import { openCaptureFile } from './capture_file.ts';
import type { Secrets } from './connection.ts';
import { makeWritable, removeConnection, writeConnection } from './connection.ts';
import { isLoopback, parseAddress, requireSecret } from './core/listen.ts';
import { startHttp } from './http_server.ts';
import { version } from './package.ts';
import type { Core, Known, Reader, ReaderOptions, Undo } from './reader.ts';
import { finished, startCore, undoable } from './reader.ts';
import { openReadsThread } from './store/thread.ts';
import { createApp } from './web/app.ts';

export interface BridgeOptions extends ReaderOptions {
  readonly connectionFile: string;
  /** Every message as it came is written there too. */
  readonly capturePath: string | undefined;
}

export interface Bridge extends Reader {
  /** Where it can be reached. */
  readonly url: string;
  readonly token: string;
  readonly connectionFile: string;
  /** By receiver: what senders must know, such as the port. */
  readonly receivers: Known;
}

/** Starts a bridge. Rejects with BRIDGE_CONFIG if it cannot work as configured; then nothing is left running. */
export function startBridge(options: BridgeOptions): Promise<Bridge> {
  return undoable((undo) => startServing(options, undo));
}

async function startServing(options: BridgeOptions, undo: Undo): Promise<Omit<Bridge, 'stop'>> {
  const { config, dataDir, connectionFile, capturePath, log } = options;
  const { listen, token, published } = config.settings.http;
  requireSecret(hostOf(published ?? listen), token !== undefined, 'the page', 'set http.token, at least 16 characters');
  const capture = capturePath === undefined ? undefined : await openCaptureFile(capturePath, log);
  undo.push(() => capture?.close());
  const { pipeline, sources, meters, secrets, ...served } = await startCore(options, capture, 'drops', undo);
  const http = await serveHttp(options, secrets, { sources, ...served }, undo);
  writeConnection(connectionFile, {
    ...Object.fromEntries(Object.entries(sources.known).filter(([, facts]) => Object.keys(facts).length > 0)),
    version: 1,
    pid: process.pid,
    http,
    spool_dir: makeWritable(join(dataDir, 'spool')),
  });
  undo.push(() => removeConnection(connectionFile, process.pid));
  log.info({ url: http.url, data_dir: dataDir, connection_file: connectionFile }, 'Bridge started.');
  const core = { meters, finish: () => pipeline.finish(), finished: () => finished(sources) };
  return { ...http, connectionFile, receivers: sources.known, ...core };
}

async function serveHttp(
  { config, dataDir, connectionFile, log, now }: BridgeOptions,
  secrets: Secrets,
  { sources, outputs, live, own }: Pick<Core, 'sources' | 'outputs' | 'live' | 'own'>,
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
