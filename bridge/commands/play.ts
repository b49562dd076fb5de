/**
 * play: what `serve --demo` does, for a bridge that runs already, maybe in a container: sends it a recorded run as if
 * that went on now, over and over. The bridge takes it as it takes any sender's records.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pino } from 'pino';

import { parseConfig } from '../config.ts';
import type { Connection } from '../connection.ts';
import { defaultConnectionFile } from '../connection.ts';
import type { Component } from '../core/component.ts';
import { BridgeError, reasonOf } from '../core/errors.ts';
import { recordsFrame } from '../core/lines.ts';
import type { WideRecord } from '../core/record.ts';
import { demoCapture } from '../package.ts';
import { demo } from '../receivers/demo.ts';
import type { Io } from './io.ts';

export interface PlayOptions {
  readonly connectionFile?: string;
  /** Where the bridge is, if not where its connection file says. */
  readonly url?: string;
  readonly speed?: number;
  readonly pause?: number;
  readonly logLevel: string;
}

const ANSWER_WITHIN_MS = 10_000;

/** Begins to play. What the bridge does not take is tried again; the caller stops it. */
export async function play(capture: string | undefined, options: PlayOptions, io: Io): Promise<Component> {
  const connectionFile = resolve(options.connectionFile ?? defaultConnectionFile(io.env));
  const written = {
    path: capture === undefined ? demoCapture : resolve(capture),
    speed: options.speed,
    pause_s: options.pause,
  };
  const { receivers } = parseConfig({ receivers: { demo: written } }, { receivers: [demo], exporters: [] });
  const log = pino({ level: options.logLevel }, pino.destination({ dest: 2, sync: true }));
  const player = demo.create(demo.config.parse(receivers[0]?.config), {
    id: 'play',
    log,
    stateFile: '', // A player remembers nothing.
    remembered: () => new Map(),
    now: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
    received: () => {},
    reject: (_frame, error) => log.warn({ code: error.code }, error.message),
    report: (error) => log.warn({ code: error.code, hint: error.hint }, error.message),
    next: (records) => send(records, connectionFile, options.url),
  });
  await player.start();
  io.out(`Playing ${written.path} to the bridge of ${connectionFile}, over and over. Ctrl-C stops.`);
  return player;
}

/** Rejects with BRIDGE_REFUSED unless the bridge has them on disk. */
async function send(records: readonly WideRecord[], connectionFile: string, elsewhere?: string): Promise<void> {
  const { url: told, token } = readConnection(connectionFile);
  const url = elsewhere ?? told;
  const doing = `send ${records.length} records to ${url}`;
  let response: Response;
  try {
    response = await fetch(`${url}/v1/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${token}` },
      body: recordsFrame(records, 0).payload as Uint8Array<ArrayBuffer>,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch (error) {
    const { cause } = error as Error; // fetch itself only says that it failed.
    const hint = 'is the bridge running? parsl-otel serve';
    throw new BridgeError('BRIDGE_REFUSED', `${doing}: ${reasonOf(cause ?? error)}`, { cause: error, hint });
  }
  if (!response.ok) throw new BridgeError('BRIDGE_REFUSED', `${doing}: answer ${response.status}`);
}

/** Read anew each time: a bridge that was started again may have another port. */
function readConnection(path: string): Connection['http'] {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as Connection).http;
  } catch (error) {
    const hint = 'start the bridge first, or name its file with --connection-file';
    throw new BridgeError('BRIDGE_REFUSED', `read ${path}: ${reasonOf(error)}`, { cause: error, hint });
  }
}
