/** What a command may do to the world outside; cli.ts gives the process's, tests give their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
  /** Width of the terminal that `out` goes to; absent where it is none: then nothing is cut. */
  readonly columns?: number | undefined;
  out(line: string): void;
  err(line: string): void;
}

/** Exit codes, the same for every command. */
export const Exit = { done: 0, dataWereBad: 1, callWasWrong: 2 } as const;
