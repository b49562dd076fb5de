/** The commands that ask: about runs and tasks in a data directory, or in files that are read for the question. */
import { Option, type Command } from 'commander';

import type { FlowOptions } from './commands/flow.ts';
import type { Io } from './commands/io.ts';

export function addQueryCommands(program: Command, io: Io, exit: (code: number) => void): void {
  const query = (name: string, about: string, examples: string): Command =>
    program
      .command(name)
      .description(about)
      .addOption(new Option('-d, --data <dir>', 'data directory (default: $XDG_STATE_HOME/parsl-otel/data)'))
      .addOption(new Option('-f, --from <input...>', 'read these instead: run directories, archives of them, captures, databases').conflicts('data'))
      .option('--time-zone <zone>', 'with --from: zone of runs that do not tell it, such as Europe/Berlin')
      .option('--json', 'the whole answer as JSON')
      .addHelpText('after', `\nExamples:\n${examples}\n\nRUN is the beginning of a run’s id or a workflow’s name; with one run it may be left out.`);

  query('flow', 'tell one task’s story from every log, in order of time', `  parsl-otel flow 60af0e2a 12
  parsl-otel flow 12 --phases                      what took how long, step by step`)
    .argument('<[run] task...>', 'the run, and the number of the task')
    .option('--phases', 'time per step instead of lines')
    .action(async (given: string[], options: FlowOptions) => exit(await (await import('./commands/flow.ts')).flow(given, options, io)));
} // prettier-ignore
