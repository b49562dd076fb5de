/** Apps: how long each takes, how long it waits, how often it is tried. */
import type { Dashboard } from './frame.ts';
import { makeDashboard } from './frame.ts';
import { toDashboard, toRunPage, toTraces } from './links.ts';
import type { Panel } from './panels.ts';
import { curves, heat, list, stacked } from './panels.ts';
import { chosen, each, grown, latest, meanOfAll, quantile, quantileOfAll, spread } from './queries.ts';

const tasks = chosen(['workflow', 'run', 'app']);
const tries = chosen(['workflow', 'run', 'executor', 'app']);
const keys = ['workflow', 'run', 'app'];
const total = (series: string): string => `sum by (${keys.join(', ')}) (${latest(series)})`;

/** Of spans of tries, which the Collector counts over all runs. */
const calls = (...more: readonly string[]): string =>
  `sum by (parsl_app_name) (${grown(`traces_span_metrics_calls_total{${['parsl_span="try"', 'parsl_app_name=~"$app"', ...more].join(', ')}}`)})`;

const table = list(
  {
    title: 'Apps',
    description: 'What each app came to in each run. More tries than tasks means that tasks were tried again.',
    width: 24,
    links: [
      toRunPage('Its tasks on the bridge’s page', 'tasks', { app: 'app' }),
      toDashboard('run', 'This run', ['workflow', 'run']),
      toTraces(),
    ],
  },
  { app: 'App', workflow: 'Workflow', run: 'Run' },
  [
    { title: 'Tasks', expr: total(`parsl_task_duration_seconds_count${tasks}`), unit: 'none' },
    { title: 'Took on average', expr: meanOfAll('parsl_task_duration_seconds', tasks, keys), unit: 's' },
    { title: '95 of 100 took less', expr: quantileOfAll(0.95, 'parsl_task_duration_seconds', tasks, keys), unit: 's' },
    { title: 'Waited on average', expr: meanOfAll('parsl_try_queue_duration_seconds', tries, keys), unit: 's' },
    { title: 'Tries', expr: total(`parsl_try_duration_seconds_count${tries}`), unit: 'none' },
    { title: 'Tries that failed', expr: total(`parsl_try_failures_total${tries}`), unit: 'none' },
  ],
);

const charts: readonly Panel[] = [
  heat(
    {
      title: 'How long tasks took',
      description: 'From the call of an app to the end of its task: waiting for other tasks and all tries included. The darker, the more tasks. Click a point for the trace of that task.',
      unit: 's',
    },
    spread('parsl_task_duration_seconds', tasks),
  ),
  heat(
    {
      title: 'How long tries took',
      description: 'From the launch of a try to its return, waiting for a worker included. Click a point for the trace of its task.',
      unit: 's',
    },
    spread('parsl_try_duration_seconds', tries),
  ),
  heat(
    {
      title: 'How long tries waited for a worker',
      description: 'From the launch of a try to its start on a worker. Much of it here means too few workers, or blocks that wait in the scheduler’s queue.',
      unit: 's',
    },
    spread('parsl_try_queue_duration_seconds', tries),
  ),
  curves(
    {
      title: 'Waiting for a worker, 95 of 100 tries',
      description: '95 of 100 tries waited less than this.',
      unit: 's',
    },
    { expr: quantile(0.95, 'parsl_try_queue_duration_seconds', tries, ['app']), legend: '{{app}}', exemplars: true },
  ),
  curves(
    {
      title: 'Typical time of a task',
      description: 'Half of the tasks took less than this.',
      unit: 's',
    },
    { expr: quantile(0.5, 'parsl_task_duration_seconds', tasks, ['app']), legend: '{{app}}', exemplars: true },
  ),
  stacked(
    {
      title: 'Tries a minute, by how they ended',
      description: 'Failed tries that Parsl tries again are fail_retryable.',
      unit: 'cpm',
    },
    {
      expr: each('minute', `parsl_try_duration_seconds_count${tries}`, ['outcome']),
      legend: '{{outcome}}',
    },
  ),
  stacked(
    {
      title: 'Tries that failed a minute, by error',
      description: 'By the type of the error that the task’s history begins with.',
      unit: 'cpm',
    },
    {
      expr: each('minute', `parsl_try_failures_total${tries}`, ['error_type']),
      legend: '{{error_type}}',
    },
  ),
  curves(
    {
      title: 'Tries for each task',
      description: '1 where every task runs once. Above 1, work is done again and paid for again; below 1, results were known from earlier tasks.',
      unit: 'none',
    },
    {
      expr: `sum by (app) (parsl_try_duration_seconds_count${tries}) / sum by (app) (parsl_task_duration_seconds_count${tasks})`,
      legend: '{{app}}',
    },
  ),
  curves(
    {
      title: 'Share of spans that end in an error',
      description: 'By app, from the traces that the Collector has seen (span metrics). Only in the stack, over all runs of a workflow.',
      unit: 'percentunit',
    },
    {
      expr: `${calls('status_code="STATUS_CODE_ERROR"')} / ${calls()}`,
      legend: '{{parsl_app_name}}',
    },
  ),
]; // prettier-ignore

export function apps(): Dashboard {
  return makeDashboard(
    {
      name: 'apps',
      title: 'Apps',
      description: 'How long each app takes, how long it waits for a worker, and how often it has to be tried.',
      choosers: ['workflow', 'run', 'executor', 'app'],
    },
    [table, ...charts],
  );
}
