/** Runs the real workflows of test/e2e/python against a bridge; they write down what they did. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { pythonWith } from './python.ts';

const run = promisify(execFile);

export interface ExpectedTask {
  readonly task: number;
  readonly app: string;
  readonly state: string;
  readonly launched: number;
  readonly executor: string;
  readonly depends: readonly number[];
}

/** One run of workflow.py, as it says itself. */
export interface WorkflowRun {
  readonly run_id: string;
  readonly workflow_name: string;
  readonly tasks: readonly ExpectedTask[];
  readonly joined: readonly { readonly task: number; readonly joins: readonly number[] }[];
  readonly observed: readonly { task: number; try: number; executor: string; file?: string; stdout?: string }[];
}

export interface WorkflowOptions {
  readonly parsl: string;
  readonly radio: 'htex' | 'udp' | 'filesystem' | 'threads';
  readonly encrypted?: boolean;
  readonly connectionFile: string;
}

/** Path of one of the workflows. */
const workflowScript = (name: string): string => join(import.meta.dirname, '..', 'e2e', 'python', name);

/** Runs workflow.py to its end; rejects if Parsl's records differ from what it asked for. */
export async function runWorkflow({ parsl, radio, encrypted, connectionFile }: WorkflowOptions): Promise<WorkflowRun> {
  const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-workflow-'));
  const expect = join(directory, 'outcome.json');
  const args = ['--radio', radio, ...(encrypted === true ? ['--encrypted'] : []), '--connection-file', connectionFile];
  const script = workflowScript('workflow.py');
  await run(pythonWith(parsl), [script, ...args, '--run-dir', join(directory, 'run'), '--expect', expect], {
    cwd: directory,
  });
  return (JSON.parse(readFileSync(expect, 'utf8')) as { runs: [WorkflowRun] }).runs[0];
}

export interface StuckWorkflow {
  readonly run: string;
  /** Lets the workflow end in order; resolves with its exit code. */
  end(): Promise<number | null>;
}

/** Starts stuck.py in `directory`: three idle workers, and tasks that wait, until it is told to end. */
export async function startStuck(parsl: string, directory: string, connectionFile: string): Promise<StuckWorkflow> {
  const python = pythonWith(parsl);
  const ending = join(directory, 'end');
  const args = ['--connection-file', connectionFile, '--run-dir', join(directory, 'stuck'), '--until', ending];
  const child = spawn(python, [workflowScript('stuck.py'), ...args], {
    cwd: directory,
    // As after `. venv/bin/activate`: Parsl starts its own programs by name.
    env: { ...process.env, PATH: `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return {
    run: said.trim(),
    async end() {
      writeFileSync(ending, '');
      if (child.exitCode === null) await exited;
      return child.exitCode;
    },
  };
}
