/** What a limit means and what helps, in words for somebody who has not read Parsl's source. */
import type { Limit, Load } from './limits.ts';

export interface Words {
  readonly title: string;
  /** What it means, and what would help. */
  readonly means: string;
}

export const words: Readonly<Record<Limit, Words>> = {
  workers: {
    title: 'workers',
    means:
      'Workers are busy all or most of the time. More of them (more blocks, more nodes in a block, more workers on a node) would make this part faster; ' +
      'so would shorter tasks.',
  },
  blocks: {
    title: 'blocks pending',
    means:
      'Tasks are with the executor, but no worker is there yet: the batch system has not started a block, or a block’s ' +
      'managers have not connected. A shorter queue, an earlier request (init_blocks, min_blocks) or a pilot that is already up would help.',
  },
  managers: {
    title: 'managers',
    means:
      'Workers are idle although their managers hold tasks for them: the worker processes are still starting (each imports Python and ' +
      'Parsl from disk, which a shared file system makes slow), or a manager does not hand tasks on.',
  },
  interchange: {
    title: 'interchange',
    means:
      'Workers are idle although tasks are with the executor: the tasks are on their way through interchange and managers. With ' +
      'very short tasks the way costs more than the work: longer tasks, or several calls in one, help most; so may prefetch_capacity.',
  },
  queue: {
    title: 'the executor’s queue',
    means:
      'Workers are idle although Work Queue or TaskVine has tasks in its queue: what is free does not fit what these tasks ask for (cores, memory, ' +
      'disk), or handing them over takes its time. Smaller requests, or workers that fit them, help.',
  },
  submit: {
    title: 'submit side',
    means:
      'Workers are idle while tasks that could start are not handed to the executor yet. One Python process submits and launches all ' +
      'tasks, one after the other: memoisation hashes, big arguments and very many short tasks keep it busy. Fewer, longer tasks help.',
  },
  dependencies: {
    title: 'dependencies',
    means:
      'Workers are idle because the tasks that are left wait for the results of other tasks. More workers would not help here; ' +
      'a shorter chain of tasks, or starting the long ones first, would.',
  },
  results: {
    title: 'results',
    means:
      'Workers have ended tasks whose results the submit side has not taken yet, and idle meanwhile. Big results, a busy submit process ' +
      'or slow monitoring keep results waiting: return less, or return files.',
  },
  executor: {
    title: 'the executor',
    means:
      'Tasks are with an executor that does not tell how many workers it has, so it cannot be said whether they wait for workers or are ' +
      'on their way. Monitoring of HTEX tells (its managers report), and so do the logs of interchange and managers.',
  },
  tail: {
    title: 'nothing waits',
    means:
      'Every task that there is runs: workers that are idle have nothing left to do. At the end of a run this is its tail, which only ' +
      'shorter last tasks make shorter; before, the workflow had no more to give.',
  },
  idle: {
    title: 'no task',
    means: 'No task is under way: the workflow’s own program does something else, waits, or has ended.',
  },
};

/**
 * The numbers that a limit was read from, as a sentence. Means over the period; what is nothing is left out. `hasManagers`: false
 * for Work Queue and TaskVine, which keep the tasks that wait in a queue of their own.
 */
export function evidence(load: Load, hasManagers = true): string {
  const { workers, busy, queued, running, dependencies, submit, returning, blocks_pending, completed } = load;
  const waiting = [
    some(queued, `with the executor${inLogs(load, hasManagers)}`),
    some(submit, 'not handed over yet'),
    some(dependencies, 'waiting for other tasks'),
  ].filter((part) => part !== '');
  const parts = [
    workers === null ? `${few(running)} tasks running` : `${few(busy)} of ${few(workers)} workers busy`,
    waiting.length === 0 ? 'no task waiting' : `tasks: ${waiting.join(', ')}`,
    some(returning, 'results on their way back'),
    some(blocks_pending, 'blocks pending'),
    `${completed} tasks ended`,
  ];
  return `${parts.filter((part) => part !== '').join('; ')}.`;
}

const few = (value: number): string => (value >= 10 ? String(Math.round(value)) : String(Math.round(value * 10) / 10));
const some = (value: number | null, what: string): string =>
  value === null || value < 0.05 ? '' : `${few(value)} ${what}`;

function inLogs({ to_interchange, in_interchange, at_managers }: Load, hasManagers: boolean): string {
  const parts = [
    some(to_interchange, 'on the way out of the submit side'),
    some(in_interchange, 'in the interchange’s queue'),
    some(at_managers, hasManagers ? 'at managers' : 'in the executor’s queue'),
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
