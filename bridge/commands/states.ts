/** states: tasks in each state over time, the submit side's word and the workers' apart, and lengths of queues. */
import type { Lanes } from '../analysis/states.ts';
import { Exit, type Io } from './io.ts';
import { findRun, printJson, withReads, type QueryOptions } from './query.ts';
import { duration, table, wrapped } from './table.ts';

export interface StatesOptions extends QueryOptions {
  readonly points?: number;
}

const POINTS = 20;

export async function states(name: string | undefined, options: StatesOptions, io: Io): Promise<number> {
  return withReads(options, io, async (reads) => {
    const run = await findRun(reads, name);
    const answer = await reads.lanes(run.run, options.points ?? POINTS);
    if (answer === undefined) return Exit.dataWereBad;
    if (options.json === true) printJson(answer, io);
    else for (const line of shown(`${run.workflow ?? 'run'} ${run.run}`, answer, io.columns)) io.out(line);
    return Exit.done;
  });
}

/** The way a task goes; states that are not in it stand last. */
const way = ['unsched', 'pending', 'launched', 'running', 'running_ended', 'joining', 'fail_retryable', 'exec_done', 'memo_done', 'failed', 'dep_fail']; // prettier-ignore

function inOrder<T>(states: Readonly<Record<string, T>>): [state: string, values: T][] {
  const place = (state: string): number => (way.includes(state) ? way.indexOf(state) : way.length);
  return Object.entries(states).sort(([a], [b]) => place(a) - place(b));
}

function shown(title: string, answer: Lanes, width: number | undefined): string[] {
  const { times, submit, execution, queues, workers, inferred, raced, unplaced, missing } = answer;
  const columns = [
    ...inOrder(submit).map(([state, values]) => ({ title: state, values })),
    ...inOrder(execution).map(([state, values]) => ({ title: `${state}*`, values })),
    ...[...workers, ...queues].map(({ metric, label, values }) => ({
      title: label === '' ? metric : `${metric} ${label}`,
      values,
    })),
  ];
  const notes = [
    ...(inferred === 0 ? [] : [`${inferred} tries never told their end on a worker: their return stands in.`]),
    ...(raced === 0
      ? []
      : [`${raced} tries were on a worker before the submit side had told of the launch: two clocks race.`]),
    ...(unplaced === 0 ? [] : [`${unplaced} tasks are in no column: no time of theirs is known.`]),
    ...missing,
  ];
  return [
    title,
    ...table(
      [{ title: 'after', right: true }, ...columns.map((column) => ({ title: column.title, right: true }))],
      times.map((time, k) => [
        duration(time - (times[0] ?? time)),
        ...columns.map(({ values }) => String(values[k] ?? '–')),
      ]),
      undefined,
    ),
    '* tries, by the workers’ word; the others are tasks, by the submit side’s.',
    ...notes.flatMap((note) => wrapped(note, width)),
  ];
}
