/** bottleneck: where a run's tasks wait, and what the limit is in each period, in words with the numbers. */
import type { Bottleneck } from '../analysis/bottleneck.ts';
import { Exit, type Io } from './io.ts';
import { findRun, printJson, withReads, type QueryOptions } from './query.ts';
import { duration, percent, table, wrapped } from './table.ts';

export async function bottleneck(name: string | undefined, options: QueryOptions, io: Io): Promise<number> {
  return withReads(options, io, async (reads) => {
    const run = await findRun(reads, name);
    const answer = await reads.bottleneck(run.run);
    if (answer === undefined) return Exit.dataWereBad;
    if (options.json === true) printJson(answer, io);
    else for (const line of shown(`${run.workflow ?? 'run'} ${run.run}`, answer, io.columns)) io.out(line);
    return Exit.done;
  });
}

function shown(title: string, answer: Bottleneck, width: number | undefined): string[] {
  const { tasks, start, end, verdict, limits, signs, missing } = answer;
  return [
    `${title}: ${tasks} tasks in ${duration(end - start)}`,
    '',
    ...wrapped(verdict, width),
    '',
    ...limits.filter(({ share }) => share >= 0.05).flatMap(({ title: limit, means, share }) =>
      wrapped(`${limit} (${percent(share, 1)}): ${means}`, width, '  ')),
    '',
    'Period by period (mean numbers):',
    ...periods(answer, width),
    '',
    'Where the time of the tasks went:',
    ...waits(answer, width),
    ...(signs.length === 0 ? [] : ['', 'Signs of trouble:', ...signs.flatMap(({ text }) => wrapped(text, width, '  '))]),
    ...(missing.length === 0 ? [] : ['', ...missing.flatMap((text) => wrapped(text, width))]),
  ]; // prettier-ignore
}

function periods({ periods: list, start }: Bottleneck, width: number | undefined): string[] {
  return table(
    [{ title: 'from', right: true }, { title: 'to', right: true }, { title: 'limit' }, { title: 'evidence' }],
    list.map(({ from, to, title, evidence }) => [duration(from - start), duration(to - start), title, evidence]),
    width,
  );
}

const kinds: Readonly<Record<string, string>> = {
  dependencies: 'waiting for other tasks',
  submit: 'until handed to the executor',
  queued: 'with the executor, not running',
  running: 'on a worker',
  returning: 'result on its way back',
  joining: 'joining: a function and the tasks it started',
  interchange_queue: 'in the interchange’s queue',
  manager_queue: 'at a manager',
  worker: 'on a worker',
  result: 'result on its way from the worker',
};

function waits({ waits: list }: Bottleneck, width: number | undefined): string[] {
  const whole = list.filter(({ told_by }) => told_by === 'states').reduce((sum, wait) => sum + wait.sum, 0);
  const name = ({ kind, told_by }: Bottleneck['waits'][number]): string =>
    told_by === 'states' ? (kinds[kind] ?? kind) : kind === 'submit' ? 'on the way out of the submit side' : (kinds[kind] ?? kind);
  return table(
    [{ title: 'share', right: true }, { title: 'in all', right: true }, { title: 'median', right: true }, { title: '95 %', right: true },
      { title: 'count', right: true }, { title: 'told by' }, { title: 'where' }],
    list.map((wait) => [
      wait.told_by === 'states' ? percent(wait.sum, whole) : '', duration(wait.sum), duration(wait.median), duration(wait.p95),
      String(wait.count), wait.told_by, name(wait),
    ]),
    width,
  );
} // prettier-ignore
