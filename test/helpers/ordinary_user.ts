/** Root may do everything, so what happens without permission shows only to somebody else. */
import { chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Debian's `nobody`. */
const NOBODY = 65534;

/** Runs `action` as a user who owns `directory` and all in it, and has no other rights. */
export async function asOrdinaryUser(directory: string, action: () => Promise<void>): Promise<void> {
  const { seteuid } = process;
  if (seteuid === undefined || process.getuid?.() !== 0) return action();
  const inside = await readdir(directory, { recursive: true });
  for (const path of [directory, ...inside.map((name) => join(directory, name))]) await chown(path, NOBODY, NOBODY);
  seteuid(NOBODY);
  try {
    await action();
  } finally {
    seteuid(0);
  }
}
