/**
 * Records that nobody meant. A record is in the journal before it is folded, so one that made the fold throw would stop
 * the bridge now and in every replay.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { Value, WideRecord } from '../../bridge/core/record.ts';
import { Engine } from '../../bridge/engine.ts';
import { toOtlpJson } from '../../bridge/exporters/otlp_json.ts';
import { bytesOf, fold, LiveEngine, seeded, shuffled } from '../helpers/engine.ts';
import { at, parsl, RUN, t0 } from '../helpers/records.ts';

const numbers = fc.constantFrom(
  0, -0, 1, 2, -1, 1.5, 9_999, 10_000, 2 ** 31, 2 ** 32 - 2, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e15, 4e15, 1e18, 1e300, -1e300, t0, t0 + 0.5,
); // prettier-ignore
const texts = fc.constantFrom(
  '', '0', 'a', 'x,y', '1,2,,3', '-1', 'None', "ValueError('x')", '(((', '\u0000', '💥', 'Mars/Olympus', 'Europe/Berlin',
  'pending', 'launched', 'joining', 'exec_done', 'failed', 'dep_fail', 'memo_done', 'done', 'running', 'running_ended',
  'RUNNING', 'FAILED', 'WARN', 'constructor', '__proto__',
); // prettier-ignore
const anything: fc.Arbitrary<Value> = fc.oneof(
  numbers,
  texts,
  fc.boolean(),
  fc.constant(null),
  fc.constant(-5n),
  fc.constant(10n ** 30n),
);

const names = [
  'parsl.task', 'parsl.try', 'parsl.task_state', 'parsl.app_name', 'parsl.executor', 'parsl.timestamp', 'time',
  'source.arrival', 'parsl.first_msg', 'parsl.last_msg', 'parsl.block', 'parsl.block_state', 'parsl.job_id',
  'parsl.manager', 'parsl.manager_info.worker_count', 'parsl.manager_info.active', 'parsl.manager_info.draining',
  'parsl.manager_info.tasks', 'parsl.manager_info.total_memory', 'host.name', 'parsl.dependency_task', 'parsl.joined_task',
  'parsl.task_hashsum', 'parsl.task_fail_count', 'parsl.task_fail_history', 'parsl.task_time_invoked',
  'parsl.task_time_returned', 'parsl.task_try_time_launched', 'parsl.task_try_time_returned', 'parsl.task_stdout',
  'parsl.workflow_info.time_began', 'parsl.workflow_info.time_completed', 'parsl.workflow_info.workflow_name',
  'parsl.utc_offset', 'parsl.time_zone', 'psutil_process_time_user', 'psutil_process_time_system',
  'psutil_process_memory_resident', 'psutil_process_disk_read', 'message', 'level', 'metric', 'value', 'my key',
]; // prettier-ignore

const hostile: fc.Arbitrary<WideRecord> = fc
  .tuple(
    fc.constantFrom<Value>('r', 'r', 'r', 's', '', null, 5),
    fc.dictionary(fc.constantFrom(...names), anything, { maxKeys: 12 }),
  )
  .map(([run, rest]) => ({ 'parsl.dfk': run, ...rest }));

/** Records that could be true: few tasks, tries and times, so that they meet and contradict each other. */
const few = fc.integer({ min: 0, max: 2 });
const second = fc.integer({ min: 0, max: 5 });
const maybe = (values: fc.Arbitrary<Value>): fc.Arbitrary<Value> => fc.option(values);
const plausible: fc.Arbitrary<WideRecord> = fc
  .record({
    kind: fc.constantFrom('task', 'worker', 'sample', 'line', 'block', 'manager', 'run', 'metric'),
    task: few,
    attempt: maybe(few),
    state: fc.constantFrom(
      'pending',
      'launched',
      'joining',
      'fail_retryable',
      'exec_done',
      'failed',
      'memo_done',
      'done',
    ),
    at: second,
    other: maybe(second),
    text: fc.constantFrom('', 'a', 'b'),
    isLocal: fc.boolean(),
  })
  .map(({ kind, task, attempt, state, at: seconds, other, text, isLocal }) => {
    const times = {
      'parsl.task_time_invoked': null,
      'parsl.task_time_returned': other === null ? null : at(Number(other)),
    };
    const more = {
      'parsl.task_fail_history': text,
      'parsl.task_hashsum': text,
      'parsl.executor': text,
      'host.name': text,
    };
    const made = ((): WideRecord => {
      const number = { 'parsl.try': attempt };
      switch (kind) {
        case 'task':
          return parsl.task(
            task,
            undefined,
            state,
            seconds,
            {},
            { ...times, ...more, ...number, 'parsl.task_fail_count': other },
          );
        case 'worker':
          return parsl.worker(task, undefined, text === 'a' ? 'running' : 'running_ended', seconds, {
            ...number,
            'host.name': text,
          });
        case 'sample':
          return parsl.sample(task, undefined, seconds, Number(other), task, number);
        case 'line':
          return { 'parsl.dfk': RUN, 'parsl.task': task, 'parsl.timestamp': at(seconds), message: state, level: text };
        case 'block':
          return parsl.block(`e${text}`, String(task), state === 'failed' ? 'FAILED' : 'RUNNING', seconds);
        case 'manager':
          return parsl.manager(`m${text}`, seconds, {
            'parsl.block': String(task),
            'parsl.manager_info.active': state !== 'failed',
          });
        case 'run':
          return parsl.begin(seconds, {
            'parsl.workflow_info.workflow_name': text,
            'parsl.workflow_info.time_completed': null,
          });
        default:
          return { 'parsl.dfk': RUN, metric: `m${text}`, value: task, time: BigInt(at(seconds)) * 1000n };
      }
    })();
    if (isLocal || made['parsl.timestamp'] === undefined) return made;
    const { 'parsl.timestamp': local, ...rest } = made;
    return { ...rest, time: BigInt(Number(local)) * 1000n };
  });

describe('model: what nobody meant', () => {
  it('never makes the fold, the mappers or the encoder throw', function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 20 }), (records) => {
        const { spans, logs, metrics } = fold(records);
        toOtlpJson({ spans, logs, metrics, records: [] });
        for (const { startTimeUnixNano: start, endTimeUnixNano: end } of spans) assert.ok(start >= 0n && start <= end);
      }),
      { seed: 1, numRuns: 3_000 },
    );
  });

  it('never makes a live engine throw, whatever its clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hostile, fc.integer({ min: 0, max: 60 })), { maxLength: 20 }), (steps) => {
        const live = new LiveEngine({ openTasksMax: 3, memoSourcesMax: 1 });
        for (const [record, seconds] of steps) {
          live.apply([record], at(seconds)).tick(at(seconds + 1));
          live.engine.takeRows();
          live.engine.collect(at(seconds), seconds % 7 === 0);
        }
        live.finish();
        assert.equal(live.engine.openTasks, 0);
        const ids = live.spans.map(({ spanId }) => spanId);
        assert.equal(new Set(ids).size, ids.length);
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });

  it('gives the same bytes in any order, even where records contradict each other', function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(fc.array(plausible, { maxLength: 14 }), fc.integer({ min: 0 }), (records, seed) => {
        const random = seeded(seed);
        const expected = bytesOf([records]);
        for (let turn = 0; turn < 3; turn++)
          assert.equal(bytesOf([shuffled([...records, ...records], random)]), expected);
      }),
      { seed: 1, numRuns: 3_000 },
    );
  });

  it('costs no memory and no time by a try with an absurd number', () => {
    const engine = new Engine({ closing: 'live' });
    const started = performance.now();
    for (let attempt = 2 ** 32 - 3; attempt < 2 ** 32; attempt++)
      engine.apply([parsl.task(0, attempt, 'launched', 1)], at(1));
    engine.apply([parsl.task(0, 0, 'failed', 2)], at(2));
    assert.deepEqual(engine.tick(at(5)).spans.map(({ name }) => name), ['simulate']); // prettier-ignore
    assert.ok(performance.now() - started < 1_000);
  });

  it('remembers the same source of a memoised result in any order, though the source is said to have failed, too', () => {
    const hash = { 'parsl.task_hashsum': 'a' };
    const records = [
      parsl.task(0, 0, 'exec_done', 1, { ended: 1 }, hash),
      parsl.task(0, 0, 'failed', 2, { ended: 2 }, hash),
      parsl.task(1, 0, 'memo_done', 3, { ended: 3 }, hash),
    ];
    assert.equal(bytesOf([records.toReversed()]), bytesOf([records]));
  });

  it('takes a time that is none for no time', () => {
    const { spans } = fold([
      parsl.task(
        0,
        0,
        'exec_done',
        5,
        { ended: 5 },
        { 'parsl.task_time_invoked': -5, 'parsl.task_try_time_launched': 1e300 },
      ),
    ]);
    assert.equal(spans[0]?.startTimeUnixNano, BigInt(at(5)) * 1000n);
    assert.equal(spans[0].attributes['parsl.inferred'], 'start');
  });
});
