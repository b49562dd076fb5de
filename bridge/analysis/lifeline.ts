/**
 * The typical task: what the seeds of this project call findcommon, made tolerant. Each try's log lines become a sequence
 * of steps (a step is a template in a log in a kind of thread; of a step that repeats, its first time counts). Nothing
 * needs to be equal in all tries: sequences that are equal are counted as *signatures*; steps that at least half of
 * the tries have make up the *common sequence*, each before those that it precedes in most tries; each try is aligned with it by the longest
 * common subsequence, and a step says in how many tries it stood in that place. Two processes that race therefore cost a few
 * signatures, not the picture.
 */
import { align, orderOf } from './align.ts';
import { Quantities, histogramEdges, type Spread } from './quantities.ts';

/** Log lines taken into account; beyond, they are counted as cut. About 30 bytes each. */
export const lifelineRecordsMax = 5_000_000;
/** Signatures and rare steps that an answer lists. */
export const signaturesShownMax = 20;
export const rareShownMax = 50;

export interface Step {
  readonly log: string;
  /** Kind of thread or process, empty for the main one. */
  readonly thread: string;
  readonly template: string;
}

/** One log line of a task. Lines of one place should share one `step` object: it is looked up by identity first. */
export interface Seen {
  readonly task: number;
  readonly try: number | null;
  /** Instant, microseconds. */
  readonly time: number;
  readonly step: Step;
}

export interface LifelineStep extends Step {
  /** Tries that have it. */
  readonly tries: number;
  /** Of those, in how many it stands in its place of the common sequence. */
  readonly in_order: number;
  /** How often a try that has it has it, on average. */
  readonly repeats: number;
  /** Since the try's first line, microseconds. */
  readonly offset: Spread;
  /** Since the step before it in the same try. */
  readonly took: Spread;
  /** `took` in the answer's `bins`. */
  readonly histogram: readonly number[];
}

export interface Signature {
  readonly tries: number;
  /** An example. */
  readonly task: number;
  readonly try: number;
  readonly steps: readonly Step[];
}

export interface Lifeline {
  /** Sequences of lines: one for each try, and one for each task that was never tried. */
  readonly tries: number;
  /** Of those, tasks that were never tried. */
  readonly untried: number;
  readonly records: number;
  /** Lines beyond the limit. */
  readonly cut: number;
  readonly apps: readonly { readonly app: string | null; readonly tries: number }[];
  /** First line to last, microseconds. */
  readonly total: Spread;
  /** The common sequence. */
  readonly steps: readonly LifelineStep[];
  /** Lower edges of the histograms' bins, microseconds; the last bin has no upper edge. */
  readonly bins: readonly number[];
  /** Distinct sequences of steps; `signatures` are the most frequent of them. */
  readonly distinct: number;
  readonly signatures: readonly Signature[];
  /** Steps that fewer than half of the tries have. */
  readonly rare: readonly (Step & { readonly tries: number })[];
}

export interface LifelineOptions {
  readonly appOf: (task: number) => string | null;
  readonly isTried: (task: number, attempt: number) => boolean;
  /** Only tasks of this app. */
  readonly app?: string | undefined;
  /** Only this many lines; for tests. */
  readonly recordsMax?: number;
}

/** What one try was seen to do: step numbers in order of first occurrence, and when. */
interface Sequence {
  readonly steps: number[];
  readonly times: number[];
  readonly repeats: number[];
}

export function lifelineOf(seen: Iterable<Seen>, options: LifelineOptions): Lifeline {
  const { tasks, steps, records, cut } = gather(seen, options);
  const gathered = steps.map(() => new StepStatistics());
  const total = new Quantities();
  const signatures = new Map<string, { sequence: readonly number[]; tries: number; task: number; try: number }>();
  const apps = new Map<string | null, number>();
  let tries = 0;
  let untried = 0;
  for (const [task, lines] of tasks) {
    for (const [attempt, sequence] of sequencesOf(lines)) {
      tries += 1;
      if (!options.isTried(task, attempt)) untried += 1;
      const app = options.appOf(task);
      apps.set(app, (apps.get(app) ?? 0) + 1);
      total.add((sequence.times.at(-1) ?? 0) - (sequence.times[0] ?? 0));
      sequence.steps.forEach((step, k) => gathered[step]?.add(sequence, k));
      const key = sequence.steps.join(' ');
      const known = signatures.get(key);
      if (known === undefined) signatures.set(key, { sequence: sequence.steps, tries: 1, task, try: attempt });
      else known.tries += 1;
    }
  }
  const ranked = [...signatures.values()].sort((a, b) => b.tries - a.tries);
  const isCommon = (step: number): boolean => 2 * (gathered[step]?.tries ?? 0) >= tries;
  const common = orderOf([...steps.keys()].filter(isCommon), ranked);
  const inOrder = align(common, ranked);
  const bins = histogramEdges(common.flatMap((step) => gathered[step]?.took.range() ?? []));
  const named = (step: number): Step => steps[step] ?? { log: '', thread: '', template: '' };
  return {
    tries,
    untried,
    records,
    cut,
    apps: [...apps].map(([app, count]) => ({ app, tries: count })).sort((a, b) => b.tries - a.tries),
    total: total.spread(),
    steps: common.map((step) => ({ ...named(step), ...shownOf(gathered[step], inOrder.get(step) ?? 0, bins) })),
    bins,
    distinct: ranked.length,
    signatures: ranked.slice(0, signaturesShownMax).map(({ sequence, tries: count, task, try: attempt }) => ({ tries: count, task, try: attempt, steps: sequence.map(named) })),
    rare: [...steps.keys()].filter((step) => !isCommon(step)).map((step) => ({ ...named(step), tries: gathered[step]?.tries ?? 0 }))
      .sort((a, b) => b.tries - a.tries).slice(0, rareShownMax),
  }; // prettier-ignore
}

interface Lines {
  readonly times: number[];
  readonly steps: number[];
  readonly tries: (number | null)[];
}

/** Lines by task, steps as numbers. */
function gather(seen: Iterable<Seen>, { appOf, app, recordsMax = lifelineRecordsMax }: LifelineOptions) {
  const tasks = new Map<number, Lines>();
  const numbers = new Map<string, number>();
  const known = new Map<Step, number>();
  const steps: Step[] = [];
  let records = 0;
  let cut = 0;
  const numberOf = (step: Step): number => {
    let number = known.get(step);
    if (number !== undefined) return number;
    const key = `${step.log}\n${step.thread}\n${step.template}`;
    number = numbers.get(key);
    if (number === undefined) {
      numbers.set(key, (number = steps.length));
      steps.push(step);
    }
    known.set(step, number);
    return number;
  };
  for (const { task, try: attempt, time, step } of seen) {
    if (app !== undefined && appOf(task) !== app) continue;
    if (records >= recordsMax) {
      cut += 1;
      continue;
    }
    records += 1;
    let lines = tasks.get(task);
    if (lines === undefined) tasks.set(task, (lines = { times: [], steps: [], tries: [] }));
    lines.times.push(time);
    lines.steps.push(numberOf(step));
    lines.tries.push(attempt);
  }
  return { tasks, steps, records, cut };
}

/** A task's tries. A line that names no try belongs to the one that is under way: before the first, to the first. */
function sequencesOf({ times, steps, tries }: Lines): Map<number, Sequence> {
  const order = [...times.keys()].sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
  const sequences = new Map<number, Sequence>();
  let current = tries[order.find((line) => tries[line] !== null) ?? -1] ?? 0;
  for (const line of order) {
    current = tries[line] ?? current;
    let sequence = sequences.get(current);
    if (sequence === undefined) sequences.set(current, (sequence = { steps: [], times: [], repeats: [] }));
    const step = steps[line] ?? 0;
    const place = sequence.steps.indexOf(step);
    if (place >= 0) sequence.repeats[place] = (sequence.repeats[place] ?? 0) + 1;
    else {
      sequence.steps.push(step);
      sequence.times.push(times[line] ?? 0);
      sequence.repeats.push(1);
    }
  }
  return sequences;
}

class StepStatistics {
  readonly offset = new Quantities();
  readonly took = new Quantities();
  tries = 0;
  repeats = 0;

  add({ times, repeats }: Sequence, k: number): void {
    const time = times[k] ?? 0;
    this.tries += 1;
    this.repeats += repeats[k] ?? 1;
    this.offset.add(time - (times[0] ?? 0));
    this.took.add(time - (times[k - 1] ?? time));
  }
}

function shownOf(
  step: StepStatistics | undefined,
  inOrder: number,
  bins: readonly number[],
): Omit<LifelineStep, keyof Step> {
  const { tries, repeats, offset, took } = step ?? new StepStatistics();
  return {
    tries, in_order: inOrder, repeats: tries === 0 ? 0 : Math.round((100 * repeats) / tries) / 100,
    offset: offset.spread(), took: took.spread(), histogram: took.histogram(bins),
  }; // prettier-ignore
}
