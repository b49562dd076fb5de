/** What a command may do to the world outside; cli.ts gives the process's, tests give their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
  /** Width of the terminal that `out` goes to; absent where it is none: then nothing is cut. */
  readonly columns?: number | undefined;
  out(line: string): void;
  err(line: string): void;
}

/**
 * A line as a terminal may show it: names of files and what logs say can hold characters that would move the cursor,
 * colour the rest or forge a line. They are shown as JSON would write them.
 */
export function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Exit codes, the same for every command. */
export const Exit = { done: 0, dataWereBad: 1, callWasWrong: 2 } as const;
