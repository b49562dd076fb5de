/** npm run fuzz: decodes many damaged messages. usage: decode.ts [--mutations 100000] [--seed N] */
import { parseArgs } from 'node:util';

import { fuzzDecode } from './fuzz_decode.ts';

const { values } = parseArgs({
  options: { mutations: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
const mutations = Number(values.mutations);
const seed = Number(values.seed);

const began = performance.now();
const { counts, seconds, slowestMs, growth, faults } = fuzzDecode({
  mutations,
  seed,
  progress(done) {
    const rate = done / ((performance.now() - began) / 1_000);
    process.stderr.write(`\r${done} of ${mutations} mutations, ${Math.round(rate)} messages/s `);
  },
});
process.stderr.write('\n');
for (const [reason, count] of Object.entries(counts).sort(([, a], [, b]) => b - a)) {
  console.log(`${reason.padEnd(10)} ${count}`);
}
console.log(
  `${mutations} mutations with seed ${seed} in ${seconds.toFixed(1)} s, ${Math.round(mutations / seconds)} messages/s, ` +
    `slowest ${slowestMs.toFixed(1)} ms, heap grew by ${(growth / 2 ** 20).toFixed(1)} MiB`,
);
for (const fault of faults) console.error(`FAULT ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;
