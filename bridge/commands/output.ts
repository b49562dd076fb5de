/** A file of lines that a command writes: it appears under its name only when it is whole. `-` is standard output. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

import { BridgeError, reasonOf } from '../core/errors.ts';
import type { Io } from './io.ts';

export interface LineOutput {
  /** Takes one line, without its newline. */
  readonly write: (line: string) => void;
  commit(): void;
  abandon(): void;
}

export function openOutput(path: string, io: Io): LineOutput {
  if (path === '-') return { write: (line) => io.out(line), commit() {}, abandon() {} };
  const temporary = `${path}.part`;
  let file: number;
  try {
    file = openSync(temporary, 'w');
  } catch (error) {
    throw new BridgeError('BRIDGE_CONFIG', `write ${path}: ${reasonOf(error)}`, {
      cause: error,
      hint: 'check --output',
    });
  }
  let waiting: string[] = [];
  let length = 0;
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
      closeSync(file);
      renameSync(temporary, path);
    },
    abandon() {
      closeSync(file);
      rmSync(temporary, { force: true });
    },
  };
}
