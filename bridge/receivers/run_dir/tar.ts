/**
 * tar, gzipped or not, as a stream: read once to see what is in it, then once for each group of files. Nothing is written
 * to disk; a path in it is a name and no more.
 */
import { Readable } from 'node:stream';
import { extract, type Extract } from 'tar-stream';

import { BridgeError } from '../../core/errors.ts';
import { readInput, unzip } from '../../core/input.ts';
import { isNeverRead } from '../../formats/log_files.ts';
import { database, headOf, holeProblem, recognise } from './look.ts';
import { copyOnDisk } from './on_disk.ts';
import {
  entryPath,
  isArchivePath,
  isDatabasePath,
  isWanted,
  leadsOut,
  nestedArchives,
  tooManyLogs,
  type Content,
  type SeenFile,
  type Tree,
  type TreeLimits,
} from './tree.ts';

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/** A header's length, and where its checksum stands. */
const BLOCK_BYTES = 512;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;
/** Of all reading, for a progress bar. */
const LOOK_SHARE = 0.2;

/** True if `head`, at least a block, is the header of a tar's first entry. */
export function looksLikeTar(head: Uint8Array): boolean {
  if (head.length < BLOCK_BYTES) return false;
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) {
    const isChecksum = at >= CHECKSUM_AT && at < CHECKSUM_AT + CHECKSUM_BYTES;
    sum += isChecksum ? 0x20 : (head[at] ?? 0);
  }
  const said = Buffer.from(head.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES)).toString('latin1');
  return head[0] !== 0 && sum === Number.parseInt(said.replace(/[^0-7]/g, ''), 8);
}

export function tarTree(path: string, limits: TreeLimits, signal: AbortSignal, onBytes: (bytes: number) => void): Tree {
  /** `share` of the archive's bytes is told of. */
  async function* entries(share: number): AsyncGenerator<Entry> {
    const tar = extract();
    const source = Readable.from(readInput(path, signal, (bytes) => onBytes(bytes * share)));
    source.on('error', (error) => tar.destroy(error));
    source.pipe(tar);
    try {
      for await (const entry of tar) {
        yield entry;
        entry.resume(); // What was not read is passed over.
      }
    } catch (error) {
      if (signal.aborted) throw error;
      throw asProblem(error, path);
    } finally {
      source.destroy();
      tar.destroy();
    }
  }

  async function lookAt(
    entry: Entry,
    name: string,
    report: (error: BridgeError) => void,
  ): Promise<SeenFile | undefined> {
    if (isDatabasePath(name)) return database(name);
    const head = await headOf(contentOf(entry), name, true);
    const where = `${path}: ${name}`;
    const file = recognise(name, head, where);
    const problem = file instanceof BridgeError ? file : file && holeProblem(head, where);
    if (problem !== undefined) report(problem);
    return file instanceof BridgeError ? undefined : file;
  }

  /** By path: which of the entries of that name counts, the last one as tar itself has it, and whether it is gzip. */
  const chosen = new Map<string, { readonly turn: number; readonly isZipped: boolean }>();

  const tree: Tree = {
    isSequential: true,
    async look(report) {
      const seen = new Map<string, SeenFile>();
      const turns = new Map<string, number>();
      const archives = new Set<string>();
      try {
        for await (const entry of entries(LOOK_SHARE)) {
          const name = nameOf(path, entry, report);
          if (name === undefined) continue;
          if (isArchivePath(name)) archives.add(name);
          if (!isWanted(name)) continue;
          const turn = (turns.get(name) ?? 0) + 1;
          if (turn === 1 && turns.size >= limits.files_max) {
            report(tooManyLogs(path, limits.files_max));
            break;
          }
          turns.set(name, turn);
          seen.delete(name);
          const file = await lookAt(entry, name, report);
          if (file === undefined) continue;
          seen.set(name, file);
          chosen.set(name, { turn, isZipped: file.isZipped });
        }
      } catch (error) {
        if (signal.aborted) throw error;
        report(BridgeError.from(error, 'BRIDGE_DECODE', `read ${path}`)); // What came before it is used.
      }
      const problem = nestedArchives(path, [...archives].sort());
      if (problem !== undefined) report(problem);
      return [...seen.values()];
    },
    async *read(groups) {
      for (const group of groups) {
        const wanted = new Set(group);
        const turns = new Map<string, number>();
        try {
          for await (const entry of entries((1 - LOOK_SHARE) / groups.length)) {
            const name = nameOf(path, entry, () => {}); // The first look has told.
            if (name === undefined || !wanted.has(name)) continue;
            const turn = (turns.get(name) ?? 0) + 1;
            turns.set(name, turn);
            const choice = chosen.get(name) ?? { turn: 1, isZipped: false };
            if (turn < choice.turn) continue;
            wanted.delete(name);
            const bytes = contentOf(entry);
            yield { path: name, bytes: choice.isZipped ? unzip(bytes, `${path}: ${name}`) : bytes } satisfies Content;
            if (wanted.size === 0) break;
          }
        } catch (error) {
          if (signal.aborted) throw error;
          // The first look has told of it; what is whole was given.
        }
      }
    },
    onDisk: (name) => copyOnDisk(tree, name, limits),
  };
  return tree;
}

/** The path of a regular file within the archive. */
function nameOf(archive: string, { header }: Entry, report: (error: BridgeError) => void): string | undefined {
  if (header.type !== 'file' && header.type !== 'contiguous-file') return undefined;
  const path = entryPath(header.name);
  if (path === undefined) report(leadsOut(archive, header.name));
  return path !== undefined && !isNeverRead(path) ? path : undefined;
}

/**
 * An entry's bytes, as many as there are: that the archive is cut off within it comes out of the archive itself. What is
 * left when nobody wants more is passed over, not the archive as a whole.
 */
async function* contentOf(entry: Entry): AsyncGenerator<Buffer> {
  try {
    for await (const piece of entry as AsyncIterable<Buffer>) yield piece;
  } catch {
    // It is told for the archive.
  }
}

function asProblem(error: unknown, path: string): BridgeError {
  if (error instanceof BridgeError) return error;
  const why = error instanceof Error ? error.message : String(error);
  const reason = /end of data|end of (?:file|stream)/i.test(why) ? 'truncated' : 'corrupt';
  return new BridgeError('BRIDGE_DECODE', `read ${path}: ${why}`, { cause: error, reason });
}
