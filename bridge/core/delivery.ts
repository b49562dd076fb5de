/**
 * From a receiver that reads its input by itself to `next`: in batches, each with how far the input was read when it ended.
 *
 * While one batch is on its way to disk the next ones are decoded, at most so many. They are handed on one after the
 * other: were a later batch on disk and this one not, its positions would tell that this one is. So a restart at any
 * moment goes on behind the last batch that the journal holds.
 */
import type { Positions, ReceiverContext } from './component.ts';
import type { BridgeError } from './errors.ts';
import type { Frame } from './frame.ts';
import { handOn, inSlices, sift, type Decode, type Sifted } from './intake.ts';

const BATCH_BYTES = 2 ** 20;
const UNDERWAY_MAX = 4;

export interface Delivery {
  /**
   * Takes frames and how far the input is read behind them; resolves when there is room for more. False if the receiver
   * is being stopped: then nothing was taken.
   */
  readonly add: (frames: readonly Frame[], positions: Positions) => Promise<boolean>;
  /** Resolves when all that was added is on disk, or to false if the receiver was stopped before. */
  readonly flush: () => Promise<boolean>;
}

interface Batch extends Sifted {
  readonly positions: Positions;
  readonly problems: readonly (readonly [Frame, BridgeError])[];
}

/** `stopping` ends the wait for a `next` that refuses. */
export function openDelivery(context: ReceiverContext, decode: Decode, stopping: AbortSignal): Delivery {
  let frames: Frame[] = [];
  let positions = new Map<string, unknown>();
  let bytes = 0;
  /** The oldest first; each resolves to false if it was not taken. */
  const underway: Promise<boolean>[] = [];
  let last = Promise.resolve(true);

  async function send(batch: Batch, before: Promise<boolean>): Promise<boolean> {
    if (!(await before) || !(await handOn(batch, context, stopping))) return false;
    // Not before: what is read again after a stop would be counted and kept aside twice.
    for (const [frame, error] of batch.problems) context.reject(frame, error);
    return true;
  }

  /** Decodes what was added and hands it on in its turn; waits for the oldest batch if too many are underway. */
  async function start(): Promise<void> {
    if (frames.length === 0 && positions.size === 0) return;
    const batch = frames;
    const reached = positions;
    frames = [];
    positions = new Map();
    bytes = 0;
    context.received(batch);
    const problems: [Frame, BridgeError][] = [];
    const aside = { id: context.id, reject: (...problem: [Frame, BridgeError]) => void problems.push(problem) };
    const sifted = await inSlices(batch, (slice) => sift(slice, decode, aside));
    last = send({ ...sifted, positions: reached, problems }, last);
    underway.push(last);
    if (underway.length >= UNDERWAY_MAX) await underway.shift();
  }

  return {
    async add(more, reached) {
      if (stopping.aborted) return false;
      for (const frame of more) {
        frames.push(frame);
        bytes += frame.payload.length;
      }
      for (const [part, position] of reached) positions.set(part, position);
      if (bytes >= BATCH_BYTES) await start();
      return true;
    },
    async flush() {
      await start();
      return last;
    },
  };
}
