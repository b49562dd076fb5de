/**
 * When a block waited for the batch system and when it ran. A block whose manager has registered runs, whoever failed to
 * say so.
 */
import type { BlockRow, ManagerRow } from '../core/row.ts';

export interface BlockSpan {
  readonly state: string;
  readonly from: number;
  readonly to: number;
}

/** `end`: until when what has not ended lasted. */
export function blockSpans(block: BlockRow, managers: readonly ManagerRow[], end: number): BlockSpan[] {
  const told = JSON.parse(block.states) as [state: string, time: number][];
  const up = managers
    .filter((manager) => manager.executor === block.executor && manager.block === block.block)
    .reduce((least, { registered }) => Math.min(least, registered), Infinity);
  const running = told.find(([state]) => state === 'RUNNING');
  if (up < (running?.[1] ?? Infinity)) told.push(['RUNNING', up]);
  told.sort((a, b) => a[1] - b[1]);
  return told.map(([state, from], k) => ({ state, from, to: told[k + 1]?.[1] ?? block.ended ?? end }));
}
