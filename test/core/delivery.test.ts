import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';

import type { Positions, ReceiverContext } from '../../bridge/core/component.ts';
import { openDelivery } from '../../bridge/core/delivery.ts';
import { BridgeError } from '../../bridge/core/errors.ts';
import { Channel, type Frame } from '../../bridge/core/frame.ts';
import type { Decode } from '../../bridge/core/intake.ts';
import { deaf } from '../helpers/receiver.ts';

const BYTES = new Uint8Array(400_000);
/** Frames are numbered by their time; a number that 10 divides is bad. */
const frame = (time: number): Frame => ({ channel: Channel.zmq, time, payload: BYTES });
const isBad = ({ time }: Frame): boolean => time % 10 === 0;
const decode: Decode = (frames) => ({
  records: frames.filter((one) => !isBad(one)).map(({ time }) => ({ time })),
  problems: frames.filter(isBad).map((one) => ({ frame: one, error: new BridgeError('BRIDGE_DECODE', 'bad') })),
});
const at = (time: number): Positions => new Map([['file', time]]);
const never = new AbortController().signal;

/** A journal that takes a batch whole or not at all; `refuses` is asked before each. */
function journal(refuses: () => Promise<boolean> | boolean) {
  const told = { records: [] as number[], position: -1, bad: [] as number[], taken: 0, wrong: 0 };
  const context: ReceiverContext = {
    ...deaf,
    reject: ({ time }) => void told.bad.push(time),
    async next(records, _, positions) {
      if (await refuses()) throw new BridgeError('BRIDGE_REFUSED', 'full');
      told.records.push(...records.map((record) => Number(record['time'])));
      told.position = Number(positions?.get('file') ?? told.position);
      told.taken += 1;
      const upTo = Array.from({ length: told.position + 1 }, (_, time) => time).filter((time) => time % 10 !== 0);
      // At this moment, as at any, a crash may come: the journal holds what the position says, no more and no less.
      if (told.records.join() !== upTo.join()) told.wrong += 1;
    },
  };
  return { context, told };
}

/** The same numbers for the same seed, from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271 + 11) % 2_147_483_647) / 2_147_483_647;
}

describe('core/delivery', () => {
  it('has on disk what its position says at any moment, whatever is refused, however long it takes', async () => {
    const one = async (seed: number): Promise<void> => {
      const next = random(seed);
      let refusals = 4;
      const { context, told } = journal(async () => {
        for (let turns = next() * 5; turns > 0; turns--) await turn();
        return next() < 0.2 && refusals-- > 0;
      });
      const delivery = openDelivery(context, decode, never);
      for (let time = 0; time < 30; time++) {
        assert.ok(await delivery.add([frame(time)], at(time)));
        if (next() < 0.1) assert.ok(await delivery.flush());
      }
      assert.ok(await delivery.flush());
      assert.deepEqual([told.position, told.wrong], [29, 0]);
      assert.deepEqual(told.bad, [0, 10, 20]);
    };
    await Promise.all(Array.from({ length: 50 }, (_, seed) => one(seed + 1)));
  });

  it('leaves nothing behind a batch that was refused until the stop', async () => {
    const stopping = new AbortController();
    let calls = 0;
    const { context, told } = journal(() => ++calls >= 2);
    const delivery = openDelivery(context, decode, stopping.signal);
    for (let time = 0; time < 9; time++) await delivery.add([frame(time)], at(time));
    stopping.abort();
    assert.equal(await delivery.flush(), false);
    assert.deepEqual([told.taken, told.position], [1, 2]);
    assert.equal(await delivery.add([frame(9)], at(9)), false);
    const before = calls;
    assert.equal(await delivery.flush(), false);
    assert.equal(calls, before);
  });

  it('decodes the next batches while one is on its way, no more than it may hold', async () => {
    const gate = Promise.withResolvers<boolean>();
    let decoded = 0;
    const { context, told } = journal(() => gate.promise);
    const counting: Decode = (frames, receiver) => {
      decoded += frames.length;
      return decode(frames, receiver);
    };
    const delivery = openDelivery(context, counting, never);
    for (let time = 0; time < 11; time++) await delivery.add([frame(time)], at(time));
    assert.equal(decoded, 9); // Three frames at a time.
    const full = delivery.add([frame(11)], at(11));
    assert.equal(await Promise.race([full.then(() => 'taken'), turnsOf(20)]), 'waits');
    gate.resolve(false);
    assert.ok(await full);
    assert.ok(await delivery.flush());
    assert.equal(decoded, 12);
    assert.equal(told.taken, 2); // What had gathered went as one batch.
  });

  it('hands on a position without frames, with the frames that follow or alone', async () => {
    const handed: [number, unknown][] = [];
    const { context } = journal(() => false);
    const next: ReceiverContext['next'] = (records, _, positions = new Map()) => {
      handed.push([records.length, [...positions]]);
      return Promise.resolve();
    };
    const delivery = openDelivery({ ...context, next }, decode, never);
    await delivery.add([], new Map([['gone', undefined]]));
    await delivery.add([frame(1)], at(1));
    await delivery.flush();
    await delivery.add([], at(2));
    await delivery.flush();
    await delivery.flush();
    assert.deepEqual(handed, [[1, [['gone', undefined], ['file', 1]]], [0, [['file', 2]]]]); // prettier-ignore
  });

  it('counts a bad frame once the batch is on disk, so that reading it again does not count it twice', async () => {
    const stopping = new AbortController();
    const { context, told } = journal(() => true);
    const refused = openDelivery(context, decode, stopping.signal);
    await refused.add([frame(0), frame(1)], at(1));
    stopping.abort();
    assert.equal(await refused.flush(), false);
    assert.deepEqual(told.bad, []);
    const again = journal(() => false);
    const delivery = openDelivery(again.context, decode, never);
    await delivery.add([frame(0), frame(1)], at(1));
    assert.ok(await delivery.flush());
    assert.deepEqual(again.told.bad, [0]);
  });
});

async function turnsOf(count: number): Promise<string> {
  for (let turns = 0; turns < count; turns++) await turn();
  return 'waits';
}
