/**
 * Work Queue's logs: transaction_log, master_log (performance) and debug_log. Lines of the first, after time and pid:
 *
 *   MANAGER START | END                                                 MASTER up to 7.1
 *   WORKER <id> <host:port>  CONNECTION | DISCONNECTION <reason>
 *   WORKER <id> RESOURCES {totals}
 *   CATEGORY <name> MAX | MIN {…}    CATEGORY <name> FIRST <mode> {…}
 *   TASK <id> WAITING <category> FIRST_RESOURCES | MAX_RESOURCES {requested}
 *   TASK <id> RUNNING <host:port>  FIRST_RESOURCES | MAX_RESOURCES {allocated}
 *   TASK <id> WAITING_RETRIEVAL <host:port>
 *   TASK <id> RETRIEVED | DONE <result>  <exit code>  {limits exceeded} {measured}
 *   TASK <id> CANCELED | UNKNOWN
 *   TRANSFER INPUT | OUTPUT <task> <cached> <MB> <s> <file>             since 7.4.10
 *
 * A Python exception in an app is SUCCESS 0 here. Any other line is a record with its text.
 */
import type { WideRecord } from '../core/record.ts';
import { decodeTransactions, putResources, type Transaction } from './cctools_log.ts';
import { put, putNumber, type LogText } from './log_text.ts';

const MB = 2 ** 20;

export function decodeWorkQueueTransactions(chunk: LogText): void {
  decodeTransactions(chunk, (transaction) => {
    const [what] = transaction.words;
    if (what === 'TASK') putTask(transaction);
    else if (what === 'WORKER') putWorker(transaction);
    else if (what === 'CATEGORY') putCategory(transaction, 'workqueue');
    else if (what === 'TRANSFER') putTransfer(transaction);
    else if (what === 'MANAGER' || what === 'MASTER')
      put(transaction.record, 'workqueue.manager_state', transaction.words[1]);
  });
}

function putTask({ record, words, objects }: Transaction): void {
  const [, id, state, third, fourth] = words;
  putNumber(record, 'workqueue.task', id);
  put(record, 'workqueue.state', state);
  if (state === 'WAITING') {
    put(record, 'workqueue.category', third);
    putResources(record, 'parsl.resource_specification', objects[0]);
  } else if (state === 'RUNNING' || state === 'WAITING_RETRIEVAL') {
    put(record, 'workqueue.worker_address', third);
    putResources(record, 'workqueue.allocated', objects[0]);
  } else if (state === 'RETRIEVED' || state === 'DONE') {
    putResult(record, 'workqueue', third, fourth, objects);
  }
}

/** Result, exit code, limits exceeded and what was measured. */
export function putResult(
  record: WideRecord,
  system: 'workqueue' | 'taskvine',
  result: string | undefined,
  exit: string | undefined,
  [limits, measured]: Transaction['objects'],
): void {
  put(record, `${system}.result`, result);
  putNumber(record, `${system}.exit_code`, exit);
  putResources(record, `${system}.limits_exceeded`, limits);
  putResources(record, `${system}.measured`, measured);
}

function putWorker({ record, words, objects }: Transaction): void {
  const [, id, second, state, reason] = words;
  put(record, 'workqueue.worker', id);
  if (second === 'RESOURCES') return putResources(record, 'workqueue.worker_resources', objects[0]);
  put(record, 'workqueue.worker_address', second);
  put(record, 'workqueue.worker_state', state);
  put(record, 'workqueue.reason', reason);
}

export function putCategory({ record, words, objects }: Transaction, system: 'workqueue' | 'taskvine'): void {
  const [, name, bound, mode] = words;
  put(record, `${system}.category`, name);
  put(record, `${system}.category_bound`, bound);
  put(record, `${system}.category_mode`, mode);
  putResources(record, `${system}.category_resources`, objects[0]);
}

function putTransfer({ record, words }: Transaction): void {
  const [, direction, task, , megabytes, seconds, file] = words;
  putNumber(record, 'workqueue.task', task);
  put(record, 'workqueue.transfer', direction);
  putNumber(record, 'workqueue.transfer_bytes', megabytes, 1 / MB);
  putNumber(record, 'workqueue.transfer_duration', seconds);
  put(record, 'workqueue.file', file);
}
