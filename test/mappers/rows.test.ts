import assert from 'node:assert/strict';

import { runId, taskId, trySpanId } from '../../bridge/core/ids.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { fixedZone } from '../../bridge/core/time.ts';
import { LiveEngine } from '../helpers/engine.ts';
import { at, nanos, parsl, RUN } from '../helpers/records.ts';

const rowsOf = (records: readonly WideRecord[]) => new LiveEngine().apply(records).engine.takeRows();

describe('mappers/rows', () => {
  const hash = { 'parsl.task_hashsum': 'abc' };

  it('a run’s row says what it is, when it began and ended, and by which clock', () => {
    const [run] = rowsOf([parsl.begin(0), ...parsl.whole(0, 1, 5), parsl.end(6)]).runs;
    assert.deepEqual(run, {
      run: RUN, workflow: 'study', version: null, user: null, host: 'login', rundir: null, parsl_version: null,
      python_version: '3.13.0', began: at(0), completed: at(6), first_seen: at(1), last_seen: at(5), last_task_info: at(5),
      zone: '+00:00', zone_source: 'arrival', closed: false, trace_id: runId(RUN).traceId,
    }); // prettier-ignore
  });

  it('a task’s row has only what was observed', () => {
    const [task] = rowsOf([parsl.task(3, 0, 'launched', 2, { invoked: 1 }), parsl.worker(3, 0, 'running', 3)]).tasks;
    assert.deepEqual(task, {
      run: RUN, task: 3, app: 'simulate', state: 'running', final: false, executor: 'htex', tries: 1, invoked: at(1),
      launched: at(2), running: at(3), running_ended: null, returned: null, depends: null, joins: null, hashsum: null,
      memo_source: null, fail_count: 0, fail_history: null, stdout: null, stderr: null, inputs: null, outputs: null,
      host: 'node1', block: '0', manager: null, closed: false, trace_id: taskId(RUN, 3).traceId, span_id: taskId(RUN, 3).spanId,
    }); // prettier-ignore
  });

  it('a task that went well shows no failure of an earlier try, one that failed shows why', () => {
    const history = { 'parsl.task_fail_history': "OSError('disk')" };
    const retried = [parsl.task(0, 0, 'fail_retryable', 1, {}, history), parsl.task(0, 1, 'exec_done', 2)];
    assert.equal(rowsOf(retried).tasks[0]?.fail_history, null);
    assert.equal(rowsOf([parsl.task(0, 0, 'failed', 1, {}, history)]).tasks[0]?.fail_history, "OSError('disk')");
  });

  it('a memo hit’s row names its source', () => {
    const { tasks } = rowsOf([parsl.task(1, 0, 'exec_done', 1, {}, hash), parsl.task(2, 0, 'memo_done', 2, {}, hash)]);
    assert.deepEqual(tasks.map(({ memo_source }) => memo_source), [null, 1]); // prettier-ignore
  });

  it('a try’s row has both lanes’ states, and what it used', () => {
    const { tries, samples } = rowsOf([
      ...parsl.whole(0, 0, 5),
      parsl.sample(0, 0, 2, 10, 70),
      parsl.sample(0, 0, 3, 12, 60),
    ]);
    const [attempt] = tries;
    assert.deepEqual(JSON.parse(attempt?.states ?? ''), [
      ['submit', 'pending', at(0)], ['submit', 'launched', at(0.11)], ['execution', 'running', at(0.2)],
      ['execution', 'running_ended', at(4.9)], ['submit', 'exec_done', at(5)],
    ]); // prettier-ignore
    assert.deepEqual([attempt?.cpu_time, attempt?.memory_peak, attempt?.read_bytes], [2, 70, null]);
    assert.deepEqual(
      [attempt?.launched, attempt?.returned, attempt?.span_id],
      [at(0.1), at(4.95), trySpanId(RUN, 0, 0)],
    );
    assert.deepEqual(samples.map(({ cpu_time, memory }) => [cpu_time, memory]), [[10, 70], [12, 60]]); // prettier-ignore
  });

  it('a number that was never launched has no row of a try', () => {
    assert.deepEqual(rowsOf([parsl.task(0, 0, 'pending', 1)]).tries, []);
  });

  it('a block’s row has its states in order and its end', () => {
    const { blocks } = rowsOf([
      parsl.block('htex', '0', 'RUNNING', 2),
      parsl.block('htex', '0', 'PENDING', 1, { 'parsl.job_id': '7' }),
      parsl.block('htex', '0', 'CANCELLED', 3),
    ]);
    assert.deepEqual(blocks, [
      { run: RUN, executor: 'htex', block: '0', job: '7', state: 'CANCELLED', first_seen: at(1), ended: at(3),
        states: JSON.stringify([['PENDING', at(1)], ['RUNNING', at(2)], ['CANCELLED', at(3)]]) },
    ]); // prettier-ignore
  });

  it('a manager’s row is the newest word about it, whatever came last', () => {
    const newest = parsl.manager('m', 5, {
      'parsl.manager_info.tasks': '7,8',
      'parsl.manager_info.draining': true,
      'parsl.manager_info.cpu_count': 16,
    });
    const { managers } = rowsOf([
      parsl.block('htex', '0', 'RUNNING', 0),
      newest,
      parsl.manager('m', 1, { 'parsl.manager_info.tasks': '1' }),
    ]);
    assert.deepEqual(managers, [
      { run: RUN, manager: 'm', executor: 'htex', block: '0', host: 'node1', workers: 4, cpus: 16, memory: null,
        registered: at(1), last_seen: at(5), left: null, active: true, draining: true, held: 2 },
    ]); // prettier-ignore
  });

  it('a record with text is a row, with its instant also where it tells a naive local time alone', () => {
    const live = new LiveEngine({ zone: fixedZone(3600e6, 'config') });
    const record = { 'parsl.dfk': RUN, message: 'naive', 'parsl.timestamp': at(3601) };
    const lines = [{ message: 'of nobody', time: nanos(2) }, record, { ...record, 'parsl.timestamp': 7 }];
    const { records } = live.apply([...lines, parsl.begin(0)], at(5)).engine.takeRows();
    assert.deepEqual(records.map(({ run, time, record }) => [run, time, record['message']]), [
      [null, at(2), 'of nobody'], [RUN, at(1), 'naive'], [RUN, null, 'naive'],
    ]); // prettier-ignore
    assert.deepEqual(live.engine.takeRows().records, []);
  });

  it('a line that comes after its run closed is read by the run’s clock', () => {
    const live = new LiveEngine().apply([parsl.begin(0, { 'parsl.utc_offset': 3600 }), parsl.end(1)], at(1));
    live.finish().engine.takeRows();
    live.apply([{ 'parsl.dfk': RUN, message: 'late', 'parsl.timestamp': at(3602) }], at(9));
    assert.equal(live.engine.takeRows().records[0]?.time, at(2));
  });
});
