/**
 * How full the nodes are: the resident memory of the tries that run on a node against what its manager says it has. A
 * node is no label (DESIGN.md §7), so an executor shows its fullest one.
 */
import type { Run } from '../model/entities.ts';
import { isKnown } from '../model/facts.ts';
import type { Row } from './points.ts';
import { executorOf } from './told.ts';

interface Node {
  bytes: number;
  readonly executors: Set<string>;
}

/** By executor with tries that were sampled: the largest share of a node's memory that the tries on it have shown. */
export function memoryUtilization(run: Run): Row[] {
  const limits = new Map<string, number>();
  for (const { host, memory } of run.managers.values()) {
    if (host.value !== undefined && memory.value !== undefined && memory.value > 0)
      limits.set(host.value, Math.max(limits.get(host.value) ?? 0, memory.value));
  }
  const shares = new Map<string, number>();
  for (const [host, { bytes, executors }] of usedNodes(run)) {
    const limit = limits.get(host);
    if (limit === undefined) continue;
    for (const label of executors) shares.set(label, Math.max(shares.get(label) ?? 0, bytes / limit));
  }
  return [...shares].sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, share]) => [[label], share]);
}

/** By host: the peaks, so far, of the tries that run there now. */
function usedNodes(run: Run): Map<string, Node> {
  const nodes = new Map<string, Node>();
  for (const task of run.tasks.values()) {
    for (const attempted of task.tries) {
      if (attempted === undefined || isKnown(attempted.ended) || isKnown(attempted.returned)) continue;
      const host = attempted.host.value;
      const bytes = attempted.usage?.memory.high ?? NaN;
      if (host === undefined || Number.isNaN(bytes)) continue;
      let node = nodes.get(host);
      if (node === undefined) nodes.set(host, (node = { bytes: 0, executors: new Set() }));
      node.bytes += bytes;
      node.executors.add(executorOf(attempted));
    }
  }
  return nodes;
}
