/** What a receiver remembers over a restart beside its positions: one small JSON file, replaced as a whole. */
import { readFile, rename, writeFile } from 'node:fs/promises';

/** The file's content; undefined if there is none, or none that can be used: then a receiver begins anew. */
export async function readState(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}

export async function writeState(file: string, content: object): Promise<void> {
  const temporary = `${file}.tmp`;
  await writeFile(temporary, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  await rename(temporary, file);
}
