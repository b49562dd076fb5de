/**
 * What a file in or around a Parsl run directory is, by its path within the input. Pure.
 *
 *   runinfo/NNN/{parsl,database_manager,monitoring_*}.{log,jsonlog}
 *   runinfo/NNN/<executor>/interchange.{log,jsonlog}
 *   runinfo/NNN/<executor>/block-B/<manager>/{manager,worker_K}.{log,jsonlog}
 *   runinfo/NNN/<executor>/{transaction_log,master_log,debug_log}                 Work Queue
 *   runinfo/<executor>/<timestamp>/vine-logs/{transactions,taskgraph,performance,debug}     TaskVine
 *   runinfo/NNN/submit_scripts/parsl.<executor>[.block-B].<epoch>.{sh,submit}[.{out,err,ec,stdout,stderr}]
 *   runinfo/NNN/task_logs/DDDD/task_TTTT_<app>.{stdout,stderr}
 *   <endpoint>/endpoint.log, <endpoint>/<engine>/…                                Globus Compute
 *
 * A log that was rotated has a number or a date behind its name, one that was compressed `.gz`.
 *
 * Names say whose log it is and where it belongs, content says how it is to be read (log_content.ts). Keys, pickles and users' data are
 * never opened: `mayBeLog` is asked before anything else.
 */
import type { LogFormat } from './log_text.ts';

export interface LogFile {
  readonly format: LogFormat;
  /** Canonical keys that the path tells, `source.run_dir` and `source.log` among them. */
  readonly keys: Readonly<Record<string, string | number>>;
  /** Files of a finished input are read in this order, so that what tells whose a line is comes before the line. */
  readonly rank: number;
}

/** Bytes of a file that tell what it is, if it has as many (log_content.ts). */
export const HEAD_BYTES = 4_096;
/** The same of a submit side's log: it says its run's id after its configuration, which may be long. */
const SUBMIT_HEAD_BYTES = 65_536;
const RANK_MAX = 5;

const neverDirs = new Set([
  'certificates', 'log_config', 'function_data', 'package_data', 'checkpoint', 'monitor-fs-radio', 'staging',
  '.git', '.ssh', 'node_modules', '__pycache__', 'site-packages',
]); // prettier-ignore
const NEVER_FILE = /(?:\.key(?:_secret)?|\.pem|\.pkl|\.pickle|\.pyc|\.crt)$|^(?:id_[a-z0-9]+|\.netrc|storage\.db)$/;

/** True for secret keys, pickles, what users gave to their tasks, and directories that hold no logs. */
export function isNeverRead(path: string): boolean {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  return NEVER_FILE.test(name) || parts.some((part) => neverDirs.has(part)) || neverDirs.has(name);
}

interface Place {
  /** Directory that is the run directory, '' for the input itself; undefined where the path does not tell. */
  readonly dir: string | undefined;
  readonly log: string;
  readonly rank: number;
  readonly keys?: Record<string, string | number>;
}

const LOG = String.raw`\.(?:jsonlog|log)(?:[.-]\d[\d_.-]*)?(?:\.gz)?$`;
const DIR = '(?:^|^(.*)/)';
/** The same and the executor's directory in it, or the input is that itself. */
const EXECUTOR_DIR = '(?:^|^(?:(.*)/)?([^/]+)/)';

type Rule = readonly [RegExp, (parts: readonly (string | undefined)[]) => Place];

/** By path; the first that fits. The first group is always the run directory. */
const places: readonly Rule[] = [
  [new RegExp(`${DIR}parsl${LOG}`), ([, dir = '']) => ({ dir, log: 'parsl', rank: 0 })],
  [new RegExp(`${DIR}database_manager${LOG}`), ([, dir = '']) => ({ dir, log: 'database_manager', rank: 5 })],
  [
    new RegExp(`${DIR}([^/]+)/monitoring_zmq_router${LOG}`),
    ([, dir = '', label = '']) => ({ dir, log: 'monitoring_router', rank: 5, keys: { 'parsl.executor': label } }),
  ],
  [new RegExp(`${DIR}monitoring_\\w+${LOG}`), ([, dir = '']) => ({ dir, log: 'monitoring_router', rank: 5 })],
  [
    new RegExp(`${DIR}task_(\\d+)_(\\d+)${LOG}`),
    ([, dir = '', task, tried]) => ({
      dir,
      log: 'worker',
      rank: 4,
      keys: { 'parsl.task': Number(task), 'parsl.try': Number(tried) },
    }),
  ],
  [
    new RegExp(`${EXECUTOR_DIR}interchange${LOG}`),
    ([, dir = '', label]) => ({ dir, log: 'interchange', rank: 1, keys: ofExecutor(label) }),
  ],
  [
    new RegExp(`${EXECUTOR_DIR}block-([^/]+)/([0-9a-f]{12})/(?:(manager)|worker_(\\d+))${LOG}`),
    ([, dir = '', label, block = '', manager = '', isManager, worker]) => ({
      dir,
      log: isManager === undefined ? 'worker' : 'manager',
      rank: isManager === undefined ? 4 : 3,
      keys: {
        ...ofExecutor(label),
        'parsl.block': block,
        'parsl.manager': manager,
        ...(worker === undefined ? {} : { 'parsl.worker': Number(worker) }),
      },
    }),
  ],
  [
    new RegExp(`${EXECUTOR_DIR}(?:(debug_log)|transaction_log|master_log)$`),
    ([, dir = '', label, debug]) => ({
      dir,
      log: 'work_queue',
      rank: debug === undefined ? 2 : 1,
      keys: ofExecutor(label),
    }),
  ],
  [
    /^(?:(?:[^/]+\/)?|(?:.*\/)?([^/]+)\/[^/]+\/)vine-logs\/(?:(debug|taskgraph)|transactions|performance)$/,
    ([, label, early]) => ({
      dir: undefined,
      log: 'taskvine',
      rank: early === undefined ? 2 : 1,
      keys: ofExecutor(label),
    }),
  ],
  [
    new RegExp(
      `${DIR}submit_scripts/(parsl\\.(.+?)(?:\\.block-([^./]+))?\\.\\d+(?:\\.\\d+)?\\.(?:sh|submit))(\\.\\w+)?$`,
    ),
    ([, dir = '', script = '', label = '', block, output]) => ({
      dir,
      log: output === undefined ? 'submit_script' : 'batch_output',
      rank: 5,
      keys: {
        'parsl.executor': label,
        'parsl.submit_script': script,
        ...(block === undefined ? {} : { 'parsl.block': block }),
      },
    }),
  ],
  [new RegExp(`${DIR}submit_scripts/[^/]+$`), ([, dir = '']) => ({ dir, log: 'batch_output', rank: 5 })],
  [
    new RegExp(`${DIR}task_logs/\\d+/task_(\\d+)_([^/]+)\\.(?:stdout|stderr)$`),
    ([, dir = '', task, app = '']) => ({
      dir,
      log: 'task_output',
      rank: 5,
      keys: { 'parsl.task': Number(task), 'parsl.app_name': app },
    }),
  ],
  [new RegExp(`${DIR}endpoint${LOG}`), ([, dir = '']) => ({ dir, log: 'endpoint', rank: 2 })],
  [new RegExp(`(?:^|/)audit${LOG}`), () => ({ dir: undefined, log: 'endpoint', rank: 1 })],
  // Single logs that somebody has put together.
  [new RegExp(`(?:^|/)manager${LOG}`), () => ({ dir: undefined, log: 'manager', rank: 3 })],
  [
    new RegExp(`(?:^|/)worker_(\\d+)${LOG}`),
    ([, worker]) => ({ dir: undefined, log: 'worker', rank: 4, keys: { 'parsl.worker': Number(worker) } }),
  ],
];

function ofExecutor(label: string | undefined): Record<string, string> {
  return label === undefined ? {} : { 'parsl.executor': label };
}

/** Names under which logs lie that no rule knows. */
const LOOKS_LIKE_LOG = /(?:\.(?:log|jsonlog|jsonl|ndjson)|\.debug)(?:\.[^/]*)?$|^monitoring\.json$/;

/**
 * What the file at `path` is; undefined if it is none of ours. `runDirs` are the run directories known so far: a log
 * that no rule names is read as text only if it lies in one of them.
 */
export function placeLog(path: string, format: LogFormat, runDirs: ReadonlySet<string>): LogFile | undefined {
  const named = placeOf(path, runDirs);
  if (named === undefined) return undefined;
  const place = settled(path, named, runDirs);
  const isOutput = place.log === 'submit_script' || place.log === 'batch_output';
  // Far from any run directory only what is a log by its content, too.
  if (format === 'text' && !isOutput && place.dir === undefined) return undefined;
  const keys: Record<string, string | number> = { ...place.keys };
  if (place.dir !== undefined) keys['source.run_dir'] = place.dir === '' ? '.' : place.dir;
  keys['source.log'] = logOf(place.log, format);
  return { format: isOutput ? place.log : format, keys, rank: place.rank };
}

/** False for what is not even looked into: secret keys, users' data, and names that no log has. */
export function mayBeLog(path: string): boolean {
  if (isNeverRead(path)) return false;
  return placeByName(path) !== undefined || LOOKS_LIKE_LOG.test(path.slice(path.lastIndexOf('/') + 1));
}

/** True for a path that by itself tells whose log it is. */
export function isNamedLog(path: string): boolean {
  return placeByName(path) !== undefined;
}

/** Bytes of the file at `path` that tell all that its beginning tells. */
export function headBytes(path: string): number {
  return placeByName(path)?.log === 'parsl' ? SUBMIT_HEAD_BYTES : HEAD_BYTES;
}

/** The run directory that a path tells for sure, '' for the input itself; undefined if it tells none. */
export function runDirOf(path: string): string | undefined {
  const place = placeByName(path);
  return place?.keys?.['parsl.executor'] === undefined ? place?.dir : undefined;
}

/** What is called an executor's directory by its name alone may be the run directory itself; or none is known yet. */
function settled(path: string, place: Place, runDirs: ReadonlySet<string>): Place {
  const { 'parsl.executor': label, ...keys } = place.keys ?? {};
  const inner = label === undefined || place.dir === undefined ? undefined : join(place.dir, String(label));
  if (inner !== undefined && runDirs.has(inner)) return { ...place, dir: inner, keys };
  return place.dir === undefined ? { ...place, dir: ancestorIn(path, runDirs) } : place;
}

function join(dir: string, name: string): string {
  return dir === '' ? name : `${dir}/${name}`;
}

function placeByName(path: string): Place | undefined {
  for (const [pattern, place] of places) {
    const parts = pattern.exec(path);
    if (parts !== null) return place(parts);
  }
  return undefined;
}

function placeOf(path: string, runDirs: ReadonlySet<string>): Place | undefined {
  const named = placeByName(path);
  if (named !== undefined) return named;
  if (!LOOKS_LIKE_LOG.test(path.slice(path.lastIndexOf('/') + 1))) return undefined;
  return { dir: ancestorIn(path, runDirs), log: 'other', rank: RANK_MAX };
}

/** The nearest directory above `path` that is one of these. */
function ancestorIn(path: string, runDirs: ReadonlySet<string>): string | undefined {
  for (let dir = parentOf(path); ; dir = parentOf(dir)) {
    if (runDirs.has(dir)) return dir;
    if (dir === '') return undefined;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** A log that a name does not tell may be told by its content. */
function logOf(log: string, format: LogFormat): string {
  if (log !== 'other') return log;
  if (format.startsWith('work_queue')) return 'work_queue';
  return format.startsWith('taskvine') ? 'taskvine' : log;
}
