/** Problems of a command's input: the first are shown one by one, the rest is counted. */
import type { BridgeError } from '../core/errors.ts';
import type { Io } from './io.ts';

const SHOWN_MAX = 10;

export interface ProblemList {
  readonly count: number;
  readonly add: (error: BridgeError) => void;
  tell(io: Io): void;
}

export function problemList(): ProblemList {
  const shown: string[] = [];
  let count = 0;
  return {
    get count() {
      return count;
    },
    add(error) {
      count += 1;
      if (shown.length < SHOWN_MAX) shown.push(error.message);
    },
    tell(io) {
      for (const problem of shown) io.err(problem);
      if (count > shown.length) io.err(`... and ${count - shown.length} more problems`);
    },
  };
}
