/**
 * What comes out of a database is what comes out of the run's own messages, as far as the tables keep it. The spans of
 * both are compared attribute by attribute; what may differ, because no table holds it, is listed here.
 */
import Database from 'better-sqlite3';
import assert from 'node:assert/strict';
import { join } from 'node:path';

import type { WideRecord } from '../../bridge/core/record.ts';
import type { Span } from '../../bridge/core/signal.ts';
import { namedZone } from '../../bridge/core/time.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { framesOf, openReader } from '../../bridge/receivers/monitoring_db/reader.ts';
import { asText, fold } from '../helpers/engine.ts';
import { expected, recordings } from '../helpers/fixtures.ts';
import { messagesOf, oldestDbFile, PARSL_1_0, recordedDbFile } from '../helpers/monitoring_db.ts';
import { tempDir } from '../helpers/receiver.ts';

/** Attributes that no table holds, by kind of span. */
const unknown: Readonly<Record<string, readonly string[]>> = {
  run: ['parsl.workflow_info.parsl_version', 'parsl.workflow_info.python_version'],
  manager: ['parsl.manager_info.parsl_v'],
};

async function replayed(name: string): Promise<readonly WideRecord[]> {
  const reader = openReader(recordedDbFile(name, await tempDir()), { follow: false });
  const records: WideRecord[] = [];
  for (let rows = 1; rows > 0;) {
    const look = reader.look(1_000);
    rows = look.rows;
    records.push(...decodeFrames(framesOf(look.records), 'test').records);
  }
  reader.close();
  return records;
}

/** Up to 2023.12 a file among the inputs is told with its address, and another one with each state. */
function without(kind: string, name: string): readonly string[] {
  const inputs = kind === 'task' && Number.parseInt(name) <= 2023 ? ['parsl.task_inputs'] : [];
  return [...inputs, ...(unknown[kind] ?? [])];
}

/** Spans by id, with their attributes in order. */
function shown(spans: readonly Span[], name: string): Map<string, Record<string, unknown>> {
  const byId = new Map<string, Record<string, unknown>>();
  for (const span of spans) {
    const kind = String(span.attributes['parsl.span']);
    const hidden = without(kind, name);
    const attributes = Object.fromEntries(
      Object.entries(span.attributes).filter(([key]) => !hidden.includes(key)).sort(([a], [b]) => (a < b ? -1 : 1)),
    ); // prettier-ignore
    const plain = JSON.parse(asText({ ...span, attributes })) as Record<string, unknown>;
    byId.set(`${kind} ${span.name} ${span.traceId}/${span.spanId}`, plain);
  }
  return new Map([...byId].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe('receivers/monitoring_db: traces', () => {
  for (const name of recordings())
    it(name, async () => {
      const { tz } = expected(name);
      const zone = namedZone(tz, 'config');
      assert.ok(zone !== undefined);
      const live = shown(fold(messagesOf(name), { zone }).spans, name);
      const dead = shown(fold(await replayed(name), { zone }).spans, name);
      assert.deepEqual([...dead.keys()], [...live.keys()]);
      for (const [key, span] of live) assert.deepEqual(dead.get(key), span, key);
      assert.ok(live.size > 10);
    });

  it('give the same log events, but for the text of a first dep_fail that is told twice', async () => {
    const name = '2026.10.26-W1-htex';
    const zone = namedZone('UTC', 'config');
    const events = (records: readonly WideRecord[]): string[] =>
      fold(records, { zone })
        .logs.map(({ timeUnixNano, body, attributes }) =>
          asText([timeUnixNano, body, Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))]),
        )
        .sort();
    assert.deepEqual(events(await replayed(name)), events(messagesOf(name)));
  });

  it('leave out only what no table holds', async () => {
    const name = '2026.10.26-W1-htex';
    const { spans } = fold(await replayed(name));
    for (const [kind, keys] of Object.entries(unknown)) {
      const those = spans.filter(({ attributes }) => attributes['parsl.span'] === kind);
      assert.ok(those.length > 0);
      for (const { attributes } of those) for (const key of keys) assert.ok(!(key in attributes), key);
    }
  });

  it('of a file that Parsl 1.0.0 wrote have its tasks, its tries and what is known of their ends', async () => {
    const reader = openReader(oldestDbFile(await tempDir()), { follow: false });
    const { records, problems } = reader.look(1_000);
    reader.close();
    assert.deepEqual(problems, []);
    const { spans } = fold(records, { zone: namedZone('UTC', 'config') });
    const tasks = spans.filter(({ attributes }) => attributes['parsl.span'] === 'task');
    assert.deepEqual(
      tasks.map(({ name, attributes }) => [name, attributes['parsl.task_state'], attributes['parsl.tries']]),
      [
        ['sleeper', 'exec_done', 1],
        ['memo', 'exec_done', 1],
        ['memo', 'memo_done', 0],
        // This release did not write the end of a task whose last try failed.
        ['broken', 'launched', 2],
        ['after', 'exec_done', 1],
        ['after', 'dep_fail', 0],
      ],
    );
    assert.equal(tasks[3]?.attributes['parsl.unfinished'], true);
    const running = spans.filter(({ attributes }) => attributes['parsl.phase'] === 'running');
    assert.equal(running.length, 5);
  });

  it('of Parsl 1.0, which numbers no tries, have a try for each launch', async () => {
    const path = join(await tempDir(), 'old.db');
    const db = new Database(path);
    db.exec(PARSL_1_0);
    const status = db.prepare("INSERT INTO status VALUES (3, ?, '2020-01-01 00:00:0' || ?, 'r', 'node')");
    const life = ['launched', 'running', 'pending', 'launched', 'running', 'done'];
    life.forEach((state, second) => status.run(state, `${second + 2}.000000`));
    db.exec("UPDATE task SET task_fail_count = 1, task_time_returned = '2020-01-01 00:00:07.000000'");
    db.close();
    const reader = openReader(path, { follow: false });
    const { records } = reader.look(100);
    reader.close();
    const { spans } = fold(records, { zone: namedZone('UTC', 'config') });
    const tries = spans.filter(({ attributes }) => attributes['parsl.span'] === 'try');
    assert.deepEqual(tries.map(({ attributes }) => attributes['parsl.try']), [0, 1]); // prettier-ignore
    const [task] = spans.filter(({ attributes }) => attributes['parsl.span'] === 'task');
    assert.equal(task?.attributes['parsl.task_state'], 'exec_done');
    assert.equal(task.endTimeUnixNano, 1_577_836_807_000_000_000n);
  });
});
