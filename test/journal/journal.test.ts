import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { BridgeError } from '../../bridge/core/errors.ts';
import type { Entry, JournalOptions } from '../../bridge/journal/journal.ts';
import { Journal } from '../../bridge/journal/journal.ts';
import { JOURNAL_VERSION } from '../../bridge/journal/schema.ts';

/** The numbers of the entries that hold something. */
const dataOf = (journal: Journal): number[] =>
  [...journal.read(1)].filter(({ kind }) => kind === 'data').map(({ seq }) => seq);

const body = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const read = (entries: Iterable<Entry>): string[] =>
  [...entries].map(({ seq, kind, receiver, body }) => `${seq} ${kind} ${receiver} ${Buffer.from(body).toString()}`);

describe('journal', () => {
  let directory: string;
  let path: string;
  const opened: Journal[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsl-otel-journal-'));
    path = join(directory, 'journal.db');
  });
  afterEach(async () => {
    for (const journal of opened.splice(0)) await journal.close();
    rmSync(directory, { recursive: true });
  });

  async function open(exporters: readonly string[] = [], options: Partial<JournalOptions> = {}) {
    const journal = new Journal({ path, retentionBytes: 0, bytesMax: 1e9, ...options });
    opened.push(journal);
    return { journal, remembered: await journal.open(exporters) };
  }

  const rejection = async (promise: Promise<unknown>): Promise<BridgeError> => {
    const error: unknown = await promise.then(() => undefined, (reason: unknown) => reason);
    assert.ok(error instanceof BridgeError, 'nothing was rejected');
    return error;
  }; // prettier-ignore

  describe('append', () => {
    it('resolves once another connection can see the entry', async () => {
      const { journal } = await open();
      const reader = new Database(path, { readonly: true });
      for (let round = 1; round <= 5; round++) {
        const seq = await journal.append('data', 'udp', round, body(`entry ${round}`));
        const row = reader.prepare('SELECT seq, arrival, receiver, body FROM entries WHERE seq = ?').get(seq);
        assert.deepEqual(row, { seq: round, arrival: round, receiver: 'udp', body: Buffer.from(`entry ${round}`) });
      }
      reader.close();
    });

    it('numbers entries in the order of the calls, and resolves in it', async () => {
      const { journal } = await open();
      const order: number[] = [];
      const calls = Array.from({ length: 500 }, (_, index) =>
        journal.append('data', 'r', index, body(String(index))).then((seq) => order.push(seq)),
      );
      await Promise.all(calls);
      assert.deepEqual(
        order,
        Array.from({ length: 500 }, (_, index) => index + 1),
      );
      assert.equal(journal.lastSeq, 500);
    });

    it('commits what waits together, not one by one', async () => {
      const { journal } = await open();
      await journal.append('data', 'r', 0, body('first'));
      const reader = new Database(path, { readonly: true });
      const commits = () => (reader.pragma('data_version', { simple: true }) as number);
      const before = commits();
      const seen = new Set<number>();
      await Promise.all(Array.from({ length: 2_000 }, () => journal.append('data', 'r', 0, body('x')).then(() => seen.add(commits()))));
      assert.ok(seen.size < 200, `${seen.size} commits`);
      assert.ok(commits() > before);
      reader.close();
    }); // prettier-ignore

    it('keeps the bytes that it was given, whichever buffer they are a part of', async () => {
      const { journal } = await open();
      const shared = Buffer.from('xxhelloxx');
      await journal.append('data', 'r', 0, shared.subarray(2, 7));
      await journal.append('data', 'r', 0, new Uint8Array());
      assert.equal(shared.toString(), 'xxhelloxx');
      assert.deepEqual(read(journal.read(1)), ['1 data r hello', '2 data r ']);
    });

    it('is refused while the journal is full, and taken again once there is room', async () => {
      const { journal } = await open(['otlp'], { bytesMax: 1_000 });
      await journal.append('data', 'r', 0, new Uint8Array(1_001));
      const error = await rejection(journal.append('data', 'r', 0, body('x')));
      assert.deepEqual([error.code, error.reason], ['BRIDGE_REFUSED', 'journal_full']);
      journal.checkpoint('otlp', 1);
      journal.prune(2);
      while (journal.bytes > 0) await turn(); // What a full journal takes is no sign: it takes nothing.
      assert.equal(await journal.append('data', 'r', 0, body('x')), 2);
    });
  });

  it('takes ticks and finishes though it is full: they close the runs whose entries could then go', async () => {
    const { journal } = await open([], { bytesMax: 1_000 });
    await journal.append('data', 'r', 0, new Uint8Array(1_001));
    assert.equal(await journal.append('tick', '', 0, new Uint8Array()), 2);
    assert.equal(await journal.append('finish', 'run', 0, new Uint8Array()), 3);
    assert.equal((await rejection(journal.append('data', 'r', 0, body('x')))).code, 'BRIDGE_REFUSED');
  });

  describe('a restart', () => {
    it('reads the same entries in the same order: data, ticks and finishes', async () => {
      const { journal } = await open();
      await journal.append('data', 'udp', 10, body('a'));
      await journal.append('tick', '', 20, body(''));
      await journal.append('finish', 'run', 30, body(''));
      await journal.append('data', 'zmq', 40, body('b'));
      await journal.close();
      const again = await open();
      assert.equal(again.remembered.lastSeq, 4);
      assert.deepEqual(read(again.journal.read(1)), ['1 data udp a', '2 tick  ', '3 finish run ', '4 data zmq b']);
      assert.deepEqual([...again.journal.read(1)].map(({ arrival }) => arrival), [10, 20, 30, 40]); // prettier-ignore
      assert.deepEqual(read(again.journal.read(4)), ['4 data zmq b']);
      assert.equal(await again.journal.append('data', 'r', 0, body('c')), 5);
    });

    it('begins with the oldest entry that an exporter has not delivered', async () => {
      const { journal } = await open(['a', 'b']);
      for (let index = 0; index < 9; index++) await journal.append('data', 'r', 0, body('x'));
      journal.checkpoint('a', 9);
      journal.checkpoint('b', 4);
      journal.checkpoint('b', 3);
      await journal.close();
      const { remembered } = await open(['a', 'b']);
      assert.deepEqual([...remembered.checkpoints], [['a', 9], ['b', 4]]); // prettier-ignore
      assert.equal(remembered.replayFrom, 5);
    });

    it('begins with the first entry of the oldest open run', async () => {
      const { journal } = await open(['a']);
      for (let index = 0; index < 9; index++) await journal.append('data', 'r', 0, body('x'));
      journal.runOpened('closed', 1);
      journal.runOpened('open', 3);
      journal.runOpened('late', 5);
      journal.runClosed('closed', 6);
      journal.runClosed('late', 8);
      journal.checkpoint('a', 7);
      await journal.close();
      const { remembered } = await open(['a']);
      assert.equal(remembered.replayFrom, 3);
      // What the exporter has not delivered of a closed run is made again, so the run must not be taken for late.
      assert.deepEqual(remembered.closedRuns, ['closed']);
    });

    it('tells a new exporter what happens from now on, not what is long past', async () => {
      const { journal } = await open(['a']);
      for (let index = 0; index < 4; index++) await journal.append('data', 'r', 0, body('x'));
      journal.checkpoint('a', 4);
      await journal.close();
      const { remembered } = await open(['a', 'new']);
      assert.equal(remembered.checkpoints.get('new'), 4);
      assert.equal(remembered.replayFrom, 5);
    });

    it('of an empty journal has nothing to replay', async () => {
      const { remembered } = await open(['a']);
      assert.deepEqual({ ...remembered, checkpoints: [...remembered.checkpoints] }, {
        closedRuns: [], checkpoints: [['a', 0]], replayFrom: 1, lastSeq: 0,
      }); // prettier-ignore
    });
  });

  describe('positions', () => {
    const at = (parts: Record<string, unknown>): Map<string, unknown> => new Map(Object.entries(parts));

    it('are on disk when their entry is, of one receiver each, the last of each part', async () => {
      const { journal } = await open();
      await journal.append('data', 'run_dir', 0, body('a'), at({ one: { offset: 10 }, two: { offset: 1 } }));
      await journal.append('data', 'jsonl', 0, body('b'), at({ one: 5 }));
      await journal.append('data', 'run_dir', 0, body('c'), at({ one: { offset: 20 } }));
      assert.deepEqual(journal.positions('run_dir'), at({ one: { offset: 20 }, two: { offset: 1 } }));
      assert.deepEqual(journal.positions('jsonl'), at({ one: 5 }));
      assert.deepEqual(journal.positions('udp'), new Map());
    });

    it('are forgotten where they are undefined', async () => {
      const { journal } = await open();
      await journal.append('data', 'r', 0, body('a'), at({ one: 1, two: 2 }));
      await journal.append('data', 'r', 0, body(''), at({ one: undefined, none: undefined }));
      assert.deepEqual(journal.positions('r'), at({ two: 2 }));
    });

    it('outlive the entry that they came with', async () => {
      const { journal } = await open([]);
      await journal.append('data', 'r', 0, new Uint8Array(100), at({ one: 1 }));
      journal.prune(2);
      await settled(journal);
      await journal.close();
      const { journal: again } = await open();
      assert.deepEqual(dataOf(again), []);
      assert.deepEqual(again.positions('r'), at({ one: 1 }));
    });

    it('come into a journal that was made before there were any', async () => {
      const { journal } = await open();
      await journal.append('data', 'r', 0, body('a'));
      await journal.close();
      const db = new Database(path);
      db.exec('DROP TABLE positions');
      db.close();
      const { journal: again } = await open();
      await again.append('data', 'r', 0, body('b'), at({ one: 1 }));
      assert.deepEqual([dataOf(again), again.positions('r')], [[1, 2], at({ one: 1 })]);
    });
  });

  describe('retention', () => {
    it('drops the oldest entries, as many as it must, none that is needed', async () => {
      const { journal } = await open([], { retentionBytes: 500 });
      for (let index = 0; index < 10; index++) await journal.append('data', 'r', 0, new Uint8Array(100));
      journal.prune(4);
      await settled(journal);
      assert.deepEqual(dataOf(journal), [4, 5, 6, 7, 8, 9, 10]); // prettier-ignore
      journal.prune(11);
      await settled(journal);
      assert.deepEqual(dataOf(journal), [6, 7, 8, 9, 10]); // prettier-ignore
      assert.equal(journal.bytes, 500);
    });

    it('drops nothing while there is room', async () => {
      const { journal } = await open([], { retentionBytes: 500 });
      await journal.append('data', 'r', 0, new Uint8Array(500));
      journal.prune(2);
      await settled(journal);
      assert.deepEqual(dataOf(journal), [1]);
    });

    it('never gives a number twice, though all entries were dropped', async () => {
      const { journal } = await open(['a']);
      await journal.append('data', 'r', 0, body('x'));
      await journal.append('data', 'r', 0, body('x'));
      journal.checkpoint('a', 2);
      journal.prune(3);
      await journal.close();
      const { journal: again } = await open(['a']);
      assert.equal(await again.append('data', 'r', 0, body('y')), 3);
    });
  });

  describe('a file that is not ours', () => {
    const refused = async (): Promise<BridgeError> => {
      const error = await rejection(open());
      assert.equal(error.code, 'BRIDGE_CONFIG');
      assert.doesNotMatch(error.message, /\n/);
      assert.match(error.message, /^open journal /);
      return error;
    };

    it('is refused: no database at all', async () => {
      writeFileSync(path, 'some text of somebody’s, long enough to be no database '.repeat(20));
      assert.match((await refused()).message, /file is not a database$/);
    });

    it('is refused: written by a newer version', async () => {
      const db = new Database(path);
      db.pragma(`user_version = ${JOURNAL_VERSION + 1}`);
      db.close();
      const error = await refused();
      assert.match(error.message, /written by another version/);
      assert.ok(error.hint !== undefined);
    });

    it('is refused: another program’s database, which stays as it was', async () => {
      const db = new Database(path);
      db.exec('CREATE TABLE workflow (run_id TEXT)');
      db.close();
      await refused();
      const after = new Database(path, { readonly: true });
      assert.deepEqual(after.prepare('SELECT name FROM sqlite_master').pluck().all(), ['workflow']);
      after.close();
    });

    it('is refused: in a directory that does not exist', async () => {
      path = join(directory, 'none', 'journal.db');
      await refused();
    });
  });

  describe('a disk that fails', () => {
    /** Makes every write of the writer fail from now on. */
    const breakFile = (): void => {
      const db = new Database(path);
      db.exec(
        "CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT raise(ABORT, 'disk is full') WHERE NEW.receiver = 'r'; END",
      );
      db.close();
    };
    const mend = (): void => {
      const db = new Database(path);
      db.exec('DROP TRIGGER full');
      db.close();
    };

    it('rejects what could not be written, and takes the next once it can', async () => {
      const { journal } = await open();
      await journal.append('data', 'r', 0, body('before'));
      breakFile();
      const error = await rejection(journal.append('data', 'r', 0, body('lost')));
      assert.deepEqual([error.code, error.message], ['BRIDGE_IO', 'write journal: disk is full']);
      await rejection(journal.append('data', 'r', 0, body('lost, too')));
      mend();
      await journal.append('data', 'r', 0, body('after'));
      assert.deepEqual([...journal.read(1)].map((entry) => Buffer.from(entry.body).toString()), ['before', 'after']); // prettier-ignore
      assert.equal(journal.bytes, 'beforeafter'.length);
    });

    it('leaves the positions of what could not be written where they were', async () => {
      const { journal } = await open();
      await journal.append('data', 'r', 0, body('before'), new Map([['one', 1]]));
      breakFile();
      await rejection(journal.append('data', 'r', 0, body('lost'), new Map([['one', 2]])));
      mend();
      assert.deepEqual([...journal.positions('r')], [['one', 1]]);
    });

    it('counts no bytes of a transaction that was taken back', async () => {
      const { journal } = await open();
      await journal.append('data', 'r', 0, body('before'));
      breakFile();
      const all = ['other', 'r'].map((receiver) => rejection(journal.append('data', receiver, 0, body('lost'))));
      await Promise.all(all);
      mend();
      await journal.append('data', 'r', 0, body('after'));
      assert.equal(journal.bytes, 'beforeafter'.length);
    });
  });

  describe('a writer that died', () => {
    async function dead(): Promise<Journal> {
      const journal = new Journal({ path, retentionBytes: 0, bytesMax: 1e9 });
      const opening = journal.open([]);
      rmSync(directory, { recursive: true }); // Before the writer could open the file.
      const waiting = journal.append('data', 'r', 0, body('x'));
      assert.equal((await rejection(opening)).code, 'BRIDGE_CONFIG');
      assert.equal((await rejection(waiting)).code, 'BRIDGE_IO');
      mkdirSync(directory);
      return journal;
    }

    it('rejects what waits', async () => {
      await dead();
    });

    it('rejects what comes after, and closes', async () => {
      const journal = await dead();
      assert.equal((await rejection(journal.append('data', 'r', 0, body('x')))).code, 'BRIDGE_IO');
      await journal.close();
    });
  });

  it('closes with all that waits committed, twice if it must', async () => {
    const { journal } = await open();
    const waiting = Array.from({ length: 100 }, () => journal.append('data', 'r', 0, body('x')));
    await journal.close();
    await Promise.all(waiting);
    await journal.close();
    assert.equal([...journal.read(1)].length, 100);
  });

  it('rejects what comes after it was closed', async () => {
    const { journal } = await open();
    await journal.close();
    assert.equal((await rejection(journal.append('data', 'r', 0, body('x')))).code, 'BRIDGE_REFUSED');
  });
});

/** Orders are performed in turn: when an entry after them is committed, they are done. */
async function settled(journal: Journal): Promise<void> {
  await journal.append('tick', '', 0, new Uint8Array());
}
