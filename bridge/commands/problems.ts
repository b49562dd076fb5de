/** Problems of a command's input: a few are shown one by one; many are counted by kind, with examples of each. */
import type { BridgeError } from '../core/errors.ts';
import type { Io } from './io.ts';

/** So many are shown one by one. */
const SHOWN_MAX = 10;
const EXAMPLES_MAX = 3;

export interface ProblemList {
  readonly count: number;
  readonly add: (error: BridgeError) => void;
  tell(io: Pick<Io, 'err'>): void;
}

interface Kind {
  readonly name: string;
  count: number;
  readonly examples: string[];
  readonly hint: string | undefined;
}

export function problemList(): ProblemList {
  const kinds = new Map<string, Kind>();
  const shown: string[] = [];
  let count = 0;

  function tellKinds(io: Pick<Io, 'err'>): void {
    io.err(`${count} problems:`);
    const width = String(count).length;
    for (const { name, count, examples } of [...kinds.values()].sort((a, b) => b.count - a.count)) {
      io.err(`  ${String(count).padStart(width)} ${name}, such as`);
      for (const example of examples) io.err(`  ${' '.repeat(width)}   ${example}`);
    }
  }

  return {
    get count() {
      return count;
    },
    add({ code, reason, message, hint }) {
      const name = (reason ?? code.replace('BRIDGE_', '').toLowerCase()).replaceAll('_', ' ');
      let kind = kinds.get(name);
      if (kind === undefined) kinds.set(name, (kind = { name, count: 0, examples: [], hint }));
      kind.count += 1;
      count += 1;
      if (kind.examples.length < EXAMPLES_MAX) kind.examples.push(message);
      if (shown.length < SHOWN_MAX) shown.push(message);
    },
    tell(io) {
      if (count > shown.length) tellKinds(io);
      else for (const problem of shown) io.err(problem);
      const hints = new Set([...kinds.values()].map(({ hint }) => hint));
      for (const hint of hints) if (hint !== undefined) io.err(`  ${hint}`);
    },
  };
}
