/** The pipeline between a journal and a read side that are real; what it makes of records is other suites' business. */
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

import { parseConfig } from '../bridge/config.ts';
import { Channel } from '../bridge/core/frame.ts';
import { silent } from '../bridge/core/log.ts';
import type { WideRecord } from '../bridge/core/record.ts';
import type { Operators } from '../bridge/processors/operators.ts';
import { decodeFrames } from '../bridge/formats/frames.ts';
import { Outputs } from '../bridge/outputs.ts';
import { Pipeline } from '../bridge/pipeline.ts';
import { receivers } from '../bridge/registry.ts';
import { liveOperators } from '../bridge/rules.ts';
import { openStore } from '../bridge/store/sqlite.ts';
import type { Store } from '../bridge/store/store.ts';
import { cleanUp, tempDir } from './helpers/receiver.ts';

const RUN = '00000000-0000-4000-8000-000000000001';
const line = (n: number): WideRecord => ({ 'parsl.dfk': RUN, message: `line ${n}`, time: BigInt(n) });

describe('pipeline', () => {
  cleanUp();
  let dir: string;
  let store: Store;
  beforeEach(async () => {
    dir = await tempDir();
  });

  async function open(
    records: WideRecord[] = [],
    fails: (record: WideRecord) => boolean = () => false,
  ): Promise<Pipeline> {
    const config = parseConfig({ receivers: {}, exporters: {} }, { receivers: [], exporters: [] });
    store = openStore(join(dir, 'store.db'));
    const operators = liveOperators(config.settings, silent);
    return Pipeline.open({
      config,
      journalPath: join(dir, 'journal.db'),
      log: silent,
      now: () => Date.now() * 1000,
      outputs: new Outputs([], () => assert.fail('no exporter')),
      operators: Object.create(operators, {
        apply: {
          value: (batch: WideRecord[], arrival: number) => {
            if (batch.some(fails)) throw new TypeError('a mistake of ours');
            return operators.apply(batch, arrival);
          },
        },
      }) as Operators,
      rows: { seq: store.seq(), write: (rows, seq) => store.write(rows, seq) },
      onRecords: (batch) => records.push(...batch),
    });
  }
  async function close(pipeline: Pipeline): Promise<void> {
    await pipeline.stop();
    store.close();
  }
  const stored = async (): Promise<unknown[]> =>
    (await store.records({ where: { 'parsl.dfk': [RUN] }, limit: 100, offset: 0 })).records.map(
      ({ message }) => message,
    );

  it('writes rows again, once and in their order, that the read side could not take', async () => {
    const pipeline = await open();
    const other = new Database(join(dir, 'store.db'));
    other.exec("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT raise(ABORT, 'disk is full'); END");
    await pipeline.take('r', [line(1)], undefined);
    assert.throws(() => pipeline.flushRows(), /disk is full/);
    await pipeline.take('r', [line(2)], undefined);
    assert.throws(() => pipeline.flushRows(), /disk is full/);
    assert.deepEqual([await stored(), store.seq()], [[], 0]);
    other.exec('DROP TRIGGER full');
    other.close();
    pipeline.flushRows();
    assert.deepEqual([await stored(), store.seq()], [['line 1', 'line 2'], 2]);
    await close(pipeline);
  });

  it('takes what it has on disk though a mistake of ours leaves it out, and starts again beside it', async () => {
    const fails = ({ message }: WideRecord): boolean => message === 'line 2';
    const pipeline = await open([], fails);
    for (const n of [1, 2, 3]) await pipeline.take('r', [line(n)], undefined);
    await close(pipeline);
    const again = await open([], fails);
    assert.deepEqual(await stored(), ['line 1', 'line 3']);
    await close(again);
  });

  it('stops though the read side takes nothing, and a restart writes what it lacks', async () => {
    const pipeline = await open();
    const other = new Database(join(dir, 'store.db'));
    other.exec("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT raise(ABORT, 'disk is full'); END");
    await pipeline.take('r', [line(1)], undefined);
    await close(pipeline);
    other.exec('DROP TRIGGER full');
    other.close();
    const again = await open();
    assert.deepEqual(await stored(), ['line 1']);
    await close(again);
  });

  it('takes a batch without records for what it says of its positions', async () => {
    const pipeline = await open();
    await pipeline.take('r', [], undefined, new Map([['file', { offset: 3 }]]));
    assert.deepEqual([...pipeline.journal.positions('r')], [['file', { offset: 3 }]]);
    await close(pipeline);
    const records: WideRecord[] = [];
    await close(await open(records));
    assert.deepEqual(records, []);
  });

  it('reads a message again that is longer than any other, as it took it in', async function () {
    this.timeout(30_000);
    const text = `{"parsl.dfk": "${RUN}", "message": "${'x'.repeat(65 * 2 ** 20)}"}`;
    const frames = [{ channel: Channel.records, time: 0, payload: Buffer.from(text) }];
    const { records } = decodeFrames(frames, 'http');
    const pipeline = await open();
    await pipeline.take('http', records, frames);
    await pipeline.journal.close(); // As a crash does: the read side has nothing yet.
    store.close();
    rmSync(join(dir, 'store.db'));
    const replayed: WideRecord[] = [];
    const again = await open(replayed);
    assert.equal(replayed[0]?.['message'], records[0]?.['message']);
    await close(again);
  });

  it('is given no message by any receiver that SQLite cannot keep in one entry', () => {
    // SQLite’s limit is 1e9 bytes; a text of JavaScript’s has some 2 ** 29 characters at most.
    for (const { type, config } of receivers) {
      const { properties = {} } = z.toJSONSchema(config, { io: 'input' });
      for (const [key, schema] of Object.entries(properties))
        if (/^(?:body|capture|file|frame|line|message|record)_bytes_max$/.test(key) && typeof schema === 'object')
          assert.ok((schema.maximum ?? Infinity) <= 2 ** 29, `${type}: ${key}`);
    }
  });
});
