/** The commands for a user's own rules: records by keys, and what records must say. */
import { Option, type Command } from 'commander';

import type { Io } from './commands/io.ts';
import type { LintOptions } from './commands/lint.ts';
import type { SelectOptions } from './commands/select.ts';

/** An option that is given once for each value: one that took all that follows would take arguments, too. */
export function each(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

export const rules = new Option(
  '-r, --rules <file>',
  'a file of your own rules, which add to the shipped ones (docs/rules.md); give it again for each',
).argParser(each);

export function addRuleCommands(program: Command, io: Io, exit: (code: number) => void): void {
  program
    .command('select')
    .description('write records by keys as JSON lines, with what the rules make of them')
    .argument(
      '<input...>',
      'run directories, archives of them, captures, databases or JSON lines; - for standard input',
    )
    .addOption(rules)
    .option('-w, --where <key=value...>', 'records that have these; several values of one key: any of them')
    .option('--has <key...>', 'records that have these keys')
    .option('-k, --keys <key...>', 'write these keys alone')
    .option('-g, --group <key...>', 'one line per group with the number of its records')
    .option('-o, --output <path>', 'file to write; - for standard output', '-')
    .showHelpAfterError('(give INPUT first: --where, --has, --keys and --group take all that follows them)')
    .addHelpText(
      'after',
      `
Examples:
  parsl-otel select runinfo --where parsl.task=12 --keys time source.log message
  parsl-otel select runinfo.tar.gz --where source.log=worker --group parsl.app_name
  parsl-otel select prototype.jsonl --rules prototype.yaml --output widened.jsonl

A file of rules may have selections of its own, each with a file to write to: docs/rules.md.`,
    )
    .action(async (inputs: string[], options: SelectOptions) => {
      const { selectCommand } = await import('./commands/select.ts');
      exit(await selectCommand(inputs, options, io));
    });

  program
    .command('lint')
    .description('check that records say what they must, by rules "x implies y"')
    .argument(
      '<input...>',
      'run directories, archives of them, captures, databases or JSON lines; - for standard input',
    )
    .addOption(rules)
    .addHelpText(
      'after',
      `
Examples:
  parsl-otel lint runinfo/000
  parsl-otel lint prototype.jsonl --rules prototype.yaml

Exit code 1: a hard rule is broken, or part of the input could not be read. Soft rules are told only.`,
    )
    .action(async (inputs: string[], options: LintOptions) => {
      const { lintCommand } = await import('./commands/lint.ts');
      exit(await lintCommand(inputs, options, io));
    });
}
