/** Starts `parsl-otel serve` as a process of its own, as a user would, on ports and directories of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';

const root = join(import.meta.dirname, '..', '..');

export interface BridgeProcess {
  readonly url: string;
  readonly directory: string;
  readonly dataDir: string;
  readonly connectionFile: string;
  readonly connection: Readonly<Record<string, Readonly<Record<string, string | number>>>> & {
    readonly spool_dir: string;
  };
  readonly child: ChildProcess;
  /** What it printed on standard error. */
  errors(): string;
  /** Ctrl-C, and waits; resolves with the exit code. */
  interrupt(): Promise<number | null>;
  /** kill -9. */
  kill(): Promise<void>;
}

export interface BridgeProcessOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** An earlier bridge's, to start again on the same data. */
  readonly directory?: string;
  /** Sections of the configuration file. */
  readonly config?: object;
}

/** Receivers on free ports; the exporters that a test needs come with `config`. */
export function baseConfig(dataDir: string): Record<string, unknown> {
  return {
    http: { listen: '127.0.0.1:0' },
    receivers: {
      udp: { listen: '127.0.0.1:0' },
      zmq: { listen: 'tcp://127.0.0.1:0' },
      filesystem: {},
      http: {},
      capture: { spool_dir: join(dataDir, 'spool') },
    },
    exporters: { prometheus: {} },
  };
}

/** Resolves when the bridge has printed where it is; rejects with what it said if it ended before. */
export async function startBridgeProcess(options: BridgeProcessOptions = {}): Promise<BridgeProcess> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'parsl-otel-'));
  const dataDir = join(directory, 'data');
  const connectionFile = join(directory, 'connection.json');
  const configFile = join(directory, 'bridge.yaml');
  writeFileSync(configFile, stringify({ ...baseConfig(dataDir), ...options.config }));
  const args = ['serve', '--config', configFile, '--data', dataDir, '--connection-file', connectionFile];
  const child = spawn(process.execPath, [join(root, 'bridge/cli.ts'), ...args, ...(options.args ?? [])], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const exited = once(child, 'exit');
  const url = await Promise.race([
    pageAddress(child),
    exited.then(() => Promise.reject(new Error(`the bridge ended: ${errors}`))),
  ]);
  return {
    url,
    directory,
    dataDir,
    connectionFile,
    connection: JSON.parse(readFileSync(connectionFile, 'utf8')) as BridgeProcess['connection'],
    child,
    errors: () => errors,
    async interrupt() {
      child.kill('SIGINT');
      await exited;
      return child.exitCode;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function pageAddress(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no standard output');
  const lines = createInterface({ input: child.stdout });
  let url = '';
  for await (const line of lines) {
    url = /Page +(http\S+)/.exec(line)?.[1] ?? url;
    if (line.includes('Ctrl-C')) break;
  }
  child.stdout.resume();
  return url;
}
