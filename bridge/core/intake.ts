/**
 * From a socket's callback to `next`: frames wait in a bounded buffer, one loop takes them out in batches.
 *
 * A callback only appends. While one batch is on its way to disk the next one grows, so batches are small when
 * little comes and large under load, with no timer to tune. A batch is looked at in slices, between which the event
 * loop turns, so that a socket is read while another batch is decoded. What does not fit is the caller's to refuse.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import type { Positions, ReceiverContext } from './component.ts';
import { BridgeError } from './errors.ts';
import type { Frame } from './frame.ts';
import type { WideRecord } from './record.ts';

/** Frames, and bytes of them, that are decoded before the event loop turns: some 3 ms. */
const SLICE_FRAMES = 256;
const SLICE_BYTES = 2 ** 19;
/** Of a batch of several frames: the journal keeps a batch in one piece. */
const BATCH_BYTES_MAX = 2 ** 27;
/** How long a first frame waits for others: at low rates one journal entry, and one fsync, serves many. */
const LINGER_MS = 20;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** After close(), how long a `next` that refuses is tried again before what is held is given up. */
const GIVE_UP_MS = 2_000;

/** What is left of frames after a look at them: the good ones, and the records in them. */
export interface Sifted {
  readonly records: readonly WideRecord[];
  readonly frames: readonly Frame[];
  /** How many problems there were. */
  readonly rejected: number;
}

/** formats/frames.ts's `decodeFrames`. */
export type Decode = (
  frames: readonly Frame[],
  receiver: string,
) => { records: readonly WideRecord[]; problems: readonly { frame: Frame; error: BridgeError }[] };

/** Decodes frames and rejects those that do not decode. */
export function sift(
  frames: readonly Frame[],
  decode: Decode,
  context: Pick<ReceiverContext, 'id' | 'reject'>,
): Sifted {
  const { records, problems } = decode(frames, context.id);
  if (problems.length === 0) return { records, frames, rejected: 0 };
  const bad = new Set<Frame>();
  for (const { frame, error } of problems) {
    context.reject(frame, error);
    bad.add(frame);
  }
  return { records, frames: frames.filter((frame) => !bad.has(frame)), rejected: problems.length };
}

/** `look` over all frames, in slices between which the event loop turns. */
export async function inSlices(frames: readonly Frame[], look: (slice: readonly Frame[]) => Sifted): Promise<Sifted> {
  const first = sliceEnd(frames, 0);
  if (first === frames.length) return look(frames);
  const records: WideRecord[] = [];
  const good: Frame[] = [];
  let rejected = 0;
  for (let start = 0, end = first; start < frames.length; start = end, end = sliceEnd(frames, start)) {
    if (start > 0) await turn();
    const slice = look(frames.slice(start, end));
    for (const record of slice.records) records.push(record);
    for (const frame of slice.frames) good.push(frame);
    rejected += slice.rejected;
  }
  return { records, frames: good, rejected };
}

/** Where a slice that begins at `start` ends; it has one frame at least. */
function sliceEnd(frames: readonly Frame[], start: number): number {
  let end = start;
  for (let bytes = 0; end < frames.length && end - start < SLICE_FRAMES && bytes < SLICE_BYTES; end++) {
    bytes += frames[end]?.payload.length ?? 0;
  }
  return end;
}

/**
 * Calls `next` until it takes what it is given. Resolves to false if `giveUp` fired first: then nothing was handed
 * on. Tries at least once, also when `giveUp` has fired already. Without records and positions there is nothing to do.
 */
export async function handOn(
  { records, frames, positions = new Map() }: Pick<Sifted, 'records' | 'frames'> & { readonly positions?: Positions },
  context: Pick<ReceiverContext, 'next' | 'report'>,
  giveUp: AbortSignal,
): Promise<boolean> {
  if (records.length === 0 && positions.size === 0) return true;
  for (let pause = RETRY_MIN_MS; ; pause = Math.min(pause * 2, RETRY_MAX_MS)) {
    try {
      await context.next(records, frames, positions);
      return true;
    } catch (error) {
      context.report(BridgeError.from(error, 'BRIDGE_REFUSED', `hand on ${records.length} records`));
    }
    if (giveUp.aborted) return false;
    await sleep(pause, undefined, { signal: giveUp }).catch(() => {}); // Giving up ends the pause.
  }
}

export interface IntakeLimits {
  readonly batch_frames_max: number;
  readonly buffer_frames_max: number;
  readonly buffer_bytes_max: number;
}

export class Intake {
  readonly #limits: IntakeLimits;
  readonly #context: ReceiverContext;
  readonly #look: (frames: readonly Frame[]) => Sifted;
  readonly #giveUp = new AbortController();
  #waiting: Frame[] = [];
  #bytes = 0;
  #busy = false;
  #drained: Promise<void> = Promise.resolve();
  #linger: NodeJS.Timeout | undefined;
  #roomFor: (() => void) | undefined;

  /** `look` verifies and decodes a slice of frames, and rejects what is bad in it. */
  constructor(limits: IntakeLimits, context: ReceiverContext, look: (frames: readonly Frame[]) => Sifted) {
    this.#limits = limits;
    this.#context = context;
    this.#look = look;
  }

  /** Takes a frame in. False, and nothing taken, if the buffer is full. */
  offer(frame: Frame): boolean {
    const { batch_frames_max, buffer_frames_max, buffer_bytes_max } = this.#limits;
    const bytes = this.#bytes + frame.payload.length;
    // A frame larger than the whole buffer is taken into an empty one, else it would never pass.
    if (this.#waiting.length >= buffer_frames_max || (bytes > buffer_bytes_max && this.#bytes > 0)) return false;
    this.#bytes = bytes;
    const waiting = this.#waiting.push(frame);
    if (!this.#busy) {
      if (waiting >= batch_frames_max) this.#run();
      else this.#linger ??= setTimeout(() => this.#run(), LINGER_MS);
    }
    return true;
  }

  /** Resolves when a batch has been taken out. For one caller at a time. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#roomFor = resolve;
      this.#run();
    });
  }

  /**
   * Resolves when all that was taken in is handed on, after `offering` (whoever may still wait for room) has ended.
   * What `next` goes on refusing is given up after a while and reported frame by frame.
   */
  async close(offering: Promise<void> = Promise.resolve()): Promise<void> {
    const timer = setTimeout(() => this.#giveUp.abort(), GIVE_UP_MS);
    this.#run();
    await offering;
    this.#run();
    await this.#drained;
    clearTimeout(timer);
  }

  #run(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    if (this.#busy) return;
    this.#busy = true;
    this.#drained = this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      this.#context.received(batch);
      const sifted = await inSlices(batch, this.#look);
      if (await handOn(sifted, this.#context, this.#giveUp.signal)) continue;
      const lost = new BridgeError('BRIDGE_REFUSED', 'stop: what could not be handed on is lost', {
        reason: 'stopped',
      });
      for (let count = 0; count < sifted.frames.length; count++) this.#context.report(lost);
    }
    this.#busy = false; // In the same step as the last look at the buffer: an offer after it starts a new drain.
  }

  #take(): Frame[] {
    const { batch_frames_max } = this.#limits;
    let [count, bytes] = [0, 0];
    for (const { payload } of this.#waiting) {
      if (count === batch_frames_max || (count > 0 && bytes + payload.length > BATCH_BYTES_MAX)) break;
      count += 1;
      bytes += payload.length;
    }
    this.#bytes -= bytes;
    const batch = count === this.#waiting.length ? this.#waiting : this.#waiting.splice(0, count);
    if (batch === this.#waiting) this.#waiting = [];
    this.#roomFor?.();
    this.#roomFor = undefined;
    return batch;
  }
}
