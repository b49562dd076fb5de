/**
 * One task's whole story: what every log and the monitoring said of it, merged in order of time. Lines of one source
 * that have one time keep their order in the file. Clocks are not corrected: where a line of one host stands before
 * the line of another that it must follow, a note says by how much their clocks disagree at least.
 */
import { outerPhaseOf } from '../core/log_phases.ts';
import { number, text, type WideRecord } from '../core/record.ts';
import { toMicros } from '../core/time.ts';
import { clocksDisagree, logPhases, marksOf, type LogPhase, type TriedMark } from './log_phases.ts';
import { phasesOf, type Phase, type TaskTries } from './phases.ts';
import { logOf, sourceOf, templateOf, threadOf } from './source.ts';
import { zoneNote, zoneShift } from './zones.ts';

/** Lines of one task's flow; what is over is counted. */
export const flowLinesMax = 10_000;

export interface FlowLine {
  /** Microseconds since the epoch; null where the line has no time: such lines stand last. */
  readonly time: number | null;
  /** Since the flow's first line. */
  readonly offset: number | null;
  readonly try: number | null;
  /** Which kind of log, or `monitoring`. */
  readonly log: string;
  /** Who speaks, such as `worker 8f8ba7000809/1`. */
  readonly source: string;
  /** Its thread or process, if it is not the main one. */
  readonly thread: string;
  readonly path: string | null;
  readonly line: number | null;
  readonly level: string | null;
  readonly template: string;
  /** The whole text, several lines where it has them. */
  readonly message: string;
  readonly phase: string | null;
  readonly phase_edge: string | null;
  /** The record as it was stored; null for a state that monitoring told. */
  readonly record: WideRecord | null;
}

/** What took how long: of the try from its own times, and inside it from log lines. */
export interface FlowPhase extends Omit<Phase, 'name' | 'start'> {
  readonly name: string;
  readonly start: number | null;
  /** Counted from 1 where a try is in one phase several times. */
  readonly spell: number;
  readonly told_by: 'states' | 'logs';
}

export interface Flow {
  readonly start: number | null;
  /** Lines there are; `lines` is cut at `flowLinesMax`. */
  readonly total: number;
  readonly lines: readonly FlowLine[];
  readonly sources: readonly { readonly source: string; readonly path: string | null; readonly lines: number }[];
  readonly phases: readonly FlowPhase[];
  /** What a reader must know to read it right. */
  readonly notes: readonly string[];
}

type Line = Omit<FlowLine, 'offset'>;

/** `records`: the task's log records, in any order. */
export function flowOf(task: TaskTries, records: Iterable<WideRecord>): Flow {
  const told = [...records].map(lineOf);
  const lines = [...told, ...statesOf(task, told)].sort(inOrder);
  const start = lines[0]?.time ?? null;
  const offset = ({ time }: Line): number | null => (time === null || start === null ? null : time - start);
  const states = phasesOf({ ...task, invoked: task.invoked ?? pendingSince(told) });
  const fromLogs = logPhases(told.flatMap(markOf), (attempt) => outerOf(states, attempt));
  const hasTime = (phase: LogPhase): boolean => phase.start === null || phase.end === null || phase.end >= phase.start;
  return {
    start,
    total: lines.length,
    lines: lines.slice(0, flowLinesMax).map((line) => ({ ...line, offset: offset(line) })),
    sources: sourcesOf(lines),
    phases: merged(states, fromLogs.filter(hasTime)),
    notes: [...zoneNotes(task, told), ...clockNotes(fromLogs), ...missing(lines), ...cutNote(lines.length)],
  };
}

function lineOf(record: WideRecord): Line {
  const of = (key: string): string | null => text(record, key) ?? null;
  const { time } = record;
  return {
    time: typeof time === 'bigint' ? toMicros(time) : null, try: number(record, 'parsl.try') ?? null, log: logOf(record),
    source: sourceOf(record), thread: threadOf(record), path: of('source.path'), line: number(record, 'source.line') ?? null,
    level: of('level'), template: templateOf(record), message: of('message') ?? sayingOf(record), phase: of('parsl.phase'),
    phase_edge: of('parsl.phase_edge'), record,
  }; // prettier-ignore
}

/** What a record without text says: its keys, but those that tell whose and where it is. */
function sayingOf(record: WideRecord): string {
  return Object.entries(record)
    .filter(([key]) => key !== 'time' && key !== 'message' && !/^(?:source|log|parsl)\./.test(key))
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
}

/** A task that only logs tell of was called when it was first said to be pending. */
function pendingSince(told: readonly Line[]): number | null {
  const times = told.flatMap(({ time, record }) =>
    record?.['parsl.task_state'] === 'pending' && time !== null ? [time] : [],
  );
  return times.length === 0 ? null : Math.min(...times);
}

/** States that no log line of the same instant tells: those came by monitoring. */
function statesOf({ attempts }: TaskTries, told: readonly Line[]): Line[] {
  const known = new Set(told.map(({ time, record }) => `${String(record?.['parsl.task_state'])} ${time}`));
  return attempts.flatMap(({ try: attempt, states }) =>
    (JSON.parse(states) as [lane: string, state: string, time: number][])
      .filter(([, state, time]) => !known.has(`${state} ${time}`))
      .map(([lane, state, time]) => ({
        time, try: attempt, log: 'monitoring', source: `monitoring ${lane === 'execution' ? 'worker' : 'submit side'}`, thread: '', path: null,
        line: null, level: null, template: state, message: state, phase: null, phase_edge: null, record: null,
      })),
  ); // prettier-ignore
}

/** By time; where that is equal by file and line, so that one source's lines keep their order. */
function inOrder(a: Line, b: Line): number {
  return (
    (a.time ?? Infinity) - (b.time ?? Infinity) ||
    (a.path ?? '').localeCompare(b.path ?? '') ||
    (a.line ?? 0) - (b.line ?? 0)
  );
}

function markOf({ time, try: attempt, source, phase, phase_edge: edge, record }: Line): TriedMark[] {
  const ended = record === null ? null : (text(record, 'parsl.phase_ended') ?? null);
  return time === null ? [] : marksOf({ try: attempt ?? 0, time, source, phase, edge, ended });
}

function outerOf(states: readonly Phase[], attempt: number): ReturnType<NonNullable<Parameters<typeof logPhases>[1]>> {
  const own = states.filter(({ try: number }) => number === attempt);
  return new Map(own.map(({ name, start, end }) => [name, { start, end: end ?? undefined }]));
}

function sourcesOf(lines: readonly Line[]): Flow['sources'] {
  const counts = new Map<string, { source: string; path: string | null; lines: number }>();
  for (const { source, path } of lines) {
    const entry = counts.get(`${source} ${path}`) ?? { source, path, lines: 0 };
    entry.lines += 1;
    counts.set(`${source} ${path}`, entry);
  }
  return [...counts.values()];
}

/** Phases of the tries' own times, each followed by those that log lines tell inside it. */
function merged(states: readonly Phase[], logs: readonly LogPhase[]): FlowPhase[] {
  const left = new Set(logs);
  const ofLog = (phase: LogPhase): FlowPhase => {
    left.delete(phase);
    const { name, try: attempt, spell, start, end, start_inferred, end_inferred } = phase;
    return { name, try: attempt, spell, start, end, start_inferred, end_inferred, told_by: 'logs' };
  };
  const all = states.flatMap((phase): FlowPhase[] => [
    { ...phase, spell: 1, told_by: 'states' },
    ...logs.filter(({ name, try: attempt }) => outerPhaseOf(name) === phase.name && attempt === phase.try).map(ofLog),
  ]);
  return [...all, ...[...left].map(ofLog)];
}

function zoneNotes({ attempts }: TaskTries, told: readonly Line[]): string[] {
  for (const { time, try: attempt, record } of told) {
    if (time === null || record?.['parsl.task_state'] !== 'launched') continue;
    const launched = attempts.find((each) => each.try === (attempt ?? 0))?.launched ?? null;
    const shift = launched === null ? undefined : zoneShift(launched, time);
    if (shift !== undefined) return [zoneNote(shift)];
  }
  return [];
}

/** Why steps are left out: each ended before it started, by the lines that tell it. */
function clockNotes(phases: readonly LogPhase[]): string[] {
  return phases.flatMap((phase) => {
    const { name, try: attempt, start, end, start_source, end_source } = phase;
    if (start === null || end === null || end >= start) return [];
    const by = ((start - end) / 1e6).toFixed(6);
    const told = `Try ${attempt}, ${name}: its end (${end_source ?? 'not told'}) is told ${by} s before its start (${start_source ?? 'not told'})`;
    return clocksDisagree(phase)
      ? `${told}, so the two hosts’ clocks disagree by at least that. Nothing is corrected: the order of lines of different hosts is only as good as their clocks. The step is left out.`
      : `${told}: one of the two lines was written late. The step is left out.`;
  }); // prettier-ignore
}

/** What no line came from, and what would bring it. */
function missing(lines: readonly Line[]): string[] {
  const logs = new Set(lines.map(({ log }) => log));
  const fromLogs = [...logs].filter((log) => log !== 'monitoring');
  if (fromLogs.length === 0)
    return ['No log line names this task. The run directory has them: give it to ingest, to the receiver run_dir, or by --from.'];
  const isHtex = ['interchange', 'manager', 'worker'].some((log) => logs.has(log));
  if (isHtex && !logs.has('interchange'))
    return ['No line of the interchange names this task: it tells of tasks only with worker_debug=True or with JSON logs.'];
  if (isHtex && !logs.has('worker'))
    return ['No line of a worker names this task: the logs of its manager are not here, or no worker ever had it.'];
  return [];
} // prettier-ignore

function cutNote(total: number): string[] {
  return total > flowLinesMax ? [`Only the first ${flowLinesMax} of ${total} lines are shown.`] : [];
}
