/** One contender of ../joins.ts in a process of its own. usage: join.ts RUNINFO */
import { readFileSync } from 'node:fs';

import { findInputs } from '../../bridge/inputs.ts';
import { readWidened } from '../../bridge/widened.ts';

const [directory = ''] = process.argv.slice(2);
const report = (error: Error): never => {
  throw error;
};

const before = process.cpuUsage();
const began = performance.now();
let records = 0;
let attributed = 0;
for await (const batch of readWidened(findInputs([directory]), { report })) {
  records += batch.length;
  for (const record of batch) if (record['parsl.task'] !== undefined) attributed += 1;
}
const seconds = (performance.now() - began) / 1_000;
const { user, system } = process.cpuUsage(before);
const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) * 1_024;
console.log(JSON.stringify({ records, attributed, seconds, cpu_seconds: (user + system) / 1e6, rss_bytes: peak }));
