import assert from 'node:assert/strict';

import { BridgeError } from '../../bridge/core/errors.ts';
import { Channel, type Frame } from '../../bridge/core/frame.ts';
import { handOn, inSlices, Intake, sift, type Decode, type Sifted } from '../../bridge/core/intake.ts';
import { deaf } from '../helpers/receiver.ts';

const frame = (size: number): Frame => ({ channel: Channel.zmq, time: 0, payload: new Uint8Array(size) });
const all = (frames: readonly Frame[]): Sifted => ({ records: frames.map(() => ({})), frames, rejected: 0 });
const limits = { batch_frames_max: 10, buffer_frames_max: 20, buffer_bytes_max: 1_000 };

function context(next: (frames: readonly Frame[]) => Promise<void>) {
  const batches: number[] = [];
  const reported: BridgeError[] = [];
  return {
    batches,
    reported,
    ...deaf,
    report: (error: BridgeError) => void reported.push(error),
    async next(_: unknown, frames: readonly Frame[] = []) {
      await next(frames);
      batches.push(frames.length);
    },
  };
}

/** A `next` that waits until it is let go. */
function gate(): { wait: () => Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { wait: () => opened, open };
}

describe('core/intake', () => {
  describe('Intake', () => {
    it('collects what comes while a batch is on its way, up to the limit of a batch', async () => {
      const { wait, open } = gate();
      const told = context(wait);
      const intake = new Intake(limits, told, all);
      for (let i = 0; i < 10; i++) intake.offer(frame(1)); // A full batch leaves at once.
      for (let i = 0; i < 15; i++) assert.ok(intake.offer(frame(1)));
      open();
      await intake.close();
      assert.deepEqual(told.batches, [10, 10, 5]);
    });

    it('refuses frames beyond its limits, and takes them again when there is room', async () => {
      const { wait, open } = gate();
      const told = context(wait);
      const intake = new Intake({ ...limits, batch_frames_max: 1 }, told, all);
      assert.ok(intake.offer(frame(1)));
      for (let i = 0; i < 20; i++) assert.ok(intake.offer(frame(1)));
      assert.ok(!intake.offer(frame(1)));
      const room = intake.room();
      open();
      await room;
      assert.ok(intake.offer(frame(1)));
      await intake.close();
      assert.equal(told.batches.length, 22);
    });

    it('bounds the bytes that wait, and lets a frame pass that is larger than the buffer', async () => {
      const { wait, open } = gate();
      const intake = new Intake({ ...limits, batch_frames_max: 1 }, context(wait), all);
      assert.ok(intake.offer(frame(5_000)));
      assert.ok(intake.offer(frame(600)));
      assert.ok(!intake.offer(frame(600)));
      assert.ok(intake.offer(frame(400)));
      open();
      await intake.close();
    });

    it('takes frames after it was empty, again and again', async () => {
      const told = context(() => Promise.resolve());
      const intake = new Intake({ ...limits, batch_frames_max: 1 }, told, all);
      for (let i = 0; i < 5; i++) {
        intake.offer(frame(1));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await intake.close();
      assert.equal(told.batches.length, 5);
    });

    it('gives up at the end, and reports every frame', async () => {
      const told = context(() => Promise.reject(new Error('full')));
      const intake = new Intake(limits, told, all);
      for (let i = 0; i < 15; i++) intake.offer(frame(1));
      await intake.close();
      assert.equal(told.reported.filter(({ reason }) => reason === 'stopped').length, 15);
    });
  });

  describe('inSlices', () => {
    it('gives the same as one look, and lets the event loop turn in between', async () => {
      const frames = Array.from({ length: 1_000 }, () => frame(1));
      let turns = 0;
      const timer = setInterval(() => turns++, 0);
      let looks = 0;
      const look = (slice: readonly Frame[]): Sifted => ((looks += 1), { ...all(slice), rejected: 1 });
      const sifted = await inSlices(frames, look);
      clearInterval(timer);
      assert.deepEqual([sifted.frames, sifted.records.length, sifted.rejected], [frames, 1_000, looks]);
      assert.ok(looks > 1);
    });

    it('cuts large frames into small slices', async () => {
      let looks = 0;
      await inSlices(Array.from({ length: 8 }, () => frame(2 ** 18)), (slice) => ((looks += 1), all(slice))); // prettier-ignore
      assert.equal(looks, 4);
    });

    it('looks at nothing, too', async () => {
      assert.deepEqual(await inSlices([], all), { records: [], frames: [], rejected: 0 });
    });
  });

  describe('sift', () => {
    it('rejects each problem and keeps the frames that have none', () => {
      const [good, bad] = [frame(1), frame(2)];
      const error = new BridgeError('BRIDGE_DECODE', 'decode');
      const decode: Decode = () => ({ records: [{ a: 1 }], problems: [{ frame: bad, error }] });
      const rejected: unknown[] = [];
      const sifted = sift([good, bad], decode, { id: 'test', reject: (...args) => void rejected.push(args) });
      assert.deepEqual(sifted, { records: [{ a: 1 }], frames: [good], rejected: 1 });
      assert.deepEqual(rejected, [[bad, error]]);
    });
  });

  describe('handOn', () => {
    it('tries until it is taken', async () => {
      let refusals = 2;
      const told = context(() => (refusals-- > 0 ? Promise.reject(new Error('full')) : Promise.resolve()));
      assert.ok(await handOn(all([frame(1)]), told, new AbortController().signal));
      assert.equal(told.reported.length, 2);
    });

    it('gives up when it is told to, after one try', async () => {
      let tries = 0;
      const told = context(() => ((tries += 1), Promise.reject(new Error('full'))));
      assert.equal(await handOn(all([frame(1)]), told, AbortSignal.abort()), false);
      assert.equal(tries, 1);
    });

    it('does not hand on nothing', async () => {
      const told = context(() => Promise.reject(new Error('full')));
      assert.ok(await handOn({ records: [], frames: [frame(1)] }, told, AbortSignal.abort()));
    });
  });
});
