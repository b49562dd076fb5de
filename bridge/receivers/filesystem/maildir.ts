/**
 * A maildir of Parsl's filesystem radio, read by a thread of its own.
 *
 * Synchronous system calls on small files are two to three times as fast as promises. And a shared disk can hang for
 * seconds (Lustre, NFS): then this thread hangs, not the one that reads the sockets. The thread answers questions in
 * the order in which they are asked.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Answer, Question, ReadAnswer, RemoveAnswer } from './maildir_thread.ts';

export interface MaildirLimits {
  readonly batch_files_max: number;
  readonly file_bytes_max: number;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class MaildirReader {
  readonly #limits: MaildirLimits;
  readonly #waiting: Waiting[] = [];
  #thread: Worker | undefined;

  constructor(limits: MaildirLimits) {
    this.#limits = limits;
  }

  /** The next files of a scan of `<runDir>/monitor-fs-radio/new`, or of a new scan. */
  async read(runDir: string, scan: 'new' | 'same'): Promise<ReadAnswer> {
    return (await this.#ask({ ask: 'read', runDir, scan, ...this.#limits })) as ReadAnswer;
  }

  /** Deletes files that were read. Those that cannot be deleted are remembered and never read again. */
  async remove(newDir: string, names: readonly string[]): Promise<RemoveAnswer> {
    return (await this.#ask({ ask: 'remove', newDir, names })) as RemoveAnswer;
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
  }

  #ask(question: Question): Promise<Answer> {
    this.#thread ??= this.#start();
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#thread.postMessage(question);
    return answer;
  }

  #start(): Worker {
    const thread = new Worker(new URL(`./maildir_thread${extname(import.meta.url)}`, import.meta.url));
    let cause: unknown;
    thread.on('message', (answer: Answer) => this.#waiting.shift()?.resolve(answer));
    thread.on('error', (error: unknown) => {
      cause = error;
    });
    thread.on('exit', () => {
      this.#thread = undefined; // The next question starts another.
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the reading thread ended', { cause }));
    });
    return thread;
  }
}
