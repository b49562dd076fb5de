/**
 * What is remembered of a file that is read once, in parts such as the logs of an archive, for as long as it is the same
 * file: after a crash its reading goes on where it was. A file that has changed since is another one, and read anew.
 */
import { realpath, stat } from 'node:fs/promises';

import type { Positions } from './component.ts';
import { fromScope, inScope } from './positions.ts';

export interface FileMemory {
  /** It was read to its end. */
  readonly isRead: boolean;
  /** It is no file but a pipe: nothing of it is remembered, and it may come slowly. */
  readonly isStream: boolean;
  /** How far its parts were read. */
  readonly parts: Positions;
  /** As they are handed on, with which file they hold for. */
  reached(parts: Positions): Positions;
  /** The same for the end of the file; the parts are forgotten. */
  end(): Positions;
  /** The file is gone. */
  gone(): Positions;
}

interface Kept {
  /** Changes when the file does. */
  readonly file: string;
  readonly position: unknown;
}

const READ = 'read';

/** `path` may be `-`, standard input. Rejects with what the disk says if there is no such file. */
export async function fileMemory(path: string, remembered: Positions): Promise<FileMemory> {
  const found = path === '-' ? undefined : await stat(path);
  if (found?.isFile() !== true) return nothing;
  const file = `${found.size} ${found.mtimeMs}`;
  // However it is called: the same file is not read twice.
  const name = await realpath(path);
  const isSame = (kept: unknown): kept is Kept => (kept as Kept | undefined)?.file === file;
  const known = inScope(name, remembered);
  const whole = remembered.get(name);
  const parts = new Map<string, unknown>();
  for (const [part, kept] of known) if (isSame(kept)) parts.set(part, kept.position);
  const names = new Set(known.keys());

  const forget = (): Positions => fromScope(name, new Map([...names].map((part) => [part, undefined])));
  return {
    isRead: isSame(whole) && whole.position === READ,
    isStream: false,
    parts,
    reached(moved) {
      const kept = new Map<string, unknown>();
      for (const [part, position] of moved) {
        names.add(part);
        kept.set(part, { file, position } satisfies Kept);
      }
      return fromScope(name, kept);
    },
    end: () => new Map([...forget(), [name, { file, position: READ } satisfies Kept]]),
    gone: () => new Map([...forget(), [name, undefined]]),
  };
}

const nowhere: Positions = new Map();
const nothing: FileMemory = {
  isRead: false,
  isStream: true,
  parts: nowhere,
  reached: () => nowhere,
  end: () => nowhere,
  gone: () => nowhere,
};
