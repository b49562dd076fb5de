import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtobufExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { SeverityNumber } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';

import { readFields } from '../../bridge/formats/protobuf_reader.ts';
import { otlp } from '../../bridge/receivers/otlp.ts';
import { cleanUp, createReceiver, serve, startReceiver, type Overrides, type Running } from '../helpers/receiver.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF = 'application/x-protobuf';
/** A request with one record whose body is `text`. */
const request = (...logRecords: object[]) => JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
const text = (stringValue: string) => ({ body: { stringValue } });
/** resource_logs { scope_logs { log_records { body { string_value: "hi" } } } } */
const HI = Buffer.from([10, 12, 18, 10, 18, 8, 42, 6, 10, 4, 104, 105, 104, 105]);

describe('receivers/otlp', () => {
  cleanUp();

  async function start(config: object = {}, overrides?: Overrides): Promise<Running & { url: string }> {
    const receiver = await startReceiver(otlp, config, { now: () => 7_000_000, ...overrides });
    return Object.assign(receiver, { url: `${await serve(receiver)}/v1/logs` });
  }

  async function post(url: string, type: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
    const init = { method: 'POST', headers: { 'content-type': type, ...headers }, body: Buffer.from(body) };
    const answer = await fetch(url, init);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const { status, headers: given } = answer;
    return { status, type: given.get('content-type'), retryAfter: given.get('retry-after'), bytes };
  }

  for (const [name, Exporter] of [
    ['JSON', JsonExporter],
    ['protobuf', ProtobufExporter],
  ] as const)
    // prettier-ignore
    for (const compression of ['none', 'gzip'] as const)
      it(`takes what the SDK sends as ${name}, ${compression}`, async () => {
        const receiver = await start();
        const exporter = new Exporter({ url: receiver.url, compression: compression as never });
        const provider = new LoggerProvider({
          resource: resourceFromAttributes({ 'service.name': 'sim', 'host.name': 'node-7', both: 'resource' }),
          processors: [new SimpleLogRecordProcessor({ exporter })],
        });
        provider.getLogger('my.app', '1.2').emit({
          timestamp: [1_795_261_675, 823_627_001],
          severityNumber: SeverityNumber.WARN2,
          severityText: 'WARNING',
          body: 'Task 3 was slow',
          eventName: 'slow',
          attributes: {
            'parsl.task': 3,
            'parsl.dfk': 'D9492DC3-0841-434F-9563-1F26B1458F74',
            ratio: 0.5,
            flag: true,
            both: 'record',
            list: ['a', 'b'],
            map: { deep: { er: 1 } },
            big: 2 ** 53 - 1,
          },
        });
        await provider.forceFlush();
        await provider.shutdown();
        const { 'source.receiver': id, 'source.arrival': arrival, ...record } = receiver.records[0] ?? {};
        assert.deepEqual([receiver.records.length, id, arrival, receiver.reported], [1, 'otlp', 7_000_000, []]);
        assert.deepEqual(record, {
          'service.name': 'sim',
          'host.name': 'node-7',
          both: 'record',
          'log.logger': 'my.app',
          level: 'WARN',
          time: 1795261675823627001n,
          'event.name': 'slow',
          message: 'Task 3 was slow',
          'parsl.task': 3,
          'parsl.dfk': 'd9492dc3-0841-434f-9563-1f26b1458f74',
          ratio: 0.5,
          flag: true,
          list: 'a,b',
          'map.deep.er': 1,
          big: 2 ** 53 - 1,
          'source.format': 'otlp',
        });
      });

  it('reads a line of a known log as that line, and its path for where it lies', async () => {
    const line =
      '{"created": 1795261675.5, "levelname": "INFO", "name": "x", "lineno": 7, "msg": "a", "formatted": "a"}';
    const old = '2026-11-21 11:48:49.530 worker_log:644 28605 MainThread [INFO]  Received executor task 3';
    const path = '/home/u/runinfo/000/htex/block-0/d941c5ff7759/worker_1.log';
    const attributes = [{ key: 'log.file.path', value: { stringValue: path } }];
    const receiver = await start();
    await post(receiver.url, JSON_TYPE, request({ ...text(line), attributes }, { ...text(old), attributes }));
    const [first, second] = receiver.records;
    for (const record of [first, second]) {
      assert.deepEqual(
        ['parsl.executor', 'parsl.block', 'parsl.manager', 'parsl.worker', 'source.log'].map((key) => record?.[key]),
        ['htex', '0', 'd941c5ff7759', 1, 'worker'],
      );
    }
    assert.deepEqual(
      [first?.['time'], first?.['message'], first?.['code.line.number']],
      [1795261675500000000n, 'a', 7],
    );
    assert.deepEqual([second?.['message'], second?.['process.pid']], ['Received executor task 3', 28605]);
  });

  it('takes the keys of a body that is a map, journald’s by their meaning', async () => {
    const pair = (key: string, stringValue: string) => ({ key, value: { stringValue } });
    const values = [pair('MESSAGE', 'Killed process 77'), pair('_PID', '1'), pair('_HOSTNAME', 'n1'), pair('X', 'y')];
    const receiver = await start();
    await post(receiver.url, JSON_TYPE, request({ body: { kvlistValue: { values } } }));
    const { message, 'process.pid': pid, 'host.name': host, X } = receiver.records[0] ?? {};
    assert.deepEqual([message, pid, host, X], ['Killed process 77', 1, 'n1', 'y']);
  });

  it('answers in the encoding of the request, empty when all is taken', async () => {
    const receiver = await start();
    const inJson = await post(receiver.url, `${JSON_TYPE}; charset=utf-8`, request(text('hi')));
    assert.deepEqual([inJson.status, inJson.type, inJson.bytes.toString()], [200, JSON_TYPE, '{}']);
    const inProtobuf = await post(receiver.url, PROTOBUF, gzipSync(HI), { 'content-encoding': 'gzip' });
    assert.deepEqual([inProtobuf.status, inProtobuf.type, inProtobuf.bytes.length], [200, PROTOBUF, 0]);
    assert.equal((await post(receiver.url, PROTOBUF, '')).status, 200);
    assert.deepEqual(receiver.records.map(({ message }) => message), ['hi', 'hihi']); // prettier-ignore
  });

  it('tells of single records that cannot be used as a partial success, and takes the others', async () => {
    const receiver = await start();
    // A monitoring message by its tag and payload, but no payload that one has.
    const attributes = [
      { key: 'tag', value: { stringValue: 'TASK_INFO' } },
      { key: 'payload', value: { stringValue: 'none' } },
    ];
    const answer = await post(receiver.url, JSON_TYPE, request(text('good'), { attributes }));
    assert.deepEqual(JSON.parse(answer.bytes.toString()), {
      partialSuccess: { rejectedLogRecords: '1', errorMessage: '1 cannot be used' },
    });
    assert.deepEqual([answer.status, receiver.records.length, receiver.rejected.length], [200, 1, 1]);
  });

  it('takes the records beside one that cannot be read, and says what is wrong with it', async () => {
    const receiver = await start();
    const bad = { body: { intValue: 'seven' } };
    const answer = await post(receiver.url, JSON_TYPE, request(text('one'), bad, text('two'), { timeUnixNano: 'now' }));
    assert.deepEqual([answer.status, JSON.parse(answer.bytes.toString())], [200, {
      partialSuccess: {
        rejectedLogRecords: '2',
        errorMessage: '2 cannot be read, the first: read OTLP logs as JSON: Cannot convert seven to a BigInt',
      },
    }]); // prettier-ignore
    assert.deepEqual(receiver.records.map(({ message }) => message), ['one', 'two']); // prettier-ignore
    assert.deepEqual(receiver.rejected.map(({ frame }) => JSON.parse(Buffer.from(frame.payload).toString()) as unknown), [bad, { timeUnixNano: 'now' }]); // prettier-ignore

    // The same record twice in protobuf, the second with a value that is cut off.
    const whole = HI.subarray(4);
    const torn = Buffer.from([...whole.subarray(0, -2), 99, 99]).fill(99, 5, 6);
    const logs = Buffer.concat([whole, torn]);
    const twice = Buffer.concat([Buffer.from([10, logs.length + 2, 18, logs.length]), logs]);
    const partial = await post(receiver.url, PROTOBUF, twice);
    assert.equal(partial.status, 200);
    assert.match(partial.bytes.toString(), /1 cannot be read, the first: read OTLP logs as protobuf/);
    assert.deepEqual([receiver.records.length, receiver.rejected.length], [3, 3]);
  });

  it('takes fields by their names in protobuf, too, as the Collector does', async () => {
    const receiver = await start();
    const record = { time_unix_nano: '1795261675823627001', severity_number: 17, trace_id: 'AB', event_name: 'e', body: { string_value: 'hi' },
      attributes: [{ key: 'list', value: { array_value: { values: [{ int_value: '7' }, { bool_value: true }] } } }] }; // prettier-ignore
    const body = JSON.stringify({ resource_logs: [{ scope_logs: [{ scope: { name: 's' }, log_records: [record] }] }] });
    assert.equal((await post(receiver.url, JSON_TYPE, body)).status, 200);
    const {
      message,
      time,
      level,
      list,
      trace_id,
      'event.name': event,
      'log.logger': logger,
    } = receiver.records[0] ?? {};
    assert.deepEqual([message, time, level, list, trace_id, event, logger], ['hi', 1795261675823627001n, 'ERROR', '7,true', 'ab', 'e', 's']); // prettier-ignore
  });

  /** As programs do that look at the answer only when all is sent, such as Python's. */
  for (const [how, headers] of [
    ['as it says', `content-length: ${2 ** 25}`],
    ['without saying so', 'transfer-encoding: chunked'],
  ] as const)
    it(`lets a sender of too much, ${how}, end and read the answer`, async () => {
      const { url } = await start({ body_bytes_max: 1_024 });
      const { port, pathname, hostname } = new URL(url);
      const socket = connect(Number(port), hostname);
      socket.write(`POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\n${headers}\r\n\r\n`);
      const piece = Buffer.alloc(2 ** 20, 32);
      for (let sent = 0; sent < 2 ** 25; sent += piece.length) {
        const wrapped = headers.startsWith('content') ? [piece] : [`${piece.length.toString(16)}\r\n`, piece, '\r\n'];
        if (!socket.write(Buffer.concat(wrapped.map((part) => Buffer.from(part))))) await once(socket, 'drain');
      }
      if (!headers.startsWith('content')) socket.write('0\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      assert.match(
        answer.toString(),
        /^HTTP\/1\.1 413 [^]*\{"code":3,"message":"the body is longer than 1024 bytes"\}/,
      );
      socket.destroy();
    });

  it('answers 200 only when the journal holds the batch, 503 if it does not take it', async () => {
    const refusing = await start({}, { next: () => Promise.reject(new Error('disk full')) });
    const answer = await post(refusing.url, PROTOBUF, HI);
    assert.deepEqual([answer.status, answer.type, answer.retryAfter], [503, PROTOBUF, '1']);
    const [code, message] = [...readFields(answer.bytes)].map(({ value }) => value);
    assert.deepEqual([code, Buffer.from(message as Uint8Array).toString()], [14n, 'take in the batch: disk full']);

    let isHeld = false;
    const gate = Promise.withResolvers<undefined>();
    const slow = await start({}, { next: () => gate.promise });
    const posted = post(slow.url, PROTOBUF, HI).then(({ status }) => [status, isHeld]);
    await slow.until(({ received }) => received.length === 1);
    isHeld = true;
    gate.resolve(undefined);
    assert.deepEqual(await posted, [200, true]);
  });

  for (const [why, type, body, status] of [
    ['that is no protobuf', PROTOBUF, Buffer.from([10, 99, 1]), 400],
    ['that is no JSON', JSON_TYPE, '{"resourceLogs": [', 400],
    ['whose JSON is of another shape', JSON_TYPE, '{"resourceLogs": [{"scopeLogs": {"a": 1}}]}', 400],
    ['of another type', 'text/plain', 'x', 415],
    ['that is too long', JSON_TYPE, request(text('x'.repeat(2_000))), 413],
  ] as const)
    it(`refuses a body ${why}, counts it, and takes the next one`, async () => {
      const receiver = await start({ body_bytes_max: 1_024 });
      assert.equal((await post(receiver.url, type, body)).status, status);
      assert.equal(receiver.rejected.length, status === 400 ? 1 : 0);
      assert.equal((await post(receiver.url, PROTOBUF, HI)).status, 200);
    });

  it('refuses what would grow far beyond what came, and numbers without end', async () => {
    const { url, records } = await start();
    const attributes = Array.from({ length: 1_000 }, (_, k) => ({ key: `key ${k}`, value: { intValue: k } }));
    const logRecords = Array.from({ length: 10_000 }, () => ({}));
    const grown = JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] });
    const endless = request({ body: { intValue: '9'.repeat(1_000) } });
    for (const [body, why] of [
      [grown, /more than 67108864 characters in all records/],
      [endless, /more than 64 bits/],
    ] as const) {
      const { status, bytes } = await post(url, JSON_TYPE, body);
      assert.equal(status, 400);
      assert.match(bytes.toString(), why);
    }
    assert.deepEqual(records, []);
  });

  it('says what is wrong with a body that is no gzip', async () => {
    const { url } = await start();
    const { status, bytes } = await post(url, JSON_TYPE, 'no gzip', { 'content-encoding': 'gzip' });
    assert.deepEqual([status, JSON.parse(bytes.toString())], [400, { code: 3, message: 'the body cannot be read: incorrect header check' }]); // prettier-ignore
  });

  it('says 503 before it started and after it stopped', async () => {
    const before = createReceiver(otlp, {});
    assert.equal((await post(`${await serve({ component: before })}/v1/logs`, PROTOBUF, HI)).status, 503);
    const after = await start();
    await after.stop();
    assert.equal((await post(after.url, PROTOBUF, HI)).status, 503);
  });
});
