/**
 * What the kernel dropped of a UDP socket's datagrams because its receive buffer was full. Linux tells in the last
 * column of /proc/net/udp and udp6; elsewhere nobody tells, and the count stays 0.
 */
import { readFile } from 'node:fs/promises';

/** Returns a function that counts the datagrams dropped since it was last called. */
export function kernelDrops(port: number): () => Promise<number> {
  let seen = 0;
  return async () => {
    const tables = await Promise.all(
      ['udp', 'udp6'].map((name) => readFile(`/proc/net/${name}`, 'latin1').catch(() => '')),
    );
    const total = tables.reduce((sum, table) => sum + dropsOf(table, port), 0);
    const fresh = Math.max(0, total - seen);
    seen = total;
    return fresh;
  };
}

/** Sum of the `drops` column of the sockets bound to `port`. */
export function dropsOf(table: string, port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let drops = 0;
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[1]?.endsWith(local) === true) drops += Number(columns.at(-1)) || 0;
  }
  return drops;
}
