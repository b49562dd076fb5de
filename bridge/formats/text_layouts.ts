/**
 * The prefixes of text log lines, one layout for each way in which Parsl and its friends have written them, and what
 * each says. Pure.
 *
 *   created     1795261724.001503 2026-11-21 11:48:44 MainProcess-28522 MainThread-1397 parsl.dataflow.dflow:91 f INFO: …
 *               parsl.log since 1.3, all files since 2026.01
 *   parsl       2026-11-21 11:52:32.173 parsl.dataflow.dflow:84 [DEBUG]  …                      parsl.log up to 1.2, routers
 *               2026-11-21 11:48:44.105 interchange:129 HTEX-Interchange(285) MainThread f [DEBUG]  …      up to 2025
 *               2026-11-21 11:48:49.507 worker_log:576 28605 MainThread [INFO]  …                manager, worker up to 2025
 *               2026-11-21 11:52:33.668 parsl:631 Rank:0 [INFO]  …                               the same up to 1.2
 *               2026-11-21 11:48:44.202 database_manager:712 [INFO] [MainThread 1397] …
 *   endpoint    2026-11-21 12:40:54,127634 DEBUG MainProcess-124 MainThread-1406 parsl.x:276 f …  Globus Compute
 *   audit       2026-11-21T12:40:50.593366+00:00 uid=0 pid=11676 …                               Globus Compute
 *   academy     [2026-11-21 13:41:17.425] [tid=1 pid=1 task=None]  INFO     (root) …
 *   basic       2026-11-21 12:35:19,913 - colmena.task_server.parsl - INFO - …                   what many scripts set up
 *
 * A line that begins with none of them continues the record before it.
 */
import type { WideRecord } from '../core/record.ts';
import { canonicalValue } from '../core/keys.ts';
import { parseInstant, parseLocalTime } from '../core/time.ts';
import { put, putMicros, putNumber } from './log_text.ts';

type Parts = RegExpExecArray;

interface Layout {
  readonly prefix: RegExp;
  /** Sets what the prefix says. */
  take(record: WideRecord, parts: Parts, clock: Clock): void;
}

const LEVEL = String.raw`([A-Z]+|Level \d+)`;
const DATE = String.raw`(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)`;

const created: Layout = {
  prefix: new RegExp(String.raw`^(\d{9,10})\.(\d{6}) ${DATE} (.+?)-(\d+) (.+?)-(\d+) (\S+):(\d+) (\S+) ${LEVEL}: ?`),
  take(record, [, seconds, micros, date = '', process, pid, thread, tid, logger, line, func, level], clock) {
    putMicros(record, `${seconds}${micros}`);
    // The submit side's clock is its run's; where there is no submit side, any clock of its host is.
    if (record['source.log'] === 'parsl' || record['source.nameless'] !== undefined)
      put(record, 'parsl.utc_offset', clock.offset(date, Number(seconds)));
    setSite(record, level, logger, line, func);
    setProcess(record, process, pid, thread, tid);
  },
};

const parsl: Layout = {
  prefix: new RegExp(
    String.raw`^${DATE}\.(\d{3}) (\S+):(\d+) ` +
      String.raw`(?:(?:(\S+)\((\d+)\) (.+?) (\S+)|Rank:(\S+)|(\d+) (.+?)) )?\[${LEVEL}\](?: \[(.+?) (\d+)\])? {0,2}`,
  ),
  take(record, parts, clock) {
    const [, date = '', ms, logger, line, process, pid, thread, func, rank, plainPid, plainThread, level, name, tid] =
      parts;
    record['parsl.timestamp'] = clock.local(date) + Number(ms) * 1000;
    setSite(record, level, logger, line, func);
    setProcess(record, process, pid ?? plainPid, thread ?? plainThread ?? name, tid);
    put(record, 'rank', rank);
  },
};

const endpoint: Layout = {
  prefix: new RegExp(String.raw`^${DATE},(\d{3,6}) ${LEVEL} (.+?)-(\d+) (.+?)-(\d+) (\S+):(\d+) (\S+) ?`),
  take(record, [, date = '', fraction = '', level, process, pid, thread, tid, logger, line, func], clock) {
    record['parsl.timestamp'] = clock.local(date) + Number(fraction.padEnd(6, '0'));
    setSite(record, level, logger, line, func);
    setProcess(record, process, pid, thread, tid);
  },
};

const audit: Layout = {
  prefix: /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) /,
  take(record, [, time = '']) {
    const us = parseInstant(time);
    if (us !== undefined) record['time'] = BigInt(us) * 1000n;
  },
};

const academy: Layout = {
  prefix: new RegExp(
    String.raw`^\[${DATE}[.,](\d{3,6})\](?: \[tid=(\d+) pid=(\d+) task=([^\]]*)\])? +${LEVEL} +\(([^)]*)\) ?`,
  ),
  take(record, [, date = '', fraction = '', tid, pid, task, level, logger], clock) {
    record['parsl.timestamp'] = clock.local(date) + Number(fraction.padEnd(6, '0'));
    setSite(record, level, logger, undefined, undefined);
    setProcess(record, undefined, pid, undefined, tid);
    if (task !== 'None') put(record, 'taskName', task);
  },
};

const basic: Layout = {
  prefix: new RegExp(String.raw`^${DATE}[.,](\d{3,6}) - (\S+) - ${LEVEL} - `),
  take(record, [, date = '', fraction = '', logger, level], clock) {
    record['parsl.timestamp'] = clock.local(date) + Number(fraction.padEnd(6, '0'));
    setSite(record, level, logger, undefined, undefined);
  },
};

const layouts: readonly Layout[] = [created, parsl, endpoint, audit, academy, basic];

/** A prefix is no longer: in a long line that has none each pattern would look for it in ever more ways. */
const PREFIX_CHARS_MAX = 512;

/** The layout of a line; `likely` is tried first. */
export function layoutOf(line: string, likely?: Layout): { layout: Layout; parts: Parts } | undefined {
  const first = line.charCodeAt(0);
  if (first !== 0x5b && !(first >= 0x30 && first <= 0x39)) return undefined; // Neither [ nor a digit.
  const start = line.length > PREFIX_CHARS_MAX ? line.slice(0, PREFIX_CHARS_MAX) : line;
  const guess = likely?.prefix.exec(start);
  if (likely !== undefined && guess != null) return { layout: likely, parts: guess };
  for (const layout of layouts) {
    const parts = layout.prefix.exec(start);
    if (parts !== null) return { layout, parts };
  }
  return undefined;
}

/** True if a log that begins with `text` is one of these. */
export function isTextLog(text: string): boolean {
  const end = text.indexOf('\n');
  return layoutOf(end === -1 ? text : text.slice(0, end)) !== undefined;
}

export type { Layout };

/** Reads local times; lines of one second share their reading. */
export class Clock {
  #text = '';
  #local = 0;

  /** Microseconds of the wall clock. */
  local(date: string): number {
    if (date !== this.#text) {
      this.#text = date;
      this.#local = parseLocalTime(date) ?? 0;
    }
    return this.#local;
  }

  /** Seconds east of UTC of a wall clock that showed `date` at `seconds` since the epoch, to the quarter of an hour. */
  offset(date: string, seconds: number): number {
    return Math.round((this.local(date) / 1e6 - seconds) / 900) * 900 + 0;
  }
}

function setSite(
  record: WideRecord,
  level: string | undefined,
  logger: string | undefined,
  line: string | undefined,
  func: string | undefined,
): void {
  if (level !== undefined) record['level'] = canonicalValue('level', level);
  put(record, 'log.logger', logger);
  putNumber(record, 'code.line.number', line);
  put(record, 'code.function.name', func);
}

function setProcess(
  record: WideRecord,
  process: string | undefined,
  pid: string | undefined,
  thread: string | undefined,
  tid: string | undefined,
): void {
  putNumber(record, 'process.pid', pid);
  put(record, 'process.name', process);
  put(record, 'thread.id', tid);
  put(record, 'thread.name', thread);
}
