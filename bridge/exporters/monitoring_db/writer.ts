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
import { openHomes, type Homes } from './homes.ts';
import { openSink, type Sink } from './sink.ts';

export interface Setup {
  readonly mark: typeof MARK;
  readonly path: string | undefined;
  readonly fallbackPath: string;
  readonly stateFile: string;
  readonly inputs: readonly string[];
  readonly platform: NodeJS.Platform;
}

/** Frames in their binary form; a look whether the configured file can be written to; or the end. */
export type Order =
  { readonly type: 'write'; readonly bytes: Uint8Array } | { readonly type: 'check' } | { readonly type: 'close' };

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
    const [oldest] = sinks;
    if (oldest !== undefined && sinks.size > OPEN_MAX) {
      sinks.delete(oldest[0]);
      oldest[1].close();
    }
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

  port.on('message', (order: Order) => {
    if (order.type === 'close') {
      for (const sink of sinks.values()) sink.close();
      answer({ type: 'done', problems: [] });
      port.close();
      return;
    }
    const problems: Told[] = [];
    try {
      if (order.type === 'check') {
        if (path !== undefined) sinkOf(path);
        return answer({ type: 'done', problems });
      }
      const frames = createFrameParser({ frame_bytes_max: FRAME_BYTES_MAX }).push(order.bytes);
      // What does not decode was told of by the receiver.
      const { records } = decodeFrames(frames, 'monitoring_db');
      for (const [file, mine] of byHome(records, homes)) {
        const sink = sinkOrFallback(file);
        sink.add(mine);
        problems.push(...sink.commit().map(told));
      }
      answer({ type: 'done', problems });
    } catch (error) {
      answer({ type: 'done', problems, failed: told(BridgeError.from(error, 'BRIDGE_IO', 'write monitoring.db')) });
    }
  });
}

/** Records by the file they go to. A start that is among them says where, also for those before it. */
function byHome(records: readonly WideRecord[], homes: Homes): Map<string, WideRecord[]> {
  const rundirs = new Map<string, string>();
  for (const record of records) {
    const run = record['parsl.dfk'];
    const rundir = record['parsl.workflow_info.rundir'];
    if (typeof run === 'string' && typeof rundir === 'string') rundirs.set(run, rundir);
  }
  const files = new Map<string, WideRecord[]>();
  for (const record of records) {
    const run = record['parsl.dfk'];
    if (typeof run !== 'string' || record['parsl.message_type'] === undefined) continue;
    const path = homes.of(run, rundirs.get(run));
    const file = files.get(path);
    if (file === undefined) files.set(path, [record]);
    else file.push(record);
  }
  return files;
}

function told({ code, message, hint, reason }: BridgeError): Told {
  return { code, message, hint, reason };
}

const setup = workerData as Setup | null;
if (parentPort !== null && setup?.mark === MARK) run(parentPort, setup);
