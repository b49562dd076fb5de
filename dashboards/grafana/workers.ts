/** Workers and blocks: what is paid for, what of it is used, and which batch job to look at. */
import type { Dashboard } from './frame.ts';
import { makeDashboard } from './frame.ts';
import { toDashboard, toRunPage } from './links.ts';
import type { Panel } from './panels.ts';
import { curves, heat, list, number, stacked } from './panels.ts';
import { chosen, latest, meanOfAll, spread } from './queries.ts';

const all = chosen(['workflow', 'run', 'executor']);
const workersIn = (state: string): string =>
  `parsl_workers${chosen(['workflow', 'run', 'executor'], `state="${state}"`)}`;

const numbers: readonly Panel[] = [
  number(
    { title: 'Workers', description: 'Workers of managers that are alive.', unit: 'none', width: 6 },
    { expr: `sum(parsl_workers${all})` },
  ),
  number(
    { title: 'Busy', description: 'Share of the workers that have a task.', unit: 'percentunit', width: 6 },
    { expr: `sum(${workersIn('busy')}) / sum(parsl_workers${all})` },
  ),
  number(
    {
      title: 'Idle worker-hours',
      description:
        'Worker time that was paid for and not used, since the runs began: multiply by what a worker-hour costs you.',
      unit: 'h',
      width: 6,
    },
    { expr: `sum(${latest(`parsl_worker_idle_time_seconds_total${all}`)}) / 3600` },
    'all',
  ),
  number(
    {
      title: 'Longest wait for a worker',
      description: 'Of the tries that wait now, how long the one that has waited longest has waited.',
      unit: 's',
      width: 6,
    },
    { expr: `max(parsl_try_queue_oldest_seconds${all})` },
  ),
];

const charts: readonly Panel[] = [
  stacked(
    {
      title: 'Workers by what they do',
      description: 'Busy workers have a task. Draining ones take no new one, because their manager will end.',
      unit: 'none',
    },
    { expr: `sum by (state) (parsl_workers${all})`, legend: '{{state}}' },
  ),
  curves(
    {
      title: 'Idle workers and tasks that could run',
      description: 'Idle workers beside waiting tasks: look at the executor’s log. Idle workers alone: blocks should be given back. Waiting tasks alone: more blocks would help.',
      unit: 'none',
    },
    { expr: `sum by (executor) (${workersIn('idle')})`, legend: 'idle on {{executor}}' },
    { expr: `sum by (executor) (parsl_tasks_runnable${all})`, legend: 'could run on {{executor}}' },
  ),
  stacked(
    {
      title: 'Idle worker-hours, by executor',
      description: 'What has been paid for and not used, added up since each run began. A steep line is money.',
      unit: 'h',
    },
    { expr: `sum by (executor) (parsl_worker_idle_time_seconds_total${all}) / 3600`, legend: '{{executor}}' },
  ),
  heat(
    {
      title: 'How long tries waited for a worker',
      description: 'From the launch of a try to its start on a worker. The darker, the more tries. Click a point for the trace of that task.',
      unit: 's',
    },
    spread('parsl_try_queue_duration_seconds', all),
  ),
  stacked(
    {
      title: 'Blocks',
      description: 'A block is one batch job. Pending ones wait in the queue of the scheduler; scaled-in ones were given back.',
      unit: 'none',
    },
    { expr: `sum by (state) (parsl_blocks${all}) > 0`, legend: '{{state}}' },
  ),
  stacked(
    {
      title: 'Managers',
      description: 'A manager is the worker pool process of a node. One that is gone has ended or was lost.',
      unit: 'none',
    },
    { expr: `sum by (state) (parsl_managers${all})`, legend: '{{state}}' },
  ),
  list(
    {
      title: 'Blocks without work',
      description: 'Running blocks that execute nothing, and since when. State unused: no task ever ran there. The job is the one to cancel with the scheduler’s command.',
      links: [
        toRunPage('Workers of this run on the bridge’s page', 'workers'),
        toRunPage('Tasks of this block', 'tasks', { block: 'block' }),
      ],
    },
    { executor: 'Executor', block: 'Block', job_id: 'Batch job', state: 'State', run: 'Run' },
    [
      { title: 'Idle for', expr: `max by (executor, block, job_id, state, run) (parsl_block_idle_seconds${all})`, unit: 's' },
      { title: 'Workers', expr: `max by (executor, block, job_id, state, run) (parsl_block_idle_workers${all})`, unit: 'none' },
    ],
  ),
  list(
    {
      title: 'Executors',
      description: 'What each executor of each run came to.',
      links: [toRunPage('Workers of this run on the bridge’s page', 'workers'), toDashboard('run', 'This run', ['run'])],
    },
    { executor: 'Executor', workflow: 'Workflow', run: 'Run' },
    [
      { title: 'Idle worker time', expr: `sum by (executor, workflow, run) (${latest(`parsl_worker_idle_time_seconds_total${all}`)})`, unit: 's' },
      { title: 'Workers at most', expr: `max_over_time(sum by (executor, workflow, run) (parsl_workers${all})[$__range:$__interval])`, unit: 'none' },
      { title: 'Tries', expr: `sum by (executor, workflow, run) (${latest(`parsl_try_duration_seconds_count${all}`)})`, unit: 'none' },
      { title: 'Wait on average', expr: meanOfAll('parsl_try_queue_duration_seconds', all, ['executor', 'workflow', 'run']), unit: 's' },
    ],
  ),
]; // prettier-ignore

export function workers(): Dashboard {
  return makeDashboard(
    {
      name: 'workers',
      title: 'Workers and blocks',
      description: 'What workers do, what they cost while they are idle, and which batch job to look at.',
      choosers: ['workflow', 'run', 'executor'],
    },
    [...numbers, ...charts],
  );
}
