/**
 * The plots by which a workflow's priorities are judged: a line per task from start to end on its worker, how many run by
 * kind, how many are done by kind, blocks against tasks. A kind is the app, or the value of any other key. A plot whose
 * facts were never told is null, and a line says what would tell them.
 */
import type { BlockSpan } from './blocks.ts';
import { CoverSweep, intervalStarts, type Window } from './series.ts';

export interface PlotTry {
  readonly task: number;
  readonly try: number;
  readonly kind: string | null;
  readonly launched: number | null;
  readonly running: number | null;
  readonly running_ended: number | null;
  readonly returned: number | null;
  /** It ended the task, and well. */
  readonly is_done: boolean;
}

export interface TaskLine {
  readonly task: number;
  readonly try: number;
  /** Index into `kinds`. */
  readonly kind: number;
  readonly from: number;
  readonly to: number;
  /** The worker's end was not told: the return stands in, or the end of the run. */
  readonly inferred: boolean;
}

export interface Plots {
  readonly by: string;
  /** Starts of the intervals of all curves. */
  readonly times: readonly number[];
  /** Most frequent first; the last is `others` where there are too many. */
  readonly kinds: readonly string[];
  /** In order of start; every n-th where there are too many. */
  readonly lines: readonly TaskLine[] | null;
  readonly ran: number;
  /** Mean number that runs, by kind. */
  readonly running: readonly (readonly number[])[] | null;
  /** Done by the end of each interval, by kind. */
  readonly completed: readonly (readonly number[])[] | null;
  /** Mean numbers in each interval. */
  readonly blocks: { readonly pending: readonly number[]; readonly running: readonly number[] } | null;
  readonly tasks: { readonly queued: readonly number[]; readonly running: readonly number[] };
  readonly missing: readonly string[];
}

/** Lines that an answer lists. */
export const plotLinesMax = 2_000;
/** Kinds that have a colour of their own. */
export const kindsMax = 8;

export function plotsOf(
  by: string,
  tries: readonly PlotTry[],
  blocks: readonly (readonly BlockSpan[])[],
  window: Window,
): Plots {
  const kinds = kindsOf(tries);
  const kindOf = ({ kind }: PlotTry): number => {
    const index = kinds.indexOf(kind ?? UNTOLD);
    return index < 0 ? kinds.length - 1 : index;
  };
  const sweeps = kinds.map(() => new CoverSweep(window));
  const queued = new CoverSweep(window);
  const running = new CoverSweep(window);
  const done = kinds.map(() => new Float64Array(window.points));
  const all: TaskLine[] = [];
  for (const attempt of tries) {
    const { task, try: number, launched, returned, is_done } = attempt;
    const kind = kindOf(attempt);
    const from = attempt.running ?? (attempt.running_ended === null ? null : launched);
    if (launched !== null) queued.add(launched, from ?? returned ?? window.end, 1);
    if (from !== null) {
      const to = attempt.running_ended ?? returned ?? window.end;
      all.push({ task, try: number, kind, from, to: Math.max(from, to), inferred: attempt.running_ended === null });
      sweeps[kind]?.add(from, to, 1);
      running.add(from, to, 1);
    }
    const end = returned ?? attempt.running_ended;
    if (is_done && end !== null) count(done[kind], end, window);
  }
  all.sort((a, b) => a.from - b.from || a.task - b.task);
  const each = Math.ceil(all.length / plotLinesMax) || 1;
  const hasDone = done.some((counts) => counts.some((value) => value > 0));
  return {
    by, times: intervalStarts(window), kinds, ran: all.length,
    lines: all.length === 0 ? null : all.filter((_, k) => k % each === 0),
    running: all.length === 0 ? null : sweeps.map((sweep) => sweep.result()),
    completed: hasDone ? done.map(cumulative) : null,
    blocks: blocks.length === 0 ? null : blockCurves(blocks, window),
    tasks: { queued: queued.result(), running: running.result() },
    missing: [
      ...(all.length > 0 ? [] : ['No lines and no running tasks: when tasks ran is told by monitoring of the workers, or by their logs.']),
      ...(hasDone ? [] : ['No completions: nothing has ended well, or no end was told.']),
      ...(blocks.length > 0 ? [] : ['No blocks: they are told by Parsl’s monitoring (BLOCK_INFO), or by parsl.log; executors without a provider have none.']),
    ],
  }; // prettier-ignore
}

const UNTOLD = 'not told';
const OTHERS = 'others';

function kindsOf(tries: readonly PlotTry[]): string[] {
  const counts = new Map<string, number>();
  for (const { kind } of tries) counts.set(kind ?? UNTOLD, (counts.get(kind ?? UNTOLD) ?? 0) + 1);
  const ranked = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([kind]) => kind);
  return ranked.length <= kindsMax ? ranked : [...ranked.slice(0, kindsMax - 1), OTHERS];
}

function count(counts: Float64Array | undefined, time: number, { start, end, points }: Window): void {
  if (counts === undefined) return;
  const at = Math.max(0, Math.min(points - 1, Math.floor(((time - start) / (end - start)) * points)));
  counts[at] = (counts[at] ?? 0) + 1;
}

function cumulative(counts: Float64Array): number[] {
  let sum = 0;
  return Array.from(counts, (value) => (sum += value));
}

function blockCurves(blocks: readonly (readonly BlockSpan[])[], window: Window): NonNullable<Plots['blocks']> {
  const pending = new CoverSweep(window);
  const running = new CoverSweep(window);
  for (const { state, from, to } of blocks.flat()) {
    if (state === 'PENDING') pending.add(from, to, 1);
    if (state === 'RUNNING') running.add(from, to, 1);
  }
  return { pending: pending.result(), running: running.result() };
}
