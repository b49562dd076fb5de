import assert from 'node:assert/strict';

import type { TaskDetail } from '../../bridge/store/store.ts';
import { phasesOf } from '../../bridge/analysis/phases.ts';
import { makeRows } from '../store/rows.ts';

const rows = makeRows({ tasks: 1 });
const none = { total: 0, links: [] };
type Attempt = TaskDetail['attempts'][number];

const attempt = (fields: Partial<Attempt>): Attempt => ({
  ...rows.tries[0]!, launched: null, running: null, running_ended: null, returned: null, states: '[]', error: null, ...fields,
}); // prettier-ignore
const task = (fields: Partial<TaskDetail>, ...attempts: Attempt[]): TaskDetail => ({
  ...rows.tasks[0]!, error: null, dependencies: none, dependents: none, joined: none, joined_by: none, memo: null, memo_users: none,
  samples: [], attempts, ...fields,
}); // prettier-ignore

/** One line a phase: name, try, bounds with a ~ where they are inferred. */
const lines = (detail: TaskDetail): string[] =>
  phasesOf(detail).map(
    (phase) =>
      `${phase.name}${phase.try ?? ''} ${phase.start_inferred ? '~' : ''}${phase.start}..${phase.end_inferred ? '~' : ''}${phase.end ?? ''}`,
  );

describe('analysis/phases', () => {
  const cases: [string, TaskDetail, string[]][] = [
    [
      'a task of which all was observed',
      task({ invoked: 0, returned: 50 }, attempt({ launched: 10, running: 20, running_ended: 30, returned: 50 })),
      ['pending 0..10', 'try0 10..50', 'queued0 10..20', 'running0 20..30', 'returning0 30..50'],
    ],
    [
      'a worker’s end that never came: the return stands in',
      task({ invoked: 0, returned: 50 }, attempt({ launched: 10, running: 20, returned: 50 })),
      ['pending 0..10', 'try0 10..50', 'queued0 10..20', 'running0 20..~50'],
    ],
    [
      'a worker’s start that never came: the launch stands in',
      task({ invoked: 0, returned: 50 }, attempt({ launched: 10, running_ended: 30, returned: 50 })),
      ['pending 0..10', 'try0 10..50', 'running0 ~10..30', 'returning0 30..50'],
    ],
    [
      'a worker that told nothing: the try alone',
      task({ invoked: 0, returned: 50 }, attempt({ launched: 10, returned: 50 })),
      ['pending 0..10', 'try0 10..50'],
    ],
    [
      'a launch that was not told: the worker’s start stands in',
      task({ invoked: 0, returned: 50 }, attempt({ running: 20, running_ended: 30, returned: 50 })),
      ['pending 0..~20', 'try0 ~20..50', 'queued0 ~20..20', 'running0 20..30', 'returning0 30..50'],
    ],
    [
      'a phase that would be negative is left out',
      task({ invoked: 0, returned: 50 }, attempt({ launched: 22, running: 20, running_ended: 30, returned: 29 })),
      ['pending 0..22', 'try0 22..29', 'running0 20..30'],
    ],
    [
      'a task that runs: open ends',
      task({ invoked: 0, returned: null, final: false, state: 'running' }, attempt({ launched: 10, running: 20 })),
      ['pending 0..10', 'try0 10..', 'queued0 10..20', 'running0 20..'],
    ],
    [
      'a task that waits',
      task({ invoked: 0, returned: null, final: false, state: 'pending' }),
      ['pending 0..'],
    ],
    [
      'a task that failed with its dependency',
      task({ invoked: 0, returned: 9, state: 'dep_fail' }),
      ['pending 0..9'],
    ],
    ['a task that ended nobody knows when', task({ invoked: 0, returned: null, state: 'memo_done' }), []],
    [
      'a join: its try ends with the task',
      task({ invoked: 0, returned: 90 }, attempt({ launched: 10, returned: 20, states: '[["submit","joining",20]]' })),
      ['pending 0..10', 'try0 10..90', 'joining0 20..90'],
    ],
    [
      'a join that still waits',
      task({ invoked: 0, returned: null, final: false }, attempt({ launched: 10, returned: 20, states: '[["submit","joining",20]]' })),
      ['pending 0..10', 'try0 10..', 'joining0 20..'],
    ],
    [
      'two tries',
      task(
        { invoked: 0, returned: 80 },
        attempt({ launched: 10, running: 20, running_ended: 30, returned: 31 }),
        attempt({ try: 1, launched: 40, running: 50, running_ended: 60, returned: 80 }),
      ),
      ['pending 0..10', 'try0 10..31', 'queued0 10..20', 'running0 20..30', 'returning0 30..31', 'try1 40..80', 'queued1 40..50', 'running1 50..60', 'returning1 60..80'],
    ],
  ]; // prettier-ignore

  for (const [name, detail, expected] of cases) it(name, () => assert.deepEqual(lines(detail), expected));
});
