/**
 * The delivery of one batch, over as many attempts as it takes: what each signal still owes, and what becomes of it.
 */
import { itemsOf } from '../../core/batch.ts';
import type { ExportBatch, ExporterContext } from '../../core/component.ts';
import { BridgeError } from '../../core/errors.ts';
import { isRetryable } from '../../core/retry.ts';
import type { Signal, Target } from './config.ts';
import { logEncoding } from './logs.ts';
import { metricEncoding, setStaleApart } from './metrics.ts';
import type { Encoder, Request } from './split.ts';
import { spanEncoding } from './traces.ts';
import { sayable } from './transport.ts';
import type { Transport } from './transport.ts';

export interface Lane {
  readonly signal: Signal;
  readonly target: Target;
  readonly transport: Transport;
}

/** Where the delivery of one signal stands. */
interface Owed {
  readonly lane: Lane;
  readonly requests: Generator<Request, void>;
  /** The request that is being sent, or was refused. */
  current: Request | undefined;
  /** Items that are neither sent nor given up. */
  items: number;
}

type Told = Pick<ExporterContext, 'count' | 'report'>;

export class Delivery {
  readonly #owed: readonly Owed[];
  readonly #told: Told;

  constructor(batch: ExportBatch, lanes: readonly Lane[], encoder: Encoder, bytesMax: number, told: Told) {
    this.#told = told;
    this.#owed = lanes.map((lane) => {
      const tooLarge = (items: number): void => {
        owed.items -= items;
        told.count('dropped', items, 'too_large');
        const message = `encode ${lane.signal}: one item is larger than request_bytes_max, ${bytesMax}`;
        told.report(new BridgeError('BRIDGE_REJECTED', message, { reason: 'too_large' }));
      };
      const items = weightOf(batch, lane.signal);
      const owed: Owed = {
        lane,
        requests: requestsOf(batch, lane.signal, encoder, bytesMax, tooLarge),
        current: undefined,
        items,
      };
      return owed;
    });
  }

  /** Sends what is owed. Rejects with the first refusal; what other signals owe is sent all the same. */
  async run(): Promise<void> {
    let refusal: BridgeError | undefined;
    const dead = new Set<string>();
    for (const owed of this.#owed) {
      // Where one signal gets no answer the next would get none either, after another timeout.
      if (owed.items === 0 || dead.has(owed.lane.target.shown)) continue;
      const problem = await this.#send(owed);
      if (problem === undefined) continue;
      refusal ??= problem;
      dead.add(owed.lane.target.shown);
    }
    if (refusal !== undefined)
      throw about(
        refusal,
        this.#owed.reduce((sum, { items }) => sum + items, 0),
      );
  }

  /** Sends one signal's requests; returns the refusal if one has to be sent again. */
  async #send(owed: Owed): Promise<BridgeError | undefined> {
    const { lane, requests } = owed;
    for (;;) {
      owed.current ??= requests.next().value ?? undefined;
      if (owed.current === undefined) return undefined;
      const { body, items } = owed.current;
      try {
        const reply = await lane.transport.send(body);
        const rejected = Math.min(reply.rejected, items);
        if (items > rejected) this.#told.count('sent', items - rejected);
        if (rejected > 0) this.#told.count('dropped', rejected, 'partial_success');
        if (rejected > 0 || reply.message !== '') this.#told.report(partialSuccess(lane, rejected, reply.message));
      } catch (error) {
        if (isRetryable(error)) return error;
        const problem = BridgeError.from(error, 'BRIDGE_REJECTED', `send ${lane.signal}`);
        this.#told.count('dropped', items, 'rejected');
        this.#told.report(problem);
      }
      owed.items -= items;
      owed.current = undefined;
    }
  }
}

function requestsOf(
  batch: ExportBatch,
  signal: Signal,
  encoder: Encoder,
  bytesMax: number,
  tooLarge: (items: number) => void,
): Generator<Request, void> {
  switch (signal) {
    case 'traces':
      return encoder.requests(batch.spans, spanEncoding, bytesMax, tooLarge);
    case 'logs':
      return encoder.requests(batch.logs, logEncoding, bytesMax, tooLarge);
    case 'metrics':
      return encoder.requests(setStaleApart(batch.metrics), metricEncoding, bytesMax, tooLarge);
  }
}

const none: ExportBatch = { records: [], spans: [], logs: [], metrics: [] };

function weightOf({ spans, logs, metrics }: ExportBatch, signal: Signal): number {
  switch (signal) {
    case 'traces':
      return spans.length;
    case 'logs':
      return logs.length;
    case 'metrics':
      return itemsOf({ ...none, metrics });
  }
}

function partialSuccess({ signal, target }: Lane, rejected: number, said: string): BridgeError {
  const what = rejected > 0 ? `the server did not take ${rejected} items` : 'the server warns';
  const message = `send ${signal} to ${target.shown}: ${what}: ${sayable(said, target)}`;
  return new BridgeError('BRIDGE_REJECTED', message, { reason: 'partial_success' });
}

/** The same refusal, saying how many items it is about. */
function about({ code, message, cause, hint, reason, retryAfterMs }: BridgeError, items: number): BridgeError {
  return new BridgeError(code, message, { cause, hint, reason, retryAfterMs, items });
}
