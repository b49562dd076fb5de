/**
 * Signs of trouble: what is known to make a run hang, lose work or waste workers, where the records show it. Each sign
 * says what was seen, what it means, and by which keys its log lines are found.
 */
import type { BlockRow, ManagerRow, RunRow } from '../core/row.ts';
import type { Period } from './periods.ts';

export interface Sign {
  readonly sign: string;
  /** When it was first seen; null where no time is known. */
  readonly time: number | null;
  readonly count: number;
  readonly text: string;
  /** Keys and values of its log lines, for a filter; null where it is not told by log lines. */
  readonly where: Readonly<Record<string, string>> | null;
}

/** Log lines of one template at level ERROR. */
export interface ErrorLines {
  readonly template: string;
  readonly log: string;
  readonly lines: number;
  readonly first: number | null;
  /** The first of them. */
  readonly message: string;
}

export interface SignFacts {
  readonly run: Pick<RunRow, 'closed' | 'completed' | 'last_task_info' | 'last_seen'>;
  /** Managers that left without being asked to. */
  readonly lost: readonly ManagerRow[];
  readonly blocks: readonly BlockRow[];
  readonly errors: readonly ErrorLines[];
  readonly periods: readonly Period[];
  /** Launched tasks that have no final state. */
  readonly unreturned: number;
  readonly tries: number;
  readonly failedTries: number;
  /** Time that tasks held workers, and time of their own functions in it, where workers start a Python for each task. */
  readonly held: { readonly workers: number; readonly functions: number } | undefined;
  /** Log phases of which the clocks of two hosts tell that they ended before they started. */
  readonly disagreeing: number;
}

/** Templates of error lines that are listed. */
const ERRORS_MAX = 5;
/** How a thread of Parsl says that an exception ended it; no task is named, and what it did is done by nobody any more. */
const ENDING = /^Exceptional ending for (\S+) on thread (\S+)/;

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
const earliest = (times: readonly (number | null)[]): number | null =>
  times.reduce((least, time) => (least === null || (time !== null && time < least) ? time : least), null);

export function signsOf(facts: SignFacts): Sign[] {
  return [
    ...endings(facts),
    ...neverBack(facts),
    ...lostManagers(facts),
    ...failedBlocks(facts),
    ...idleWorkers(facts),
    ...startUp(facts),
    ...failedTries(facts),
    ...errorLines(facts),
    ...clocks(facts),
  ];
}

function endings({ errors }: SignFacts): Sign[] {
  return errors.flatMap(({ message, first, lines, template, log }) => {
    const [, what, thread] = ENDING.exec(message) ?? [];
    if (what === undefined || thread === undefined) return [];
    const isResults = /result/i.test(what + thread);
    return [{
      sign: 'exceptional_ending', time: first, count: lines, where: { 'log.template': template, 'source.log': log },
      text: `An exception ended the thread ${thread} (${what}). ${isResults
        ? 'It took in results: from then on no result reaches the submit side, every later task stays launched for ever, and the run hangs.'
        : 'Nobody does its work from then on.'} The line has the traceback.`,
    }]; // prettier-ignore
  });
}

function neverBack({ run, unreturned }: SignFacts): Sign[] {
  if (unreturned === 0 || (!run.closed && run.completed === null)) return [];
  const text = `${plural(unreturned, 'launched task')} never came back although the run is over.`;
  return [{ sign: 'never_returned', time: null, count: unreturned, text, where: null }];
}

function lostManagers({ lost }: SignFacts): Sign[] {
  if (lost.length === 0) return [];
  const hosts = [...new Set(lost.map(({ host }) => host ?? 'unknown'))].join(', ');
  const text =
    `${plural(lost.length, 'manager')} lost (on ${hosts}): killed, out of memory, or cut off. What it ran failed with ManagerLost ` +
    'and was tried again where retries were left; the standard error of its block’s submit script often has the reason.';
  return [{ sign: 'managers_lost', time: earliest(lost.map(({ left }) => left)), count: lost.length, text, where: null }]; // prettier-ignore
}

function failedBlocks({ blocks }: SignFacts): Sign[] {
  const bad = blocks.filter(({ state }) => ['FAILED', 'TIMEOUT', 'MISSING', 'HELD'].includes(state));
  if (bad.length === 0) return [];
  const named = bad.map(({ executor, block, state }) => `${executor} ${block} ${state}`).slice(0, 5).join(', '); // prettier-ignore
  const text = `${plural(bad.length, 'block')} ended badly (${named}). The submit script’s output and error tell why.`;
  return [{ sign: 'blocks_failed', time: earliest(bad.map(({ ended }) => ended)), count: bad.length, text, where: { 'source.log': 'batch_output' } }]; // prettier-ignore
}

function idleWorkers({ periods }: SignFacts): Sign[] {
  const idle = periods.filter(
    ({ limit, load }) => ['interchange', 'managers', 'queue'].includes(limit) && load.idle >= 1,
  );
  if (idle.length === 0) return [];
  const seconds = idle.reduce((sum, { from, to, load }) => sum + ((to - from) / 1e6) * load.idle, 0);
  const text =
    `Workers were idle while tasks were with their executor: ${seconds.toPrecision(3)} worker-seconds in ` +
    `${plural(idle.length, 'period')}. With short tasks that is the cost of the way; with long ones look for managers that ask for no work.`;
  return [{ sign: 'idle_while_work_waits', time: idle[0]?.from ?? null, count: idle.length, text, where: null }];
}

function startUp({ held }: SignFacts): Sign[] {
  if (held === undefined || held.functions === 0 || held.workers < 2 * held.functions) return [];
  const text =
    `Tasks held their workers ${(held.workers / held.functions).toPrecision(2)} times as long as their own functions ran: Work Queue and ` +
    'TaskVine start a new Python for each task, which loads Parsl and the function from disk. Longer tasks help, and so does a faster disk.';
  return [{ sign: 'start_up', time: null, count: 1, text, where: null }];
}

function failedTries({ tries, failedTries: failed }: SignFacts): Sign[] {
  if (failed === 0) return [];
  const text = `${failed} of ${plural(tries, 'try').replace('trys', 'tries')} failed (${Math.round((100 * failed) / tries)} %).`;
  return [{ sign: 'failed_tries', time: null, count: failed, text, where: null }];
}

function errorLines({ errors }: SignFacts): Sign[] {
  return errors
    .filter(({ message }) => !ENDING.test(message))
    .slice(0, ERRORS_MAX)
    .map(({ template, log, lines, first }) => ({
      sign: 'error_lines', time: first, count: lines, where: { 'log.template': template, 'source.log': log, level: 'ERROR' },
      text: `${plural(lines, 'line')} at level ERROR in the log of ${log}: ${template}`,
    })); // prettier-ignore
}

function clocks({ disagreeing }: SignFacts): Sign[] {
  if (disagreeing === 0) return [];
  const text =
    `${plural(disagreeing, 'step')} between a worker’s host and the submit side ended before they started, by the logs: the hosts’ ` +
    'clocks disagree. Nothing is corrected; such steps count as taking no time.';
  return [{ sign: 'clocks_disagree', time: null, count: disagreeing, text, where: null }];
}
