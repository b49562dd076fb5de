/** lifeline: the typical task's steps and how long each takes, from its log lines, as text. */
import type { Lifeline, LifelineStep, Step } from '../analysis/lifeline.ts';
import { Exit, type Io } from './io.ts';
import { findRun, printJson, withReads, type QueryOptions } from './query.ts';
import { cut, duration, percent, table, wrapped } from './table.ts';

export interface LifelineOptions extends QueryOptions {
  readonly app?: string;
}

/** Signatures and rare steps that the text lists; --json has more. */
const SIGNATURES_SHOWN = 3;
const RARE_SHOWN = 8;

export async function lifeline(name: string | undefined, options: LifelineOptions, io: Io): Promise<number> {
  return withReads(options, io, async (reads) => {
    const run = await findRun(reads, name);
    const answer = await reads.lifeline(run.run, { app: options.app });
    if (answer === undefined) return Exit.dataWereBad;
    if (options.json === true) printJson(answer, io);
    else {
      const title = `${options.app ?? 'tasks'} of ${run.workflow ?? 'run'} ${run.run}`;
      for (const line of shown(title, answer, io.columns)) io.out(line);
    }
    return Exit.done;
  });
}

function shown(title: string, answer: Lifeline, width: number | undefined): string[] {
  if (answer.tries === 0)
    return [`${title}: no log line names a task.`, 'The run directory has them: give it to ingest or by --from.'];
  const { tries, untried, records, distinct, total, apps } = answer;
  const never = untried === 0 ? '' : ` (${untried} of them tasks that were never tried)`;
  return [
    `${title}: ${tries} tries${never}, ${records} lines; first line to last: median ${duration(total.median)}, 95 % within ${duration(total.p95)}`,
    ...wrapped(`Apps: ${apps.slice(0, 10).map(({ app, tries: of }) => `${app ?? 'not told'}\u00a0${of}`).join(', ')}`, width),
    '',
    'Steps that at least half of the tries have, each before those that it precedes in most tries.',
    ...steps(answer, width),
    '',
    `${distinct} different sequences of steps; the most frequent:`,
    ...answer.signatures.slice(0, SIGNATURES_SHOWN).map(({ tries: of, task, try: attempt, steps: list }) =>
      `  ${percent(of, tries).padStart(5)}  ${of} tries of ${list.length} steps, such as task ${task} try ${attempt}`),
    ...(answer.rare.length === 0 ? [] : ['', 'Steps that fewer tries have:', ...answer.rare.slice(0, RARE_SHOWN).map((step) =>
      cut(`  ${percent(step.tries, tries).padStart(5)}  ${where(step)}: ${step.template}`, width ?? Infinity))]),
    ...(answer.cut === 0 ? [] : ['', `${answer.cut} lines beyond the limit were left out.`]),
  ]; // prettier-ignore
}

function steps({ steps: list, tries, bins }: Lifeline, width: number | undefined): string[] {
  return [
    ...table(
      [
        { title: 'after', right: true },
        { title: '95 %', right: true },
        { title: 'took', right: true },
        { title: '95 %', right: true },
        { title: 'tries', right: true },
        { title: 'how long it took' },
        { title: 'source' },
        { title: 'step' },
      ],
      list.map((step) => [
        duration(step.offset.median), duration(step.offset.p95), duration(step.took.median), duration(step.took.p95),
        percent(step.tries, tries), sparkline(step, bins), where(step), step.template,
      ]),
      width,
    ),
    `A bar of the histogram is a range of times; from left to right: ${bins.map((edge) => duration(edge)).join(', ')} and more.`,
  ]; // prettier-ignore
}

const where = ({ log, thread }: Step): string => (thread === '' ? log : `${log} (${thread})`);

const BARS = '▁▂▃▄▅▆▇█';

/** One character a bin, as high as the bin's share of the fullest. */
function sparkline({ histogram }: LifelineStep, bins: readonly number[]): string {
  const most = Math.max(1, ...histogram);
  return bins
    .map((_, k) => {
      const value = histogram[k] ?? 0;
      return value === 0 ? ' ' : (BARS[Math.ceil((value / most) * BARS.length) - 1] ?? ' ');
    })
    .join('');
}
