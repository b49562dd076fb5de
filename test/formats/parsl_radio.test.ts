import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { createRadioDecoder, decodeRadioMessage } from '../../bridge/formats/parsl_radio.ts';
import { Dict, Instant, LocalTime, Member } from '../../bridge/formats/pickle_globals.ts';

const origin = { receiver: 'udp', arrival: 1_795_261_953_797_838 };
const from = { 'source.receiver': 'udp', 'source.format': 'parsl_radio', 'source.arrival': origin.arrival };
const at = 1_795_261_952_417_116;
const now = new LocalTime(at);
const run_id = 'DFEF5429-41ea-4724-afca-77415d78c0dc';

function dict(facts: Record<string, unknown>): Dict {
  const made = new Dict();
  made.pairs = Object.entries(facts).flat();
  return made;
}

const tag = (name: string): Member => new Member('MessageType', name, 0);

function decode(message: unknown): WideRecord[] {
  const records: WideRecord[] = [];
  decodeRadioMessage(message, origin, records);
  return records;
}

function decodeOne(name: string, facts: Record<string, unknown>): WideRecord {
  const [record, ...others] = decode([tag(name), dict(facts)]);
  assert.ok(record !== undefined && others.length === 0);
  return record;
}

function refuses(reason: string, message: unknown): void {
  const records: WideRecord[] = [];
  assert.throws(() => decodeRadioMessage(message, origin, records), { code: 'BRIDGE_DECODE', reason });
  assert.deepEqual(records, []);
}

const sample = { psutil_process_pid: 7, run_id, task_id: 3, try_id: 0, timestamp: now };
const start = {
  run_id,
  try_id: 0,
  task_id: 3,
  hostname: 'vm',
  block_id: '0',
  first_msg: true,
  last_msg: false,
  timestamp: now,
};
const task = { task_func_name: 'prepare', task_id: 3, run_id, task_status_name: 'pending', tasks_completed_count: 0 };

describe('formats/parsl_radio: envelopes', () => {
  const resource = tag('RESOURCE_INFO');
  const told = decode([resource, dict(sample)]);

  for (const [name, message] of [
    ['a tag and a dict', [resource, dict(sample)]],
    [
      'the same with the address of its datagram',
      [
        [resource, dict(sample)],
        ['127.0.0.1', 53444],
      ],
    ],
    ['the same with 0, as the submit side puts it', [[resource, dict(sample)], 0]],
    ['the same with NA, as files have it', [[resource, dict(sample)], 'NA']],
    [
      'the queue of 1.0, whose tag is wrong',
      [
        [3, 1_795_261_953, tag('TASK_INFO'), dict(sample)],
        ['127.0.0.1', 53444],
      ],
    ],
    ['a datagram of 1.0, whose tag is wrong', [3, 1_795_261_953, tag('TASK_INFO'), dict(sample)]],
    [
      'the queue of 1.2',
      [
        [resource, [3, 1_795_261_953, dict(sample)]],
        ['127.0.0.1', 53444],
      ],
    ],
    ['a datagram of 1.2', [3, 1_795_261_953, dict(sample)]],
    ['a time between tag and dict', [resource, now, dict(sample)]],
    ['the dict alone', dict(sample)],
    ['the HTEX result channel', dict({ type: 'monitoring', payload: [resource, dict(sample)] })],
    [
      'the HTEX result channel with an address inside',
      dict({ type: 'monitoring', payload: [[resource, dict(sample)], 0] }),
    ],
    ['a tag that is text, as JSON has it', ['RESOURCE_INFO', dict(sample)]],
  ] as const) {
    it(`reads ${name}`, () => assert.deepEqual(decode(message), told));
  }

  it('takes the time beside a dict for the time of the message', () => {
    const [record] = decode([tag('NODE_INFO'), now, dict({ uid: 'a', last_heartbeat: 1795261953.5 })]);
    assert.equal(record?.['parsl.timestamp'], at);
    assert.equal(record['parsl.manager_info.last_heartbeat'], undefined);
    assert.equal(record['parsl.manager_info.last_heartbeat_epoch'], 1795261953.5);
  });

  it('makes no record of the end of a queue', () => {
    assert.deepEqual([decode('STOP'), decode(['STOP', 0])], [[], []]);
  });

  it('makes one record of each block', () => {
    const block = (id: string): Dict =>
      dict({ run_id, status: 'PENDING', executor_label: 'htex', job_id: '97', block_id: id, timestamp: now });
    const records = decode([[tag('BLOCK_INFO'), [block('0'), block('1')]], 0]);
    assert.deepEqual(records[1], {
      'parsl.message_type': 'BLOCK_INFO',
      'parsl.dfk': run_id.toLowerCase(),
      'parsl.block_state': 'PENDING',
      'parsl.executor': 'htex',
      'parsl.job_id': '97',
      'parsl.block': '1',
      'parsl.timestamp': at,
      ...from,
    });
    assert.equal(records.length, 2);
    assert.deepEqual(decode([tag('BLOCK_INFO'), []]), []);
  });

  it('tells the kind of a dict without a tag by its keys', () => {
    const kind = (facts: Record<string, unknown>): unknown => decode(dict(facts))[0]?.['parsl.message_type'];
    assert.equal(kind(sample), 'RESOURCE_INFO');
    assert.equal(kind({ ...start, psutil_process_pid: 1 }), 'RESOURCE_INFO');
    assert.equal(kind(start), 'WORKER_TASK_INFO');
    assert.equal(kind({ ...start, first_msg: false }), 'RESOURCE_INFO');
    assert.equal(kind(task), 'TASK_INFO');
    assert.equal(kind({ tasks_failed_count: 0, ...task }), 'TASK_INFO');
    assert.equal(kind({ run_id, time_began: now, workflow_name: 'w' }), 'WORKFLOW_INFO');
    assert.equal(kind({ run_id, tasks_completed_count: 3 }), 'WORKFLOW_INFO');
    assert.equal(kind({ uid: 'a', cpu_count: 2 }), 'NODE_INFO');
    assert.equal(kind({ executor_label: 'htex', status: 'PENDING' }), 'BLOCK_INFO');
    assert.equal(kind({ anything: 1 }), undefined);
  });

  it('keeps the tag of a message that a later Parsl may send', () => {
    assert.equal(
      decode([new Member('MessageType', 'GPU_INFO', undefined), dict({ run_id, gpu: 1 })])[0]?.['parsl.message_type'],
      'GPU_INFO',
    );
  });

  it('refuses what is no message', () => {
    const loop: unknown[] = [];
    loop.push(loop, 0);
    const hook = dict({ type: 'monitoring' });
    hook.pairs.push('payload', hook);
    for (const message of [
      null,
      5,
      'text',
      [],
      [1],
      [tag('TASK_INFO')],
      [tag('TASK_INFO'), 5],
      [tag('TASK_INFO'), [5]],
      [[[[[[0]]]]]],
      loop,
      [new Member('States', 'pending', 0), dict(task)],
    ]) {
      refuses('envelope', message);
    }
    refuses('limit', hook);
    refuses('envelope', dict({}));
  });
});

describe('formats/parsl_radio: records', () => {
  it('names the facts of a task', () => {
    const record = decodeOne('TASK_INFO', {
      ...task, task_status: new Member('States', 'pending', 0), try_id: 1, from_memo: null, task_memoize: false, task_hashsum: null, task_joins: 4,
      task_depends: '0,1', task_stdout: '', task_time_invoked: now, task_time_returned: null, task_time_submitted: now, task_executor: 'htex',
      tasks_failed_count: 2, tasks_memo_completed_count: 1, timestamp: now, task_fn_hash: 'abc',
    }); // prettier-ignore
    assert.deepEqual(record, {
      'parsl.message_type': 'TASK_INFO',
      'parsl.app_name': 'prepare',
      'parsl.task': 3,
      'parsl.dfk': 'dfef5429-41ea-4724-afca-77415d78c0dc',
      'parsl.task_state': 'pending',
      'parsl.workflow_info.tasks_completed_count': 0,
      'parsl.try': 1,
      'parsl.from_memo': null,
      'parsl.task_memoize': false,
      'parsl.task_hashsum': null,
      'parsl.joined_task': '4',
      'parsl.dependency_task': '0,1',
      'parsl.task_stdout': '',
      'parsl.task_time_invoked': at,
      'parsl.task_time_returned': null,
      'parsl.task_time_submitted': at,
      'parsl.executor': 'htex',
      'parsl.workflow_info.tasks_failed_count': 2,
      'parsl.workflow_info.tasks_memo_completed_count': 1,
      'parsl.timestamp': at,
      'parsl.task_fn_hash': 'abc',
      ...from,
    });
  });

  it('takes the state from the number where there is no name', () => {
    const state = (task_status: unknown): unknown =>
      decodeOne('TASK_INFO', { task_id: 1, task_status })['parsl.task_state'];
    assert.deepEqual([-1, 0, 2, 3, 4, 5, 7, 8, 9, 10, 11].map(state), [
      'unsched', 'pending', 'running', 'exec_done', 'failed', 'dep_fail', 'launched', 'fail_retryable', 'memo_done', 'joining', 'running_ended',
    ]); // prettier-ignore
    assert.equal(state(new Member('States', 'launched', 7)), 'launched');
    assert.equal(state('launched'), 'launched');
    assert.equal(state(99), 99);
    assert.equal(decodeOne('TASK_INFO', { task_status: 3, task_status_name: 'done' })['parsl.task_state'], 'done');
    assert.equal(decodeOne('TASK_INFO', { task_status_name: 'done', task_status: 3 })['parsl.task_state'], 'done');
  });

  it('tells the start and the end of a try on its worker, whatever they were called', () => {
    const told = (name: string, facts: object): unknown[] => {
      const record = decodeOne(name, { ...start, ...facts });
      return [
        record['parsl.message_type'],
        record['parsl.task_state'],
        record['parsl.first_msg'],
        record['parsl.last_msg'],
      ];
    };
    const end = { first_msg: false, last_msg: true };
    const neither = { first_msg: false, last_msg: false };
    const psutil = { psutil_process_pid: 1 };
    assert.deepEqual(told('WORKER_TASK_INFO', {}), ['WORKER_TASK_INFO', 'running', true, false]);
    assert.deepEqual(told('WORKER_TASK_INFO', end), ['WORKER_TASK_INFO', 'running_ended', false, true]);
    assert.deepEqual(told('RESOURCE_INFO', {}), ['WORKER_TASK_INFO', 'running', true, false]);
    assert.deepEqual(told('RESOURCE_INFO', end), ['WORKER_TASK_INFO', 'running_ended', false, true]);
    assert.deepEqual(told('RESOURCE_INFO', psutil), ['RESOURCE_INFO', 'running', true, false]);
    assert.deepEqual(told('RESOURCE_INFO', { ...psutil, ...end }), ['RESOURCE_INFO', 'running_ended', false, true]);
    assert.deepEqual(told('WORKER_TASK_INFO', { last_msg: true }), ['WORKER_TASK_INFO', 'running_ended', true, true]);
    assert.deepEqual(told('RESOURCE_INFO', { ...psutil, ...neither }), ['RESOURCE_INFO', undefined, false, false]);
  });

  it('keeps psutil facts under their own names', () => {
    const record = decodeOne('RESOURCE_INFO', {
      ...sample,
      psutil_cpu_num: 1,
      resource_monitoring_interval: 0.5,
      hostname: 'vm',
    });
    assert.equal(record['psutil_process_pid'], 7);
    assert.equal(record['psutil_cpu_num'], 1);
    assert.equal(record['resource_monitoring_interval'], 0.5);
    assert.equal(record['host.name'], 'vm');
  });

  it('keeps the facts of a run and of a manager apart from those of tasks', () => {
    assert.deepEqual(
      decodeOne('WORKFLOW_INFO', {
        run_id,
        user: 'u',
        host: 'h',
        time_began: now,
        time_completed: null,
        exit_now: true,
      }),
      {
        'parsl.message_type': 'WORKFLOW_INFO',
        'parsl.dfk': run_id.toLowerCase(),
        'parsl.workflow_info.user': 'u',
        'parsl.workflow_info.host': 'h',
        'parsl.workflow_info.time_began': at,
        'parsl.workflow_info.time_completed': null,
        'parsl.workflow_info.exit_now': true,
        ...from,
      },
    );
    assert.deepEqual(
      decodeOne('NODE_INFO', {
        block_id: 0, uid: "b'818126a3a9c9'", tasks: [3, 4], hostname: 'vm', drain_time: Infinity, idle_since: 1.5, run_id, timestamp: now,
        packages: dict({ psutil: '7.2.2', 'é"': '1' }), type: 'registration', last_heartbeat: now, total_memory: 25_276_510_208,
      }), // prettier-ignore
      {
        'parsl.message_type': 'NODE_INFO',
        'parsl.block': '0',
        'parsl.manager': '818126a3a9c9',
        'parsl.manager_info.tasks': '3,4',
        'host.name': 'vm',
        'parsl.manager_info.drain_time': null,
        'parsl.manager_info.idle_since': 1.5,
        'parsl.dfk': run_id.toLowerCase(),
        'parsl.timestamp': at,
        'parsl.manager_info.packages': '{"psutil":"7.2.2","é\\"":"1"}',
        'parsl.manager_info.type': 'registration',
        'parsl.manager_info.last_heartbeat': at,
        'parsl.manager_info.total_memory': 25_276_510_208,
        'source.note': 'parsl.manager_info.drain_time was Infinity',
        ...from,
      },
    );
  });

  it('writes each manager’s own packages, also when two take turns', () => {
    const packages = (version: string): unknown =>
      decodeOne('NODE_INFO', { packages: dict({ psutil: version }) })['parsl.manager_info.packages'];
    assert.deepEqual(
      ['1', '2', '1', '1', '2'].map(packages),
      ['1', '2', '1', '1', '2'].map((version) => `{"psutil":"${version}"}`),
    );
  });

  it('keeps what it does not know, as scalars', () => {
    const record = decodeOne('TASK_INFO', {
      task_id: '03', extra: 'kept', task_gpu: 2, numbers: [1, 2], nested: dict({ a: [dict({ b: now })], c: NaN }), raw: Buffer.from('ab'),
      bits: Buffer.of(0, 255), zoned: new Instant(at), huge: 2n ** 70n, text: ['a,b'], none: [],
    }); // prettier-ignore
    assert.deepEqual(record, {
      'parsl.message_type': 'TASK_INFO',
      'parsl.task': 3,
      extra: 'kept',
      'parsl.task_gpu': 2,
      numbers: '1,2',
      nested: '{"a":[{"b":"2026-11-21T11:52:32.417116"}],"c":null}',
      raw: 'ab',
      bits: 'AP8=',
      zoned: at,
      huge: '1180591620717411303424',
      text: '["a,b"]',
      none: '',
      ...from,
    });
  });

  it('gives each record its own keys, whatever came before', () => {
    const decoder = createRadioDecoder();
    const make = (facts: Record<string, unknown>): WideRecord => {
      const records: WideRecord[] = [];
      decoder([tag('TASK_INFO'), dict(facts)], origin, records);
      return records[0] ?? {};
    };
    for (let i = 0; i < 200; i++) {
      const keys = Array.from({ length: 1 + (i % 7) }, (_, k) => `key_${(i * (k + 1)) % 90}_${k}`);
      const record = make(Object.fromEntries(keys.map((key, k) => [key, k])));
      assert.deepEqual(record, {
        'parsl.message_type': 'TASK_INFO',
        ...Object.fromEntries(keys.map((key, k) => [key, k])),
        ...from,
      });
    }
  });
});
