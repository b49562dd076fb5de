/** What the logs of a run directory say, as the operators give it to the model: nothing else in it is read. */
import type { WideRecord } from '../../bridge/core/record.ts';
import { Channel } from '../../bridge/core/frame.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { findInputs, readFrames } from '../../bridge/inputs.ts';
import { createOperators, noLimits } from '../../bridge/processors/operators.ts';
import { shippedRules } from '../../bridge/rules.ts';

/** Records of the logs under `path`, a directory or an archive. */
export async function widened(path: string): Promise<WideRecord[]> {
  const operators = createOperators({ rules: shippedRules(), limits: noLimits });
  const records: WideRecord[] = [];
  for (const input of findInputs([path])) {
    for await (const frames of readFrames(
      input,
      (error) => {
        throw error;
      },
      () => {},
    )) {
      const logs = frames.filter(({ channel }) => channel === Channel.log);
      records.push(...operators.apply(decodeFrames(logs, 'test').records, 0));
    }
  }
  records.push(...operators.finish());
  return records;
}
