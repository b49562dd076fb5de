/** One log record: who says it, and all its keys, each a way to the records that have the same. */
import { h } from '../dom.js';
import { clock, exact } from '../format.js';
import { recordsHref, runHref, taskHref } from '../route.js';

/** What a key means only together with others: a task is a task of a run. */
const scopes = {
  'parsl.task': ['parsl.dfk'],
  'parsl.try': ['parsl.dfk', 'parsl.task'],
  'parsl.executor': ['parsl.dfk'],
  'parsl.executor_task': ['parsl.dfk', 'parsl.executor'],
  'parsl.block': ['parsl.dfk', 'parsl.executor'],
  'parsl.manager': ['parsl.dfk'],
  'parsl.worker': ['parsl.dfk', 'parsl.manager'],
  'workqueue.task': ['parsl.dfk', 'parsl.executor'],
  'taskvine.task': ['parsl.dfk', 'parsl.executor'],
  'process.pid': ['parsl.dfk', 'host.name'],
  'thread.name': ['parsl.dfk', 'source.path'],
  'thread.id': ['parsl.dfk', 'source.path'],
  'source.path': ['source.input', 'source.run_dir'],
  'parsl.app_name': ['parsl.dfk'],
};
/** A moment of the run, and what cannot be asked for. */
const notAsked = new Set(['time', 'message', 'source.line', 'source.arrival', 'source.copy']);
const AROUND_US = 1e6;

/** Instant of a record in microseconds: its `time` is nanoseconds in digits. */
export const instantOf = (record) =>
  typeof record.time === 'string' && /^\d+$/.test(record.time) ? Number(record.time.slice(0, -3)) : null;

/** parsl, interchange htex, manager 8f8ba7000809, worker 8f8ba7000809/1 */
export function sourceOf(record) {
  const log = record['source.log'] ?? record['source.format'] ?? 'unknown';
  const manager = record['parsl.manager'];
  if (log === 'manager' && manager !== undefined) return `manager ${manager}`;
  if (log === 'worker' && manager !== undefined) return `worker ${manager}${record['parsl.worker'] === undefined ? '' : `/${record['parsl.worker']}`}`;
  if (log === 'interchange' && record['parsl.executor'] !== undefined) return `interchange ${record['parsl.executor']}`;
  return log;
} // prettier-ignore

/** What a record says; one without text says its keys, but those that tell whose and where it is. */
export const saidBy = (record) =>
  record.message ||
  Object.entries(record)
    .filter(([key]) => key !== 'time' && key !== 'message' && !/^(?:source|log|parsl)\./.test(key))
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');

export const firstLine = (text) => String(text ?? '').split('\n', 1)[0];

/** Conditions that find the records with the same value of `key`. */
export function same(record, key) {
  const conditions = {};
  for (const scope of scopes[key] ?? []) if (record[scope] !== undefined) conditions[scope] = record[scope];
  return { ...conditions, [key]: record[key] };
}

export function levelClass(level) {
  return level === 'ERROR' ? '.bad' : level === 'WARN' ? '.warn' : '';
}

/** All that a record holds. */
export function recordDetails(record) {
  const at = instantOf(record);
  const keys = Object.keys(record).filter((key) => !notAsked.has(key)).toSorted(); // prettier-ignore
  const run = record['parsl.dfk'];
  const task = record['parsl.task'];
  return h('div.record', null,
    h('pre', null, record.message ?? ''),
    h('p.ways', null,
      at === null ? null : h('span.muted', null, exact(at)),
      at === null ? null : h('a', { href: recordsHref({ 'parsl.dfk': run, from: at - AROUND_US, to: at + AROUND_US }) }, 'What else was said around this time'),
      run === undefined || task === undefined ? null : h('a', { href: taskHref(run, task) }, `Task ${task}`),
      run === undefined ? null : h('a', { href: runHref(run) }, 'Its run'),
      record['source.path'] === undefined ? null : h('span.muted', null, `${record['source.path']}${record['source.line'] === undefined ? '' : `, line ${record['source.line']}`}`)),
    h('dl.keys', { 'aria-label': 'Keys; each value leads to the records that have the same' }, keys.map((key) => h('div', { 'data-key': key },
      h('dt', null, key), h('dd', null, h('a', { href: recordsHref(same(record, key)), title: `Records with the same ${key}` }, String(record[key]))))))); // prettier-ignore
}

/** A button that opens and closes a row. */
export function opener(isOpen, toggle, what) {
  return h('button.opener', { type: 'button', 'aria-expanded': String(isOpen), title: isOpen ? 'Less' : 'All keys', onclick: toggle },
    h('span.sr', null, `All keys of ${what}`)); // prettier-ignore
}

export const timeText = (at) => (at === null ? 'no time' : clock(at, 6));
