/** What monitoring.db gets of runs that only logs tell of. */
import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { convert } from '../../bridge/convert.ts';
import { openSink } from '../../bridge/exporters/monitoring_db/sink.ts';
import { findInputs, readFrames } from '../../bridge/inputs.ts';
import { fold, recorded } from '../helpers/engine.ts';
import { readDb, recordedDb, rowsOf, type Row, type Tables } from '../helpers/monitoring_db.ts';
import { recordedFrames } from '../helpers/fixtures.ts';
import { at, nanos, parsl, RUN } from '../helpers/records.ts';
import { temporary, unpacked } from '../helpers/run_dirs.ts';
import type { Frame } from '../../bridge/core/frame.ts';

const state = (seconds: number, name: string, more: WideRecord = {}): WideRecord => ({
  'parsl.dfk': RUN, time: nanos(seconds), message: 'said', 'parsl.task': 1, 'parsl.try': 0, 'parsl.task_state': name, ...more,
}); // prettier-ignore
const lines = [
  state(1, 'pending', { 'parsl.app_name': 'simulate' }),
  state(2, 'launched', { 'parsl.executor': 'htex' }),
  state(3, 'running', { 'parsl.manager': 'aaaa', 'parsl.block': '4', 'host.name': 'node1' }),
  state(4, 'failed', { 'parsl.task_fail_history': "OSError('disk')" }),
];

describe('mappers/messages', () => {
  const messagesOf = (records: readonly WideRecord[]) => {
    const { engine } = fold([]);
    engine.apply(records, 0);
    return engine.finish().messages;
  };

  it('tell a task’s states in order, by the run’s clocks, with what Parsl would have said of them', () => {
    const zone = { 'parsl.dfk': RUN, time: nanos(0), message: 'begin', 'parsl.utc_offset': 3600 };
    const [pending, launched, running, failed, start] = messagesOf([...lines.toReversed(), zone]);
    assert.equal(pending?.['parsl.timestamp'], at(3601));
    assert.deepEqual([launched?.['parsl.message_type'], running?.['parsl.message_type']], ['TASK_INFO', 'WORKER_TASK_INFO']); // prettier-ignore
    assert.deepEqual([running?.['parsl.block'], running?.['host.name'], running?.['parsl.first_msg']], ['4', 'node1', true]); // prettier-ignore
    assert.deepEqual(
      ['parsl.app_name', 'parsl.executor', 'parsl.task_state', 'parsl.task_fail_count', 'parsl.task_fail_history', 'parsl.task_time_invoked', 'parsl.task_time_returned'].map((key) => failed?.[key]),
      ['simulate', 'htex', 'failed', 1, "OSError('disk')", at(3601), at(3604)],
    ); // prettier-ignore
    assert.equal(start?.['parsl.workflow_info.workflow_name'], 'parsl');
  });

  it('are none for a task, or a run, that messages told of', () => {
    const messages = messagesOf([...lines, parsl.task(1, 0, 'pending', 1)]);
    assert.deepEqual(messages, []);
    const other = messagesOf([...lines, parsl.begin(0)]);
    assert.deepEqual([...new Set(other.map((record) => record['parsl.message_type']))], ['TASK_INFO', 'WORKER_TASK_INFO']); // prettier-ignore
  });

  it('carry the tasks that lines name one by one as what a task waits for', () => {
    const waits = (key: string, value: string) => ({ 'parsl.dfk': RUN, time: nanos(1), message: 'said', 'parsl.task': 1, [key]: value }); // prettier-ignore
    const told = [waits('parsl.dependency_task', '12'), waits('parsl.waits_for', 'task 3, task 5'), ...lines];
    assert.equal(messagesOf(told)[0]?.['parsl.dependency_task'], '3,5,12');
    const { spans } = fold(told);
    assert.equal(spans.find(({ name }) => name === 'simulate')?.attributes['parsl.dependency_task'], '3,5,12');
  });

  describe('of a recorded run', function () {
    this.timeout(60_000);
    const name = '2026.10.26-W1-htex';
    const database = async (frames: AsyncIterable<readonly Frame[]>): Promise<Tables> => {
      const path = `${temporary()}/out.db`;
      const sink = openSink(path, { platform: process.platform });
      const report = (error: Error): void => {
        throw error;
      };
      await convert(frames, { to: 'monitoring_db', zone: undefined, write: () => {}, sink, report });
      sink.close();
      return readDb(path);
    };
    async function* logs(): AsyncGenerator<readonly Frame[]> {
      for (const input of findInputs([unpacked(name)])) yield* readFrames(input, (error) => { throw error; }, () => {}); // prettier-ignore
    }
    async function* both(): AsyncGenerator<readonly Frame[]> {
      yield* logs();
      await Promise.resolve();
      yield recordedFrames(name);
    }
    const key = ({ run_id, task_id, try_id, task_status_name }: Row) => `${String(run_id)} ${String(task_id)} ${String(try_id)} ${String(task_status_name)}`; // prettier-ignore

    it('the logs alone give its tasks, their apps, launched tries and states as Parsl’s messages do', async () => {
      const made = await database(logs());
      const parsls = rowsOf(recordedDb(name));
      const tasks = (rows: readonly Row[]) => rows.map(({ run_id, task_id, task_func_name }) => `${String(run_id)} ${String(task_id)} ${String(task_func_name)}`).sort(); // prettier-ignore
      assert.deepEqual(tasks(made.task), tasks(parsls.task));
      const known = new Map(parsls.status.map((row) => [key(row), row]));
      assert.ok(made.status.length >= 0.95 * parsls.status.length);
      for (const row of made.status) {
        const told = known.get(key(row));
        assert.ok(told !== undefined, `${key(row)} was never told`);
        const apart = Math.abs(Date.parse(String(row['timestamp'])) - Date.parse(String(told['timestamp'])));
        assert.ok(apart < 100, `${key(row)} is ${apart} ms away`);
      }
      assert.deepEqual(made.workflow, parsls.workflow);
    });

    it('the logs add nothing to what messages tell', async () => {
      assert.deepEqual(await database(both()), rowsOf(recordedDb(name)));
      assert.ok(recorded(name).length > 0);
    });
  });
});
