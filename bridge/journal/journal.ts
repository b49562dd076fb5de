/**
 * The journal: what is committed here is acknowledged, and everything after it can be replayed (DESIGN.md §2).
 *
 * `append` resolves when the entry is on disk. Entries are numbered in the order of the calls, and that order is the
 * one in which a replay gives them back. Retention never drops an entry that an open run, or an exporter that has not
 * delivered yet, still needs.
 */
import Database from 'better-sqlite3';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Positions } from '../core/component.ts';
import { BridgeError } from '../core/errors.ts';
import type { Answer, EntryKind, EntryRow, Order, PositionRow } from './schema.ts';
import { ENTRY_KINDS, JOURNAL_ID, journalSchema, JOURNAL_VERSION } from './schema.ts';

export interface Entry {
  readonly seq: number;
  readonly kind: EntryKind;
  /** Microseconds since the epoch. */
  readonly arrival: number;
  /** Id of the receiver; the run's id in a finish entry, '' for all runs. */
  readonly receiver: string;
  /** Frames in their binary form. */
  readonly body: Uint8Array;
}

export interface JournalOptions {
  readonly path: string;
  /** Beyond it, entries that nothing needs any more are dropped. */
  readonly retentionBytes: number;
  /** Beyond it, nothing more is taken in: senders keep what they have. */
  readonly bytesMax: number;
}

/** What a restart begins with. */
export interface Remembered {
  /** Closed runs whose output every exporter has delivered: their records are late. */
  readonly closedRuns: readonly string[];
  /** By exporter. */
  readonly checkpoints: ReadonlyMap<string, number>;
  /** First entry to replay; everything before it has had its effect. */
  readonly replayFrom: number;
  readonly lastSeq: number;
}

interface Waiter {
  readonly seq: number;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: BridgeError) => void;
}

export class Journal {
  readonly #options: JournalOptions;
  #worker: Worker | undefined;
  /** Why nothing can be written any more. */
  #broken: BridgeError = new BridgeError('BRIDGE_REFUSED', 'append to journal: it is not open', { reason: 'closed' });
  #waiters: Waiter[] = [];
  #lastSeq = 0;
  #bytes = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Bytes of all entries, as of the last commit. */
  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  /** Opens the file and starts the writer. Rejects with BRIDGE_CONFIG if the file cannot be used. */
  async open(exporters: readonly string[]): Promise<Remembered> {
    const { path } = this.#options;
    let remembered: Remembered;
    try {
      remembered = prepare(path, exporters);
    } catch (error) {
      throw BridgeError.from(error, 'BRIDGE_CONFIG', `open journal ${path}`);
    }
    this.#lastSeq = remembered.lastSeq;
    // The file beside this one: TypeScript in a checkout, JavaScript in the published package.
    const writer = new URL(`./writer${extname(import.meta.filename)}`, import.meta.url);
    const worker = new Worker(writer, { workerData: { path } });
    this.#worker = worker;
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (answer: Answer) => {
        if (answer.type === 'open') resolve();
        this.#settle(answer);
      });
      worker.on('error', (error) => {
        reject(BridgeError.from(error, 'BRIDGE_CONFIG', `open journal ${path}`));
        this.#worker = undefined;
        this.#broken = BridgeError.from(error, 'BRIDGE_IO', 'write journal');
        this.#failAll(this.#broken);
      });
    });
    return remembered;
  }

  /**
   * Resolves with the entry's number once it is on disk, and `positions` with it; rejects if it never will be. An entry
   * that is rejected says nothing of those that were appended after it: who gives positions waits for one before the next.
   */
  append(
    kind: EntryKind,
    receiver: string,
    arrival: number,
    body: Uint8Array,
    positions: Positions = nowhere,
  ): Promise<number> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(this.#broken);
    // Ticks and finishes are taken though it is full: they close the runs whose entries can then go.
    if (kind === 'data' && this.#bytes > this.#options.bytesMax)
      return Promise.reject(
        new BridgeError('BRIDGE_REFUSED', 'append to journal: it is full', { reason: 'journal_full' }),
      );
    const seq = ++this.#lastSeq;
    const row: EntryRow = { seq, kind: ENTRY_KINDS.indexOf(kind), arrival, receiver, body };
    const moved = [...positions].map(positionRow);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ seq, resolve, reject });
      // Handed over, not copied: the frames were encoded for this alone.
      const whole = body.byteLength === body.buffer.byteLength && body.buffer instanceof ArrayBuffer;
      worker.postMessage({ type: 'append', row, positions: moved } satisfies Order, whole ? [body.buffer] : []);
    });
  }

  runOpened(run: string, seq: number): void {
    this.#order({ type: 'run_opened', run, seq });
  }

  runClosed(run: string, seq: number): void {
    this.#order({ type: 'run_closed', run, seq });
  }

  checkpoint(exporter: string, seq: number): void {
    this.#order({ type: 'checkpoint', exporter, seq });
  }

  /** Drops entries below `seq` as far as the journal is larger than it needs to be. */
  prune(below: number): void {
    if (this.#bytes > this.#options.retentionBytes)
      this.#order({ type: 'prune', below, bytesMax: this.#options.retentionBytes });
  }

  /** The entries from `seq` on, in order. Only before anything is appended. */
  *read(from: number): Generator<Entry> {
    const db = new Database(this.#options.path, { readonly: true });
    try {
      const rows = db.prepare('SELECT seq, kind, arrival, receiver, body FROM entries WHERE seq >= ? ORDER BY seq');
      for (const row of rows.iterate(from) as IterableIterator<EntryRow>)
        yield { ...row, kind: ENTRY_KINDS[row.kind] ?? 'data' };
    } finally {
      db.close();
    }
  }

  /** How far a receiver has read, as of the last commit. */
  positions(receiver: string): Positions {
    const db = new Database(this.#options.path, { readonly: true });
    try {
      const rows = db.prepare('SELECT part, position FROM positions WHERE receiver = ?').raw().all(receiver);
      return new Map((rows as [string, string][]).map(([part, position]) => [part, JSON.parse(position) as unknown]));
    } finally {
      db.close();
    }
  }

  /** Commits what waits and closes the file. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage({ type: 'close' } satisfies Order);
    await exited;
  }

  #order(order: Order): void {
    this.#worker?.postMessage(order);
  }

  #settle(answer: Answer): void {
    if (answer.type !== 'failed') this.#bytes = answer.bytes;
    if (answer.type === 'open') return;
    const done = this.#waiters.findIndex(({ seq }) => seq > answer.seq);
    const settled = done < 0 ? this.#waiters.splice(0) : this.#waiters.splice(0, done);
    for (const { seq, resolve, reject } of settled) {
      if (answer.type === 'committed') resolve(seq);
      else reject(new BridgeError('BRIDGE_IO', `write journal: ${answer.message}`));
    }
  }

  #failAll(error: BridgeError): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}

const nowhere: Positions = new Map();

function positionRow([part, position]: readonly [string, unknown]): PositionRow {
  return [part, position === undefined ? null : JSON.stringify(position)];
}

function prepare(path: string, exporters: readonly string[]): Remembered {
  const db = new Database(path);
  try {
    const version = db.pragma('user_version', { simple: true });
    if (version !== 0 && version !== JOURNAL_VERSION)
      throw new BridgeError('BRIDGE_CONFIG', `open journal ${path}: written by another version of parsl-otel`, {
        hint: 'use another --data directory, or the version that wrote it',
      });
    const { tables } = db.prepare('SELECT count(*) AS tables FROM sqlite_master').get() as { tables: number };
    if (tables > 0 && db.pragma('application_id', { simple: true }) !== JOURNAL_ID)
      throw new BridgeError('BRIDGE_CONFIG', `open journal ${path}: it is another program’s database`, {
        hint: 'use another --data directory',
      });
    db.pragma('journal_mode = WAL');
    db.pragma(`application_id = ${JOURNAL_ID}`);
    db.exec(journalSchema);
    db.pragma(`user_version = ${JOURNAL_VERSION}`);
    return remember(db, exporters);
  } finally {
    db.close();
  }
}

function remember(db: Database.Database, exporters: readonly string[]): Remembered {
  const { last } = db
    .prepare("SELECT coalesce(max(seq), 0) AS last FROM sqlite_sequence WHERE name = 'entries'")
    .get() as { last: number };
  const known = db.prepare('SELECT exporter, seq FROM checkpoints').all() as { exporter: string; seq: number }[];
  const checkpoints = new Map(known.map(({ exporter, seq }) => [exporter, seq]));
  // A new exporter is told what happens from now on, not what is long past.
  for (const exporter of exporters) if (!checkpoints.has(exporter)) checkpoints.set(exporter, last);
  const delivered = Math.min(last, ...exporters.map((exporter) => checkpoints.get(exporter) ?? last));
  const runs = db.prepare('SELECT run, first_seq, closed_seq FROM runs').all() as {
    run: string;
    first_seq: number;
    closed_seq: number | null;
  }[];
  const isOver = ({ closed_seq }: { closed_seq: number | null }): boolean =>
    closed_seq !== null && closed_seq <= delivered;
  const needed = runs.filter((run) => !isOver(run)).map(({ first_seq }) => first_seq);
  return {
    closedRuns: runs.filter(isOver).map(({ run }) => run),
    checkpoints,
    replayFrom: Math.min(delivered + 1, ...needed),
    lastSeq: last,
  };
}
