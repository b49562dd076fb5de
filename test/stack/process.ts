/**
 * Processes of the stack: each is started with a question that tells when it is ready, and ended by its own id. What it
 * writes is kept, because it is what explains a failure.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Started {
  readonly name: string;
  readonly pid: number;
  /** What it wrote so far, both streams. */
  output(): string;
  /** SIGTERM, and waits; kills it if it takes too long. */
  stop(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
}

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Answers 200 once the process is ready. */
  readonly readyUrl: string;
}

const READY_MS = 60_000;
const STOP_MS = 20_000;

/** Whoever starts processes and then fails, or is interrupted, leaves none behind. */
const left = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of left) child.kill('SIGKILL');
});

/** Resolves when it is ready; rejects with what it wrote if it ends before, or takes a minute. */
export async function startProcess({ name, command, args, cwd, env, readyUrl }: ProcessOptions): Promise<Started> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exited = once(child, 'exit');
  exited.catch(() => {}); // A command that is not there: told below.
  let isOver = false;
  left.add(child);
  const over = (): void => {
    isOver = true;
    left.delete(child);
  };
  child.once('exit', over).once('error', (error) => {
    output += String(error);
    over();
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (isOver) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
  };
  const isReady = async (): Promise<boolean> => {
    if (isOver) throw new Error(`${name} ended: ${output.slice(-4_000)}`);
    return (await fetch(readyUrl)).status === 200;
  };
  try {
    await until(`${name} is ready`, isReady, READY_MS, () => isOver);
  } catch (error) {
    await end('SIGKILL');
    throw new Error(`start ${name}: ${output.slice(-4_000)}`, { cause: error });
  }
  return { name, pid: child.pid ?? 0, output: () => output, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

/**
 * Asks again and again until the answer is neither false nor undefined. An error counts as no answer yet, and is the
 * cause of the rejection when the time is over, or `giveUp` says that it will never come.
 */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  ms: number,
  giveUp = (): boolean => false,
): Promise<T> {
  let cause: unknown;
  for (const end = performance.now() + ms; performance.now() < end && !giveUp(); await sleep(100)) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(`not so within ${ms / 1000} s: ${what}`, { cause });
}

/** Ports that nothing listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}
