/**
 * Run directories of real workflows: every file is recognised as what it is, and gives as many records as an independent
 * count of its lines; nothing in them is undecodable.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { stringify, type WideRecord } from '../bridge/core/record.ts';
import { decodeFrames, type Problem } from '../bridge/formats/frames.ts';
import { findInputs, readFrames } from '../bridge/inputs.ts';
import { archiveOf, runDirNames, unpacked } from './helpers/run_dirs.ts';

async function readAll(path: string): Promise<{ records: WideRecord[]; problems: Problem[]; told: string[] }> {
  const records: WideRecord[] = [];
  const problems: Problem[] = [];
  const told: string[] = [];
  for (const input of findInputs([path])) {
    for await (const frames of readFrames(
      input,
      ({ message }) => told.push(message),
      () => {},
    )) {
      const decoded = decodeFrames(frames, 'test');
      for (const record of decoded.records) records.push(record);
      problems.push(...decoded.problems);
    }
  }
  return { records, problems, told };
}

const starts = {
  text: /^(?:\d{10}\.\d{6} \d{4}-|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]\d+[ +-]|\[\d{4}-\d\d-\d\d )/,
  debug: /^\d{4}\/\d\d\/\d\d /,
};

/** Files by name: what they are, and how many records that makes; the first that fits. */
const kinds: readonly [RegExp, string, (lines: string[]) => number][] = [
  [/results\.jsonl$|\.ndjson$/, 'json', count(/\S/)],
  [/\.jsonlog$/, 'parsl_json_log', count(/\S/)],
  [/transaction_log$/, 'work_queue_transactions', count(/^\d/)],
  [/master_log$/, 'work_queue_performance', count(/^\d/)],
  [/debug_log$|wq_worker\.debug\.$/, 'work_queue_debug', count(starts.debug)],
  [/vine-logs\/transactions$/, 'taskvine_transactions', count(/^\d/)],
  [/vine-logs\/performance$/, 'taskvine_performance', count(/^\d/)],
  [/vine-logs\/debug$|vine_worker\.debug\.\d+$/, 'taskvine_debug', count(starts.debug)],
  [/vine-logs\/taskgraph$/, 'taskvine_taskgraph', countGraph],
  [/submit_scripts\/[^/]+\.sh$/, 'submit_script', (lines) => Math.sign(count(/\S/)(lines))],
  [/submit_scripts\//, 'batch_output', () => NaN],
  [/task_logs\//, 'text', () => NaN],
  [/\.log$/, 'parsl_text_log', count(starts.text)],
];

function count(pattern: RegExp): (lines: string[]) => number {
  return (lines) => lines.filter((line) => pattern.test(line)).length;
}

/** A task's line is a record for each of its files. */
function countGraph(lines: string[]): number {
  const files = (line: string): number =>
    line.startsWith('TASK') ? line.split(/ +/).filter((word) => /^[a-z]+-[a-z]+-/.test(word)).length : 0;
  return count(/^FILE/)(lines) + lines.reduce((sum, line) => sum + files(line), 0);
}

/** What is in the directories and is no log, or must not be read. */
const NOT_READ = /\.(?:out|err|pkl|key|json|toml|txt|yaml|db)$|function_data\/|\/workflow\.json$|checkpoint\//;
const isRead = (path: string): boolean => /submit_scripts\//.test(path) || !NOT_READ.test(path);

describe('run directories of real workflows', function () {
  this.timeout(60_000);

  for (const name of runDirNames()) {
    it(`${name}: every file is what it is, with all its records`, async () => {
      const directory = unpacked(name);
      const { records, problems, told } = await readAll(directory);
      assert.deepEqual([told, problems.map(({ error }) => error.message)], [[], []]);
      const read = Map.groupBy(records, (record) => String(record['source.path']));
      const paths = globSync('**/*', { cwd: directory, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
        .concat(globSync('.*/**/*.log', { cwd: directory }));
      for (const path of new Set(paths)) {
        const found = read.get(path) ?? [];
        const lines = readFileSync(join(directory, path), 'utf8').split('\n');
        if (!isRead(path)) {
          assert.equal(found.length, 0, `${path} is read`);
          continue;
        }
        const [, format, expected] = kinds.find(([pattern]) => pattern.test(path)) ?? [];
        const told = expected?.(lines) ?? -1;
        assert.deepEqual([path, found.length], [path, Number.isNaN(told) ? found.length : told]);
        for (const record of found) assert.equal(record['source.format'], format, path);
        const numbers = found.map((record) => Number(record['source.line']));
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
          path,
        );
      }
    });

    it(`${name}: the archive gives what the directory gives`, async () => {
      const said = async (path: string): Promise<string[]> =>
        (await readAll(path)).records.map((record) => stringify({ ...record, 'source.input': null })).sort();
      assert.deepEqual(await said(archiveOf(name)), await said(unpacked(name)));
    });
  }

  it('every record of a log has a time, but for what a batch job or a task printed', async () => {
    for (const name of runDirNames()) {
      const { records } = await readAll(archiveOf(name));
      const without = records.filter(
        (record) =>
          record['time'] === undefined &&
          record['parsl.timestamp'] === undefined &&
          record['source.path'] !== undefined &&
          !['batch_output', 'text', 'taskvine_taskgraph', 'json'].includes(String(record['source.format'])),
      );
      assert.deepEqual(
        without.map((record) => [record['source.path'], record['source.line']]),
        [],
      );
    }
  });
});
