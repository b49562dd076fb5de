/** The commands that ask: about runs and tasks in a data directory, or in files that are read for the question. */
import { InvalidArgumentError, Option, type Command } from 'commander';

import type { FlowOptions } from './commands/flow.ts';
import type { Io } from './commands/io.ts';
import type { LifelineOptions } from './commands/lifeline.ts';
import type { QueryOptions } from './commands/query.ts';
import type { StatesOptions } from './commands/states.ts';
import { each } from './rules_cli.ts';
import { pointsMax } from './store/store.ts';

const archive = '--from runinfo.tar.gz';
const runAndTask = '[options] [RUN] TASK';
const aboutTask = 'the number of the task; before it the run, where there are several';

export function addQueryCommands(program: Command, io: Io, exit: (code: number) => void): void {
  const query = (name: string, about: string, examples: string): Command =>
    program
      .command(name)
      .description(about)
      .addOption(new Option('-d, --data <dir>', 'data directory (default: $XDG_STATE_HOME/parsl-otel/data)'))
      .addOption(new Option('-f, --from <input>', 'read this instead: a run directory, an archive, a capture, a database; give it again for each').argParser(each).conflicts('data'))
      .addOption(new Option('-r, --rules <file>', 'with --from: a file of your own rules, which add to the shipped ones (docs/rules.md); give it again for each').argParser(each))
      .option('--time-zone <zone>', 'with --from: zone of runs that do not tell it, such as Europe/Berlin')
      .option('--json', 'the whole answer as JSON')
      .addHelpText('after', `\nExamples:\n${examples}\n\nRUN is the beginning of a run’s id or a workflow’s name; with one run it may be left out.`);

  query('flow', 'tell one task’s story from every log, in order of time', `  parsl-otel flow 60af0e2a 12
  parsl-otel flow 12 --phases                      what took how long, step by step`)
    .usage(runAndTask)
    .argument('<task...>', aboutTask)
    .option('--phases', 'time per step instead of lines')
    .action(async (given: string[], options: FlowOptions) => exit(await (await import('./commands/flow.ts')).flow(given, options, io)));

  query('lifeline', 'show the typical task’s steps and how long each takes', `  parsl-otel lifeline 60af0e2a
  parsl-otel lifeline --app simulate ${archive}`)
    .argument('[run]')
    .option('--app <app>', 'tasks of this app alone')
    .action(async (run: string | undefined, options: LifelineOptions) => exit(await (await import('./commands/lifeline.ts')).lifeline(run, options, io)));

  query('bottleneck', 'say where tasks wait, and what the limit is in each period', `  parsl-otel bottleneck
  parsl-otel bottleneck ${archive}`)
    .argument('[run]')
    .action(async (run: string | undefined, options: QueryOptions) => exit(await (await import('./commands/bottleneck.ts')).bottleneck(run, options, io)));

  query('states', 'count tasks in each state over time, and lengths of queues', `  parsl-otel states
  parsl-otel states 60af0e2a --points 50`)
    .argument('[run]')
    .option('--points <number>', 'instants (default: 20)', pointsOf)
    .action(async (run: string | undefined, options: StatesOptions) => exit(await (await import('./commands/states.ts')).states(run, options, io)));

  query('runs', 'list the runs', `  parsl-otel runs
  parsl-otel runs ${archive}`)
    .action(async (options: QueryOptions) => exit(await (await import('./commands/runs.ts')).runs(options, io)));

  query('run', 'sum up one run: progress by app and executor, what failed', `  parsl-otel run 60af0e2a
  parsl-otel run ${archive}`)
    .argument('[run]')
    .action(async (run: string | undefined, options: QueryOptions) => exit(await (await import('./commands/runs.ts')).run(run, options, io)));

  query('task', 'show one task with its tries and what it depends on', `  parsl-otel task 60af0e2a 12
  parsl-otel task 12 --json`)
    .usage(runAndTask)
    .argument('<task...>', aboutTask)
    .action(async (given: string[], options: QueryOptions) => exit(await (await import('./commands/runs.ts')).task(given, options, io)));
} // prettier-ignore

function pointsOf(text: string): number {
  const points = Number(text);
  if (Number.isInteger(points) && points >= 2 && points <= pointsMax) return points;
  throw new InvalidArgumentError(`give a whole number from 2 to ${pointsMax}.`);
}
