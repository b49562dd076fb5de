/** Positions of parts of parts: the rows of a table in one database of many, a log in one archive of many. */
import type { Positions } from './component.ts';

/** No name of a file or table that we make has one. */
const BETWEEN = '\n';

/** What is within `scope`, by its names there. */
export function inScope(scope: string, positions: Positions): Map<string, unknown> {
  const prefix = `${scope}${BETWEEN}`;
  const found = new Map<string, unknown>();
  for (const [part, position] of positions) if (part.startsWith(prefix)) found.set(part.slice(prefix.length), position);
  return found;
}

/** What has its names within `scope`, by those that it has outside. */
export function fromScope(scope: string, positions: Positions): Map<string, unknown> {
  return new Map([...positions].map(([part, position]) => [`${scope}${BETWEEN}${part}`, position]));
}
