/** select: records by keys, widened by the shipped rules and the user's own, as NDJSON. */
import { resolve } from 'node:path';

import { BridgeError } from '../core/errors.ts';
import type { WideRecord } from '../core/record.ts';
import { recordLine } from '../exporters/jsonl.ts';
import { findInputs } from '../inputs.ts';
import type { Contradiction } from '../processors/imply.ts';
import type { SelectSpec } from '../processors/schema.ts';
import type { Select } from '../processors/select.ts';
import { createSelect } from '../processors/select.ts';
import { canonicalKey } from '../processors/where.ts';
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

type Spec = Pick<SelectSpec, 'where' | 'has' | 'lacks' | 'keys' | 'group'>;

/** Contradictions that are shown one by one. */
const SHOWN_MAX = 10;

interface Target {
  /** Empty for what the call itself asks for. */
  readonly name: string;
  readonly select: Select;
  readonly output: LineOutput;
  /** Keys that are asked for and that no record had so far. */
  readonly missing: Set<string>;
  written: number;
}

/** Resolves with the exit code: 1 if any input was bad or incomplete. */
export async function selectCommand(paths: readonly string[], options: SelectOptions, io: Io): Promise<number> {
  const asked = { where: conditionsOf(options.where ?? []), has: [...(options.has ?? [])], lacks: [] };
  const written = (options.rules ?? []).flatMap((file) => readRules(file).select);
  const inputs = findInputs(paths);
  const outputs = new Map<string, LineOutput>();
  const targets = targetsOf(written, asked, options, (path) => {
    const place = path === '-' ? path : resolve(path);
    const output = outputs.get(place) ?? openOutput(path, io);
    outputs.set(place, output);
    return output;
  });
  const size = inputs.reduce((sum, input) => sum + (input.size ?? 0), 0);
  const bar = io.isTerminal && size > 0 ? progressBar(size) : undefined;
  const problems = problemList();
  const contradictions: Contradiction[] = [];
  let contradicted = 0;
  try {
    const batches = readWidened(inputs, {
      rules: options.rules ?? [],
      report: problems.add,
      onBytes: (bytes) => bar?.increment(bytes),
      onContradiction(contradiction) {
        contradicted += 1;
        if (contradictions.length < SHOWN_MAX) contradictions.push(contradiction);
      },
    });
    for await (const records of batches) for (const target of targets) take(target, records);
    for (const target of targets) for (const group of target.select.end()) put(target, group);
    for (const output of outputs.values()) output.commit();
  } catch (error) {
    for (const output of outputs.values()) output.abandon();
    throw error;
  } finally {
    bar?.stop();
  }
  problems.tell(io);
  for (const target of targets) if (target.written === 0) io.err(nothingOf(target));
  for (const contradiction of contradictions) io.err(told(contradiction));
  if (contradicted > contradictions.length)
    io.err(`... and ${contradicted - contradictions.length} more contradictions`);
  return problems.count > 0 ? Exit.dataWereBad : Exit.done;
}

function take(target: Target, records: readonly WideRecord[]): void {
  const { select, missing } = target;
  for (const record of records) {
    if (missing.size > 0) for (const key of missing) if (record[key] !== undefined) missing.delete(key);
    const chosen = select.take(record);
    if (chosen !== undefined) put(target, chosen);
  }
}

/** A record that has none of the keys asked for says nothing. */
function put(target: Target, chosen: WideRecord): void {
  if (Object.keys(chosen).length === 0) return;
  target.written += 1;
  target.output.write(recordLine(chosen));
}

/** What the call asks for, else what the rules select, narrowed down by the call. */
function targetsOf(
  written: readonly SelectSpec[],
  asked: Pick<SelectSpec, 'where' | 'has' | 'lacks'>,
  { keys = [], group = [], output }: SelectOptions,
  open: (path: string) => LineOutput,
): Target[] {
  if (written.length === 0 || keys.length + group.length > 0)
    return [targetOf('', { ...asked, keys: [...keys], group: [...group] }, open(output))];
  return written.map((spec) => {
    const narrowed = { ...spec, where: { ...spec.where, ...asked.where }, has: [...spec.has, ...asked.has] };
    return targetOf(spec.name, narrowed, open(spec.write ?? output));
  });
}

function targetOf(name: string, spec: Spec, output: LineOutput): Target {
  const keys = [...Object.keys(spec.where), ...spec.has, ...spec.keys, ...spec.group];
  return { name, select: createSelect(spec), output, missing: new Set(keys.map(canonicalKey)), written: 0 };
}

/** `a job is on a cluster: records of job 7 say cluster blue and red; each keeps what it says`. */
function told({ rule, group, key, was, told: other }: Contradiction): string {
  const which = Object.entries(group).map(([name, value]) => `${name} ${String(value)}`);
  return `${rule}: records of ${which.join(', ')} say ${key} ${String(was)} and ${String(other)}; each keeps what it says`;
}

/** A mistyped key is the likeliest reason. */
function nothingOf({ name, missing }: Target): string {
  const what = name === '' ? 'nothing is written' : `nothing is written of "${name}"`;
  return missing.size === 0 ? `${what}: no record fits` : `${what}: no record has ${[...missing].join(', ')}`;
}

/** Any of the values given for a key. */
function conditionsOf(texts: readonly string[]): Record<string, string[]> {
  const where = Object.create(null) as Record<string, string[]>; // A key may be called `constructor`.
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
