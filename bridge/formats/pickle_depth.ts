/**
 * How deep containers lie in containers. A pickle of 100 bytes can be 90 deep without its stack ever being higher than
 * one, so depth cannot be seen while decoding; whoever walks the result by recursion relies on this check.
 */
import { fail } from './pickle_error.ts';
import { Dict } from './pickle_globals.ts';

/**
 * Throws `limit` if containers lie more than `depth_max` deep. A container that lies in itself counts once. Each
 * container is entered again only where it lies deeper than before, so that shared parts cost no exponential time.
 */
export function checkDepth(root: unknown, depth_max: number): void {
  const deepest = new Map<object, number>();
  const path = new Set<object>();
  walk(root, 1);

  function walk(value: unknown, depth: number): void {
    const items = value instanceof Dict ? value.pairs : value;
    if (!Array.isArray(items) || path.has(items) || (deepest.get(items) ?? 0) >= depth) return;
    if (depth > depth_max) fail('limit', `nested deeper than ${depth_max}`);
    deepest.set(items, depth);
    path.add(items);
    for (const item of items as unknown[]) walk(item, depth + 1);
    path.delete(items);
  }
}
