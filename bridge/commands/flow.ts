/** flow: one task's story out of every log, in order of time, as text. */
import type { Flow, FlowLine, FlowPhase } from '../analysis/flow.ts';
import { firstLine } from '../analysis/source.ts';
import { BridgeError } from '../core/errors.ts';
import { Exit, type Io } from './io.ts';
import { findRun, printJson, withReads, type QueryOptions } from './query.ts';
import { duration, instant, offset, table, wrapped } from './table.ts';

export interface FlowOptions extends QueryOptions {
  readonly phases?: boolean;
}

export async function flow(given: readonly string[], options: FlowOptions, io: Io): Promise<number> {
  const { name, task } = taskOf(given);
  return withReads(options, io, async (reads) => {
    const run = await findRun(reads, name);
    const [answer, detail] = await Promise.all([reads.flow(run.run, task), reads.task(run.run, task)]);
    if (answer === undefined)
      throw new BridgeError('BRIDGE_CONFIG', `run ${run.run} has no task ${task}`, {
        hint: `it has ${run.tasks} tasks: parsl-otel run ${run.run.slice(0, 8)} shows them by app`,
      });
    if (options.json === true) printJson(answer, io);
    else {
      const title = `${detail?.app ?? 'task'} ${task} of ${run.workflow ?? 'run'} ${run.run}: ${detail?.state ?? 'no state was told'}`;
      for (const line of shown(title, answer, options.phases === true, io.columns)) io.out(line);
    }
    return Exit.done;
  });
}

/** `[RUN] TASK`: the run may be left out where there is only one. */
export function taskOf(given: readonly string[]): { readonly name: string | undefined; readonly task: number } {
  const last = given.at(-1);
  const task = Number(last);
  if (given.length > 2)
    throw new BridgeError('BRIDGE_CONFIG', `more than RUN and TASK: ${given.join(' ')}`, {
      hint: 'give --from once for each input',
    });
  if (last === undefined || !/^\d+$/.test(last) || !Number.isSafeInteger(task))
    throw new BridgeError('BRIDGE_CONFIG', `which task? ${last ?? ''} is not the number of one`, {
      hint: 'write RUN TASK, such as 60af0e2a 12, or the task alone where there is one run',
    });
  return { name: given.length === 2 ? given[0] : undefined, task };
}

function shown(title: string, answer: Flow, isPhases: boolean, width: number | undefined): string[] {
  const counts = new Map<string, number>();
  for (const { source, lines } of answer.sources) counts.set(source, (counts.get(source) ?? 0) + lines);
  const sources = [...counts].map(([source, lines]) => `${source} ${lines}`.replaceAll(' ', '\u00a0')).join(', ');
  return [
    title,
    ...wrapped(
      `${answer.total} lines from ${answer.start === null ? 'no time known' : `${instant(answer.start, true)} UTC`}: ${sources}`,
      width,
    ),
    '',
    ...(isPhases ? phaseTable(answer.phases, answer.start, width) : lineTable(answer.lines, width)),
    ...(answer.notes.length === 0 ? [] : ['', ...answer.notes.flatMap((note) => wrapped(`Note: ${note}`, width))]),
  ];
}

function lineTable(lines: readonly FlowLine[], width: number | undefined): string[] {
  const isRetried = lines.some(({ try: number }) => (number ?? 0) > 0);
  const who = ({ source, thread }: FlowLine): string => (thread === '' ? source : `${source} (${thread})`);
  const marked = ({ level, message }: FlowLine): string =>
    `${level === 'ERROR' || level === 'WARN' ? `${level}: ` : ''}${firstLine(message)}`;
  return table(
    [{ title: 'offset s', right: true }, ...(isRetried ? [{ title: 'try', right: true }] : []), { title: 'source' }, { title: 'message' }],
    lines.map((line) => [offset(line.offset), ...(isRetried ? [String(line.try ?? '')] : []), who(line), marked(line)]),
    width,
  ); // prettier-ignore
}

function phaseTable(phases: readonly FlowPhase[], start: number | null, width: number | undefined): string[] {
  const depth: Readonly<Record<string, number>> = {
    pending: 0,
    try: 0,
    queued: 1,
    running: 1,
    returning: 1,
    joining: 1,
  };
  const name = (phase: FlowPhase): string =>
    '  '.repeat(phase.told_by === 'logs' ? 2 : (depth[phase.name] ?? 0)) +
    (phase.name === 'try' ? `try ${phase.try}` : phase.spell === 1 ? phase.name : `${phase.name} #${phase.spell}`);
  const told = ({ told_by, start_inferred, end_inferred, start: from, end }: FlowPhase): string =>
    [
      told_by,
      start_inferred ? 'start inferred' : '',
      end_inferred ? 'end inferred' : '',
      from === null ? 'start not told' : '',
      end === null ? 'end not told' : '',
    ].filter((part) => part !== '').join(', '); // prettier-ignore
  return table(
    [{ title: 'phase' }, { title: 'from', right: true }, { title: 'took', right: true }, { title: 'told by' }],
    phases.map((phase) => [
      name(phase),
      phase.start === null || start === null ? '–' : offset(phase.start - start),
      phase.start === null || phase.end === null ? '–' : duration(phase.end - phase.start),
      told(phase),
    ]),
    width,
  );
}
