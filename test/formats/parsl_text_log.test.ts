import assert from 'node:assert/strict';

import { parseLocalTime } from '../../bridge/core/time.ts';
import { decodeLog } from '../helpers/logs.ts';

const only = (text: string, keys?: Record<string, string>) => {
  const { records, problems } = decodeLog('parsl_text_log', text, keys);
  assert.deepEqual([records.length, problems.length], [1, 0]);
  const always = new Set(['source.receiver', 'source.format', 'source.line', 'source.log']);
  return Object.fromEntries(Object.entries(records[0] ?? {}).filter(([key]) => !always.has(key)));
};
const at = (text: string) => parseLocalTime(text);

/** One real line of each layout, and what it says. */
const layouts: Record<string, [string, object]> = {
  'parsl.log since 1.3, and all files since 2026.01': [
    '1795261724.001503 2026-11-21 11:48:44 MainProcess-28522 Task-Launch_0-139718595926912 parsl.dataflow.dflow:91 __init__ INFO: Task 0 done',
    {
      time: 1795261724001503000n, level: 'INFO', 'log.logger': 'parsl.dataflow.dflow', 'code.line.number': 91,
      'code.function.name': '__init__', 'process.pid': 28522, 'process.name': 'MainProcess',
      'thread.id': '139718595926912', 'thread.name': 'Task-Launch_0', message: 'Task 0 done',
    },
  ],
  'the same with a thread that Python named after its function': [
    '1795262523.216194 2026-11-21 13:02:03 HTEX-Worker-0-203 Thread-3 (_run)-13988 parsl.x:573 <module> WARNING: careful: 1-2',
    {
      time: 1795262523216194000n, level: 'WARN', 'log.logger': 'parsl.x', 'code.line.number': 573,
      'code.function.name': '<module>', 'process.pid': 203, 'process.name': 'HTEX-Worker-0', 'thread.id': '13988',
      'thread.name': 'Thread-3 (_run)', message: 'careful: 1-2',
    },
  ],
  'parsl.log up to 1.2, and routers': [
    '2026-11-21 11:52:32.173 parsl.dataflow.dflow:84 [DEBUG]  Starting DataFlowKernel with config',
    {
      'parsl.timestamp': at('2026-11-21 11:52:32.173'), level: 'DEBUG', 'log.logger': 'parsl.dataflow.dflow',
      'code.line.number': 84, message: 'Starting DataFlowKernel with config',
    },
  ],
  'interchange.log up to 2023': [
    '2026-11-21 11:48:44.105 interchange:129 HTEX-Interchange(28556) MainThread __init__ [DEBUG]  Initializing Interchange process',
    {
      'parsl.timestamp': at('2026-11-21 11:48:44.105'), level: 'DEBUG', 'log.logger': 'interchange',
      'code.line.number': 129, 'code.function.name': '__init__', 'process.pid': 28556,
      'process.name': 'HTEX-Interchange', 'thread.name': 'MainThread', message: 'Initializing Interchange process',
    },
  ],
  'interchange.log of 2024 and 2025': [
    '2026-11-21 11:52:10.344 interchange:108 MainProcess(926) MainThread __init__ [DEBUG] Initializing Interchange process',
    {
      'parsl.timestamp': at('2026-11-21 11:52:10.344'), level: 'DEBUG', 'log.logger': 'interchange',
      'code.line.number': 108, 'code.function.name': '__init__', 'process.pid': 926, 'process.name': 'MainProcess',
      'thread.name': 'MainThread', message: 'Initializing Interchange process',
    },
  ],
  'manager.log and worker logs up to 2025': [
    '2026-11-21 11:48:49.530 worker_log:644 28605 MainThread [INFO]  Received executor task 3',
    {
      'parsl.timestamp': at('2026-11-21 11:48:49.530'), level: 'INFO', 'log.logger': 'worker_log',
      'code.line.number': 644, 'process.pid': 28605, 'thread.name': 'MainThread', message: 'Received executor task 3',
    },
  ],
  'the same up to 1.2': [
    '2026-11-21 11:52:33.668 parsl:633 Rank:0 [INFO]  [MAIN] Log dir: /x',
    {
      'parsl.timestamp': at('2026-11-21 11:52:33.668'), level: 'INFO', 'log.logger': 'parsl', 'code.line.number': 633,
      rank: '0', message: '[MAIN] Log dir: /x',
    },
  ],
  'database_manager.log': [
    '2026-11-21 11:48:44.208 database_manager:553 [INFO] [Monitoring-migrate-priority 139718517388992] Starting processing',
    {
      'parsl.timestamp': at('2026-11-21 11:48:44.208'), level: 'INFO', 'log.logger': 'database_manager',
      'code.line.number': 553, 'thread.name': 'Monitoring-migrate-priority', 'thread.id': '139718517388992',
      message: 'Starting processing',
    },
  ],
  'endpoint.log of Globus Compute': [
    '2026-11-21 12:40:54,127634 DEBUG MainProcess-12436 MainThread-140629935430528 parsl.executors.high_throughput.executor:276 __init__ Initializing',
    {
      'parsl.timestamp': at('2026-11-21 12:40:54.127634'), level: 'DEBUG',
      'log.logger': 'parsl.executors.high_throughput.executor', 'code.line.number': 276,
      'code.function.name': '__init__', 'process.pid': 12436, 'process.name': 'MainProcess',
      'thread.id': '140629935430528', 'thread.name': 'MainThread', message: 'Initializing',
    },
  ],
  'its audit.log': [
    '2026-11-21T14:41:02.578099+02:00 uid=0 pid=12436 tid=c79d bid= RECEIVED',
    { time: 1795264862578099000n, message: 'uid=0 pid=12436 tid=c79d bid= RECEIVED' },
  ],
  'Academy’s text log': [
    '[2026-11-21 13:41:17.541] [tid=13280 pid=13281 task=Task-7]  INFO     (academy.exchange) Created mailbox',
    {
      'parsl.timestamp': at('2026-11-21 13:41:17.541'), level: 'INFO', 'log.logger': 'academy.exchange',
      'process.pid': 13281, 'thread.id': '13280', taskName: 'Task-7', message: 'Created mailbox',
    },
  ],
  'what scripts set up with basicConfig': [
    '2026-11-21 12:35:19,913 - colmena.task_server.parsl - INFO - Using default executors',
    {
      'parsl.timestamp': at('2026-11-21 12:35:19.913'), level: 'INFO', 'log.logger': 'colmena.task_server.parsl',
      message: 'Using default executors',
    },
  ],
}; // prettier-ignore

describe('formats/parsl_text_log', () => {
  const [line = ''] = Object.values(layouts)[0] ?? [];

  for (const [name, [written, said]] of Object.entries(layouts))
    it(`reads ${name}`, () => assert.deepEqual(only(`${written}\n`), said));

  it('takes lines without a prefix into the record before them, blank ones too', () => {
    const traceback =
      'Traceback (most recent call last):\n  File "x.py"\n\nDuring handling …:\n\nValueError: Task 9 failed';
    const { records } = decodeLog('parsl_text_log', `${line}\n${traceback}\n\n${line}\n`);
    assert.deepEqual(
      records.map(({ message }) => message),
      [`Task 0 done\n${traceback}`, 'Task 0 done'],
    );
    assert.deepEqual(
      records.map((record) => record['source.line']),
      [1, 9],
    );
  });

  it('keeps lines that belong to a record that is not there, and says so', () => {
    const record = only('  File "x.py"\nValueError\n');
    assert.deepEqual(record, {
      message: '  File "x.py"\nValueError',
      'source.note': 'a line without the beginning of its record',
    });
  });

  it('reads on behind NULs where nothing was written, and lines that went through Windows', () => {
    const { records } = decodeLog('parsl_text_log', `\0\0\0${line}\r\n  more\r\n\r\n${line}\0\r\n`);
    assert.deepEqual(
      records.map(({ message }) => message),
      ['Task 0 done\n  more', 'Task 0 done\0'],
    );
  });

  it('looks for the end of a prefix in the beginning of a line alone, however long the line', () => {
    const line = `1795261724.001503 2026-11-21 11:48:44 ${'-1 -1 '.repeat(200_000)}`;
    const { records } = decodeLog('parsl_text_log', `${line}\n`);
    assert.equal(records[0]?.['message'], line);
  });

  it('tells the zone of the submit side’s clock where a line has both times', () => {
    assert.equal(only(line, { 'source.log': 'parsl' })['parsl.utc_offset'], 0);
    const berlin = line.replace('11:48:44', '12:48:44');
    assert.equal(only(berlin, { 'source.log': 'parsl' })['parsl.utc_offset'], 3_600);
    assert.equal(only(berlin, { 'source.log': 'worker' })['parsl.utc_offset'], undefined);
  });

  it('cuts users’ functions and arguments out of what an endpoint writes at debug level', () => {
    const secret = 'gASV'.repeat(200);
    const message = `_on_message Received message from 1: None, b'\\x01{"message_type":"task","data":{"task_id":"c79d6793","task_buffer":"${secret}"}}'`;
    const record = only(
      `2026-11-21 12:40:54,127634 DEBUG MainProcess-1 MainThread-2 endpoint.interchange:9 f ${message}\n`,
    );
    assert.ok(
      !JSON.stringify(record, (_, value: unknown) => (typeof value === 'bigint' ? '' : value)).includes('gASV'),
    );
    assert.match(String(record['message']), /"task_id":"c79d6793","task_buffer":"…"/);
    assert.equal(record['source.note'], 'cut 800 characters of task payload from the message');
  });
});
