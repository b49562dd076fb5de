/**
 * The contract of every component.
 *
 * - `start()` resolves once the component works: a listener is bound, a directory is there. It rejects with a
 *   BRIDGE_CONFIG error if it never will.
 * - `stop()` may come before `start()` and may come twice. When it resolves, everything the component took in has
 *   been handed on, and nothing more will be.
 * - A receiver forgets its input (deletes the file, answers 200, commits) only after `next()` has resolved: then the
 *   journal holds it on disk. If `next()` rejects, the input stays where it is and is tried again.
 * - A receiver whose input stays says with each batch how far it has read. That is on disk when the batch is, and not
 *   before: what a crash leaves is read on from there, nothing is left out and nothing is read twice.
 *
 * Components read their config and their context, nothing else: no environment, no global logger, no argv.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';

import type { BridgeError } from './errors.ts';
import type { Frame } from './frame.ts';
import type { Logger } from './log.ts';
import type { WideRecord } from './record.ts';
import type { LogRecord, Metric, Span } from './signal.ts';

export interface Component {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** What the component serves on the bridge's one HTTP port. */
  readonly routes?: readonly Route[];
  /** What others must know to reach the component, such as its bound port; valid after start(). */
  connection?(): Record<string, string | number>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** An exact path, such as `/metrics`. */
  readonly path: string;
  /** `public`: anyone who reaches the port. `data`: needs the token off loopback. `control`: always needs it. */
  readonly access: 'public' | 'data' | 'control';
  handle(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
}

interface CommonContext {
  /** Config name, such as `udp` or `udp/second`. */
  readonly id: string;
  readonly log: Logger;
  /** The only way to tell of trouble: counts by code and reason, logs at most once per ten seconds and code. */
  report(error: BridgeError): void;
}

/**
 * How far a receiver has read its input, by part, such as a file: JSON values of its own; undefined for a part that is to
 * be forgotten. What is handed on beside a batch says only what the batch has changed.
 */
export type Positions = ReadonlyMap<string, unknown>;

export interface ReceiverContext extends CommonContext {
  /** A file of the receiver's own for what it must remember over a restart but its positions. It may not exist. */
  readonly stateFile: string;
  /** All positions that were handed on and are on disk, as of this start. */
  remembered(): Positions;
  /** Microseconds since the epoch, now. */
  now(): number;
  /** Bytes that a receiver whose input has an end has read of it, as they lie on disk: for a progress bar. */
  read?(bytes: number): void;
  /** Everything as it came, before anything is looked at: counts it and feeds `--capture`. */
  received(frames: readonly Frame[]): void;
  /** Input that cannot be used: counts it by reason and keeps it in the quarantine. */
  reject(frame: Frame, error: BridgeError): void;
  /**
   * Hands records on. Resolves when the journal has them on disk; rejects when the bridge cannot take them now
   * (keep the input, try again). `raw` are the frames that the records came from; `positions` are on disk when the
   * records are, so a receiver that gives them hands on one batch after the other.
   */
  next(records: readonly WideRecord[], raw?: readonly Frame[], positions?: Positions): Promise<void>;
}

/** What one journal entry gave rise to, for exporters. Arrays that an exporter does not ask for are empty. */
export interface ExportBatch {
  readonly records: readonly WideRecord[];
  readonly spans: readonly Span[];
  readonly logs: readonly LogRecord[];
  readonly metrics: readonly Metric[];
  /** What the records came from, for an exporter that hands bytes to a thread of its own. */
  readonly frames?: readonly Frame[];
}

export type ExportKind = keyof ExportBatch;

export interface ExporterContext extends CommonContext {
  /** A file of the exporter's own for what it must remember over a restart. It may not exist. */
  readonly stateFile: string;
  /** The metrics as they are now, for exporters that are asked instead of told. */
  collect(): readonly Metric[];
  /** Counts items that were delivered, or dropped for a reason from a closed list. */
  count(outcome: 'sent' | 'dropped', items: number, reason?: string): void;
}

export interface Exporter extends Component {
  /**
   * Resolves when the batch is delivered for good. Rejects with BRIDGE_REFUSED or BRIDGE_IO to be tried again,
   * with BRIDGE_REJECTED to give the batch up.
   */
  export(batch: ExportBatch): Promise<void>;
}

interface Spec<S extends z.ZodType, C, T> {
  /** Config name, lower_snake_case, equal to the file's name. */
  readonly type: string;
  /** One sentence for `parsl-otel components` and the reference page. */
  readonly summary: string;
  readonly config: S;
  create(config: z.output<S>, context: C): T;
}

export type ReceiverSpec<S extends z.ZodType = z.ZodType> = Spec<S, ReceiverContext, Component>;

export interface ExporterSpec<S extends z.ZodType = z.ZodType> extends Spec<S, ExporterContext, Exporter> {
  readonly wants: readonly ExportKind[];
}

export function defineReceiver<S extends z.ZodType>(spec: ReceiverSpec<S>): ReceiverSpec<S> {
  return spec;
}

export function defineExporter<S extends z.ZodType>(spec: ExporterSpec<S>): ExporterSpec<S> {
  return spec;
}
