/**
 * The contract of the sink: from every recorded stream of messages it makes the tables that the DatabaseManager of the
 * release made of the same messages, row by row, in whatever order and however often they come (DESIGN.md §9).
 */
import Database from 'better-sqlite3';
import assert from 'node:assert/strict';
import { join } from 'node:path';

import type { WideRecord } from '../../../bridge/core/record.ts';
import { recordings } from '../../helpers/fixtures.ts';
import { messagesOf, readDb, recordedDb, rowsOf, schemaOf, writeDb, type Tables } from '../../helpers/monitoring_db.ts';
import { tempDir } from '../../helpers/receiver.ts';

/** Contracts hold for releases since 2022. */
const names = recordings().filter((name) => Number.parseInt(name) >= 2022);
const SEEDS = 20;
/** The large ones are shuffled, too, but not as often. */
const SEEDS_OF_LARGE = 2;
const LARGE = 5_000;

describe('exporters/monitoring_db: contract', function () {
  this.timeout(120_000);

  it('covers the recordings of five releases', () => {
    assert.ok(new Set(names.map((name) => name.split('-')[0])).size >= 5, names.join(' '));
  });

  for (const name of names) {
    describe(name, () => {
      const without = notCompared(name);
      let wanted: Tables;
      let records: readonly WideRecord[];

      before(() => {
        wanted = rowsOf(recordedDb(name), without);
        records = messagesOf(name);
      });

      async function written(stream: readonly WideRecord[], batchSize?: number): Promise<Tables> {
        const path = join(await tempDir(), 'monitoring.db');
        writeDb(path, stream, batchSize);
        return readDb(path, without);
      }

      it('gives the rows of the database recorded beside it', async () => {
        assert.deepEqual(await written(records), withNewColumns(wanted, name));
      });

      it('gives them with a transaction for every few messages', async () => {
        assert.deepEqual(await written(records.slice(0, 400), 3), await written(records.slice(0, 400), 400));
      });

      it('gives them in any order', async () => {
        const seeds = records.length > LARGE ? SEEDS_OF_LARGE : SEEDS;
        for (let seed = 1; seed <= seeds; seed++) {
          const tables = await written(shuffled(records, seed), 1 + ((seed * 37) % 300));
          assert.deepEqual(tables, withNewColumns(wanted, name), `seed ${seed}`);
        }
      });

      it('gives them once when every message comes twice', async () => {
        assert.deepEqual(await written([...records, ...records]), withNewColumns(wanted, name));
        const pairs = records.slice(0, 400).flatMap((record) => [record, record]);
        assert.deepEqual(await written(pairs, 7), await written(records.slice(0, 400)));
      });
    });
  }

  it('has the columns, types, keys and references of the newest release', async () => {
    const path = join(await tempDir(), 'monitoring.db');
    writeDb(path, []);
    const db = new Database(path, { readonly: true });
    assert.deepEqual(schemaOf(db), schemaOf(recordedDb('2026.10.26-W1-threads')));
    db.close();
  });
});

/** Up to 2023.12 a file among the inputs shows where it lay in memory. */
function notCompared(name: string): string[] {
  return Number.parseInt(name) <= 2023 ? ['task.task_inputs'] : [];
}

/** Columns that came after the release are there and empty. */
function withNewColumns(tables: Tables, name: string): Tables {
  if (Number.parseInt(name) > 2023) return tables;
  const added = [
    'psutil_cpu_num',
    'psutil_process_num_ctx_switches_voluntary',
    'psutil_process_num_ctx_switches_involuntary',
  ];
  const resource = tables.resource.map((row) => {
    const all = { ...row, ...Object.fromEntries(added.map((column) => [column, null])) };
    return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return { ...tables, resource: resource.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const all = [...items];
  let state = seed * 2_654_435_761;
  for (let i = all.length - 1; i > 0; i--) {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    const j = state % (i + 1);
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}
