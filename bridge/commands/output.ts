/**
 * A file of lines that a command writes: it appears under its name only when it is whole. `-` is standard output. What is
 * no file, such as a pipe or /dev/null, is written into as it stands: renaming onto it would put a file in its place.
 */
import { closeSync, existsSync, openSync, realpathSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';

import { BridgeError, reasonOf } from '../core/errors.ts';
import type { Io } from './io.ts';

export interface LineOutput {
  /** Takes one line, without its newline. */
  readonly write: (line: string) => void;
  commit(): void;
  /** Gives up what was not committed. */
  abandon(): void;
}

export function openOutput(path: string, io: Io): LineOutput {
  if (path === '-') return { write: (line) => io.out(line), commit() {}, abandon() {} };
  let place: Place;
  let file: number;
  try {
    place = placeOf(path);
    file = openSync(place.temporary ?? place.path, 'w');
  } catch (error) {
    throw new BridgeError('BRIDGE_CONFIG', `write ${path}: ${reasonOf(error)}`, {
      cause: error,
      hint: 'check --output',
    });
  }
  let waiting: string[] = [];
  let length = 0;
  let isOpen = true;
  const flush = (): void => {
    writeSync(file, waiting.join(''));
    waiting = [];
    length = 0;
  };
  return {
    write: (line) => {
      waiting.push(line, '\n');
      length += line.length;
      if (length > 1 << 20) flush();
    },
    commit() {
      flush();
      isOpen = false;
      closeSync(file);
      if (place.temporary !== undefined) renameSync(place.temporary, place.path);
    },
    abandon() {
      if (!isOpen) return; // It is committed.
      isOpen = false;
      closeSync(file);
      if (place.temporary !== undefined) rmSync(place.temporary, { force: true });
    },
  };
}

interface Place {
  /** Where a link leads. */
  readonly path: string;
  /** Where the lines are written first; undefined for what is no file. */
  readonly temporary: string | undefined;
}

function placeOf(path: string): Place {
  if (!existsSync(path)) return { path, temporary: `${path}.part` };
  const target = realpathSync(path);
  return { path: target, temporary: statSync(target).isFile() ? `${target}.part` : undefined };
}
