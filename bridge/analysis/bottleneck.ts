/**
 * Where a run's tasks wait, and which resource is the limit in each of its periods, in words and with the numbers they
 * were read from. Works from rows alone; log lines split the time between launch and start further, and tell of trouble that
 * no row shows.
 */
import type { ManagerRow, RunRow } from '../core/row.ts';
import { blockSpans } from './blocks.ts';
import { logPhaseNames } from '../core/log_phases.ts';
import type { Limit } from './limits.ts';
import { clocksDisagree, type LogPhase } from './log_phases.ts';
import { managerState, type Surroundings } from './managers.ts';
import { LimitSweep, type Period } from './periods.ts';
import { Quantities, type Spread } from './quantities.ts';
import { signsOf, type ErrorLines, type Sign } from './signs.ts';
import { waitKinds, waitsOf, type TaskFacts, type TryFacts, type WaitKind } from './waits.ts';
import { evidence, words } from './words.ts';
import { workerSpans, type WorkerSpan } from './workers.ts';

export interface BottleneckInput {
  readonly run: Pick<RunRow, 'closed' | 'completed' | 'last_task_info' | 'last_seen'>;
  /** Instants between which the run is looked at. */
  readonly start: number;
  readonly end: number;
  /** Each task with its launched tries in order. */
  readonly tasks: Iterable<{ readonly task: TaskFacts; readonly tries: readonly TryFacts[] }>;
  readonly managers: readonly ManagerRow[];
  readonly around: Surroundings;
  /** Workers that no manager tells of: those of Work Queue and TaskVine, in cores. */
  readonly connected: readonly WorkerSpan[];
  /** Which of them were given to tasks, and when. */
  readonly occupied: readonly WorkerSpan[];
  readonly phases: Iterable<LogPhase>;
  readonly errors: readonly ErrorLines[];
  readonly failedTries: number;
}

/** Time of one kind over all tasks, microseconds. */
export interface WaitSum extends Spread {
  /** A kind of wait, or the name of a phase that logs tell. */
  readonly kind: string;
  readonly told_by: 'states' | 'logs';
  /** Tasks (by the states) or tries (by logs) that had any of it. */
  readonly count: number;
  readonly sum: number;
}

export interface ShownPeriod extends Period {
  readonly title: string;
  readonly evidence: string;
}

export interface Bottleneck {
  readonly start: number;
  readonly end: number;
  readonly tasks: number;
  /** The verdict, in a sentence or two. */
  readonly verdict: string;
  /** What the verdict means and what would help. */
  readonly means: string;
  /** Share of the run that each limit held, the largest first. */
  readonly limits: readonly { readonly limit: Limit; readonly title: string; readonly share: number; readonly means: string }[];
  readonly periods: readonly ShownPeriod[];
  readonly waits: readonly WaitSum[];
  readonly apps: readonly { readonly app: string | null; readonly tasks: number; readonly waits: Readonly<Record<WaitKind, number>> }[];
  readonly signs: readonly Sign[];
  /** How to read it, and what would tell more. */
  readonly missing: readonly string[];
} // prettier-ignore

/** Apps that the answer lists. */
export const appsShownMax = 50;

type Sums = Readonly<Record<WaitKind, Quantities>>;
const sums = (): Sums => Object.fromEntries(waitKinds.map((kind) => [kind, new Quantities()])) as Record<WaitKind, Quantities>; // prettier-ignore

export function bottleneckOf(input: BottleneckInput): Bottleneck {
  const { start, end } = input;
  const hasManagers = input.managers.length > 0 || input.connected.length === 0;
  const sweep = new LimitSweep({ start, end, hasManagers });
  for (const span of input.occupied) sweep.occupied(span);
  const waits = sums();
  const apps = new Map<string | null, { tasks: number; waits: Sums }>();
  let tasks = 0;
  let tries = 0;
  let unreturned = 0;
  for (const each of input.tasks) {
    tasks += 1;
    tries += each.tries.length;
    if (!each.task.final && each.tries.length > 0) unreturned += 1;
    let app = apps.get(each.task.app);
    if (app === undefined) apps.set(each.task.app, (app = { tasks: 0, waits: sums() }));
    app.tasks += 1;
    const times = new Map<WaitKind, number>();
    for (const wait of waitsOf(each.task, each.tries, end)) {
      sweep.wait(wait);
      times.set(wait.kind, (times.get(wait.kind) ?? 0) + wait.to - wait.from);
    }
    for (const [kind, time] of times) {
      waits[kind].add(time);
      app.waits[kind].add(time);
    }
    if (each.task.final && each.task.returned !== null) sweep.completed(each.task.returned);
  }
  const { managers, around, connected } = input;
  const workers = workerSpans(managers, connected, around);
  for (const span of workers) sweep.workers(span);
  for (const block of around.blocks) for (const span of blockSpans(block, managers, end)) sweep.block(span);
  const logged = addPhases(input, sweep);
  const periods = sweep.periods();
  const limits = sharesOf(periods);
  return {
    start, end, tasks, ...verdictOf(limits, tasks), limits,
    periods: periods.map((period) => ({ ...period, title: titleOf(period), evidence: evidence(period.load, hasManagers) })),
    waits: [...waitKinds.map((kind) => sumOf(kind, 'states', waits[kind])), ...logged.sums].filter(({ count }) => count > 0),
    apps: [...apps].sort((a, b) => b[1].tasks - a[1].tasks).slice(0, appsShownMax).map(([app, each]) => ({ app, tasks: each.tasks, waits: medians(each.waits) })),
    signs: signsOf({
      ...input, blocks: around.blocks, lost: managers.filter((manager) => managerState(manager, around) === 'lost'), periods, unreturned, tries,
      disagreeing: logged.disagreeing, held: hasManagers ? undefined : { workers: logged.worker, functions: waits.running.sum },
    }),
    missing: [...counted(connected), ...missing(workers, logged)],
  }; // prettier-ignore
}

interface Logged {
  /** Time on workers by the logs, in all. */
  readonly worker: number;
  readonly sums: readonly WaitSum[];
  readonly disagreeing: number;
  /** Most of what logs tell was not in the time of the run that monitoring tells. */
  readonly isElsewhere: boolean;
}

function addPhases({ phases, start: first, end: last }: BottleneckInput, sweep: LimitSweep): Logged {
  const byName = new Map<string, Quantities>(logPhaseNames.map((name) => [name, new Quantities()]));
  let disagreeing = 0;
  let inside = 0;
  let all = 0;
  for (const phase of phases) {
    const { name, start, end } = phase;
    if (start === null || end === null) continue;
    if (clocksDisagree(phase)) disagreeing += 1;
    all += 1;
    if (end >= first && start <= last) inside += 1;
    sweep.phase(phase);
    let quantities = byName.get(name);
    if (quantities === undefined) byName.set(name, (quantities = new Quantities()));
    quantities.add(Math.max(0, end - start)); // A line may be written just after what it tells of.
  }
  return {
    sums: [...byName].flatMap(([name, of]) => (of.count === 0 ? [] : [sumOf(name, 'logs', of)])),
    worker: byName.get('worker')?.sum ?? 0,
    disagreeing,
    isElsewhere: 2 * inside < all,
  };
}

function sumOf(kind: WaitSum['kind'], told_by: WaitSum['told_by'], quantities: Quantities): WaitSum {
  return { kind, told_by, count: quantities.count, sum: quantities.sum, ...quantities.spread() };
}

function medians(waits: Sums): Record<WaitKind, number> {
  return Object.fromEntries(waitKinds.map((kind) => [kind, waits[kind].spread().median])) as Record<WaitKind, number>;
}

function sharesOf(periods: readonly Period[]): Bottleneck['limits'] {
  const total = periods.reduce((sum, { from, to }) => sum + to - from, 0);
  const times = new Map<Limit, number>();
  for (const { limit, from, to } of periods) times.set(limit, (times.get(limit) ?? 0) + to - from);
  return [...times]
    .sort((a, b) => b[1] - a[1])
    .map(([limit, time]) => ({ limit, ...words[limit], share: total > 0 ? time / total : 0 }));
}

/** Of the time in which tasks were under way: before and after, nothing is held up. */
function verdictOf(limits: Bottleneck['limits'], tasks: number): Pick<Bottleneck, 'verdict' | 'means'> {
  const idle = limits.find(({ limit }) => limit === 'idle')?.share ?? 0;
  const [first, second] = limits.filter(({ limit }) => limit !== 'idle');
  if (first === undefined || tasks === 0)
    return { verdict: 'No task was under way at a known time: nothing can be said.', means: '' };
  const part = ({ share }: { readonly share: number }): number => Math.round((100 * share) / (1 - idle));
  const also = second === undefined || part(second) < 10 ? '' : `, then ${second.title} (${part(second)} %)`;
  const rest = Math.round(100 * idle);
  const verdict = `While tasks were under way, the limit was mostly ${first.title} (${part(first)} % of that time)${also}.`;
  return {
    verdict: rest < 5 ? verdict : `${verdict} For ${rest} % of the run no task was under way.`,
    means: first.means,
  };
}

function titleOf({ limit, executors }: Period): string {
  const { title } = words[limit];
  if (executors.length === 0) return title;
  return limit === 'executor' ? `${title} ${executors.join(', ')}` : `${title} of ${executors.join(', ')}`;
}

/** How workers are counted, where it is not as everybody thinks. */
function counted(connected: readonly WorkerSpan[]): string[] {
  const names = [...new Set(connected.map(({ executor }) => executor ?? 'an executor'))].join(', ');
  return names === '' ? [] : [`Workers of ${names} are counted in cores: its transaction log tells which worker processes were connected, with how many cores.`];
} // prettier-ignore

function missing(workers: readonly WorkerSpan[], { sums: logged, isElsewhere }: Logged): string[] {
  return [
    ...(isElsewhere ? ['What the logs tell lies outside the run’s time by monitoring, which writes local times without a zone: give the run’s with --time-zone, such as Europe/Berlin. Until then the periods do without the logs.'] : []),
    ...(workers.length > 0 ? [] : ['How many workers there were is not known: monitoring of HTEX tells it, and so do the logs of its managers. Without it, busy and idle workers cannot be told apart.']),
    ...(logged.length > 0 ? [] : ['The logs of the run directory would split the time between launch and start into the submit side, the interchange’s queue and the manager’s queue.']),
  ]; // prettier-ignore
}
