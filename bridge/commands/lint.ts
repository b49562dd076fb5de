/** lint: checks that records say what they must, by the rules "x implies y" of the shipped files and the user's own. */
import type { WideRecord } from '../core/record.ts';
import { findInputs } from '../inputs.ts';
import type { Violation } from '../processors/lint.ts';
import { createLint } from '../processors/lint.ts';
import { firstLineEnd } from '../processors/widen.ts';
import { loadRules } from '../rules.ts';
import { readWidened } from '../widened.ts';
import type { Io } from './io.ts';
import { Exit } from './io.ts';
import { problemList } from './problems.ts';
import { progressBar } from './progress.ts';

export interface LintOptions {
  readonly rules?: readonly string[];
}

/** Violations of one rule that are shown one by one. */
const SHOWN_MAX = 10;

/** Resolves with the exit code: 1 if a hard rule is broken, or any input was bad. */
export async function lintCommand(paths: readonly string[], { rules = [] }: LintOptions, io: Io): Promise<number> {
  const lint = createLint(loadRules(rules).rules.flatMap((file) => file.lint));
  const inputs = findInputs(paths);
  const size = inputs.reduce((sum, input) => sum + (input.size ?? 0), 0);
  const bar = io.isTerminal && size > 0 ? progressBar(size) : undefined;
  const problems = problemList();
  const marksOf = new WeakMap<WideRecord, readonly string[]>();
  const found = new Map<string, { count: number; isHard: boolean; first: string[] }>();
  let checked = 0;
  try {
    const batches = readWidened(inputs, {
      rules,
      report: problems.add,
      onBytes: (bytes) => bar?.increment(bytes),
      onMarked: (record, marks) => marksOf.set(record, marks),
    });
    for await (const records of batches) {
      checked += records.length;
      for (const record of records) for (const violation of lint(record, marksOf.get(record) ?? [])) add(violation);
    }
  } finally {
    bar?.stop();
  }
  problems.tell(io);
  for (const [rule, { count, isHard, first }] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    io.out(`${isHard ? 'hard' : 'soft'}: ${rule}: ${count} records`);
    for (const line of first) io.out(`  ${line}`);
    if (count > first.length) io.out(`  ... and ${count - first.length} more`);
  }
  const hard = [...found.values()].filter(({ isHard }) => isHard).length;
  io.err(`${checked} records checked, ${hard} hard and ${found.size - hard} soft rules broken`);
  return hard > 0 || problems.count > 0 ? Exit.dataWereBad : Exit.done;

  function add(violation: Violation): void {
    const { rule, isHard } = violation;
    const list = found.get(rule) ?? { count: 0, isHard, first: [] };
    found.set(rule, list);
    list.count += 1;
    if (list.first.length < SHOWN_MAX) list.first.push(describe(violation));
  }
}

/** `runinfo/000/parsl.log:12: lacks parsl.dfk: Task 3 submitted …` */
function describe({ record, lacks }: Violation): string {
  const message = typeof record['message'] === 'string' ? record['message'] : '';
  const place = `${String(record['source.path'] ?? record['source.input'] ?? '-')}:${String(record['source.line'] ?? '?')}`;
  return `${place}: lacks ${lacks.join(', ')}: ${message.slice(0, Math.min(firstLineEnd(message), 100))}`;
}
