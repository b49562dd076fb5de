/** A Collector of our distribution that tails a run directory feeds the bridge by OTLP, with no change to either. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { otlp } from '../../bridge/receivers/otlp.ts';
import { cleanUp, serve, startReceiver } from '../helpers/receiver.ts';
import { temporary, unpacked } from '../helpers/run_dirs.ts';
import { built } from '../stack/build.ts';
import { freePorts, startProcess } from '../stack/process.ts';

describe('a Collector that tails a run directory', function () {
  this.timeout(120_000);
  cleanUp();

  it('gives the records of its logs, with what their lines and their paths tell', async () => {
    const directory = unpacked('2026.10.26-W1-htex');
    const receiver = await startReceiver(otlp, {});
    const url = await serve(receiver);
    const [health] = await freePorts(1);
    const config = join(temporary(), 'config.yaml');
    writeFileSync(
      config,
      `receivers:
  file_log:
    include: ['${directory}/runinfo/**/*.jsonlog']
    include_file_path: true
    start_at: beginning
    max_log_size: 4MiB
exporters:
  otlp_http: { endpoint: '${url}', compression: gzip }
extensions:
  health_check: { endpoint: '127.0.0.1:${health}' }
service:
  telemetry: { metrics: { level: none } }
  extensions: [health_check]
  pipelines:
    logs: { receivers: [file_log], exporters: [otlp_http] }
`,
    );
    const collector = await startProcess({
      name: 'collector',
      command: built('parsl-otelcol'),
      args: [`--config=${config}`],
      cwd: directory,
      readyUrl: `http://127.0.0.1:${health}/`,
    });
    try {
      await receiver.until(({ records }) => records.length >= 5_861);
    } finally {
      await collector.stop();
    }
    const count = (log: string) => receiver.records.filter((record) => record['source.log'] === log).length;
    assert.deepEqual(
      ['parsl', 'database_manager', 'interchange', 'manager', 'worker'].map(count),
      [1_553, 1_334, 1_225, 1_131, 618],
    );
    assert.deepEqual([receiver.rejected, receiver.reported], [[], []]);
    // Both runs have a task 3, and the Collector reads their files in any order.
    const launched = receiver.records
      .filter(({ message }) => /^Parsl task 3 try 0 launched/.test(String(message)))
      .map((record) => [
        relative(directory, String(record['source.run_dir'])),
        record['parsl.task'],
        record['parsl.executor_task'],
      ])
      .sort();
    assert.deepEqual(launched, [['runinfo/000', 3, 25], ['runinfo/001', 3, 2]]); // prettier-ignore
  });
});
