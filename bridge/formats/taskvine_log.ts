/**
 * TaskVine's logs: transactions, taskgraph, performance and debug. They are Work Queue's (work_queue_log.ts), but for
 *
 *   MANAGER <pid> START | END <µs since start>
 *   WORKER <id> CONNECTION <host:port> | DISCONNECTION <reason> | RESOURCES {totals}
 *   WORKER <id> CACHE_UPDATE | TRANSFER INPUT | TRANSFER OUTPUT <file> <size> <wall µs> <start µs>
 *   TASK <id> READY <category> FIRST_RESOURCES | MAX_RESOURCES <attempt> {requested}      WAITING before 7.8
 *   TASK <id> RUNNING <worker>  FIRST_RESOURCES | MAX_RESOURCES {allocated, times}
 *   LIBRARY <id> WAITING | SENT | STARTED | FAILURE <worker>      its ids are out of the tasks' sequence
 *   APPLICATION <text>
 *
 * Sizes are bytes, whatever the log's own heading says. The taskgraph tells which executor task a TaskVine task is, for
 * Parsl keeps each one's files in a directory of its number:
 *
 *   FILE file-meta-9dac… "/tmp/vine-user-…/0002/function" 6162
 *   TASK T3 "python3" INPUTS file-meta-12f0… file-meta-9dac… OUTPUTS file-rnd-hkpd…
 *
 * A TASK line there becomes one record for each of its files, so that files and tasks join by keys alone.
 */
import { decodeTransactions, putResources, type Transaction } from './cctools_log.ts';
import { forEachLine, newRecord, put, putNumber, type LogText } from './log_text.ts';
import { putCategory, putResult } from './work_queue_log.ts';

export function decodeTaskVineTransactions(chunk: LogText): void {
  decodeTransactions(chunk, (transaction) => {
    const { record, words } = transaction;
    const [what, id, state, worker] = words;
    if (what === 'TASK') putTask(transaction);
    else if (what === 'WORKER') putWorker(transaction);
    else if (what === 'CATEGORY') putCategory(transaction, 'taskvine');
    else if (what === 'MANAGER') put(record, 'taskvine.manager_state', state);
    else if (what === 'LIBRARY') {
      putNumber(record, 'taskvine.library', id);
      put(record, 'taskvine.library_state', state);
      put(record, 'taskvine.worker', worker);
    }
  });
}

function putTask({ record, words, objects }: Transaction): void {
  const [, id, state, third, fourth, attempt] = words;
  putNumber(record, 'taskvine.task', id);
  put(record, 'taskvine.state', state);
  if (state === 'READY' || state === 'WAITING') {
    put(record, 'taskvine.category', third);
    putNumber(record, 'taskvine.attempt', attempt);
    putResources(record, 'parsl.resource_specification', objects[0]);
  } else if (state === 'RUNNING' || state === 'WAITING_RETRIEVAL') {
    put(record, 'taskvine.worker', third);
    putResources(record, 'taskvine.allocated', objects[0]);
  } else if (state === 'RETRIEVED' || state === 'DONE') {
    putResult(record, 'taskvine', third, fourth, objects);
  }
}

function putWorker({ record, words, objects }: Transaction): void {
  const [, id, what, third] = words;
  put(record, 'taskvine.worker', id);
  if (what === 'RESOURCES') return putResources(record, 'taskvine.worker_resources', objects[0]);
  if (what === 'CONNECTION' || what === 'DISCONNECTION') {
    put(record, 'taskvine.worker_state', what);
    put(record, what === 'CONNECTION' ? 'taskvine.worker_address' : 'taskvine.reason', third);
    return;
  }
  const [file, size, wall, began] = words.slice(what === 'TRANSFER' ? 4 : 3);
  put(record, 'taskvine.transfer', what === 'TRANSFER' ? third : what);
  put(record, 'taskvine.file', file);
  putNumber(record, 'taskvine.transfer_bytes', size);
  putNumber(record, 'taskvine.transfer_duration', wall, 1e6);
  putNumber(record, 'taskvine.transfer_start', began, 1e6);
}

const FILE = /^FILE (\S+) "(.*)" (\d+)/;
const TASK = /^TASK T(\d+) "(.*)" INPUTS ?(.*?) ?OUTPUTS ?(.*)$/;
const EXECUTOR_TASK = /\/(\d{4,})\/(?:function|argument|map|result)$/;

export function decodeTaskGraph(chunk: LogText): void {
  const { bytes, constants, records } = chunk;
  forEachLine(chunk, (start, end, line) => {
    const text = bytes.toString('utf8', start, end).trimEnd();
    if (text === '' || text.startsWith('#')) return;
    const base = newRecord(constants, line);
    base['message'] = text;
    const file = FILE.exec(text);
    const task = file === null ? TASK.exec(text) : null;
    if (file !== null) {
      const [, name = '', path = '', size] = file;
      base['taskvine.file'] = name;
      putNumber(base, 'taskvine.file_bytes', size);
      const number = EXECUTOR_TASK.exec(path)?.[1];
      putNumber(base, 'parsl.executor_task', number);
    }
    if (task === null) return void records.push(base);
    const [, id, program = '', inputs = '', outputs = ''] = task;
    putNumber(base, 'taskvine.task', id);
    base['taskvine.program'] = program;
    const files = `${inputs} ${outputs}`.split(' ').filter(Boolean);
    if (files.length === 0) return void records.push(base);
    files.forEach((name, copy) => records.push({ ...base, 'taskvine.file': name, 'source.copy': copy }));
  });
}
