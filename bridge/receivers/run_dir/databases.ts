/**
 * The monitoring databases in a directory of logs, looked at as the monitoring_db receiver looks at one. One that a
 * bridge writes is not followed: it may be this bridge, which would feed on its own output.
 */
import { openSync, closeSync, readSync } from 'node:fs';
import { join } from 'node:path';

import type { Positions } from '../../core/component.ts';
import type { Delivery } from '../../core/delivery.ts';
import { BridgeError } from '../../core/errors.ts';
import { fromScope, inScope } from '../../core/positions.ts';
import { framesOf, openReader, stampOf, type DbReader } from '../monitoring_db/reader.ts';

const ROWS_A_LOOK = 2_000;
/** Where SQLite keeps a file's application id, and the one that the monitoring_db exporter sets. */
const APPLICATION_ID_AT = 68;
const BRIDGE_APPLICATION_ID = 0x706f_0001;

export interface DatabasesOptions {
  readonly root: string;
  readonly isFollowed: boolean;
  readonly report: (error: BridgeError) => void;
  /** Those of each database in the scope of its path; others are passed over. */
  readonly remembered: Positions;
  readonly deliver: Delivery['add'];
}

export interface Databases {
  /** Reads what is new in them. Resolves to false if the receiver was stopped. */
  look(paths: readonly string[]): Promise<boolean>;
  close(): void;
}

export function openDatabases({ root, isFollowed, report, remembered, deliver }: DatabasesOptions): Databases {
  const readers = new Map<string, DbReader>();
  /** How far what was handed on goes. */
  const positions = new Map(remembered);
  const stamps = new Map<string, string>();
  const told = new Map<string, string>();

  async function lookAt(path: string): Promise<boolean> {
    const full = join(root, path);
    const stamp = stampOf(full);
    if (stamps.get(path) === stamp) return true;
    if (isFollowed && applicationId(full) === BRIDGE_APPLICATION_ID) return true;
    if (readers.get(path)?.isStale() === true) close(path);
    const reader = readers.get(path) ?? openReader(full, { follow: isFollowed, remembered: inScope(full, positions) });
    readers.set(path, reader);
    let rows = 1;
    let isLocked = false;
    while (rows > 0 && !isLocked) {
      const look = reader.look(ROWS_A_LOOK);
      look.problems.forEach(report);
      ({ rows, isLocked } = look);
      if (rows === 0 && look.records.length === 0) continue;
      const moved = fromScope(full, reader.moved());
      for (const [part, position] of moved) positions.set(part, position);
      if (!(await deliver(framesOf(look.records), moved))) return false;
    }
    if (!isLocked && !reader.isWaiting) stamps.set(path, stamp);
    told.delete(path);
    return true;
  }

  function close(path: string): void {
    readers.get(path)?.close();
    readers.delete(path);
  }

  return {
    async look(paths) {
      for (const path of paths) {
        try {
          if (!(await lookAt(path))) return false;
        } catch (error) {
          close(path);
          const problem = BridgeError.from(error, 'BRIDGE_IO', `read ${join(root, path)}`);
          // One that Parsl has just begun is no trouble while it is followed; anything else is told once.
          const isYetToCome = isFollowed && problem.reason === 'unfinished';
          if (!isYetToCome && told.get(path) !== problem.message) report(problem);
          told.set(path, problem.message);
        }
      }
      return true;
    },
    close: () => [...readers.keys()].forEach(close),
  };
}

function applicationId(path: string): number {
  const head = Buffer.alloc(4);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, 4, APPLICATION_ID_AT);
  } finally {
    closeSync(file);
  }
  return head.readUInt32BE(0);
}
