import assert from 'node:assert/strict';

import { parseLocalTime } from '../../bridge/core/time.ts';
import type { LogFormat } from '../../bridge/formats/log_text.ts';
import { decodeLog } from '../helpers/logs.ts';

/** What the lines say beside the keys that every record has. */
function said(format: LogFormat, ...lines: string[]): object[] {
  const { records, problems } = decodeLog(format, lines.map((line) => `${line}\n`).join(''));
  assert.deepEqual(problems, []);
  return records.map((record) =>
    Object.fromEntries(
      Object.entries(record).filter(([key]) => !/^source\.(?!copy)|^(?:time|message|process\.pid)$/.test(key)),
    ),
  );
}
const one = (format: LogFormat, line: string) => said(format, line)[0];

describe('formats: logs of cctools', () => {
  describe('transactions of Work Queue', () => {
    const T = '1795261439320127 17999';
    const cases: Record<string, object> = {
      'MANAGER START': { 'workqueue.manager_state': 'START' },
      'MASTER END': { 'workqueue.manager_state': 'END' },
      'TASK 1 WAITING index FIRST_RESOURCES {"memory":[300,"MB"],"cores":[1,"cores"]}': {
        'workqueue.task': 1, 'workqueue.state': 'WAITING', 'workqueue.category': 'index',
        'parsl.resource_specification.memory': 300, 'parsl.resource_specification.cores': 1,
      },
      'TASK 10 RUNNING 127.0.0.1:52858  FIRST_RESOURCES {"cores":[2,"cores"]}': {
        'workqueue.task': 10, 'workqueue.state': 'RUNNING', 'workqueue.worker_address': '127.0.0.1:52858',
        'workqueue.allocated.cores': 2,
      },
      'TASK 10 WAITING_RETRIEVAL 127.0.0.1:52858 ': {
        'workqueue.task': 10, 'workqueue.state': 'WAITING_RETRIEVAL', 'workqueue.worker_address': '127.0.0.1:52858',
      },
      'TASK 4 RETRIEVED OUTPUT_MISS  137  {"wall_time":[5,"s"]} {"cores_avg":[0.5,"cores"]}': {
        'workqueue.task': 4, 'workqueue.state': 'RETRIEVED', 'workqueue.result': 'OUTPUT_MISS',
        'workqueue.exit_code': 137, 'workqueue.limits_exceeded.wall_time': 5, 'workqueue.measured.cores_avg': 0.5,
      },
      'TASK 4 DONE SUCCESS  0  {} {}': {
        'workqueue.task': 4, 'workqueue.state': 'DONE', 'workqueue.result': 'SUCCESS', 'workqueue.exit_code': 0,
      },
      'TASK 4 CANCELED': { 'workqueue.task': 4, 'workqueue.state': 'CANCELED' },
      'WORKER worker-9d05 127.0.0.1:52858  CONNECTION': {
        'workqueue.worker': 'worker-9d05', 'workqueue.worker_address': '127.0.0.1:52858',
        'workqueue.worker_state': 'CONNECTION',
      },
      'WORKER worker-9d05 127.0.0.1:52858  DISCONNECTION FAILURE': {
        'workqueue.worker': 'worker-9d05', 'workqueue.worker_address': '127.0.0.1:52858',
        'workqueue.worker_state': 'DISCONNECTION', 'workqueue.reason': 'FAILURE',
      },
      'WORKER worker-9d05 RESOURCES {"memory":[3000,"MB"]}': {
        'workqueue.worker': 'worker-9d05', 'workqueue.worker_resources.memory': 3000,
      },
      'CATEGORY index MAX {"cores":[3,"cores"]}': {
        'workqueue.category': 'index', 'workqueue.category_bound': 'MAX', 'workqueue.category_resources.cores': 3,
      },
      'CATEGORY index FIRST FIXED {}': {
        'workqueue.category': 'index', 'workqueue.category_bound': 'FIRST', 'workqueue.category_mode': 'FIXED',
      },
      'TRANSFER INPUT 7 0 0.5 0.002 map': {
        'workqueue.task': 7, 'workqueue.transfer': 'INPUT', 'workqueue.transfer_bytes': 524288,
        'workqueue.transfer_duration': 0.002, 'workqueue.file': 'map',
      },
      'NOVELTY that nobody has seen': {},
    }; // prettier-ignore
    for (const [line, expected] of Object.entries(cases))
      it(`says ${line}`, () => assert.deepEqual(one('work_queue_transactions', `${T} ${line}`), expected));

    it('have times of microseconds, a text, and a heading that is no record', () => {
      const { records } = decodeLog('work_queue_transactions', `# time manager_pid TASK\n\n${T} MANAGER START\n`);
      assert.deepEqual(records.map((record) => [record['time'], record['process.pid'], record['message']]), [
        [1795261439320127000n, 17999, 'MANAGER START'],
      ]); // prettier-ignore
    });

    it('are set aside where they are torn, and the others are used', () => {
      const text = `${T} TASK 1 WAITING x FIRST_RESOURCES {"memory":[3\nnonsense\n${T} MANAGER END\n`;
      const { records, problems } = decodeLog('work_queue_transactions', text);
      assert.deepEqual(
        [records.length, problems.map(({ error }) => error.reason)],
        [1, ['transaction', 'transaction']],
      );
    });
  });

  describe('transactions of TaskVine', () => {
    const T = '1795265090812965 21775';
    const cases: Record<string, object> = {
      'MANAGER 21775 START 0': { 'taskvine.manager_state': 'START' },
      'TASK 1 INITIAL': { 'taskvine.task': 1, 'taskvine.state': 'INITIAL' },
      'TASK 1 READY prepare FIRST_RESOURCES 2 {"memory":[300,"MB"]}': {
        'taskvine.task': 1, 'taskvine.state': 'READY', 'taskvine.category': 'prepare', 'taskvine.attempt': 2,
        'parsl.resource_specification.memory': 300,
      },
      'TASK 1 RUNNING worker-b4d2  FIRST_RESOURCES {"time_commit_start":[1795265090.85,"s"],"cores":[1,"cores"]}': {
        'taskvine.task': 1, 'taskvine.state': 'RUNNING', 'taskvine.worker': 'worker-b4d2',
        'taskvine.allocated.time_commit_start': 1795265090.85, 'taskvine.allocated.cores': 1,
      },
      'TASK 1 RETRIEVED SUCCESS  0  {} {"time_worker_start":[1795265090.9,"s"]}': {
        'taskvine.task': 1, 'taskvine.state': 'RETRIEVED', 'taskvine.result': 'SUCCESS', 'taskvine.exit_code': 0,
        'taskvine.measured.time_worker_start': 1795265090.9,
      },
      'TASK 1 DONE SUCCESS  0 ': {
        'taskvine.task': 1, 'taskvine.state': 'DONE', 'taskvine.result': 'SUCCESS', 'taskvine.exit_code': 0,
      },
      'WORKER worker-b4d2 CONNECTION 127.0.0.1:37386': {
        'taskvine.worker': 'worker-b4d2', 'taskvine.worker_state': 'CONNECTION',
        'taskvine.worker_address': '127.0.0.1:37386',
      },
      'WORKER worker-b4d2 TRANSFER INPUT file-meta-12f0 7085 2639 1795265090859615': {
        'taskvine.worker': 'worker-b4d2', 'taskvine.transfer': 'INPUT', 'taskvine.file': 'file-meta-12f0',
        'taskvine.transfer_bytes': 7085, 'taskvine.transfer_duration': 0.002639,
        'taskvine.transfer_start': 1795265090.859615,
      },
      'WORKER worker-b4d2 CACHE_UPDATE file-rnd-laro 34 4467605 1795265090903258': {
        'taskvine.worker': 'worker-b4d2', 'taskvine.transfer': 'CACHE_UPDATE', 'taskvine.file': 'file-rnd-laro',
        'taskvine.transfer_bytes': 34, 'taskvine.transfer_duration': 4.467605,
        'taskvine.transfer_start': 1795265090.903258,
      },
      'LIBRARY 21 STARTED worker-b4d2': {
        'taskvine.library': 21, 'taskvine.library_state': 'STARTED', 'taskvine.worker': 'worker-b4d2',
      },
      'APPLICATION anything at all': {},
    }; // prettier-ignore
    for (const [line, expected] of Object.entries(cases))
      it(`says ${line}`, () => assert.deepEqual(one('taskvine_transactions', `${T} ${line}`), expected));
  });

  it('a taskgraph tells which executor task a file belongs to, and which files a task has', () => {
    assert.deepEqual(
      said(
        'taskvine_taskgraph',
        '# taskvine taskgraph version 2',
        'FILE file-meta-a "/opt/parsl/exec_parsl_function.py" 7085',
        'FILE file-meta-b "/tmp/vine-user-2026-glk10d3_/0002/function" 6162',
        'TASK T3 "python3" INPUTS file-meta-a file-meta-b OUTPUTS file-rnd-c',
        '# end',
      ),
      [
        { 'taskvine.file': 'file-meta-a', 'taskvine.file_bytes': 7085 },
        { 'taskvine.file': 'file-meta-b', 'taskvine.file_bytes': 6162, 'parsl.executor_task': 2 },
        ...['file-meta-a', 'file-meta-b', 'file-rnd-c'].map((file, copy) => ({
          'taskvine.task': 3,
          'taskvine.program': 'python3',
          'taskvine.file': file,
          'source.copy': copy,
        })),
      ],
    );
  });

  it('tables are read by the names on top of them', () => {
    const { records, problems } = decodeLog(
      'work_queue_performance',
      '# timestamp workers_idle manager_load\n1795261439272343 2 0.5\n1795261439272344 3\n',
    );
    assert.deepEqual(
      records.map((record) => [record['time'], record['workqueue.workers_idle'], record['workqueue.manager_load']]),
      [[1795261439272343000n, 2, 0.5]],
    );
    assert.deepEqual(
      problems.map(({ error }) => error.reason),
      ['table'],
    );
  });

  for (const [format, line] of [
    ['work_queue_debug', '2026/11/21 11:43:59.26 work_queue_python[17999] wq: Task 1 state change: UNKNOWN (0)'],
    ['taskvine_debug', '2026/11/21 11:43:59.26 work_queue_python[17999]wq: Task 1 state change: UNKNOWN (0)'],
  ] as const)
    it(`${format} has local times of hundredths, and lines that go on`, () => {
      const { records } = decodeLog(format, `${line}\n  more\n${line}\n`);
      assert.equal(records.length, 2);
      const { 'parsl.timestamp': time, 'process.name': program, 'process.pid': pid, message } = records[0] ?? {};
      assert.deepEqual(
        [time, program, pid, records[0]?.['log.logger'], message],
        [
          parseLocalTime('2026-11-21 11:43:59.26'),
          'work_queue_python',
          17999,
          'wq',
          'Task 1 state change: UNKNOWN (0)\n  more',
        ],
      );
    });
});
