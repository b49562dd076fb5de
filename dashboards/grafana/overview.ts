/** Overview: all runs of the time shown. Which go on, what they wait for, what fails, and whether workers are idle. */
import type { Dashboard } from './frame.ts';
import { makeDashboard } from './frame.ts';
import { toDashboard, toRunPage, toTraces } from './links.ts';
import type { Panel } from './panels.ts';
import { bars, curves, list, number, stacked } from './panels.ts';
import { chosen, each, latest } from './queries.ts';

const tasksIn = (...more: readonly string[]): string => `parsl_tasks${chosen(['workflow', 'run'], ...more)}`;
const all = chosen(['workflow', 'run']);

const numbers: readonly Panel[] = [
  number(
    { title: 'Runs going on', description: 'Workflows that have begun and not ended.', unit: 'none' },
    { expr: `sum(parsl_run_active${all})` },
  ),
  number(
    { title: 'Tasks on workers', description: 'Tasks that a worker executes now.', unit: 'none' },
    { expr: `sum(${tasksIn('state="running"')})` },
  ),
  number(
    {
      title: 'Tasks that could run',
      description:
        'Tasks with nothing left to wait for that no worker has started. While there are some, more workers would help.',
      unit: 'none',
    },
    { expr: `sum(parsl_tasks_runnable${all})` },
  ),
  number(
    { title: 'Workers idle', description: 'Workers without a task, of all that are there now.', unit: 'percentunit' },
    { expr: `sum(parsl_workers${chosen(['workflow', 'run'], 'state="idle"')}) / sum(parsl_workers${all})` },
  ),
  number(
    {
      title: 'Idle worker-hours',
      description:
        'What was paid for and not used, since the runs began. A worker is one slot of a manager, often one core.',
      unit: 'h',
    },
    { expr: `sum(${latest(`parsl_worker_idle_time_seconds_total${all}`)}) / 3600` },
    'all',
  ),
  number(
    {
      title: 'Tasks failed',
      description:
        'Tasks that failed for good, or were not run because one they depend on failed. Retries are not counted.',
      unit: 'none',
    },
    { expr: `sum(${latest(tasksIn('state=~"failed|dep_fail"'))})` },
    'all',
  ),
];

const by = (expr: string): string => `sum by (workflow, run) (${expr})`;

const runs = list(
  {
    title: 'Runs',
    description: 'Every run that was heard of in the time shown. Click an id for the run, its page or its traces.',
    width: 24,
    links: [
      toDashboard('run', 'This run', ['workflow', 'run']),
      toRunPage('Page of this run on the bridge'),
      toTraces(),
    ],
  },
  { workflow: 'Workflow', run: 'Run' },
  [
    { title: 'Goes on', expr: by(latest(`parsl_run_active${all}`)), unit: 'none' },
    { title: 'Tasks', expr: by(latest(tasksIn())), unit: 'none' },
    { title: 'Done', expr: by(latest(tasksIn('state=~"exec_done|memo_done"'))), unit: 'none' },
    { title: 'Failed', expr: by(latest(tasksIn('state=~"failed|dep_fail"'))), unit: 'none' },
    { title: 'Idle worker time', expr: by(latest(`parsl_worker_idle_time_seconds_total${all}`)), unit: 's' },
  ],
);

const charts: readonly Panel[] = [
  stacked(
    {
      title: 'Tasks that are not done',
      description: 'By what they do: pending wait for other tasks, launched for a worker, running are on one.',
      unit: 'none',
      links: [],
    },
    { expr: `sum by (state) (${tasksIn('state!~"exec_done|memo_done|failed|dep_fail"')})`, legend: '{{state}}' },
  ),
  stacked(
    {
      title: 'Tasks finished a minute',
      description: 'By how they ended. Falls to nothing when a workflow stands still.',
      unit: 'cpm',
    },
    {
      expr: each('minute', `parsl_task_duration_seconds_count${all}`, ['outcome']),
      legend: '{{outcome}}',
    },
  ),
  stacked(
    {
      title: 'Workers',
      description: 'Busy workers have a task. Draining ones take no new task, because their manager will end.',
      unit: 'none',
      links: [toDashboard('workers', 'Workers and blocks', [])],
    },
    { expr: `sum by (state) (parsl_workers${all})`, legend: '{{state}}' },
  ),
  curves(
    {
      title: 'Waiting work and idle workers',
      description:
        'Both at once should not last: workers are idle and tasks could run. Idle alone is a cost, waiting alone a lack of workers.',
      unit: 'none',
    },
    { expr: `sum(parsl_tasks_runnable${all})`, legend: 'tasks that could run' },
    { expr: `sum(parsl_workers${chosen(['workflow', 'run'], 'state="idle"')})`, legend: 'idle' },
  ),
  bars(
    {
      title: 'Why tries failed',
      description:
        'Failed tries by the type of their error, since the runs began. A try that failed may have been tried again.',
      unit: 'none',
    },
    { expr: `sum by (error_type) (${latest(`parsl_try_failures_total${all}`)})`, legend: '{{error_type}}' },
  ),
  { build: alerts },
];

/** There is no builder for this panel. It lists what Prometheus' rules say (dashboards/prometheus/rules). */
function alerts(): ReturnType<Panel['build']> {
  return {
    type: 'alertlist',
    title: 'Alerts',
    description:
      'What the alert rules of Prometheus found. Each alert names the run, says what it costs, and links to what to do.',
    gridPos: { h: 8, w: 12, x: 0, y: 0 },
    options: {
      viewMode: 'list',
      groupMode: 'default',
      maxItems: 20,
      sortOrder: 1,
      datasource: 'Prometheus',
      stateFilter: { firing: true, pending: true, noData: false, normal: false, error: true },
    },
  };
}

export function overview(): Dashboard {
  return makeDashboard(
    {
      name: 'overview',
      title: 'Overview',
      description: 'All runs of the time shown: which go on, what they wait for, what fails, whether workers are idle.',
      choosers: ['workflow', 'run'],
    },
    [...numbers, runs, ...charts],
  );
}
