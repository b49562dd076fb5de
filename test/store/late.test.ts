/** What becomes known of a log record after it was stored: it is completed when its run closes. */
import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { Channel } from '../../bridge/core/frame.ts';
import type { RecordRow } from '../../bridge/core/row.ts';
import { Engine } from '../../bridge/engine.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { findInputs, readFrames } from '../../bridge/inputs.ts';
import { createOperators, liveLimits, noLimits, type Operators } from '../../bridge/processors/operators.ts';
import { shippedRules } from '../../bridge/rules.ts';
import { openStore } from '../../bridge/store/sqlite.ts';
import type { Store } from '../../bridge/store/store.ts';
import { runDir } from '../helpers/run_dirs.ts';
import { makeRows, none } from './rows.ts';

/** The logs of a run directory, file by file; what the submit side says comes last. */
async function files(name: string): Promise<WideRecord[][]> {
  const byPath = new Map<string, WideRecord[]>();
  for (const input of findInputs([runDir(name)]))
    for await (const frames of readFrames(input, (error) => assert.fail(error), () => {}))
      for (const record of decodeFrames(frames.filter(({ channel }) => channel === Channel.log), 'test').records) {
        const path = String(record['source.path']);
        byPath.set(path, [...(byPath.get(path) ?? []), record]);
      }
  const isLast = ([record]: WideRecord[]): number => Number(record?.['source.log'] === 'parsl');
  return [...byPath.values()].sort((a, b) => isLast(a) - isLast(b));
} // prettier-ignore

/** Stores them as a bridge does to which a file comes every minute. */
function take(batches: readonly (readonly WideRecord[])[], operators: Operators): { engine: Engine; store: Store } {
  const engine = new Engine({ closing: 'live', hasSignals: false, zone: undefined });
  const store = openStore(':memory:');
  batches.forEach((records, minute) => {
    engine.apply(operators.apply(records, 60e6 * minute), 60e6 * minute);
    engine.apply(operators.tick(60e6 * minute + 30e6), 60e6 * minute + 30e6);
    store.write(engine.takeRows(), minute + 1);
  });
  return { engine, store };
}

function finish({ engine, store }: { engine: Engine; store: Store }, operators: Operators): void {
  const records = operators.finish();
  engine.apply(records, 1e12);
  engine.finish();
  store.write(engine.takeRows(), 1000);
}

/** How many records each try has, of those that lie in the run's directory. */
async function told(store: Store, run: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let offset = 0; ; offset += 1000) {
    const { records } = await store.records({ where: { 'parsl.dfk': [run] }, limit: 1000, offset });
    for (const record of records.filter((each) => each['source.run_dir'] !== undefined)) {
      const of = `${String(record['parsl.task'])}/${String(record['parsl.try'])}`;
      counts[of] = (counts[of] ?? 0) + 1;
    }
    if (records.length < 1000) return counts;
  }
}

describe('store/late', function () {
  this.timeout(60_000);
  const rules = shippedRules();

  for (const name of ['run_dirs/2026.10.26-W1-htex', 'run_dirs/workqueue-parsl'])
    it(`gives every record of ${name} its run, task and try when the run closes, however late what tells them came`, async () => {
      const batches = await files(name);
      const whole = createOperators({ rules, limits: noLimits });
      const early = take(batches, whole);
      finish(early, whole);
      const operators = createOperators({ rules, limits: liveLimits });
      const late = take(batches, operators);
      const [run] = await early.store.runs();
      finish(late, operators);
      const expected = await told(early.store, run!.run);
      const after = await told(late.store, run!.run);
      assert.deepEqual(after, expected);
      const { held_time } = operators.counts.unresolved;
      assert.ok(held_time > 100, `${held_time} records were let go before what tells of them came`);
      early.store.close();
      late.store.close();
    });

  it('completes what comes after its run closed', async () => {
    const batches = await files('run_dirs/2026.10.26-W1-htex');
    const operators = createOperators({ rules, limits: liveLimits });
    const { engine, store } = take(batches.filter(([record]) => record?.['source.log'] === 'parsl'), operators); // prettier-ignore
    finish({ engine, store }, operators);
    // The operators have forgotten the run, as after a thousand others: they tell no more of a worker's lines than one file does.
    const fresh = createOperators({ rules, limits: liveLimits });
    batches
      .filter(([record]) => record?.['source.log'] !== 'parsl')
      .forEach((records, k) => {
        engine.apply([...fresh.apply(records, 2e12 + k), ...fresh.finish()], 2e12 + k);
        store.write(engine.takeRows(), 2000 + k);
      });
    const { records } = await store.records({ where: { 'source.log': ['worker'], 'parsl.executor_task': [12] }, limit: 100, offset: 0 }); // prettier-ignore
    const run = '60af0e2a-4e9c-41ec-b7b4-1e79d44fc8ec';
    assert.deepEqual(records.map((record) => [record['parsl.dfk'], record['parsl.task'], record['parsl.try']]), Array.from({ length: 12 }, () => [run, 5, 0])); // prettier-ignore
    store.close();
  });

  it('looks, of records that come after their run closed and name their run, only for the numbers that they have', async () => {
    const store = openStore(':memory:');
    const [closed] = makeRows({ tasks: 1 }).runs;
    const { run } = closed!;
    const line = (message: string, number: number, told: WideRecord = {}): RecordRow => ({
      run,
      time: 1,
      record: { message, 'parsl.dfk': run, 'parsl.executor': 'htex', 'parsl.executor_task': number, ...told },
    });
    const tellers = [
      line('one', 1, { 'parsl.task': 7, 'parsl.try': 1 }),
      line('two', 2, { 'parsl.task': 8, 'parsl.try': 0 }),
      line('two again', 2, { 'parsl.task': 9, 'parsl.try': 0 }),
    ];
    store.write({ ...none, runs: [{ ...closed!, closed: true }], records: tellers }, 1);
    const late = [line('late one', 1), line('late two', 2), line('late three', 3), line('late one of htex2', 1, { 'parsl.executor': 'htex2' })]; // prettier-ignore
    store.write({ ...none, records: late }, 2);
    const { records } = await store.records({ where: { 'parsl.dfk': [run] }, limit: 100, offset: 0 });
    const found = records.filter(({ message }) => String(message).startsWith('late'));
    assert.deepEqual(
      Object.fromEntries(found.map((record) => [record['message'], [record['parsl.task'], record['parsl.try']]])),
      {
        'late one': [7, 1],
        'late two': [undefined, undefined],
        'late three': [undefined, undefined],
        'late one of htex2': [undefined, undefined],
      },
    );
    assert.equal(await store.revision(run), 2);
    // parsl.log, read last, says which try it was.
    store.write({ ...none, records: [line('three', 3, { 'parsl.task': 4, 'parsl.try': 2 })] }, 3);
    const third = await store.records({ where: { 'parsl.dfk': [run], 'parsl.executor_task': [3] }, limit: 2, offset: 0 }); // prettier-ignore
    assert.deepEqual(third.records.map((record) => [record['parsl.task'], record['parsl.try']]), [[4, 2], [4, 2]]); // prettier-ignore
    store.close();
  });

  it('leaves a closed run alone to which a directory of the same name in another input does not belong', async () => {
    const store = openStore(':memory:');
    const [closed] = makeRows({ tasks: 1 }).runs;
    const { run } = closed!;
    const line = (input: string, of: string | null): RecordRow => ({
      run: of,
      time: 1,
      record: { message: 'm', 'source.input': input, 'source.run_dir': '000', ...(of === null ? {} : { 'parsl.dfk': of }) },
    }); // prettier-ignore
    store.write({ ...none, runs: [{ ...closed!, closed: true }], records: [line('one', run)] }, 1);
    store.write({ ...none, records: [line('two', null)] }, 2);
    assert.equal(await store.revision(run), 1);
    store.write({ ...none, records: [line('one', null)] }, 3);
    assert.equal(await store.revision(run), 3);
    const { total } = await store.records({ where: { 'parsl.dfk': [run] }, limit: 100, offset: 0 });
    assert.equal(total, 2);
    store.close();
  });
});
