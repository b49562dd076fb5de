/**
 * Live updates, as server-sent events (WHATWG HTML, 9.2): which runs changed, and the wide records as they come.
 *
 * A client that reads slowly costs a bounded buffer and nothing else: changes gather into one set, records that find
 * no room are dropped and counted, and the client is told how many, in the place where they are missing. Nobody
 * waits for a client: publishing never blocks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Rows } from '../core/row.ts';
import { stringify, type WideRecord } from '../core/record.ts';

export interface LiveOptions {
  /** Shortest pause between two events that tell of changed runs. */
  readonly interval_ms?: number;
  /** A comment is sent this often, so that a dead connection is noticed. */
  readonly heartbeat_ms?: number;
  /** Clients of both kinds together. */
  readonly clients_max?: number;
  /** Bytes that wait for one client. */
  readonly buffer_bytes_max?: number;
}

/** What the pipeline tells, and the app serves. */
export interface Live {
  /** Rows were written to the store. */
  rows(rows: Rows): void;
  /** Records came in. */
  records(records: readonly WideRecord[]): void;
  /** Serves `/api/live`; false if there are too many clients. */
  serveChanges(request: IncomingMessage, response: ServerResponse): boolean;
  /** Serves `/api/stream`, all records or those of one run; false if there are too many clients. */
  serveStream(request: IncomingMessage, response: ServerResponse, run?: string): boolean;
  /** Ends all streams. */
  close(): void;
}

interface StreamClient {
  readonly response: ServerResponse;
  readonly run: string | undefined;
  dropped: number;
}

interface ChangeClient {
  readonly response: ServerResponse;
  readonly runs: Set<string>;
}

const DEFAULTS = { interval_ms: 250, heartbeat_ms: 15_000, clients_max: 100, buffer_bytes_max: 1_048_576 };

export function createLive(options: LiveOptions = {}): Live {
  const { interval_ms, heartbeat_ms, clients_max, buffer_bytes_max } = { ...DEFAULTS, ...options };
  const watchers = new Set<ChangeClient>();
  const streams = new Set<StreamClient>();
  let timer: NodeJS.Timeout | undefined;
  let lastFlush = -Infinity;
  let heartbeat: NodeJS.Timeout | undefined;

  function open<C extends { readonly response: ServerResponse }>(
    client: C,
    clients: Set<C>,
    request: IncomingMessage,
  ): boolean {
    if (watchers.size + streams.size >= clients_max) return false;
    const { response } = client;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no', // nginx and its like pass events on at once.
    });
    response.write('retry: 2000\nevent: hello\ndata: {}\n\n');
    clients.add(client);
    heartbeat ??= setInterval(beat, heartbeat_ms).unref();
    request.on('close', () => leave(client, clients));
    return true;
  }

  function leave<C>(client: C, clients: Set<C>): void {
    clients.delete(client);
    if (watchers.size + streams.size > 0) return;
    clearInterval(heartbeat);
    heartbeat = undefined;
  }

  function beat(): void {
    for (const { response } of [...watchers, ...streams]) if (!response.writableNeedDrain) response.write(':\n\n');
    streams.forEach(tellDropped);
  }

  function changed(runs: ReadonlySet<string>): void {
    for (const client of watchers) for (const run of runs) client.runs.add(run);
    if (timer !== undefined || watchers.size === 0) return;
    timer = setTimeout(flush, Math.max(0, lastFlush + interval_ms - performance.now())).unref();
  }

  function flush(): void {
    timer = undefined;
    lastFlush = performance.now();
    let isLeft = false;
    for (const { response, runs } of watchers) {
      if (runs.size === 0) continue;
      if (response.writableNeedDrain) {
        isLeft = true;
        continue;
      }
      response.write(`event: runs\ndata: ${JSON.stringify({ runs: [...runs] })}\n\n`);
      runs.clear();
    }
    if (isLeft) timer = setTimeout(flush, interval_ms).unref();
  }

  /** Tells of what was dropped as soon as there is room, before anything that came later. */
  function tellDropped(client: StreamClient): boolean {
    if (client.dropped === 0) return true;
    if (client.response.writableLength > buffer_bytes_max / 2) return false;
    client.response.write(`event: dropped\ndata: {"count":${client.dropped}}\n\n`);
    client.dropped = 0;
    return true;
  }

  function send(client: StreamClient, event: string): void {
    if (tellDropped(client) && client.response.writableLength + event.length <= buffer_bytes_max)
      client.response.write(event);
    else client.dropped += 1;
  }

  return {
    rows(rows) {
      if (watchers.size === 0) return;
      const runs = new Set<string>();
      const lists: readonly (readonly { readonly run: string | null }[])[] = Object.values(rows);
      for (const list of lists) for (const { run } of list) if (run !== null) runs.add(run);
      if (runs.size > 0) changed(runs);
    },
    records(records) {
      if (streams.size === 0) return;
      for (const record of records) {
        const event = `data: ${stringify(record)}\n\n`;
        for (const client of streams) {
          if (client.run === undefined || client.run === record['parsl.dfk']) send(client, event);
        }
      }
    },
    serveChanges: (request, response) => open({ response, runs: new Set<string>() }, watchers, request),
    serveStream(request, response, run) {
      const client = { response, run, dropped: 0 };
      response.on('drain', () => tellDropped(client));
      return open(client, streams, request);
    },
    close() {
      clearTimeout(timer);
      for (const { response } of watchers) response.end();
      for (const { response, dropped } of streams) {
        response.end(dropped > 0 ? `event: dropped\ndata: {"count":${dropped}}\n\n` : undefined);
      }
      watchers.clear();
      streams.clear();
      clearInterval(heartbeat);
      heartbeat = undefined;
    },
  };
}
