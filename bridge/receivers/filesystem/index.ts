/**
 * filesystem: receives what Parsl's FilesystemRadio sends, through maildirs on a shared disk.
 *
 * A file of `<run_dir>/monitor-fs-radio/new` is one message. We hand a batch on, wait until the journal holds it, and
 * only then delete the files: a crash or a refusal delivers twice, never zero times. Parsl looks into the directory
 * every ten seconds, here a file is found within one. Run directories are configured, or announced while we run
 * (`POST /v1/run_dirs`) by whoever starts a run; announced ones are remembered over a restart.
 */
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAbsolute, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { answer, readBody } from '../../core/body.ts';
import { defineReceiver } from '../../core/component.ts';
import { BridgeError } from '../../core/errors.ts';
import { Channel, type Frame } from '../../core/frame.ts';
import { inSlices, sift } from '../../core/intake.ts';
import { readState, writeState } from '../../core/state.ts';
import { decodeFrames } from '../../formats/frames.ts';
import { MaildirReader } from './maildir.ts';
import type { ReadAnswer } from './maildir_thread.ts';

const config = z.strictObject({
  run_dirs: z.array(z.string().min(1)).default([]).describe('Parsl run directories, parents of monitor-fs-radio/.'),
  poll_interval_min_ms: z.int().min(1).max(60_000).default(50).describe('Pause between scans while files come.'),
  poll_interval_max_ms: z.int().min(1).max(600_000).default(800).describe('Pause that it grows to while none come.'),
  batch_files_max: z.int().min(1).max(10_000).default(500).describe('Files handed on at a time.'),
  file_bytes_max: z.int().min(1_024).max(2 ** 29).default(2 ** 24).describe('A longer file is rejected.'),
  run_dirs_max: z.int().min(1).max(100_000).default(1_000).describe('Announced run directories watched at a time.'),
  silent_hours_max: z.number().positive().default(336).describe('An announced one is forgotten after such a silence.'),
}); // prettier-ignore

/** An announced run directory that is gone for so long is forgotten; a shared disk may be away for a moment. */
const GONE_US = 60_000_000;
const HOUR_US = 3_600_000_000;
/** The pause grows to this while what was read is refused. */
const TROUBLE_MS = 5_000;
/** How long stop() waits for a disk that hangs. */
const LAST_SCAN_MS = 5_000;
const REQUEST_BYTES_MAX = 65_536;

interface Watched {
  readonly runDir: string;
  readonly announced: boolean;
  /** Microseconds; when a file last came. */
  heard: number;
  /** When it was first missed, undefined while it is there. */
  gone: number | undefined;
}

type Batch = ReadAnswer & { readonly found: 'files' };

export const filesystem = defineReceiver({
  type: 'filesystem',
  summary: 'Reads the maildirs of parsl.monitoring.radios.filesystem.FilesystemRadio.',
  config,
  create({ run_dirs, poll_interval_min_ms, poll_interval_max_ms, run_dirs_max, silent_hours_max, ...limits }, context) {
    const { log, stateFile } = context;
    const maildirs = new MaildirReader(limits);
    const watched = new Map<string, Watched>();
    const stopping = new AbortController();
    let running: Promise<void> | undefined;
    let stopped: Promise<void> | undefined;
    let ended = false;

    async function run({ signal }: AbortController): Promise<void> {
      let pause = poll_interval_min_ms;
      while (!signal.aborted) {
        const outcome = await scanAll();
        if (outcome === 'files') pause = poll_interval_min_ms;
        else pause = Math.min(pause * 2, outcome === 'trouble' ? TROUBLE_MS : poll_interval_max_ms);
        await sleep(pause, undefined, { signal }).catch(() => {}); // stop() wakes us.
      }
    }

    async function scanAll(): Promise<'files' | 'none' | 'trouble'> {
      let files = 0;
      for (const watch of [...watched.values()]) {
        try {
          files += await scan(watch);
        } catch (error) {
          // Not fatal: whatever was not handed on is still there for the next scan.
          context.report(BridgeError.from(error, 'BRIDGE_IO', `take files from ${watch.runDir}`));
          return 'trouble';
        }
      }
      return files > 0 ? 'files' : 'none';
    }

    /** Hands on all files that are there now; throws what `next` throws. */
    async function scan(watch: Watched): Promise<number> {
      const { runDir } = watch;
      let files = 0;
      let removed: Promise<void> = Promise.resolve();
      let batch = await maildirs.read(runDir, 'new');
      while (batch.found === 'files') {
        const { names, newDir, troubles, more } = batch;
        // The thread reads on while this batch is handed on.
        const ahead = more ? maildirs.read(runDir, 'same') : undefined;
        ahead?.catch(() => {}); // Seen below, unless this batch is refused.
        tell('read a message', troubles);
        if (names.length > 0) {
          files += names.length;
          watch.heard = context.now();
          await deliver(batch);
          // The thread answers in order: this one's answer means that all before are deleted.
          removed = maildirs.remove(newDir, names).then((answer) => tell('delete a message', answer.troubles));
          removed.catch(() => {});
        }
        if (ahead === undefined) break;
        batch = await ahead;
      }
      await removed;
      if (batch.found === 'trouble') tell(`read ${runDir}`, [batch.message]);
      await notice(watch, batch.found === 'no_run_dir');
      return files;
    }

    async function deliver({ bytes, ends, cut }: Batch): Promise<void> {
      const time = context.now();
      const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const all = ends.map((end, index): Frame => {
        return { channel: Channel.filesystem, time, payload: content.subarray(ends[index - 1] ?? 0, end) };
      });
      context.received(all);
      const whole = all.filter((_, index) => !cut.includes(index));
      for (const index of cut) {
        const reason = 'too_large';
        const error = new BridgeError('BRIDGE_DECODE', 'read a message: it is longer than file_bytes_max', { reason });
        const frame = all[index];
        if (frame !== undefined) context.reject(frame, error);
      }
      const { records, frames } = await inSlices(whole, (slice) => sift(slice, decodeFrames, context));
      if (ended) throw new BridgeError('BRIDGE_REFUSED', 'hand on messages: the receiver has stopped');
      if (records.length > 0) await context.next(records, frames);
    }

    function tell(doing: string, troubles: readonly string[]): void {
      for (const trouble of troubles) context.report(new BridgeError('BRIDGE_IO', `${doing}: ${trouble}`));
    }

    /** Forgets announced directories that are gone or have been silent for long. */
    async function notice(watch: Watched, gone: boolean): Promise<void> {
      const time = context.now();
      watch.gone = gone ? (watch.gone ?? time) : undefined;
      const silent = time - watch.heard > silent_hours_max * HOUR_US;
      if (!watch.announced || !(silent || (watch.gone !== undefined && time - watch.gone > GONE_US))) return;
      watched.delete(watch.runDir);
      log.info({ run_dir: watch.runDir, reason: silent ? 'silent' : 'gone' }, 'Run directory is no longer watched.');
      await remember();
    }

    async function remember(): Promise<void> {
      const announced = [...watched.values()].filter((watch) => watch.announced).map(({ runDir }) => runDir);
      await writeState(stateFile, { run_dirs: announced });
    }

    function watch(runDir: string, announced: boolean): void {
      watched.set(runDir, { runDir, announced, heard: context.now(), gone: undefined });
    }

    async function announce(request: IncomingMessage, response: ServerResponse): Promise<void> {
      if (running === undefined) return answer(response, 503, { error: 'the receiver is not started yet' });
      const body = await readBody(request, REQUEST_BYTES_MAX);
      if (!body.ok) return answer(response, body.status, { error: body.error });
      const runDir = parseAnnouncement(body.bytes);
      if (runDir === undefined) return answer(response, 400, { error: 'send {"run_dir": "/absolute/path"}' });
      const known = await stat(runDir).then((entry) => entry.isDirectory(), () => false); // prettier-ignore
      if (!known) return answer(response, 400, { error: `${runDir} is not a directory here` });
      if (!watched.has(runDir)) {
        if (watched.size >= run_dirs_max)
          return answer(response, 503, { error: `${run_dirs_max} run directories are watched already` });
        watch(runDir, true);
        await remember();
        log.info({ run_dir: runDir }, 'Run directory announced.');
      }
      answer(response, 200, { run_dir: runDir });
    }

    async function close(scanning: Promise<void>): Promise<void> {
      stopping.abort();
      const last = scanning.then(scanAll).then(() => maildirs.close()); // What arrived during that last pause.
      await Promise.race([last, sleep(LAST_SCAN_MS, undefined, { ref: false })]);
      ended = true;
      void maildirs.close();
    }

    return {
      async start() {
        for (const runDir of announcedIn(await readState(stateFile)).slice(0, run_dirs_max)) watch(runDir, true);
        for (const runDir of run_dirs) watch(resolve(runDir), false);
        running = run(stopping);
        log.info({ run_dirs: [...watched.keys()] }, 'Watching maildirs.');
      },
      async stop() {
        if (running !== undefined) await (stopped ??= close(running));
      },
      routes: [{ method: 'POST', path: '/v1/run_dirs', access: 'control', handle: announce }],
    };
  },
});

function parseAnnouncement(bytes: Buffer): string | undefined {
  const schema = z.object({ run_dir: z.string().max(4_096).refine(isAbsolute) });
  try {
    return resolve(schema.parse(JSON.parse(bytes.toString())).run_dir);
  } catch {
    return undefined; // Whatever is wrong with it, the answer says what is right.
  }
}

function announcedIn(state: unknown): string[] {
  return z.object({ run_dirs: z.array(z.string()) }).safeParse(state).data?.run_dirs ?? [];
}
