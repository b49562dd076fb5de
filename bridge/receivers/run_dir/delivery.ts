/**
 * Hands frames on in batches: while the journal writes one the next is read and decoded, at most so many at a time. What
 * was acknowledged is told in the order in which it was added, so that a position is remembered only when all before it
 * is safe.
 */
import type { ReceiverContext } from '../../core/component.ts';
import type { Frame } from '../../core/frame.ts';
import { handOn, inSlices, sift, type Sifted } from '../../core/intake.ts';
import { decodeFrames } from '../../formats/frames.ts';

const BATCH_BYTES = 2 ** 20;
const UNDERWAY_MAX = 4;

export interface Delivery {
  /** `done` is called when the frames are safe. Resolves to false if the receiver was stopped. */
  readonly add: (frames: readonly Frame[], done: () => void) => Promise<boolean>;
  /** Resolves when all that was added is safe, or to false if the receiver was stopped before. */
  readonly flush: () => Promise<boolean>;
}

export function openDelivery(context: ReceiverContext, signal: AbortSignal): Delivery {
  let frames: Frame[] = [];
  let dones: (() => void)[] = [];
  let bytes = 0;
  const underway: Promise<boolean>[] = []; // The oldest first.
  let isStopped = false;

  async function send(sifted: Sifted, after: readonly (() => void)[], before?: Promise<boolean>): Promise<boolean> {
    const isTaken = await handOn(sifted, context, signal);
    if ((await before) === false || !isTaken) return false; // What is not safe will come again, and this after it.
    for (const done of after) done();
    return true;
  }

  /** Decodes what was added and starts to hand it on; waits for the oldest batch if too many are underway. */
  async function start(): Promise<boolean> {
    if (frames.length > 0) {
      const batch = frames;
      const after = dones;
      context.read?.(bytes);
      frames = [];
      dones = [];
      bytes = 0;
      context.received(batch);
      const sifted = await inSlices(batch, (slice) => sift(slice, decodeFrames, context));
      underway.push(send(sifted, after, underway.at(-1)));
      if (underway.length >= UNDERWAY_MAX) await settleOldest();
    }
    return !isStopped;
  }

  async function settleOldest(): Promise<void> {
    const [oldest] = underway;
    if (oldest === undefined) return;
    if (!(await oldest)) isStopped = true;
    void underway.shift();
  }

  return {
    async add(more, done) {
      for (const frame of more) {
        frames.push(frame);
        bytes += frame.payload.length;
      }
      dones.push(done);
      return bytes < BATCH_BYTES ? !isStopped : await start();
    },
    async flush() {
      await start();
      while (underway.length > 0) await settleOldest();
      return !isStopped;
    },
  };
}
