import assert from 'node:assert/strict';

import { decodeLog } from '../helpers/logs.ts';

const base = {
  created: 1795261708.623226, process: 26961, processName: 'MainProcess', threadName: 'Task-Launch_0',
  thread: 140440422557376, name: 'parsl.dataflow.dflow', lineno: 734, funcname: 'launch_task', levelname: 'INFO',
}; // prettier-ignore
const line = (more: object) => `${JSON.stringify({ ...base, ...more })}\n`;
const only = (text: string) => decodeLog('parsl_json_log', text).records[0] ?? {};

describe('formats/parsl_json_log', () => {
  it('reads a record of Parsl’s own JSON log', () => {
    const message = 'Parsl task 3 try 0 launched on executor htex with executor id 2';
    const more = {
      msg: message, formatted: message, 'parsl.dfk': 'D9492DC3-0841-434f-9563-1f26b1458f74', 'parsl.task': '3',
      'parsl.try': '0', 'parsl.executor.label': 'htex', 'parsl.executor_task': '2',
    }; // prettier-ignore
    assert.deepEqual(only(line(more)), {
      'source.receiver': 'test',
      'source.format': 'parsl_json_log',
      'source.line': 1,
      time: 1795261708623226000n,
      'process.pid': 26961,
      'process.name': 'MainProcess',
      'thread.name': 'Task-Launch_0',
      'thread.id': '140440422557376',
      'log.logger': 'parsl.dataflow.dflow',
      'code.line.number': 734,
      'code.function.name': 'launch_task',
      level: 'INFO',
      message,
      'parsl.dfk': 'd9492dc3-0841-434f-9563-1f26b1458f74',
      'parsl.task': 3,
      'parsl.try': 0,
      'parsl.executor': 'htex',
      'parsl.executor_task': 2,
    });
  });

  it('reads the branch, whose values are all texts and whose names have underscores', () => {
    const record = only(
      line({
        created: '1795253634.801972', process: '2572', lineno: '561', funcName: 'launch_task', levelno: '10',
        msg: 'Managers count (interesting/total): %d/%d', formatted: 'Managers count (interesting/total): 0/0',
        message: 'Managers count (interesting/total): 0/0', repr: '<LogRecord>', known_keys: "dict_keys(['x'])",
        args: '(0, 0)', exc_info: 'None', exc_text: 'None', stack_info: 'None', pathname: '/x.py', filename: 'x.py',
        metric: 'managers_count', ready: '0', manager_id: "b'8f8ba7000809'", parsl_task_id: '5', htex_task_id: '7',
      }),
    ); // prettier-ignore
    assert.equal(record['time'], 1795253634801972000n);
    assert.deepEqual(
      ['process.pid', 'code.line.number', 'parsl.manager', 'parsl.task', 'parsl.executor_task', 'metric', 'ready'].map(
        (key) => record[key],
      ),
      [2572, 561, '8f8ba7000809', 5, 7, 'managers_count', '0'],
    );
    assert.equal(record['log.template'], 'Managers count (interesting/total): %d/%d');
    assert.equal(record['message'], 'Managers count (interesting/total): 0/0');
    assert.equal(record['args'], '(0, 0)');
    for (const repeated of ['repr', 'known_keys', 'levelno', 'filename', 'exc_info', 'funcName', 'name', 'lineno'])
      assert.ok(!(repeated in record), repeated);
  });

  it('keeps msg as the template only where arguments were put into it', () => {
    const template = (msg: string, formatted: string) => only(line({ msg, formatted }))['log.template'];
    assert.equal(template('Task %s done', 'Task 3 done'), 'Task %s done');
    assert.equal(template('Task 3 done', 'Task 3 done'), undefined);
    assert.equal(template('disk is 50% full', 'disk is 50% full'), undefined);
    assert.equal(template('lost 5% of it', 'lost 5% of it\nTraceback (most recent call last):\n  …'), undefined);
    assert.equal(
      template('Task %s failed', 'Task 3 failed\nTraceback (most recent call last):\n  …'),
      'Task %s failed',
    );
  });

  it('keeps the traceback in the message, keys it has never seen, and nested values as text', () => {
    const formatted = 'failed\nTraceback (most recent call last):\n  Task 3 was not at fault';
    const record = only(line({ msg: 'failed', formatted, 'mine.own': 7, list: [1, 2], deep: { a: { b: 1 } } }));
    assert.deepEqual(
      [record['message'], record['mine.own'], record['list'], record['deep']],
      [formatted, 7, '1,2', '{"a":{"b":1}}'],
    );
  });

  it('understands Python’s NaN, and keeps a record whose time cannot be read', () => {
    const nan = only('{"created": 1.5, "formatted": "x", "load": NaN}\n');
    assert.deepEqual([nan['load'], nan['source.note'], nan['time']], [null, 'load was NaN', 1500000000n]);
    assert.equal(only('{"created": "soon", "formatted": "x"}\n')['time'], 'soon');
  });

  it('counts what is no JSON and what is no object, with its line, and reads the others', () => {
    const text = `${line({ msg: 'ä' })}{"msg": "\\x"}\n[1]\n"text"\n{"created": 1\n${line({ msg: 'b' })}`;
    const { records, problems } = decodeLog('parsl_json_log', text);
    assert.deepEqual(
      records.map((record) => [record['message'], record['source.line']]),
      [
        ['ä', 1],
        ['b', 6],
      ],
    );
    assert.deepEqual(
      problems.map(({ frame, error }) => [Buffer.from(frame.payload).toString().split('\n')[1], error.reason]),
      ['{"msg": "\\x"}', '[1]', '"text"', '{"created": 1'].map((bad) => [bad, 'json']),
    );
  });
});
