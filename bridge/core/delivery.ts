/**
 * From a receiver that reads its input by itself to `next`: in batches, each with how far the input was read when it ended.
 *
 * While one batch is on its way to disk the next is decoded, as far as there is room, and grows, so that a slow disk costs
 * little. They are handed on one after the other: were a later batch on disk and this one not, its positions would tell
 * that this one is. So a restart at any moment goes on behind the last batch that the journal holds.
 */
import type { Positions, ReceiverContext } from './component.ts';
import type { BridgeError } from './errors.ts';
import type { Frame } from './frame.ts';
import { handOn, inSlices, sift, type Decode, type Sifted } from './intake.ts';

/** What is decoded at a time, and how many of these may wait. */
const DECODE_BYTES = 2 ** 20;
const DECODED_MAX = 3;
/** Of what is put together; the journal keeps a batch in one piece. */
const MERGED_BYTES_MAX = 2 ** 23;

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
  readonly bytes: number;
  readonly positions: Positions;
  readonly problems: readonly (readonly [Frame, BridgeError])[];
}

/** `stopping` ends the wait for a `next` that refuses. */
export function openDelivery(context: ReceiverContext, decode: Decode, stopping: AbortSignal): Delivery {
  let frames: Frame[] = [];
  let positions = new Map<string, unknown>();
  let bytes = 0;
  const decoded: Batch[] = [];
  /** Of the batch that is on its way: whether it was taken. */
  let underway: Promise<boolean> | undefined;
  /** All that was decoded so far is taken. */
  let sent = Promise.resolve(true);

  /** Hands on what is decoded until there is no more of it, or to false if it was stopped. */
  async function send(): Promise<boolean> {
    let isTaken = true;
    while (isTaken && decoded.length > 0) {
      const batch = merge(decoded.splice(0, mergeable(decoded)));
      underway = handOn(batch, context, stopping);
      isTaken = await underway;
      // Not before: what is read again after a stop would be counted and kept aside twice.
      if (isTaken) for (const [frame, error] of batch.problems) context.reject(frame, error);
    }
    if (isTaken) underway = undefined; // Else nothing more is handed on.
    return isTaken;
  }

  /** Decodes what was added and hands it on in its turn; waits while too much waits. */
  async function start(): Promise<void> {
    if (frames.length === 0 && positions.size === 0) return;
    const batch = frames;
    const reached = { positions, bytes };
    frames = [];
    positions = new Map();
    bytes = 0;
    context.received(batch);
    const problems: [Frame, BridgeError][] = [];
    const aside = { id: context.id, reject: (...problem: [Frame, BridgeError]) => void problems.push(problem) };
    const sifted = await inSlices(batch, (slice) => sift(slice, decode, aside));
    decoded.push({ ...sifted, ...reached, problems });
    if (underway === undefined) sent = send();
    if (decoded.length >= DECODED_MAX) await underway;
  }

  return {
    async add(more, reached) {
      if (stopping.aborted) return false;
      for (const frame of more) {
        frames.push(frame);
        bytes += frame.payload.length;
      }
      for (const [part, position] of reached) positions.set(part, position);
      if (bytes >= DECODE_BYTES) await start();
      return true;
    },
    async flush() {
      await start();
      return sent;
    },
  };
}

/** How many of the first batches may go as one; at least one. */
function mergeable(batches: readonly Batch[]): number {
  let sum = 0;
  const end = batches.findIndex(({ bytes }, at) => (sum += bytes) > MERGED_BYTES_MAX && at > 0);
  return end === -1 ? batches.length : end;
}

function merge(batches: readonly Batch[]): Batch {
  const [first] = batches;
  if (first !== undefined && batches.length === 1) return first;
  return {
    records: batches.flatMap(({ records }) => records),
    frames: batches.flatMap(({ frames }) => frames),
    rejected: batches.reduce((sum, { rejected }) => sum + rejected, 0),
    bytes: batches.reduce((sum, { bytes }) => sum + bytes, 0),
    positions: new Map(batches.flatMap(({ positions }) => [...positions])),
    problems: batches.flatMap(({ problems }) => problems),
  };
}
