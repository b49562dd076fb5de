/** runs, run and task: what there is, a run's sum and one task with its tries, as text. */
import { phasesOf } from '../analysis/phases.ts';
import { BridgeError } from '../core/errors.ts';
import type { Progress, RunDetail, RunSummary, TaskDetail } from '../store/store.ts';
import { taskOf } from './flow.ts';
import { Exit, type Io } from './io.ts';
import { findRun, printJson, withReads, type QueryOptions } from './query.ts';
import { duration, instant, table, wrapped } from './table.ts';

export async function runs(options: QueryOptions, io: Io): Promise<number> {
  return withReads(options, io, async (reads) => {
    const list = await reads.runs();
    if (options.json === true) printJson({ runs: list }, io);
    else if (list.length === 0) io.out('No run yet.');
    else for (const line of runTable(list, io.columns)) io.out(line);
    return Exit.done;
  });
}

const failed = (counts: RunSummary['counts']): number => (counts['failed'] ?? 0) + (counts['dep_fail'] ?? 0);
const done = (counts: RunSummary['counts']): number => (counts['exec_done'] ?? 0) + (counts['memo_done'] ?? 0);
const took = ({ began, completed, first_seen, last_seen }: RunSummary): string =>
  duration((completed ?? last_seen) - (began ?? first_seen));

function runTable(list: readonly RunSummary[], width: number | undefined): string[] {
  return table(
    [{ title: 'run' }, { title: 'began (UTC)' }, { title: 'took', right: true }, { title: 'tasks', right: true },
      { title: 'done', right: true }, { title: 'failed', right: true }, { title: 'end' }, { title: 'workflow' }],
    list.map((run) => [
      run.run.slice(0, 8), instant(run.began ?? run.first_seen), took(run), String(run.tasks), String(done(run.counts)),
      String(failed(run.counts)), run.completed === null ? 'not told' : 'told', run.workflow ?? '–',
    ]),
    width,
  );
} // prettier-ignore

export async function run(name: string | undefined, options: QueryOptions, io: Io): Promise<number> {
  return withReads(options, io, async (reads) => {
    const { run: id } = await findRun(reads, name);
    const [detail, failures] = await Promise.all([reads.run(id), reads.failures(id)]);
    if (detail === undefined) return Exit.dataWereBad;
    if (options.json === true) printJson({ ...detail, failures }, io);
    else {
      for (const line of runText(detail, io.columns)) io.out(line);
      for (const { error, app, tasks, tries, message } of failures.slice(0, 5))
        for (const line of wrapped(`${error} of ${app ?? 'an app that is not told'}: ${tasks} tasks, ${tries} tries. ${message.split('\n')[0] ?? ''}`, io.columns, '  ')) io.out(line); // prettier-ignore
    }
    return Exit.done;
  });
}

function runText(detail: RunDetail, width: number | undefined): string[] {
  const { run: id, workflow, began, first_seen, completed, counts, parsl_version, user, host, rundir } = detail;
  const states = Object.entries(counts).map(([state, count]) => `${state} ${count}`).join(', '); // prettier-ignore
  const by = (title: string, list: readonly Progress[]): string[] => [
    '',
    ...table(
      [{ title }, { title: 'tasks', right: true }, { title: 'done', right: true }, { title: 'failed', right: true }],
      list
        .toSorted((a, b) => b.tasks - a.tasks)
        .map(({ name, tasks, counts: of }) => [
          name ?? 'not told',
          String(tasks),
          String(done(of)),
          String(failed(of)),
        ]),
      width,
    ),
  ];
  return [
    `${workflow ?? 'run'} ${id}`,
    `began ${instant(began ?? first_seen)} UTC, took ${took(detail)}${completed === null ? ' (its end was not told)' : ''}`,
    ...(user === null ? [] : [`by ${user}${host === null ? '' : ` on ${host}`}${rundir === null ? '' : `, ${rundir}`}`]),
    ...(parsl_version === null ? [] : [`Parsl ${parsl_version}`]),
    `${detail.tasks} tasks: ${states === '' ? 'none' : states}`,
    ...by('app', detail.apps),
    ...by('executor', detail.executors),
    ...(failed(counts) > 0 ? ['', 'What failed:'] : []),
  ]; // prettier-ignore
}

export async function task(given: readonly string[], options: QueryOptions, io: Io): Promise<number> {
  const { name, task: number } = taskOf(given);
  return withReads(options, io, async (reads) => {
    const found = await findRun(reads, name);
    const detail = await reads.task(found.run, number);
    if (detail === undefined)
      throw new BridgeError('BRIDGE_CONFIG', `run ${found.run} has no task ${number}`, {
        hint: `it has ${found.tasks} tasks`,
      });
    if (options.json === true) printJson({ ...detail, phases: phasesOf(detail) }, io);
    else for (const line of taskText(detail, io.columns)) io.out(line);
    return Exit.done;
  });
}

function taskText(detail: TaskDetail, width: number | undefined): string[] {
  const between = (from: number | null, to: number | null): string =>
    from === null || to === null ? '–' : duration(to - from);
  const links = (title: string, { total, links: list }: TaskDetail['dependencies']): string[] =>
    total === 0 ? [] : wrapped(`${title}: ${list.map(({ task: other, app }) => `${other}${app === null ? '' : ` (${app})`}`).join(', ')}${total > list.length ? ` and ${total - list.length} more` : ''}`, width); // prettier-ignore
  return [
    `${detail.app ?? 'task'} ${detail.task} of run ${detail.run}: ${detail.state}`,
    `invoked ${instant(detail.invoked, true)}, returned ${instant(detail.returned, true)} UTC; trace ${detail.trace_id}`,
    ...links('depends on', detail.dependencies),
    ...links('needed by', detail.dependents),
    ...links('joins', detail.joined),
    '',
    ...table(
      [{ title: 'try', right: true }, { title: 'state' }, { title: 'executor' }, { title: 'host' }, { title: 'queued', right: true },
        { title: 'ran', right: true }, { title: 'returning', right: true }, { title: 'error' }],
      detail.attempts.map((attempt) => [
        String(attempt.try), attempt.state ?? '–', attempt.executor ?? '–', attempt.host ?? '–', between(attempt.launched, attempt.running),
        between(attempt.running, attempt.running_ended), between(attempt.running_ended, attempt.returned), attempt.fail_history?.split('\n')[0] ?? '',
      ]),
      width,
    ),
  ]; // prettier-ignore
}
