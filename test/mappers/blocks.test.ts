import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { LiveEngine, pointsOf, recorded } from '../helpers/engine.ts';
import { at, parsl } from '../helpers/records.ts';

const job = { 'parsl.job_id': '4711' };
const running = (block: string, seconds: number, executor = 'htex') =>
  parsl.block(executor, block, 'RUNNING', seconds, job);

/** `block state: value` of each point, live at `seconds`. */
function shown(name: string, records: readonly WideRecord[], seconds: number): string[] {
  const live = new LiveEngine().apply([parsl.begin(0), ...records]).tick(at(seconds));
  return pointsOf(live.engine.collect(at(seconds)), name).map(
    ({ attributes, value }) =>
      `${String(attributes['executor'])}/${String(attributes['block'])} ${String(attributes['job_id'])} ${String(attributes['state'])}: ${value}`,
  );
}

const idle = (records: readonly WideRecord[], seconds: number): string[] => shown('parsl.block.idle', records, seconds);

describe('mappers/blocks', () => {
  describe('a running block on which nothing runs', () => {
    const used = [running('0', 2), parsl.manager('m', 3), ...parsl.whole(0, 4, 10)];

    it('is shown with its batch job since it began, unused, and with its workers', () => {
      const records = [parsl.block('htex', '0', 'PENDING', 1, job), running('0', 2), parsl.manager('m', 3)];
      assert.deepEqual(idle(records, 62), ['htex/0 4711 unused: 60']);
      assert.deepEqual(shown('parsl.block.idle.workers', records, 62), ['htex/0 4711 unused: 4']);
    });

    it('is shown since its last try ended once there was one, closed or not', () => {
      assert.deepEqual(idle(used, 10.9), ['htex/0 4711 used: 1']);
      assert.deepEqual(idle(used, 69.9), ['htex/0 4711 used: 60']);
    });

    it('is not shown while a worker runs a try of it, or a manager of it holds one', () => {
      const runs = [
        running('0', 2),
        parsl.manager('m', 3),
        parsl.task(0, 0, 'launched', 4),
        parsl.worker(0, 0, 'running', 5),
      ];
      assert.deepEqual(idle(runs, 62), []);
      assert.deepEqual(idle([...used, parsl.manager('m', 11, { 'parsl.manager_info.tasks': '7' })], 62), []);
    });

    it('is shown since its first manager came, if that was before the batch system was asked', () => {
      const pending = [parsl.block('htex', '0', 'PENDING', 1, job), parsl.manager('m', 2)];
      assert.deepEqual(idle(pending, 62), ['htex/0 4711 unused: 60']);
      assert.deepEqual(idle([...pending, running('0', 50)], 62), ['htex/0 4711 unused: 60']);
    });

    it('does not say how many workers it has where its managers may be another executor’s', () => {
      const two = [running('0', 2), running('0', 2, 'other'), parsl.manager('m', 3)];
      assert.deepEqual(shown('parsl.block.idle.workers', two, 62), []);
      assert.deepEqual(idle(two, 62), ['htex/0 4711 unused: 60', 'other/0 4711 unused: 60']);
      assert.deepEqual(idle([...two, parsl.manager('m', 4, { 'parsl.manager_info.tasks': '7' })], 62), []);
    });

    it('is not shown before it runs, after it ended, or when the run has ended', () => {
      assert.deepEqual(idle([parsl.block('htex', '0', 'PENDING', 1)], 62), []);
      assert.deepEqual(idle([running('0', 2), parsl.block('htex', '0', 'TIMEOUT', 50)], 62), []);
      assert.deepEqual(idle([running('0', 2), parsl.end(50)], 51), []);
    });

    it('is not shown where workers name no block: then nobody knows which blocks they are in', () => {
      const nowhere = { 'parsl.block': null };
      const runs = [running('0', 2), parsl.task(0, 0, 'launched', 4), parsl.worker(0, 0, 'running', 5, nowhere)];
      assert.deepEqual(idle(runs, 62), []);
      const has = parsl.whole(0, 4, 10).map((record) => ({ ...record, ...nowhere }));
      assert.deepEqual(idle([running('0', 2), ...has], 62), []);
      assert.deepEqual(idle([running('0', 2, 'other'), running('0', 2), ...has], 62), ['other/0 4711 unused: 60']);
    });

    it('comes with at most 2,000 others, those that were idle for longest', () => {
      const many = Array.from({ length: 2_100 }, (_, block) => running(String(block), 2_200 - block));
      const lines = idle(many, 2_200);
      assert.deepEqual([lines.length, lines[0]], [2_000, 'htex/2099 4711 unused: 2099']);
    });
  });

  describe('a failed block', () => {
    const failed = (records: readonly WideRecord[], seconds: number): string[] =>
      shown('parsl.block.failed', records, seconds);
    const fails = (block: string, seconds: number, state = 'FAILED') => parsl.block('htex', block, state, seconds, job);

    it('is shown with its batch job for an hour, and so is one that went missing', () => {
      const records = [running('0', 2), fails('0', 10), fails('1', 5, 'MISSING'), running('2', 2)];
      assert.deepEqual(failed(records, 40), ['htex/0 4711 FAILED: 30', 'htex/1 4711 MISSING: 35']);
      assert.deepEqual(failed(records, 3_608), ['htex/0 4711 FAILED: 3598']);
      assert.deepEqual(failed([...records, parsl.end(50)], 51), []);
    });

    it('is shown if it is among the newest five of its executor', () => {
      const records = Array.from({ length: 9 }, (_, block) => fails(String(block), block));
      const lines = failed([...records, parsl.block('other', '0', 'FAILED', 1, job)], 10);
      assert.deepEqual(lines.map((line) => line.slice(0, 7)), ['htex/8 ', 'htex/7 ', 'htex/6 ', 'htex/5 ', 'htex/4 ', 'other/0']); // prettier-ignore
    });

    it('is block 1 of the recording in which it was made to fail', () => {
      const whole = recorded('2026.05.25-W3-htex');
      const live = new LiveEngine();
      const states = new Set<string>();
      for (const record of whole) {
        live.apply([record]);
        for (const { attributes } of pointsOf(
          live.engine.collect(Number(record['source.arrival'])),
          'parsl.block.failed',
        ))
          states.add(`${String(attributes['block'])} ${String(attributes['job_id'])}`);
      }
      assert.deepEqual([...states], ['1 9372']);
    });
  });
});
