/**
 * The read side from a thread of its own: the same questions, asked by message, answered on a connection that only
 * reads. A sweep over 100,000 tasks takes a fifth of a second; on the bridge's main thread that would be a fifth
 * of a second in which no datagram is taken in. WAL gives each answer one consistent snapshot beside the writer.
 */
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { BridgeError, reasonOf, type ErrorCode } from '../core/errors.ts';
import { openReads } from './sqlite.ts';
import type { Reads } from './store.ts';

const MARK = 'parsl-otel store';
const methods = [
  'runs', 'run', 'revision', 'tasks', 'task', 'states', 'workers', 'blocks', 'managers', 'failures', 'hosts',
  'records', 'recordKeys', 'recordValues', 'flow', 'lifeline', 'lanes', 'bottleneck', 'plots',
] as const satisfies readonly (keyof Reads)[]; // prettier-ignore
type Method = (typeof methods)[number];

/** Questions waiting for the thread; more are refused, so that a slow disk does not pile them up. */
const PENDING_MAX = 256;

interface Question {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string | undefined };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: BridgeError) => void;
}

/** The reads of the store at `path`, which must be there. `close()` waits for the thread to end. */
export function openReadsThread(path: string): Reads & { close(): Promise<void> } {
  const worker = new Worker(new URL(import.meta.url), { workerData: { mark: MARK, path } });
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let ended: BridgeError | undefined;

  const end = (error: BridgeError): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('message', ({ id, value, error }: Answer) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(value);
    else
      asked?.reject(new BridgeError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint }));
  });
  worker.on('error', (error) => end(BridgeError.from(error, 'BRIDGE_IO', `read store ${path}`)));
  worker.on('exit', () => end(new BridgeError('BRIDGE_IO', `read store ${path}: closed`)));
  worker.unref(); // Reading never keeps a process alive that has nothing else to do.

  const ask = (method: Method, args: readonly unknown[]): Promise<unknown> => {
    if (ended !== undefined) return Promise.reject(ended);
    if (waiting.size >= PENDING_MAX) {
      return Promise.reject(
        new BridgeError('BRIDGE_REFUSED', `read store ${path}: ${PENDING_MAX} questions are waiting`),
      );
    }
    last += 1;
    const id = last;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, method, args } satisfies Question);
    }).finally(() => {
      if (waiting.size === 0) worker.unref();
    });
  };
  const reads = Object.fromEntries(
    methods.map((method) => [method, (...args: unknown[]) => ask(method, args)]),
  ) as unknown as Reads; // The list of methods is the interface's, and the other side calls them by name.
  return {
    ...reads,
    async close() {
      if (ended !== undefined) return;
      worker.ref();
      const gone = once(worker, 'exit');
      worker.postMessage('close');
      await gone;
    },
  };
}

function serve(path: string): void {
  const port = parentPort;
  if (port === null) return;
  const reads = openReads(path);
  const answer = async ({ id, method, args }: Question): Promise<Answer> => {
    try {
      // The methods are the interface's own, and the other side's types have checked the arguments.
      const calls = reads as unknown as Record<Method, (...args: readonly unknown[]) => Promise<unknown>>;
      return { id, value: await calls[method](...args) };
    } catch (error) {
      const { code, hint } = BridgeError.from(error, 'BRIDGE_IO', method);
      return { id, error: { code, message: reasonOf(error), hint } };
    }
  };
  port.on('message', (message: Question | 'close') => {
    if (message === 'close') {
      reads.close();
      port.close();
    } else void answer(message).then((value) => port.postMessage(value));
  });
}

const data: unknown = workerData;
if (!isMainThread && typeof data === 'object' && data !== null && 'mark' in data && data.mark === MARK) {
  if ('path' in data && typeof data.path === 'string') serve(data.path);
}
