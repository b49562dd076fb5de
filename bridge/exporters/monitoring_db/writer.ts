/**
 * The writer: a worker thread that is handed bytes, decodes them and owns the files, so that neither the decoding nor a
 * slow or locked disk ever stops the thread that reads the sockets.
 */
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';

import { BridgeError, type ErrorCode } from '../../core/errors.ts';
import type { WideRecord } from '../../core/record.ts';
import { createFrameParser } from '../../formats/capture.ts';
import { decodeFrames } from '../../formats/frames.ts';
import { openHomes } from './homes.ts';
import { openSink, type Sink } from './sink.ts';

export interface Setup {
  readonly mark: typeof MARK;
  readonly path: string | undefined;
  readonly fallbackPath: string;
  readonly stateFile: string;
  readonly inputs: readonly string[];
  readonly platform: NodeJS.Platform;
}

/** Frames in their binary form, in pieces that are decoded one by one; a look whether the configured file can be written to; or the end. */
export type Order =
  | { readonly type: 'write'; readonly pieces: readonly Uint8Array[] }
  | { readonly type: 'check' }
  | { readonly type: 'close' };

export interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly reason: string | undefined;
}

/** The answer to an order; `failed` is why nothing of it was written. */
export type Answer =
  | { readonly type: 'done'; readonly problems: readonly Told[]; readonly failed?: Told }
  | { readonly type: 'elsewhere'; readonly run: string; readonly path: string; readonly why: string };

export const MARK = 'parsl-otel monitoring_db';

/** Files that are open at a time; the one that was used longest ago is closed first. */
const OPEN_MAX = 16;
const FRAME_BYTES_MAX = 2 ** 30;

function run(port: MessagePort, { path, fallbackPath, stateFile, inputs, platform }: Setup): void {
  const answer = (message: Answer): void => port.postMessage(message);
  const homes = openHomes({
    path,
    fallbackPath,
    stateFile,
    inputs,
    onElsewhere: (run, path, why) => answer({ type: 'elsewhere', run, path, why }),
  });
  const sinks = new Map<string, Sink>();

  function sinkOf(path: string): Sink {
    const sink = sinks.get(path) ?? openSink(path, { platform });
    sinks.delete(path);
    sinks.set(path, sink);
    return sink;
  }

  /** A file that Parsl would write, but that we cannot, is no reason to lose rows. */
  function sinkOrFallback(file: string): Sink {
    try {
      return sinkOf(file);
    } catch (error) {
      const isHopeless = error instanceof BridgeError && error.code === 'BRIDGE_CONFIG';
      if (!isHopeless || file === path || file === fallbackPath) throw error;
      homes.leave(file, error.message);
      return sinkOf(fallbackPath);
    }
  }

  /**
   * Everything is committed when it returns. Throws if any file could not be written to; those that could are written,
   * and being written again does not change them.
   */
  function write(pieces: readonly Uint8Array[]): BridgeError[] {
    const filled = new Set<Sink>();
    const problems: BridgeError[] = [];
    const failures: unknown[] = [];
    const attempt = (act: () => void): void => {
      try {
        act();
      } catch (error) {
        failures.push(error);
      }
    };
    attempt(() =>
      route(pieces, (file, records) => {
        const sink = sinkOrFallback(file);
        filled.add(sink);
        sink.add(records);
      }),
    );
    for (const sink of filled) attempt(() => problems.push(...sink.commit()));
    closeOldest();
    if (failures.length > 0) throw failures[0];
    return problems;
  }

  /** What a piece takes is let go before the next one is decoded: memory does not depend on how many there are. */
  function route(pieces: readonly Uint8Array[], add: (file: string, records: readonly WideRecord[]) => void): void {
    const homeless: WideRecord[] = [];
    for (const piece of pieces) {
      const frames = createFrameParser({ frame_bytes_max: FRAME_BYTES_MAX }).push(piece);
      // What does not decode was told of by the receiver.
      const { records } = decodeFrames(frames, 'monitoring_db');
      for (const [run, mine] of byRun(records)) {
        const file = homes.find(run, rundirIn(mine));
        if (file === undefined) homeless.push(...mine);
        else add(file, mine);
      }
      // Else the bytes would stay until the next collection of garbage.
      (piece.buffer as ArrayBuffer).transfer(0);
    }
    for (const [run, mine] of byRun(homeless)) add(homes.of(run), mine);
  }

  function closeOldest(): void {
    for (const [path, sink] of sinks) {
      if (sinks.size <= OPEN_MAX) return;
      sinks.delete(path);
      sink.close();
    }
  }

  port.on('message', (order: Order) => {
    if (order.type === 'close') {
      for (const sink of sinks.values()) sink.close();
      answer({ type: 'done', problems: [] });
      port.close();
      return;
    }
    try {
      if (order.type === 'check' && path !== undefined) sinkOf(path);
      answer({ type: 'done', problems: order.type === 'write' ? write(order.pieces).map(told) : [] });
    } catch (error) {
      const failed = told(BridgeError.from(error, 'BRIDGE_IO', 'write monitoring.db'));
      answer({ type: 'done', problems: [], failed });
    }
  });
}

/** Messages of Parsl's monitoring alone have rows. */
function byRun(records: readonly WideRecord[]): Map<string, WideRecord[]> {
  const runs = new Map<string, WideRecord[]>();
  for (const record of records) {
    const run = record['parsl.dfk'];
    if (typeof run !== 'string' || record['parsl.message_type'] === undefined) continue;
    const mine = runs.get(run);
    if (mine === undefined) runs.set(run, [record]);
    else mine.push(record);
  }
  return runs;
}

function rundirIn(records: readonly WideRecord[]): string | undefined {
  const rundirs = records.map((record) => record['parsl.workflow_info.rundir']);
  return rundirs.find((rundir) => typeof rundir === 'string');
}

function told({ code, message, hint, reason }: BridgeError): Told {
  return { code, message, hint, reason };
}

const setup = workerData as Setup | null;
if (parentPort !== null && setup?.mark === MARK) run(parentPort, setup);
