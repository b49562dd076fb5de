/** Workers over time: how many there were, and on how many a try ran. */
import { chart, legend } from '../chart.js';
import { h } from '../dom.js';
import { duration, percent, plural } from '../format.js';

const mean = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1));

/** One chart for each executor that ran anything or had workers. */
export function workerCharts({ times, executors }) {
  const shown = executors.filter(({ workers, busy_time }) => workers !== null || busy_time > 0);
  if (shown.length === 0) {
    return h('section.card', { 'data-key': 'workers' },
      h('h2', null, 'Workers'),
      h('p.empty', null, 'Nothing is known of workers yet. Executors with managers tell of them, and tries with worker messages.')); // prettier-ignore
  }
  return shown.map((executor) => workerChart(times, executor));
}

function workerChart(times, { executor, workers, busy, worker_time, busy_time, inferred, unknown_managers }) {
  const name = executor ?? 'executor not told';
  const idle = workers?.map((value, k) => Math.max(0, value - busy[k]));
  const series = [
    { key: 'busy', label: 'busy', colour: 'running', values: workers === null ? busy : busy.map((value, k) => Math.min(value, workers[k])) },
    ...(workers === null ? [] : [{ key: 'idle', label: 'idle', colour: 'idle', values: idle }]),
  ]; // prettier-ignore
  return h('section.card', { 'data-key': `workers-${name}` },
    h('h2', null, 'Workers ', h('span.muted', null, name),
      worker_time === null ? null : h('span.figure', { title: `${duration(busy_time)} of ${duration(worker_time)} worker time` },
        h('b', null, percent(busy_time, worker_time)), ' busy, ', h('b', null, duration(Math.max(0, worker_time - busy_time))), ' idle worker time')),
    chart({ name: `Workers of ${name} over time`, times, series, steps: true, format: mean, line: workers === null ? undefined : { label: 'workers', values: workers } }),
    legend(series.toReversed().map(({ key, label, colour }) => ({ key, label, colour }))),
    workers === null ? h('p.muted', null, 'How many workers there are is not told for this executor: it has no managers that report.') : null,
    inferred === 0 ? null : h('p.muted', null, `Of ${plural(inferred, 'try', 'tries')} a worker’s start or end never came; launch or return stands in.`),
    unknown_managers === 0 ? null : h('p.muted', null, `${plural(unknown_managers, 'manager')} never told how many workers they have.`)); // prettier-ignore
}
