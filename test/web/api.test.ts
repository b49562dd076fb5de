import assert from 'node:assert/strict';

import { BridgeError } from '../../bridge/core/errors.ts';
import type { Rows } from '../../bridge/core/row.ts';
import type { Reads } from '../../bridge/store/store.ts';
import { makeRows } from '../store/rows.ts';
import { ask, info, serve, type Running } from './server.ts';

const whole = makeRows({ tasks: 500, samples: 2 });
const run = whole.runs[0]!.run;
const evil = `<img src=x onerror=alert(1)>"'&`;
const NOW = whole.runs[0]!.completed! + 3600e6;

function live(id: string, seconds: number, changes: Partial<Rows['runs'][number]> = {}): Rows {
  const rows = makeRows({ run: id, tasks: 30, began: NOW - 100e6, at: 50e6 });
  return { ...rows, runs: rows.runs.map((row) => ({ ...row, last_task_info: NOW - seconds * 1e6, ...changes })) };
}

describe('web/api', () => {
  let bridge: Running;
  const json = async (path: string) => (await bridge.get(`/api/${path}`)).json();

  before(async () => {
    bridge = await serve({ rows: [whole], now: () => NOW });
  });
  after(() => bridge.stop());

  it('lists runs with what can be said of each', async () => {
    bridge.store.write(live('a0000000-0000-4000-8000-000000000000', 10), 2);
    bridge.store.write(live('b0000000-0000-4000-8000-000000000000', 200), 3);
    bridge.store.write(live('c0000000-0000-4000-8000-000000000000', 200, { closed: true }), 4);
    const { now, runs } = (await json('runs')) as unknown as {
      now: number;
      runs: { run: string; status: string; silent_since: number | null }[];
    };
    assert.equal(now, NOW);
    const byId = Object.fromEntries(
      runs.map((each) => [each.run.charAt(0), [each.status, each.silent_since]] as const),
    );
    assert.deepEqual(byId, {
      a: ['running', null],
      b: ['silent', NOW - 200e6],
      c: ['unfinished', null],
      [run.charAt(0)]: ['completed', null],
    });
  });

  it('takes the silence of a run that never sent a TASK_INFO from its last word', async () => {
    const id = 'd0000000-0000-4000-8000-000000000000';
    bridge.store.write(live(id, 0, { last_task_info: null, last_seen: NOW - 400e6 }), 5);
    const { run: item } = (await json(`runs/${id}`)) as unknown as { run: { status: string; silent_since: number } };
    assert.deepEqual([item.status, item.silent_since], ['silent', NOW - 400e6]);
  });

  it('answers every question about a run as the store does', async () => {
    const { store } = bridge;
    const answers: [string, unknown][] = [
      ['states?points=50', await store.states(run, 50)],
      ['workers?points=50', await store.workers(run, 50)],
      ['failures', { failures: await store.failures(run) }],
      ['hosts', { hosts: await store.hosts(run) }],
      ['blocks', { blocks: await store.blocks(run), managers: await store.managers(run) }],
      ['tasks?state=failed,dep_fail&sort=ran&order=desc&limit=5&offset=2', await store.tasks(run, { state: ['failed', 'dep_fail'], sort: 'ran', order: 'desc', limit: 5, offset: 2 })],
    ]; // prettier-ignore
    for (const [path, value] of answers)
      assert.deepEqual(await json(`runs/${run}/${path}`), JSON.parse(JSON.stringify(value)) as unknown, path);
    const { task, phases } = (await json(`runs/${run}/tasks/7`)) as unknown as {
      task: { task: number };
      phases: unknown[];
    };
    assert.ok(task.task === 7 && phases.length > 0);
  });

  it('names a wrong parameter, and says what there is', async () => {
    const wrong: [string, RegExp, RegExp][] = [
      ['tasks?limit=0', /parameter limit/, /limit/],
      ['tasks?limit=1001', /parameter limit/, /offset/],
      ['tasks?limit=ten', /parameter limit/, /limit/],
      ['tasks?offset=-1', /parameter offset/, /limit/],
      ['tasks?sort=task;drop', /parameter sort.*memory_peak/, /sort/],
      ['tasks?order=up', /parameter order/, /order/],
      ['tasks?status=failed', /parameter status: no such parameter/, /state, app/],
      ['tasks?app=a&app=b', /parameter app/, /app/],
      [`tasks?text=${'x'.repeat(201)}`, /parameter text/, /text/],
      ['states?points=501', /parameter points/, /points/],
      ['failures?x=1', /parameter x: no such/, /no parameters/],
    ];
    for (const [path, error, hint] of wrong) {
      const { status, json: body } = await bridge.get(`/api/runs/${run}/${path}`);
      assert.equal(status, 400, path);
      assert.match(body()['error'] as string, error, path);
      assert.match(body()['hint'] as string, hint, path);
    }
  });

  it('answers 404 and 405 in JSON, with a hint', async () => {
    const paths = [
      'runs/nobody',
      'runs/nobody/tasks',
      `runs/${run}/tasks/99999`,
      `runs/${run}/tasks/x`,
      `runs/${run}/nothing`,
      'nothing',
      `runs/${encodeURIComponent("' OR 1=1 --")}`,
    ];
    for (const path of paths) {
      const { status, headers, json: body } = await bridge.get(`/api/${path}`);
      assert.equal(status, 404, path);
      assert.match(headers['content-type']!, /^application\/json/);
      assert.deepEqual(Object.keys(body()), ['error', 'hint']);
    }
    assert.equal((await ask(bridge.port, 'POST', '/api/runs')).status, 405);
    assert.equal((await bridge.get('/api/runs/%zz')).status, 400);
  });

  it('sends nothing again that has not changed, and everything that has', async () => {
    const path = `/api/runs/${run}/states`;
    const first = await bridge.get(path);
    const again = await bridge.get(path, { 'if-none-match': first.headers.etag! });
    assert.deepEqual([again.status, again.text], [304, '']);
    bridge.store.write({ ...whole, tasks: whole.tasks.slice(0, 1) }, 50);
    const changed = await bridge.get(path, { 'if-none-match': first.headers.etag! });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.etag, first.headers.etag);
  });

  it('hands names on as data, never as markup', async () => {
    const id = 'e0000000-0000-4000-8000-000000000000';
    const rows = makeRows({ run: id, tasks: 1, workflow: evil });
    bridge.store.write({ ...rows, tasks: rows.tasks.map((task) => ({ ...task, app: evil, host: evil })) }, 60);
    const { headers, json: body } = await bridge.get(`/api/runs/${id}/tasks?app=${encodeURIComponent(evil)}`);
    assert.match(headers['content-type']!, /^application\/json/);
    assert.equal((body()['tasks'] as { app: string }[])[0]!.app, evil);
    const error = await bridge.get(`/api/runs/${encodeURIComponent(evil)}`);
    assert.match(error.headers['content-type']!, /^application\/json/);
  });

  it('tells how to connect without telling secrets', async () => {
    const shown = await json('info');
    assert.equal(shown['connection_file'], '/data/connection.json');
    assert.deepEqual(shown['receivers'], { udp: { port: 55_123 } });
    const other = await serve({ info: () => ({ ...info, jaeger_url: 'javascript:alert(1)' }) });
    assert.equal((await other.get('/api/info')).json()['jaeger_url'], null);
    await other.stop();
  });

  it('is ready when nothing is waited for', async () => {
    assert.deepEqual((await bridge.get('/readyz')).json(), { ready: true, waiting_for: [] });
    const other = await serve({ info: () => ({ ...info, waiting_for: ['the journal'] }) });
    const { status, json: body } = await other.get('/readyz');
    assert.deepEqual([status, body()], [503, { ready: false, waiting_for: ['the journal'] }]);
    assert.equal((await other.get('/healthz')).status, 200);
    await other.stop();
  });

  it('says 503 when the store is busy, and 500 without detail when it fails, and logs that', async () => {
    const logged: string[] = [];
    const log = { error: (_: object, message: string) => void logged.push(message), warn() {}, info() {}, debug() {} };
    for (const [error, expected] of [
      [new BridgeError('BRIDGE_REFUSED', 'too many'), 503],
      [new Error('disk /secret'), 500],
    ] as const) {
      const store = { runs: () => Promise.reject(error) } as unknown as Reads;
      const other = await serve({ store, log });
      const { status, text } = await other.get('/api/runs');
      assert.equal(status, expected);
      assert.ok(!text.includes('secret'));
      await other.stop();
    }
    assert.deepEqual(logged, ['Request failed.']);
  });
});
