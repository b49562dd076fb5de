/**
 * The journal's tables. An entry is a batch as it was received, not a row per record: its body is frames in their
 * binary form (formats/capture.ts), so that a journal can be read by whatever reads captures.
 *
 * - `entries` (numbered by AUTOINCREMENT, which gives no number twice though all entries were dropped): kind 0 = data, 1 = tick (nothing came, time went by), 2 = finish (`receiver` holds the run id, or '').
 * - `runs`: from which entry on a run's records lie, and where it closed: what replay and retention need.
 * - `checkpoints`: up to which entry each exporter has delivered everything.
 * - `positions`: how far receivers have read what stays where it is, by part of their input, as JSON. Written with the
 *   entry that holds what was read, and kept when that entry goes.
 */
export const ENTRY_KINDS = ['data', 'tick', 'finish'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

export const JOURNAL_VERSION = 1;

/** SQLite's application_id of a journal: `potj`. */
export const JOURNAL_ID = 0x706f746a;

export const journalSchema = `
  CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    arrival INTEGER NOT NULL,
    receiver TEXT NOT NULL,
    body BLOB NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    closed_seq INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS checkpoints (
    exporter TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS positions (
    receiver TEXT NOT NULL,
    part TEXT NOT NULL,
    position TEXT NOT NULL,
    PRIMARY KEY (receiver, part)
  ) STRICT, WITHOUT ROWID;
`;

export interface EntryRow {
  readonly seq: number;
  readonly kind: number;
  /** Microseconds since the epoch. */
  readonly arrival: number;
  readonly receiver: string;
  readonly body: Uint8Array;
}

/** A part of a receiver's input and how far it was read, as JSON; null for one that is forgotten. */
export type PositionRow = readonly [part: string, position: string | null];

/** What the main thread tells the writer, in order; a commit covers all that waits. */
export type Order =
  | { readonly type: 'append'; readonly row: EntryRow; readonly positions: readonly PositionRow[] }
  | { readonly type: 'run_opened'; readonly run: string; readonly seq: number }
  | { readonly type: 'run_closed'; readonly run: string; readonly seq: number }
  | { readonly type: 'checkpoint'; readonly exporter: string; readonly seq: number }
  | { readonly type: 'prune'; readonly below: number; readonly bytesMax: number }
  | { readonly type: 'close' };

export type Answer =
  | { readonly type: 'open'; readonly bytes: number }
  | { readonly type: 'committed'; readonly seq: number; readonly bytes: number }
  | { readonly type: 'failed'; readonly message: string; readonly seq: number };
