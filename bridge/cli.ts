/**
 * The command line. Only this file reads argv, listens for signals and sets exit codes: 0 done, 1 the data were bad or
 * incomplete, 2 the call or the configuration was wrong.
 */
import { Command, CommanderError, Option } from 'commander';

import type { ConvertCommandOptions } from './commands/convert.ts';
import type { IngestOptions } from './commands/ingest.ts';
import type { InspectOptions } from './commands/inspect.ts';
import type { Io } from './commands/io.ts';
import { Exit, printable } from './commands/io.ts';
import type { PlayOptions } from './commands/play.ts';
import type { ServeOptions } from './commands/serve.ts';
import { BridgeError } from './core/errors.ts';
import { version } from './package.ts';
import { addQueryCommands } from './query_cli.ts';
import { addRuleCommands, each, rules } from './rules_cli.ts';

/** A second Ctrl-C, or this long after the first, ends the process whatever it is doing. */
const STOP_WITHIN_MS = 15_000;

const io: Io = {
  env: process.env,
  isTerminal: process.stderr.isTTY,
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  out: (lines) =>
    void process.stdout.write(`${process.stdout.isTTY ? lines.split('\n').map(printable).join('\n') : lines}\n`),
  err: (line) => void process.stderr.write(`${printable(line)}\n`),
};

const program = new Command('parsl-otel')
  .description('OpenTelemetry for Parsl: takes in what Parsl says of a run, gives out traces, metrics and logs.')
  .version(version)
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('(parsl-otel --help shows what there is)');

const config = new Option('-c, --config <file>', 'configuration file (YAML)');
const data = new Option('-d, --data <dir>', 'data directory (default: $XDG_STATE_HOME/parsl-otel/data)');
const logLevel = new Option('--log-level <level>')
  .choices(['debug', 'info', 'warn', 'error', 'silent'])
  .default('warn');
const timeZone = new Option('--time-zone <zone>', 'zone of Parsl’s naive times, such as Europe/Berlin or +01:00');

const run = new Option('--run <id>', 'this run alone: its id, or how it begins; give it again for each').argParser(
  each,
);

program
  .command('serve')
  .description('run the bridge: receivers, journal, exporters and page')
  .addOption(config)
  .addOption(data)
  .option('-l, --listen <host:port>', 'where the page and HTTP listen (default: 127.0.0.1:4380)')
  .addOption(timeZone)
  .option('--connection-file <file>', 'where the plugin finds the bridge')
  .option('--capture <file>', 'also write every message as it came to a capture')
  .option('--demo [capture]', 'play a recorded run in real time, over and over')
  .option('--finish', 'at the end, close all runs as they stand and export them')
  .addOption(logLevel)
  .addHelpText(
    'after',
    `
Examples:
  parsl-otel serve                                    everything on loopback, data in your state directory
  parsl-otel serve --demo                             no Parsl at hand: play a recorded run
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 parsl-otel serve
  parsl-otel serve --config bridge.yaml --data /scratch/me/parsl-otel`,
  )
  .action((options: ServeOptions) => runServe(options));

program
  .command('play')
  .description('send a recorded run to a running bridge as if it went on now, over and over')
  .argument('[capture]', 'a capture, gzipped or not (default: the one that comes with parsl-otel)')
  .option('--connection-file <file>', 'of the bridge to play to (default: where the plugin looks)')
  .option('--url <url>', 'where that bridge is, if not where its connection file says')
  .option('--speed <times>', 'how many times as fast as it was recorded (default: 1)', Number)
  .option('--pause <seconds>', 'between two plays (default: 30)', Number)
  .addOption(logLevel)
  .addHelpText('after', '\nExample:\n  parsl-otel play run.capture --speed 10')
  .action((capture: string | undefined, options: PlayOptions) => runPlay(capture, options));

program
  .command('convert')
  .description('turn recorded runs into another format')
  .argument('<input...>', 'run directories, archives of them, captures, databases or JSON lines; - for standard input')
  .requiredOption('-t, --to <format>', 'otlp_json (traces, metrics, logs), jsonl (wide records) or monitoring_db')
  .requiredOption('-o, --output <path>', 'file to write; - for standard output')
  .addOption(timeZone)
  .addOption(run)
  .addOption(rules)
  .addHelpText(
    'after',
    `
Examples:
  parsl-otel convert run.capture --to otlp_json --output run.otlp.jsonl
  parsl-otel convert a.capture b.capture --to jsonl --output - | grep task_state
  parsl-otel convert runinfo/monitoring.db --to otlp_json --output run.otlp.jsonl --time-zone Europe/Berlin
  parsl-otel convert run.capture --to monitoring_db --output monitoring.db

Exit code 1: part of the input was cut off or could not be decoded; the rest was converted.`,
  )
  .action(async (inputs: string[], options: ConvertCommandOptions) => {
    const { convertCommand } = await import('./commands/convert.ts');
    process.exitCode = await convertCommand(inputs, options, io);
  });

program
  .command('ingest')
  .description('read recorded runs, or one that goes on, into a data directory and the configured exporters')
  .argument('<input...>', 'run directories, archives of them, captures, databases or JSON lines; - for standard input')
  .addOption(data)
  .addOption(config)
  .addOption(timeZone)
  .addOption(run)
  .addOption(rules)
  .option('-f, --follow', 'go on reading what is added to databases and directories, until Ctrl-C')
  .addHelpText(
    'after',
    `
Examples:
  parsl-otel ingest runinfo --data old-runs
  parsl-otel serve --data old-runs                    shows them
  parsl-otel ingest runinfo/monitoring.db --follow    while a workflow goes on that knows nothing of it
  parsl-otel ingest archive.db --run 60af0e2a --data one-run
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 parsl-otel ingest runinfo.tar.gz

Of --config the receivers are left out. Without it only OTLP is exported to, where the environment names an endpoint.
Exit code 1: part of the input could not be read, or reading was stopped; the same call goes on where it ended.`,
  )
  .action((inputs: string[], options: IngestOptions) => runIngest(inputs, options));

program
  .command('validate')
  .description('check a configuration file')
  .addOption(config)
  .addOption(data)
  .addHelpText('after', '\nExample:\n  parsl-otel validate --config bridge.yaml')
  .action(async (options: InspectOptions) => (await import('./commands/inspect.ts')).validate(options, io));

program
  .command('print-config')
  .description('show the configuration in force, defaults included')
  .addOption(config)
  .addOption(data)
  .addHelpText('after', '\nExample:\n  parsl-otel print-config > bridge.yaml')
  .action(async (options: InspectOptions) => (await import('./commands/inspect.ts')).printConfig(options, io));

program
  .command('components')
  .description('list receivers and exporters with their keys')
  .addHelpText('after', '\nExample:\n  parsl-otel components')
  .action(async () => (await import('./commands/inspect.ts')).components(io));

const exit = (code: number): void => void (process.exitCode = code);
addRuleCommands(program, io, exit);
addQueryCommands(program, io, exit);

async function runIngest(inputs: string[], options: IngestOptions): Promise<void> {
  const { ingest } = await import('./commands/ingest.ts');
  const reading = await ingest(inputs, options, io);
  onStop(() => reading.stop());
  process.exit(await reading.ended); // A reader of standard input may still wait.
}

async function runServe(options: ServeOptions): Promise<void> {
  const { serve } = await import('./commands/serve.ts');
  const bridge = await serve(options, io);
  onStop(() => {
    const finished = options.finish === true ? bridge.finish() : Promise.resolve();
    finished.then(() => bridge.stop()).then(() => process.exit(Exit.done), fail);
  });
}

/** The first signal stops in order; a second one, or a deadline, ends at once. */
function onStop(stop: () => void): void {
  let isStopping = false;
  const take = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(signal === 'SIGINT' ? 130 : 143);
    isStopping = true;
    io.err('Stopping: handing on what was taken in. Ctrl-C again ends at once.');
    setTimeout(() => process.exit(Exit.dataWereBad), STOP_WITHIN_MS).unref();
    stop();
  };
  process.on('SIGINT', take).on('SIGTERM', take);
}

async function runPlay(capture: string | undefined, options: PlayOptions): Promise<void> {
  const { play } = await import('./commands/play.ts');
  const player = await play(capture, options, io);
  const stop = (): void => void player.stop().then(() => process.exit(Exit.done), fail);
  process.on('SIGINT', stop).on('SIGTERM', stop);
}

function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? Exit.done : Exit.callWasWrong;
    return;
  }
  if (!(error instanceof BridgeError)) throw error;
  io.err(`parsl-otel: ${error.message}`);
  if (error.hint !== undefined) io.err(`  ${error.hint}`);
  process.exitCode = error.code === 'BRIDGE_CONFIG' ? Exit.callWasWrong : Exit.dataWereBad;
}

// Whoever reads our output may have had enough of it (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? Exit.done : Exit.dataWereBad),
);
program.parseAsync().catch(fail);
