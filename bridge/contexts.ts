/**
 * The contexts that components are handed: counting, logging at a bounded rate, the quarantine and the capture are
 * wrapped around them here, so that no component has to know of any of these.
 */
import { join } from 'node:path';

import type { CaptureFile } from './capture_file.ts';
import type { ExporterContext, Positions, ReceiverContext } from './core/component.ts';
import type { BridgeError } from './core/errors.ts';
import type { Logger } from './core/log.ts';
import type { Meters } from './core/meters.ts';
import type { Metric } from './core/signal.ts';
import type { Quarantine } from './quarantine.ts';

/** The same trouble of the same component is logged once in this time. */
const LOG_EVERY_US = 10_000_000;

export interface Surroundings {
  readonly log: Logger;
  readonly meters: Meters;
  readonly now: () => number;
  readonly quarantine: Quarantine;
  readonly capture: CaptureFile | undefined;
  readonly stateDir: string;
  readonly take: (receiver: string, ...batch: Parameters<ReceiverContext['next']>) => Promise<void>;
  readonly remembered: (receiver: string) => Positions;
  readonly collect: () => readonly Metric[];
  readonly onRead?: ((bytes: number) => void) | undefined;
  /** Told of what is wrong with the input of receivers, instead of the log. */
  readonly onProblem?: ((error: BridgeError) => void) | undefined;
}

export interface Contexts {
  receiver(id: string): ReceiverContext;
  exporter(id: string): ExporterContext;
  /** When each receiver last got anything, microseconds. */
  readonly lastReceived: ReadonlyMap<string, number>;
}

export function contexts(surroundings: Surroundings): Contexts {
  const { log, meters, now, quarantine, capture, stateDir, take, remembered, collect, onRead, onProblem } =
    surroundings;
  const lastReceived = new Map<string, number>();

  function common(id: string, tell?: (error: BridgeError) => void) {
    const logged = new Map<string, number>();
    return {
      id,
      log,
      report(error: BridgeError): void {
        meters.add('errors', [id, error.code, error.reason ?? ''], error.items ?? 1);
        if (tell !== undefined) return tell(error);
        const key = `${error.code} ${error.reason ?? ''}`;
        const at = now();
        if (at - (logged.get(key) ?? -Infinity) < LOG_EVERY_US) return;
        logged.set(key, at);
        const { code, reason, message, hint } = error;
        log.warn({ component: id, code, reason, message, hint }, 'Trouble in a component.');
      },
    };
  }

  return {
    lastReceived,
    receiver(id) {
      const context = common(id, onProblem);
      return {
        ...context,
        stateFile: join(stateDir, `${id.replaceAll('/', '_')}.json`),
        remembered: () => remembered(id),
        now,
        read: (bytes) => onRead?.(bytes),
        received(frames) {
          meters.add('received', [id], frames.length);
          meters.add(
            'receivedBytes',
            [id],
            frames.reduce((bytes, { payload }) => bytes + payload.length, 0),
          );
          lastReceived.set(id, now());
          capture?.write(frames);
        },
        reject(frame, error) {
          meters.add('undecodable', [id, error.reason ?? error.code]);
          context.report(error);
          quarantine.keep(id, frame);
        },
        async next(records, raw, positions) {
          try {
            await take(id, records, raw, positions);
          } catch (error) {
            meters.add('refused', [id], records.length);
            throw error;
          }
          meters.add('acknowledged', [id], records.length);
        },
      };
    },
    exporter(id) {
      return {
        ...common(id),
        stateFile: join(stateDir, `exporter_${id.replaceAll('/', '_')}.json`),
        collect,
        count(outcome, items, reason) {
          if (outcome === 'sent') meters.add('sent', [id], items);
          else meters.add('dropped', [id, reason ?? 'unknown'], items);
        },
      };
    },
  };
}
