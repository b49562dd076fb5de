/** select: records by keys, widened by the shipped rules and the user's own, as NDJSON. */
import { BridgeError } from '../core/errors.ts';
import type { WideRecord } from '../core/record.ts';
import { recordLine } from '../exporters/jsonl.ts';
import { findInputs } from '../inputs.ts';
import type { SelectSpec } from '../processors/schema.ts';
import type { Select } from '../processors/select.ts';
import { createSelect } from '../processors/select.ts';
import { readRules } from '../rules.ts';
import { readWidened } from '../widened.ts';
import type { Io } from './io.ts';
import { Exit } from './io.ts';
import type { LineOutput } from './output.ts';
import { openOutput } from './output.ts';
import { progressBar } from './progress.ts';
import { problemList } from './problems.ts';

export interface SelectOptions {
  readonly rules?: readonly string[];
  /** `key=value`. */
  readonly where?: readonly string[];
  readonly has?: readonly string[];
  readonly keys?: readonly string[];
  readonly group?: readonly string[];
  readonly output: string;
}

interface Target {
  readonly select: Select;
  readonly output: LineOutput;
}

/** Resolves with the exit code: 1 if any input was bad or incomplete. */
export async function selectCommand(paths: readonly string[], options: SelectOptions, io: Io): Promise<number> {
  const asked = { where: conditionsOf(options.where ?? []), has: [...(options.has ?? [])], lacks: [] };
  const written = (options.rules ?? []).flatMap((file) => readRules(file).select);
  const inputs = findInputs(paths);
  const targets = targetsOf(written, asked, options, io);
  const size = inputs.reduce((sum, input) => sum + (input.size ?? 0), 0);
  const bar = io.isTerminal && size > 0 ? progressBar(size) : undefined;
  const problems = problemList();
  let contradictions = 0;
  try {
    const batches = readWidened(inputs, {
      rules: options.rules ?? [],
      report: problems.add,
      onBytes: (bytes) => bar?.increment(bytes),
      onContradiction: () => (contradictions += 1),
    });
    for await (const records of batches) for (const target of targets) take(target, records);
    for (const { select, output } of targets) {
      for (const group of select.end()) output.write(recordLine(group));
      output.commit();
    }
  } catch (error) {
    for (const { output } of targets) output.abandon();
    throw error;
  } finally {
    bar?.stop();
  }
  problems.tell(io);
  if (contradictions > 0) io.err(`${contradictions} groups of records contradict each other; each record keeps what it says`); // prettier-ignore
  return problems.count > 0 ? Exit.dataWereBad : Exit.done;
}

function take({ select, output }: Target, records: readonly WideRecord[]): void {
  for (const record of records) {
    const chosen = select.take(record);
    if (chosen !== undefined) output.write(recordLine(chosen));
  }
}

/** What the rules select, each narrowed down by the call; or what the call asks for. */
function targetsOf(
  written: readonly SelectSpec[],
  asked: Pick<SelectSpec, 'where' | 'has' | 'lacks'>,
  { keys = [], group = [], output }: SelectOptions,
  io: Io,
): Target[] {
  if (written.length === 0)
    return [{ select: createSelect({ ...asked, keys: [...keys], group: [...group] }), output: openOutput(output, io) }];
  return written.map((spec) => ({
    select: createSelect({ ...spec, where: { ...spec.where, ...asked.where }, has: [...spec.has, ...asked.has] }),
    output: openOutput(spec.write ?? output, io),
  }));
}

/** Any of the values given for a key. */
function conditionsOf(texts: readonly string[]): Record<string, string[]> {
  const where: Record<string, string[]> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1)
      throw new BridgeError('BRIDGE_CONFIG', `select: --where ${text}: no key and value`, {
        hint: 'write it like parsl.task=3; docs/reference/keys.md lists the keys',
      });
    (where[text.slice(0, at)] ??= []).push(text.slice(at + 1));
  }
  return where;
}
