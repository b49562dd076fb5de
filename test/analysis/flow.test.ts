import assert from 'node:assert/strict';

import { flowOf } from '../../bridge/analysis/flow.ts';
import type { TaskTries } from '../../bridge/analysis/phases.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import type { TryRow } from '../../bridge/core/row.ts';
import { makeRows } from '../store/rows.ts';

const attempt: TryRow = {
  ...makeRows({ tasks: 1 }).tries[0]!, try: 0, launched: 1000, running: 3000, running_ended: 4000, returned: 5000,
  states: JSON.stringify([['submit', 'launched', 1000], ['execution', 'running', 3001]]),
}; // prettier-ignore
const task: TaskTries = { invoked: 0, returned: 5000, final: true, attempts: [attempt] };

/** A log line `us` microseconds after the epoch. */
const line = (us: number, log: string, message: string, more: WideRecord = {}): WideRecord => ({
  time: BigInt(us) * 1000n, message, 'source.log': log, 'source.path': `${log}.log`, ...more,
}); // prettier-ignore
const htex = [
  line(4200, 'interchange', 'Removing task 1 from manager', { 'parsl.phase': 'result', 'parsl.phase_edge': 'end' }),
  line(1000, 'parsl', 'Task 7 launched', {
    'parsl.task_state': 'launched',
    'parsl.phase': 'submit',
    'parsl.phase_edge': 'start',
  }),
  line(2000, 'interchange', 'Put task 1', {
    'parsl.phase': 'interchange_queue',
    'parsl.phase_edge': 'start',
    'parsl.phase_ended': 'submit',
  }),
  line(2500, 'interchange', 'Sent tasks: [1]', { 'parsl.phase': 'interchange_queue', 'parsl.phase_edge': 'end' }),
  line(3000, 'worker', 'Received', {
    'parsl.phase': 'worker',
    'parsl.phase_edge': 'start',
    'parsl.manager': 'ab',
    'parsl.worker': 1,
  }),
  line(4000, 'worker', 'Completed\nwith more', {
    'parsl.phase': 'result',
    'parsl.phase_edge': 'start',
    'parsl.phase_ended': 'worker',
    'parsl.manager': 'ab',
    'parsl.worker': 1,
  }),
];

describe('analysis/flow', () => {
  it('merges all sources in order of time, with the offset from the first', () => {
    const { lines, start, total } = flowOf(task, htex);
    assert.deepEqual(
      lines.map(({ offset, source, message }) => [offset, source, message.split('\n')[0]]),
      [
        [0, 'parsl', 'Task 7 launched'],
        [1000, 'interchange', 'Put task 1'],
        [1500, 'interchange', 'Sent tasks: [1]'],
        [2000, 'worker ab/1', 'Received'],
        [2001, 'monitoring worker', 'running'],
        [3000, 'worker ab/1', 'Completed'],
        [3200, 'interchange', 'Removing task 1 from manager'],
      ],
    );
    assert.deepEqual([start, total], [1000, 7]);
  });

  it('does not tell a state twice that the log line of that very instant told', () => {
    const { lines } = flowOf(task, htex);
    assert.deepEqual(
      lines.filter(({ log }) => log === 'monitoring').map(({ message }) => message),
      ['running'],
    );
  });

  it('keeps the order of a file where times are equal, and puts lines without a time last', () => {
    const rows = [3, 1, 2].map((number) => line(10, 'worker', `line ${number}`, { 'source.line': number }));
    const timeless: WideRecord = { message: 'whenever', 'source.log': 'worker' };
    const { lines } = flowOf({ ...task, attempts: [] }, [timeless, ...rows]);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['line 1', 'line 2', 'line 3', 'whenever'],
    );
    assert.equal(lines.at(-1)!.offset, null);
  });

  it('splits the time between launch and start into the steps that lines bound', () => {
    const { phases } = flowOf(task, htex);
    assert.deepEqual(
      phases.map(({ name, start, end, told_by }) => [name, start, end, told_by]),
      [
        ['pending', 0, 1000, 'states'],
        ['try', 1000, 5000, 'states'],
        ['queued', 1000, 3000, 'states'],
        ['submit', 1000, 2000, 'logs'],
        ['interchange_queue', 2000, 2500, 'logs'],
        ['running', 3000, 4000, 'states'],
        ['worker', 3000, 4000, 'logs'],
        ['returning', 4000, 5000, 'states'],
        ['result', 4000, 4200, 'logs'],
      ],
    );
  });

  it('leaves a bound open that no line told', () => {
    const { phases } = flowOf({ ...task, attempts: [] }, [
      line(5, 'worker', 'Received', { 'parsl.phase': 'worker', 'parsl.phase_edge': 'start' }),
    ]);
    assert.deepEqual(phases.map(({ name, start, end }) => [name, start, end]).at(-1), ['worker', 5, null]);
  });

  it('says by how much the clocks of two hosts disagree at least, and corrects nothing', () => {
    const late = [
      line(9_000_000, 'worker', 'Completed', {
        'parsl.phase': 'result',
        'parsl.phase_edge': 'start',
        'parsl.manager': 'ab',
      }),
      line(8_750_000, 'interchange', 'Removing', { 'parsl.phase': 'result', 'parsl.phase_edge': 'end' }),
    ];
    const { notes, lines } = flowOf({ ...task, attempts: [] }, late);
    assert.match(notes[0]!, /worker ab.*0\.250000 s|0\.250000 s before its start \(worker ab\)/);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['Removing', 'Completed'],
    );
  });

  it('says that monitoring tells local times of a zone that nobody told', () => {
    const hour = 3_600_000_000;
    const shifted = { ...task, attempts: [{ ...attempt, launched: 1000 + hour }] };
    const { notes } = flowOf(shifted, htex);
    assert.match(notes[0]!, /1 h after what the logs tell.*--time-zone/);
    assert.doesNotMatch(
      flowOf({ ...task, attempts: [{ ...attempt, launched: 1000 + hour / 7 }] }, htex).notes.join(),
      /zone/,
    );
  });

  it('does not call it clocks where two processes of one host write late', () => {
    const raced = [
      line(2_000_000, 'parsl', 'launched', { 'parsl.phase': 'submit', 'parsl.phase_edge': 'start' }),
      line(1_000_000, 'interchange', 'Put', {
        'parsl.phase': 'interchange_queue',
        'parsl.phase_edge': 'start',
        'parsl.phase_ended': 'submit',
      }),
    ];
    const { notes, phases } = flowOf({ ...task, attempts: [] }, raced);
    assert.match(notes[0]!, /submit: .* 1\.000000 s before its start .*written late/);
    assert.deepEqual(notes.filter((note) => note.includes('clock')), []); // prettier-ignore
    assert.deepEqual(phases.filter(({ name }) => name === 'submit'), []); // prettier-ignore
  });

  it('says what would tell more: logs at all, the interchange, the worker', () => {
    const notes = (records: WideRecord[]) => flowOf(task, records).notes.join(' ');
    assert.match(notes([]), /No log line names this task/);
    assert.match(notes([line(1, 'worker', 'Received')]), /worker_debug=True/);
    assert.match(notes([line(1, 'interchange', 'Put')]), /No line of a worker/);
    assert.equal(notes(htex), '');
  });
});
