/** Logs to measure with: the lines of a recorded run, repeated. */
import { execFileSync } from 'node:child_process';
import { createWriteStream, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const archive = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'run_dirs', 'htex-full.tar.gz');

/** Writes `count` records of the run's logs of this kind; resolves with the bytes written. */
export async function writeLog(path: string, kind: 'jsonlog' | 'log', count: number): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'parsl-otel-bench-'));
  execFileSync('tar', ['xzf', archive, '-C', dir]);
  const records = globSync(`runinfo/000/**/*.${kind}`, { cwd: dir })
    .sort()
    .flatMap((name) => recordsOf(readFileSync(join(dir, name), 'utf8'), kind));
  rmSync(dir, { recursive: true });
  let bytes = 0;
  function* pieces(): Generator<Buffer> {
    for (let at = 0; at < count; at += records.length) {
      const piece = Buffer.from(`${records.slice(0, count - at).join('\n')}\n`);
      bytes += piece.length;
      yield piece;
    }
  }
  await pipeline(Readable.from(pieces()), createWriteStream(path));
  return bytes;
}

function recordsOf(text: string, kind: 'jsonlog' | 'log'): string[] {
  return kind === 'jsonlog' ? text.split('\n').filter(Boolean) : text.trimEnd().split(/\n(?=\d{10}\.\d{6} )/);
}
