import assert from 'node:assert/strict';

import type { ReadInputs } from '../../bridge/commands/from.ts';
import { readRunDirs } from '../helpers/run_dirs.ts';
import { serve, type Running } from './server.ts';

const RUN = '60af0e2a-4e9c-41ec-b7b4-1e79d44fc8ec';

interface Records {
  readonly total: number;
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

describe('web/records_api and web/analysis_api', function () {
  this.timeout(60_000);
  let inputs: ReadInputs;
  let bridge: Running;
  const json = async <T>(path: string) => (await bridge.get(`/api/${path}`)).json() as unknown as T;

  before(async () => {
    inputs = await readRunDirs('run_dirs/2026.10.26-W1-htex', 'run_dirs/2023.12.11-W1-htex');
    bridge = await serve({ store: inputs.reads });
  });
  after(async () => {
    await bridge.stop();
    inputs.close();
  });

  it('narrows records down by any key, by several values of one, and by text', async () => {
    const all = await json<Records>('records?limit=1');
    assert.ok(all.total > 5000);
    const { total, records } = await json<Records>(`records?parsl.dfk=${RUN}&parsl.task=5&source.log=worker&source.log=interchange`); // prettier-ignore
    assert.equal(total, 16);
    assert.ok(records.every((record) => record['parsl.task'] === 5 && record['source.log'] !== 'parsl'));
    const found = await json<Records>(`records?parsl.dfk=${RUN}&text=executor%20task%2012`);
    assert.ok(found.total > 0 && found.records.every(({ message }) => String(message).includes('executor task 12')));
  });

  it('gives nanoseconds as digits, and bounds in time', async () => {
    const { records } = await json<Records>(`records?parsl.dfk=${RUN}&parsl.task=5`);
    assert.match(String(records[0]!['time']), /^\d{19}$/);
    const at = Number(String(records[3]!['time']).slice(0, -3));
    const { total } = await json<Records>(`records?parsl.dfk=${RUN}&parsl.task=5&from=${at}&to=${at}`);
    assert.equal(total, 1);
  });

  it('tells which keys and values occur in what is left', async () => {
    const { keys } = await json<{ keys: string[] }>(`records/keys?parsl.dfk=${RUN}`);
    assert.ok(keys.includes('source.log') && keys.includes('parsl.executor_task'));
    const { values } = await json<{ values: unknown }>(`records/values/source.log?parsl.dfk=${RUN}&parsl.task=5`);
    assert.deepEqual(values, [
      { value: 'parsl', records: 14 },
      { value: 'worker', records: 12 },
      { value: 'interchange', records: 4 },
      { value: 'manager', records: 1 },
    ]);
  });

  it('takes no name of JavaScript’s own for a key that it knows', async () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      assert.deepEqual(await json<{ values: unknown }>(`records/values/${name}`), { values: [] });
      assert.equal((await json<Records>(`records?${name}=x`)).total, 0);
      assert.deepEqual((await json<{ kinds: unknown }>(`runs/${RUN}/plots?by=${name}`)).kinds, ['not told']);
    }
  });

  it('knows a key that has the name of a parameter by its prefix', async () => {
    assert.equal((await json<Records>('records?where.text=x')).total, 0);
    assert.ok((await json<Records>('records?where.level=ERROR')).total > 0);
  });

  it('names a wrong parameter', async () => {
    for (const [query, said] of [['limit=0', /limit/], ['offset=-1', /offset/], ['from=noon', /from/]] as const) {
      const { status, text } = await bridge.get(`/api/records?${query}`);
      assert.equal(status, 400);
      assert.match(text, said);
    }
    const many = Array.from({ length: 31 }, (_, k) => `key${k}=1`).join('&');
    assert.equal((await bridge.get(`/api/records?${many}`)).status, 400);
  }); // prettier-ignore

  it('answers the analyses as the store does', async () => {
    const { reads } = inputs;
    const same = async (path: string, value: unknown): Promise<void> =>
      assert.deepEqual(await json(`runs/${RUN}/${path}`), JSON.parse(JSON.stringify(value)), path);
    await same('lifeline', await reads.lifeline(RUN, {}));
    await same('lifeline?app=left', await reads.lifeline(RUN, { app: 'left' }));
    await same('lanes?points=30', await reads.lanes(RUN, 30));
    await same('bottleneck', await reads.bottleneck(RUN));
    await same('plots?by=executor&points=30', await reads.plots(RUN, { by: 'executor', points: 30 }));
    const flow = await json<{ lines: { record: { time: string }; message: string }[] }>(`runs/${RUN}/tasks/5/flow`);
    assert.equal(flow.lines.length, 31);
    assert.match(flow.lines[0]!.record.time, /^\d{19}$/);
  });

  it('does not send an analysis again to who has it, nor one of what is not there', async () => {
    const { headers } = await bridge.get(`/api/runs/${RUN}/bottleneck`);
    const again = await bridge.get(`/api/runs/${RUN}/bottleneck`, { 'If-None-Match': String(headers.etag) });
    assert.equal(again.status, 304);
    assert.equal((await bridge.get(`/api/runs/${RUN}/tasks/999/flow`)).status, 404);
    assert.equal((await bridge.get('/api/runs/nobody/lifeline')).status, 404);
    assert.equal((await bridge.get(`/api/runs/${RUN}/plots?colour=red`)).status, 400);
  });
});
