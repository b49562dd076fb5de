/**
 * Runs exporters in tests, and is the only place in them that knows the exporter's contract. Collects what an exporter
 * tells its context.
 */
import assert from 'node:assert/strict';
import type { z } from 'zod';

import type { ExportBatch, Exporter, ExporterContext, ExporterSpec } from '../../bridge/core/component.ts';
import { BridgeError } from '../../bridge/core/errors.ts';
import type { Logger } from '../../bridge/core/log.ts';
import type { Metric } from '../../bridge/core/signal.ts';

export interface ToldByExporter {
  sent: number;
  /** Items by reason. */
  readonly dropped: Record<string, number>;
  readonly reported: BridgeError[];
  readonly logged: { readonly level: keyof Logger; readonly fields: object; readonly message: string }[];
}

export interface Collecting extends ToldByExporter {
  readonly context: ExporterContext;
}

/** A context that only collects. */
export function collecting(collect: () => readonly Metric[] = () => []): Collecting {
  const told: ToldByExporter = { sent: 0, dropped: {}, reported: [], logged: [] };
  const log = (level: keyof Logger) => (fields: object, message: string) =>
    void told.logged.push({ level, fields, message });
  const context: ExporterContext = {
    id: 'tested',
    log: { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') },
    stateFile: '',
    report: (error) => void told.reported.push(error),
    collect,
    count(outcome, items, reason = '') {
      if (outcome === 'sent') told.sent += items;
      else told.dropped[reason] = (told.dropped[reason] ?? 0) + items;
    },
  };
  return Object.assign(told, { context });
}

export interface RunningExporter extends ToldByExporter {
  readonly exporter: Exporter;
  export(batch: Partial<ExportBatch>): Promise<void>;
  stop(): Promise<void>;
}

/** Creates and starts an exporter. */
export async function startExporter<S extends z.ZodType>(
  spec: ExporterSpec<S>,
  config: z.input<S>,
): Promise<RunningExporter> {
  const told = collecting();
  const exporter = spec.create(spec.config.parse(config), told.context);
  await exporter.start();
  return Object.assign(told, {
    exporter,
    export: (batch: Partial<ExportBatch>) => exporter.export(batchOf(batch)),
    stop: () => exporter.stop(),
  });
}

/** A batch with the arrays that are given, and empty ones. */
export function batchOf(batch: Partial<ExportBatch>): ExportBatch {
  return { records: [], spans: [], logs: [], metrics: [], frames: [], ...batch };
}

/** The error that a promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<BridgeError> {
  const error: unknown = await promise.then(
    () => assert.fail('it was delivered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BridgeError, String(error));
  return error;
}
