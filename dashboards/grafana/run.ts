/** Run: one run, from its tasks to its failures. */
import type { Dashboard } from './frame.ts';
import { makeDashboard } from './frame.ts';
import { outside, toDashboard, toRunPage } from './links.ts';
import type { Panel } from './panels.ts';
import { curves, heat, list, number, stacked } from './panels.ts';
import { chosen, latest, meanOfAll, quantileOfAll, spread } from './queries.ts';

const all = chosen(['workflow', 'run']);
const tasksIn = (...more: readonly string[]): string => `parsl_tasks${chosen(['workflow', 'run'], ...more)}`;
const done = tasksIn('state=~"exec_done|memo_done|failed|dep_fail"');

const numbers: readonly Panel[] = [
  number(
    { title: 'Tasks', description: 'Tasks that the workflow has submitted so far.', unit: 'none' },
    { expr: `sum(${latest(tasksIn())})` },
    'all',
  ),
  number(
    {
      title: 'Finished',
      description:
        'Share of the tasks submitted so far that have ended, well or not. A workflow may still submit more.',
      unit: 'percentunit',
    },
    { expr: `sum(${latest(done)}) / sum(${latest(tasksIn())})` },
    'all',
  ),
  number(
    { title: 'Failed', description: 'Tasks that failed for good or depend on one that did.', unit: 'none' },
    { expr: `sum(${latest(tasksIn('state=~"failed|dep_fail"'))})` },
    'all',
  ),
  number(
    { title: 'Failed tries', description: 'Attempts that failed, also those that were tried again.', unit: 'none' },
    { expr: `sum(${latest(`parsl_try_failures_total${all}`)})` },
    'all',
  ),
  number(
    {
      title: 'Idle worker-hours',
      description: 'Worker time that was paid for and not used, since the run began.',
      unit: 'h',
    },
    { expr: `sum(${latest(`parsl_worker_idle_time_seconds_total${all}`)}) / 3600` },
    'all',
  ),
  number(
    {
      title: 'Silence',
      description:
        'Time since the workflow last said anything of a task. A submit process that died shows only by this. Nothing is shown once the run has ended.',
      unit: 's',
    },
    { expr: `max(parsl_run_silence_seconds${all})` },
  ),
];

const charts: readonly Panel[] = [
  stacked(
    {
      title: 'Tasks by state',
      description: 'All tasks of the run, by what has become of them.',
      unit: 'none',
      width: 24,
      height: 9,
    },
    { expr: `sum by (state) (${tasksIn()}) > 0`, legend: '{{state}}' },
  ),
  heat(
    {
      title: 'How long tasks took',
      description: 'From the call of an app to the end of its task, waiting and retries included. The darker, the more tasks. Points are tasks: click one for its trace.',
      unit: 's',
    },
    spread('parsl_task_duration_seconds', all),
  ),
  curves(
    {
      title: 'Waiting work and workers',
      description: 'Tasks that a worker could start at once, and workers by what they do.',
      unit: 'none',
      links: [toDashboard('workers', 'Workers and blocks of this run', ['run'], 'labels')],
    },
    { expr: `sum by (run) (parsl_tasks_runnable${all})`, legend: 'tasks that could run' },
    { expr: `sum by (run, state) (parsl_workers${all})`, legend: '{{state}}' },
  ),
  list(
    {
      title: 'Apps',
      description: 'What each app came to in this run. Click a name for its tasks on the bridge’s page.',
      width: 14,
      links: [
        toRunPage('Its tasks on the bridge’s page', 'tasks', { app: 'app' }),
        toDashboard('apps', 'This app', ['workflow', 'run', 'app']),
      ],
    },
    { app: 'App', workflow: 'Workflow', run: 'Run' },
    [
      { title: 'Tasks', expr: `sum by (workflow, run, app) (${latest(`parsl_task_duration_seconds_count${all}`)})`, unit: 'none' },
      { title: 'On average', expr: meanOfAll('parsl_task_duration_seconds', all, ['workflow', 'run', 'app']), unit: 's' },
      { title: '95 of 100 below', expr: quantileOfAll(0.95, 'parsl_task_duration_seconds', all, ['workflow', 'run', 'app']), unit: 's' },
    ],
  ),
  list(
    {
      title: 'Failures',
      description: 'Failed tries by app and type of error. Click for the tasks that had it.',
      width: 10,
      links: [
        toRunPage('Tasks with this error', 'tasks', { error: 'error_type', app: 'app' }),
        toRunPage('All failures of this run', 'failures'),
      ],
    },
    { error_type: 'Error', app: 'App', run: 'Run' },
    [
      {
        title: 'Tries',
        expr: `sum by (error_type, app, run) (${latest(`parsl_try_failures_total${all}`)})`,
        unit: 'none',
      },
    ],
  ),
]; // prettier-ignore

export function run(): Dashboard {
  const tags = encodeURIComponent('{"parsl.dfk":"RUN"}').replace('RUN', '${run}');
  return makeDashboard(
    {
      name: 'run',
      title: 'Run',
      description: 'One run: its tasks, apps, failures and workers.',
      choosers: ['workflow', 'run'],
      oneRun: true,
      from: 'now-6h',
      links: [
        outside('Page of this run', 'Every task with its tries, on the bridge’s page', '${bridge}/#/runs/${run}'),
        outside(
          'Traces',
          'Traces of this run’s tasks in Jaeger',
          `\${jaeger}/search?service=\${workflow}&lookback=30d&limit=100&tags=${tags}`,
        ),
      ],
    },
    [...numbers, ...charts],
  );
}
