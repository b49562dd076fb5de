/** Resources: what tries use of CPU, memory and disk, as Parsl's resource monitoring samples it. */
import type { Dashboard } from './frame.ts';
import { makeDashboard } from './frame.ts';
import { toRunPage } from './links.ts';
import type { Panel } from './panels.ts';
import { curves, heat, list, stacked } from './panels.ts';
import { chosen, each, latest, meanOfAll, quantile, quantileOfAll, spread } from './queries.ts';

const all = chosen(['workflow', 'run', 'executor', 'app']);
const keys = ['workflow', 'run', 'app'];
const total = (series: string): string => `sum by (${keys.join(', ')}) (${latest(series)})`;

const panels: readonly Panel[] = [
  list(
    {
      title: 'Apps',
      description: 'What the tries of each app used. CPUs busy below 1 means that a try mostly waits: for files, the network, or other processes.',
      width: 24,
      links: [toRunPage('Its tasks on the bridge’s page', 'tasks', { app: 'app' })],
    },
    { app: 'App', workflow: 'Workflow', run: 'Run' },
    [
      { title: 'CPU time', expr: total(`parsl_try_cpu_time_seconds_total${all}`), unit: 's' },
      { title: 'CPUs busy', expr: `${total(`parsl_try_cpu_time_seconds_total${all}`)} / ${total(`parsl_try_duration_seconds_sum${all}`)}`, unit: 'none' },
      { title: 'Memory on average', expr: meanOfAll('parsl_try_memory_peak_bytes', all, keys), unit: 'bytes' },
      { title: '95 of 100 needed less', expr: quantileOfAll(0.95, 'parsl_try_memory_peak_bytes', all, keys), unit: 'bytes' },
      { title: 'Read and written', expr: total(`parsl_try_io_bytes_total${all}`), unit: 'bytes' },
    ],
  ),
  heat(
    {
      title: 'Memory that tries needed',
      description: 'Largest resident memory of each try. The darker, the more tries. Click a point for the trace of its task.',
      unit: 'bytes',
    },
    spread('parsl_try_memory_peak_bytes', all),
  ),
  curves(
    {
      title: 'Memory, 95 of 100 tries',
      description: '95 of 100 tries needed less than this. What to ask the scheduler for, with some room.',
      unit: 'bytes',
    },
    { expr: quantile(0.95, 'parsl_try_memory_peak_bytes', all, ['app']), legend: '{{app}}', exemplars: true },
  ),
  stacked(
    {
      title: 'CPUs busy with tries',
      description: 'CPU time of tries, booked when a try ends: long tries show as peaks. The area is what matters.',
      unit: 'none',
    },
    { expr: each('second', `parsl_try_cpu_time_seconds_total${all}`, ['app']), legend: '{{app}}' },
  ),
  curves(
    {
      title: 'Fullest node',
      description: 'Largest share of a node’s memory that the tries on it used together, by executor. Near 100 % the system kills tasks.',
      unit: 'percentunit',
    },
    { expr: `max by (executor) (parsl_node_memory_utilization_ratio${chosen(['workflow', 'run', 'executor'])})`, legend: '{{executor}}' },
  ),
  stacked(
    {
      title: 'Reading and writing',
      description: 'Bytes that tries read and wrote, booked when a try ends. On shared file systems this is what slows everybody.',
      unit: 'binBps',
    },
    { expr: each('second', `parsl_try_io_bytes_total${all}`, ['direction']), legend: '{{direction}}' },
  ),
  curves(
    {
      title: 'Clocks apart',
      description: 'By how much clocks of workers and of the submit side differ at least. Beyond a second, times of tasks are wrong by that much.',
      unit: 's',
    },
    { expr: `max by (executor) (parsl_clock_skew_seconds${chosen(['workflow', 'run', 'executor'])})`, legend: '{{executor}}' },
  ),
]; // prettier-ignore

export function resources(): Dashboard {
  return makeDashboard(
    {
      name: 'resources',
      title: 'Resources',
      description: 'CPU, memory and disk of tries, as far as Parsl’s resource monitoring is on.',
      choosers: ['workflow', 'run', 'executor', 'app'],
    },
    panels,
  );
}
