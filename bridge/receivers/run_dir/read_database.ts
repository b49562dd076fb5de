/** Reads a monitoring.db once, as frames. */
import { BridgeError } from '../../core/errors.ts';
import type { Frame } from '../../core/frame.ts';
import { framesOf, openReader } from '../monitoring_db/reader.ts';

const ROWS_A_LOOK = 2_000;

/** What is wrong with it is reported, the rest is used. `onShare` is told which share of all rows each look has read. */
export function* readDatabase(
  path: string,
  report: (error: BridgeError) => void,
  onShare: (share: number) => void,
): Generator<Frame[]> {
  try {
    const reader = openReader(path, { follow: false });
    try {
      const total = Math.max(1, reader.rowsTotal);
      for (let rows = 1; rows > 0;) {
        const look = reader.look(ROWS_A_LOOK);
        look.problems.forEach(report);
        if (look.isLocked)
          throw new BridgeError('BRIDGE_IO', `read ${path}: locked by another program`, { reason: 'locked' });
        yield framesOf(look.records);
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
