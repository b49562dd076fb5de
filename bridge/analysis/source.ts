/**
 * Who speaks in a log line, and which step of a task's way it is. Numbers at the end of thread and process names count
 * instances (`Task-Launch_3`, `HTEX-Worker-1`, `JobStatusPoller-Timer-Thread-140440550532704`): they tell who, and are
 * taken off where the question is what.
 */
import { number, text, type WideRecord } from '../core/record.ts';

/** Whose log it is, else in what format: `parsl`, `interchange`, `worker` … */
export function logOf(record: WideRecord): string {
  return text(record, 'source.log') ?? text(record, 'source.format') ?? 'unknown';
}

/** `parsl`, `interchange htex`, `manager 8f8ba7000809`, `worker 8f8ba7000809/1`, `work_queue wq`, `work_queue worker`. */
export function sourceOf(record: WideRecord): string {
  const log = logOf(record);
  const manager = text(record, 'parsl.manager');
  const worker = number(record, 'parsl.worker');
  const executor = text(record, 'parsl.executor');
  if (log === 'manager' && manager !== undefined) return `${log} ${manager}`;
  if (log === 'worker' && manager !== undefined) return `${log} ${manager}${worker === undefined ? '' : `/${worker}`}`;
  const isOther = log === 'work_queue' || log === 'taskvine';
  if (isOther && text(record, 'process.name')?.endsWith('worker') === true) return `${log} worker`;
  if ((isOther || log === 'interchange') && executor !== undefined) return `${log} ${executor}`;
  return log;
}

/** The thread, or else the process, that is not its program's main one; empty for the main ones. */
export function threadOf(record: WideRecord): string {
  const thread = text(record, 'thread.name') ?? 'MainThread';
  if (thread !== 'MainThread') return thread;
  const process = text(record, 'process.name') ?? 'MainProcess';
  return process === 'MainProcess' || /^HTEX-Worker-\d+$/.test(process) ? '' : process;
}

/** A thread's or process's name without the number of the instance. */
export function threadKind(name: string): string {
  return name.replace(/[-_]\d+$/, '');
}

/** The record's template; where no rule gave it one, its first line without what changes most: numbers. */
export function templateOf(record: WideRecord): string {
  return text(record, 'log.template') ?? firstLine(text(record, 'message') ?? '').replace(/\d+/g, '#');
}

export function firstLine(message: string): string {
  const end = message.indexOf('\n');
  return end < 0 ? message : message.slice(0, end);
}
