import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';

import { encodeFrames } from '../../bridge/formats/capture.ts';
import { http } from '../../bridge/receivers/http.ts';
import { recordedFrames } from '../helpers/fixtures.ts';
import { decoded, said } from '../helpers/messages.ts';
import { cleanUp, createReceiver, serve, startReceiver, type Overrides, type Running } from '../helpers/receiver.ts';

const LINES = 'application/x-ndjson';
const JSON_TYPE = 'application/json';
const CAPTURE = 'application/vnd.parsl-otel.capture';

describe('receivers/http', () => {
  cleanUp();

  async function start(config: object = {}, overrides?: Overrides): Promise<Running & { url: string }> {
    const receiver = await startReceiver(http, config, overrides);
    return Object.assign(receiver, { url: `${await serve(receiver)}/v1/records` });
  }

  async function post(url: string, type: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
    const init = { method: 'POST', headers: { 'content-type': type, ...headers }, body: Buffer.from(body) };
    const answer = await fetch(url, init);
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      content: (await answer.json()) as object,
    };
  }

  it('takes lines, an array and an object of records', async () => {
    const receiver = await start();
    const lines = '{"parsl.task": 1, "colour": "red"}\n{"parsl.task": 2}\n';
    assert.deepEqual((await post(receiver.url, LINES, lines)).content, { records: 2, rejected: 0 });
    assert.deepEqual((await post(receiver.url, JSON_TYPE, '[{"parsl.task": 3}, {"parsl.task": 4}]')).content, {
      records: 2,
      rejected: 0,
    });
    assert.deepEqual((await post(receiver.url, `${JSON_TYPE}; charset=utf-8`, '{\n  "parsl.task": 5\n}')).content, {
      records: 1,
      rejected: 0,
    });
    assert.deepEqual(receiver.records.map((record) => record['parsl.task']), [1, 2, 3, 4, 5]); // prettier-ignore
    assert.equal(receiver.records[0]?.['colour'], 'red');
  });

  for (const recording of ['1.2.0-W1-udp', '2024.06.24-W1-fs', '2026.10.26-W3-htex', '2026.10.26-W2-fs']) {
    it(`takes the capture of ${recording}, gzip or not`, async function () {
      const frames = recordedFrames(recording === '2026.10.26-W3-htex' ? '2026.05.25-W3-htex' : recording);
      const receiver = await start();
      const bytes = encodeFrames(frames);
      const expected = decoded(frames);
      const outcome = { status: 200, retryAfter: null, content: { records: expected.length, rejected: 0 } };
      assert.deepEqual(await post(receiver.url, CAPTURE, bytes), outcome);
      assert.deepEqual(said(receiver.records), said(expected));
      assert.deepEqual(receiver.frames.map(({ time }) => time), frames.map(({ time }) => time)); // prettier-ignore
      assert.deepEqual(await post(receiver.url, CAPTURE, gzipSync(bytes), { 'content-encoding': 'gzip' }), outcome);
    });
  }

  it('answers only once the records are durable', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let reached = (): void => {};
    const called = new Promise<void>((resolve) => (reached = resolve));
    const receiver = await start({}, { next: () => (reached(), gate) });
    let answered = false;
    const answer = post(receiver.url, LINES, '{"parsl.task": 1}').then((result) => ((answered = true), result));
    await called;
    assert.equal(answered, false);
    release();
    assert.equal((await answer).status, 200);
  });

  it('answers 503 and when to come again while the bridge cannot take anything', async () => {
    const receiver = await start({}, { next: () => Promise.reject(new Error('disk full')) });
    const { status, retryAfter, content } = await post(receiver.url, LINES, '{"parsl.task": 1}');
    assert.deepEqual([status, retryAfter], [503, '1']);
    assert.match(JSON.stringify(content), /disk full/);
  });

  it('uses what is whole in a batch and counts the rest', async () => {
    const receiver = await start();
    const { status, content } = await post(receiver.url, LINES, '{"parsl.task": 1}\nnonsense\n{"parsl.task": 2}\n');
    assert.deepEqual([status, content], [200, { records: 2, rejected: 1 }]);
    assert.deepEqual(receiver.rejected.map(({ error }) => error.code), ['BRIDGE_DECODE']); // prettier-ignore
  });

  it('answers 400 with a reason when nothing can be used', async () => {
    const receiver = await start();
    const whole = encodeFrames(recordedFrames('2026.10.26-W5-threads'));
    const wrong: [string, string | Uint8Array, Record<string, string>?][] = [
      [LINES, ''],
      [LINES, 'nonsense'],
      [JSON_TYPE, '[1, 2'],
      [JSON_TYPE, '"text"'],
      [CAPTURE, 'this is no capture, it is prose'],
      [CAPTURE, whole.subarray(0, whole.length - 1)],
      [LINES, 'not gzip', { 'content-encoding': 'gzip' }],
      [LINES, gzipSync('{"parsl.task": 1}').subarray(0, 20), { 'content-encoding': 'gzip' }],
      [LINES, '{"parsl.task": 1}', { 'parsl-otel-batch': 'seven' }],
    ];
    for (const [type, body, headers] of wrong) {
      const { status, content } = await post(receiver.url, type, body, headers);
      assert.equal(status, 400, `${type} ${String(body).slice(0, 30)}`);
      assert.ok('error' in content && String(content.error).length > 10);
    }
    assert.equal(receiver.records.length, 0);
  });

  it('takes an empty array for what it is', async () => {
    const receiver = await start();
    assert.deepEqual((await post(receiver.url, JSON_TYPE, '[]')).content, { records: 0, rejected: 0 });
    assert.equal(receiver.batches, 0);
  });

  it('refuses bodies that are too long, also when unzipped', async () => {
    const receiver = await start({ body_bytes_max: 10_000 });
    const long = `{"text": "${'x'.repeat(20_000)}"}`;
    assert.equal((await post(receiver.url, LINES, long)).status, 413);
    assert.equal((await post(receiver.url, LINES, gzipSync(long), { 'content-encoding': 'gzip' })).status, 413);
    assert.equal(await postInPieces(receiver.url, long), 413);
    assert.equal(receiver.records.length, 0);
  });

  /** Without a Content-Length. */
  async function postInPieces(url: string, body: string): Promise<number | undefined> {
    const sending = request(url, {
      method: 'POST',
      headers: { 'content-type': LINES, 'transfer-encoding': 'chunked' },
    });
    sending.on('error', () => {}); // The server may hang up before it has all of it.
    const answered = once(sending, 'response');
    for (let at = 0; at < body.length; at += 5_000) sending.write(body.slice(at, at + 5_000));
    sending.end();
    const [answer] = (await answered) as [{ statusCode?: number; resume(): void }];
    answer.resume();
    return answer.statusCode;
  }

  it('refuses formats that it does not know', async () => {
    const receiver = await start();
    assert.equal((await post(receiver.url, 'text/html', '<p>')).status, 415);
    assert.equal((await post(receiver.url, LINES, '{}', { 'content-encoding': 'br' })).status, 415);
  });

  it('takes a named batch once, and answers its repeat alike', async () => {
    const receiver = await start();
    for (const id of [randomUUID(), randomUUID().replaceAll('-', '')]) {
      const first = await post(receiver.url, LINES, '{"parsl.task": 1}\nnonsense', { 'parsl-otel-batch': id });
      const again = await post(receiver.url, LINES, '{"parsl.task": 1}\nnonsense', { 'parsl-otel-batch': id });
      assert.deepEqual([first.status, again], [200, first]);
    }
    assert.equal(receiver.records.length, 2);
  });

  it('takes a named batch once that is sent twice at the same time', async () => {
    const receiver = await start();
    const headers = { 'parsl-otel-batch': randomUUID() };
    const answers = await Promise.all([1, 2, 3].map(() => post(receiver.url, LINES, '{"parsl.task": 1}', headers)));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]); // prettier-ignore
    assert.equal(receiver.records.length, 1);
  });

  it('takes a named batch again that it had refused', async () => {
    let refusals = 1;
    const receiver = await start({}, { next: () => (refusals-- > 0 ? Promise.reject(new Error('full')) : undefined) });
    const headers = { 'parsl-otel-batch': randomUUID() };
    assert.equal((await post(receiver.url, LINES, '{"parsl.task": 1}', headers)).status, 503);
    assert.equal((await post(receiver.url, LINES, '{"parsl.task": 1}', headers)).status, 200);
    assert.equal(receiver.records.length, 1);
  });

  it('remembers a bounded number of batches', async () => {
    const receiver = await start({ batches_max: 2 });
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    for (const id of [...ids, ...ids.slice(1), ids[0] ?? '']) {
      await post(receiver.url, LINES, '{"parsl.task": 1}', { 'parsl-otel-batch': id });
    }
    assert.equal(receiver.records.length, 4); // The first was forgotten when the third came.
  });

  it('takes in no more bodies at a time than it may hold', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let reached = (): void => {};
    const called = new Promise<void>((resolve) => (reached = resolve));
    const receiver = await start({ buffer_bytes_max: 1_024 }, { next: () => (reached(), gate) });
    const body = `{"text": "${'x'.repeat(800)}"}`;
    const first = post(receiver.url, LINES, body);
    await called;
    const second = await post(receiver.url, LINES, body);
    assert.deepEqual([second.status, second.retryAfter], [503, '1']);
    release();
    assert.equal((await first).status, 200);
    assert.equal((await post(receiver.url, LINES, body)).status, 200);
  });

  it('finishes what it has taken in when it is stopped, and takes nothing more', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let reached = (): void => {};
    const called = new Promise<void>((resolve) => (reached = resolve));
    const receiver = await start({}, { next: () => (reached(), gate) });
    const first = post(receiver.url, LINES, '{"parsl.task": 1}');
    await called;
    const stopped = receiver.stop();
    assert.equal((await post(receiver.url, LINES, '{"parsl.task": 2}')).status, 503);
    release();
    await stopped;
    assert.equal(receiver.records.length, 1);
    assert.equal((await first).status, 200);
  });

  it('survives a sender that hangs up', async () => {
    const receiver = await start();
    const sending = request(receiver.url, {
      method: 'POST',
      headers: { 'content-type': LINES, 'content-length': '1000' },
    });
    sending.on('error', () => {});
    sending.write('{"parsl.task": 1}');
    await new Promise((resolve) => sending.once('socket', (socket) => socket.once('connect', resolve)));
    sending.destroy();
    assert.equal((await post(receiver.url, LINES, '{"parsl.task": 2}')).status, 200);
    assert.equal(receiver.records.length, 1);
  });

  it('asks for the token off loopback', () => {
    const [route] = createReceiver(http, {}).routes ?? [];
    assert.deepEqual([route?.method, route?.path, route?.access], ['POST', '/v1/records', 'data']);
  });

  it('stops twice, and before it was started', async () => {
    const receiver = await start();
    await receiver.stop();
    await receiver.stop();
    await createReceiver(http, {}).stop();
  });
});
