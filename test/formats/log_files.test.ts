import assert from 'node:assert/strict';

import { mayBeLog, placeLog, runDirOf } from '../../bridge/formats/log_files.ts';

const dirs = new Set(['runinfo/000']);
const keysOf = (path: string, format: Parameters<typeof placeLog>[1] = 'parsl_text_log'): unknown[] => {
  const found = placeLog(path, format, dirs);
  const { 'source.run_dir': dir, 'source.log': log, ...rest }: Record<string, string | number> = found?.keys ?? {};
  return [dir, log, found?.rank, rest];
};

describe('formats/log_files', () => {
  const worker = { 'parsl.executor': 'htex', 'parsl.block': '0', 'parsl.manager': 'd941c5ff7759' };
  const cases: Record<string, unknown[]> = {
    'runinfo/000/parsl.jsonlog': ['runinfo/000', 'parsl', 0, {}],
    'parsl.log': ['.', 'parsl', 0, {}],
    'runinfo/000/database_manager.log': ['runinfo/000', 'database_manager', 5, {}],
    'runinfo/000/monitoring_udp_router.log': ['runinfo/000', 'monitoring_router', 5, {}],
    'runinfo/000/htex/monitoring_zmq_router.log': ['runinfo/000', 'monitoring_router', 5, { 'parsl.executor': 'htex' }],
    'runinfo/000/htex/interchange.log': ['runinfo/000', 'interchange', 1, { 'parsl.executor': 'htex' }],
    'htex/interchange.jsonlog': ['.', 'interchange', 1, { 'parsl.executor': 'htex' }],
    'runinfo/000/htex/block-0/d941c5ff7759/manager.log': ['runinfo/000', 'manager', 3, worker],
    'runinfo/000/htex/block-0/d941c5ff7759/worker_12.jsonlog': [
      'runinfo/000', 'worker', 4, { ...worker, 'parsl.worker': 12 },
    ],
    'runinfo/000/wq/transaction_log': ['runinfo/000', 'work_queue', 2, { 'parsl.executor': 'wq' }],
    'runinfo/000/wq/debug_log': ['runinfo/000', 'work_queue', 1, { 'parsl.executor': 'wq' }],
    'runinfo/vine/2026-11-21T124450/vine-logs/transactions': [undefined, 'taskvine', 2, { 'parsl.executor': 'vine' }],
    'runinfo/000/submit_scripts/parsl.my.wq.block-3.1795261442.543103.sh.err': [
      'runinfo/000', 'batch_output', 5, { 'parsl.executor': 'my.wq', 'parsl.block': '3', 'parsl.submit_script': 'parsl.my.wq.block-3.1795261442.543103.sh' },
    ],
    'runinfo/000/submit_scripts/parsl.htex.block-0.1795261442.5.submit': [
      'runinfo/000', 'submit_script', 5, { 'parsl.executor': 'htex', 'parsl.block': '0', 'parsl.submit_script': 'parsl.htex.block-0.1795261442.5.submit' },
    ],
    'runinfo/000/submit_scripts/parsl.localprovider.1795261952.3488374.sh': [
      'runinfo/000', 'submit_script', 5, { 'parsl.executor': 'localprovider', 'parsl.submit_script': 'parsl.localprovider.1795261952.3488374.sh' },
    ],
    'runinfo/000/task_logs/0000/task_0036_describe.stdout': [
      'runinfo/000', 'task_output', 5, { 'parsl.task': 36, 'parsl.app_name': 'describe' },
    ],
    'runinfo/000/task_5_1.jsonlog': ['runinfo/000', 'worker', 4, { 'parsl.task': 5, 'parsl.try': 1 }],
    'uep.1710.b8a1/endpoint.log.1': ['uep.1710.b8a1', 'endpoint', 2, {}],
    'runinfo/000/parsl.log.1.gz': ['runinfo/000', 'parsl', 0, {}],
    'runinfo/000/parsl.log-20261121': ['runinfo/000', 'parsl', 0, {}],
    'runinfo/000/htex/interchange.jsonlog.gz': ['runinfo/000', 'interchange', 1, { 'parsl.executor': 'htex' }],
    'interchange.log': ['.', 'interchange', 1, {}],
    'block-0/d941c5ff7759/worker_1.log': [
      '.', 'worker', 4, { 'parsl.block': '0', 'parsl.manager': 'd941c5ff7759', 'parsl.worker': 1 },
    ],
    'runinfo/000/mine/own.log': ['runinfo/000', 'other', 5, {}],
    'thinker.log': [undefined, 'other', 5, {}],
    'runinfo/000/worker_3.log': ['runinfo/000', 'worker', 4, { 'parsl.worker': 3 }],
  }; // prettier-ignore
  for (const [path, expected] of Object.entries(cases))
    it(`knows ${path}`, () => {
      assert.ok(mayBeLog(path));
      assert.deepEqual(keysOf(path), expected);
    });

  it('takes a directory with a parsl.log for the run directory, though it looks like an executor’s', () => {
    const flat = new Set(['logs']);
    assert.deepEqual(placeLog('logs/interchange.log', 'parsl_text_log', flat)?.keys, {
      'source.run_dir': 'logs',
      'source.log': 'interchange',
    });
    assert.deepEqual(
      [runDirOf('logs/parsl.log'), runDirOf('logs/interchange.log'), runDirOf('x.log')],
      ['logs', undefined, undefined],
    );
  });

  for (const path of [
    'runinfo/000/htex/certificates/server.key_secret',
    'runinfo/000/htex/certificates/server.log',
    'runinfo/000/htex/log_config/log_config.pkl',
    'runinfo/000/wq/function_data/0001/x.log',
    'runinfo/000/checkpoint/tasks.pkl',
    'runinfo/000/monitor-fs-radio/new/9b.log',
    '.ssh/id_rsa',
    'id_ed25519.log.key',
    '.globus_compute/storage.db',
    'endpoint/credentials.json',
    'data.csv',
    'index_3.out',
  ])
    // prettier-ignore
    it(`never opens ${path}`, () => assert.ok(!mayBeLog(path)));

  it('reads free text as a log only in a run directory', () => {
    assert.equal(placeLog('notes.log', 'text', dirs), undefined);
    assert.equal(placeLog('runinfo/000/notes.log', 'text', dirs)?.format, 'text');
  });
});
