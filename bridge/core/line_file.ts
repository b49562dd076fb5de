/**
 * A file that lines are appended to, for exporters that write files. Each batch is one append; there is no fsync, since
 * a crash of the machine makes the journal deliver the batch again.
 *
 * The file is opened again when another one, or none, stands at its path: so logrotate may move it away at any time. A
 * line that was cut off, by a full disk or a crash, is ended before the next one is written, so that it spoils no other.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { BridgeError } from './errors.ts';

export interface LineFile {
  /** Rejects with BRIDGE_CONFIG if the file cannot be made. */
  open(): Promise<void>;
  /** Resolves when the lines are written. Rejects with BRIDGE_IO; some may have been written then. */
  append(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const NEWLINE = 0x0a;

export function lineFile(path: string): LineFile {
  let handle: FileHandle | undefined;
  let isTorn = false;
  let isClosed = false;
  let last: Promise<void> = Promise.resolve();

  async function openNow(): Promise<FileHandle> {
    await mkdir(dirname(path), { recursive: true });
    const opened = await open(path, 'a+');
    const { size } = await opened.stat();
    const end = Buffer.alloc(1);
    if (size > 0) await opened.read(end, 0, 1, size - 1);
    isTorn = size > 0 && end[0] !== NEWLINE;
    return opened;
  }

  async function current(): Promise<FileHandle> {
    if (handle !== undefined) {
      const [ours, there] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)]);
      if (there !== undefined && ours.ino === there.ino && ours.dev === there.dev) return handle;
      await closeNow();
    }
    return (handle = await openNow());
  }

  async function write(lines: readonly string[]): Promise<void> {
    try {
      const file = await current();
      const text = `${isTorn ? '\n' : ''}${lines.join('\n')}\n`;
      isTorn = true;
      await file.appendFile(text);
      isTorn = false;
    } catch (error) {
      throw BridgeError.from(error, 'BRIDGE_IO', `append to ${path}`);
    }
  }

  async function closeNow(): Promise<void> {
    const closing = handle;
    handle = undefined;
    await closing?.close();
  }

  return {
    async open() {
      try {
        handle = await openNow();
      } catch (error) {
        throw BridgeError.from(error, 'BRIDGE_CONFIG', `open ${path}`);
      }
    },
    append(lines) {
      if (isClosed) return Promise.reject(new BridgeError('BRIDGE_IO', `append to ${path}: closed`));
      if (lines.length === 0) return last;
      const written = last.then(() => write(lines));
      last = written.catch(() => {}); // The caller is told.
      return written;
    },
    async close() {
      isClosed = true;
      await last;
      await closeNow();
    },
  };
}
