/** A library call: the records of files as the rules leave them, all that is implied known, with no limits on waiting. */
import type { BridgeError } from './core/errors.ts';
import type { WideRecord } from './core/record.ts';
import { decodeFrames } from './formats/frames.ts';
import type { Input } from './inputs.ts';
import { readFrames } from './inputs.ts';
import type { Contradiction } from './processors/imply.ts';
import type { OnMarked } from './processors/operators.ts';
import { createOperators, noLimits } from './processors/operators.ts';

import { loadRules } from './rules.ts';

export interface WidenedOptions {
  /** Files of rules, which add to the shipped ones. */
  readonly rules?: readonly string[];
  /** Told of what cannot be read or decoded; the rest is used. */
  readonly report: (error: BridgeError) => void;
  readonly onBytes?: (bytes: number) => void;
  readonly onContradiction?: (contradiction: Contradiction) => void;
  /** Told of every record of a log with the rules that matched it. */
  readonly onMarked?: OnMarked;
}

/** Batches of records; the last one holds those that lack something which no record told. Throws BRIDGE_CONFIG. */
export async function* readWidened(
  inputs: readonly Input[],
  { rules = [], report, onBytes = () => {}, ...told }: WidenedOptions,
): AsyncGenerator<readonly WideRecord[]> {
  const operators = createOperators({
    ...loadRules(rules),
    limits: noLimits,
    ...told,
  });
  for (const input of inputs) {
    for await (const frames of readFrames(input, report, onBytes)) {
      const { records, problems } = decodeFrames(frames, input.name);
      for (const { error } of problems) report(error);
      yield operators.apply(records, 0);
    }
  }
  yield operators.finish();
}
