/** Reads a monitoring.db once, as frames. */
import type { Positions } from '../../core/component.ts';
import { BridgeError } from '../../core/errors.ts';
import type { Piece } from '../../core/input.ts';
import { framesOf, openReader } from '../monitoring_db/reader.ts';

const ROWS_A_LOOK = 2_000;

/**
 * What is wrong with it is reported, the rest is used. `onShare` is told which share of all rows each look has read.
 * `remembered` are the positions that came with what was read of it before.
 */
export function* readDatabase(
  path: string,
  report: (error: BridgeError) => void,
  onShare: (share: number) => void,
  remembered: Positions,
): Generator<Piece> {
  try {
    const reader = openReader(path, { follow: false, remembered });
    try {
      const total = Math.max(1, reader.rowsTotal);
      for (let rows = 1; rows > 0;) {
        const look = reader.look(ROWS_A_LOOK);
        look.problems.forEach(report);
        if (look.isLocked)
          throw new BridgeError('BRIDGE_IO', `read ${path}: locked by another program`, { reason: 'locked' });
        yield { frames: framesOf(look.records), positions: reader.moved() };
        rows = look.rows;
        onShare(rows / total);
      }
    } finally {
      reader.close();
    }
  } catch (error) {
    report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
  }
}
