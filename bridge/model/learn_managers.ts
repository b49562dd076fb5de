/** What one record teaches about an executor, a block or a manager; as learn.ts, in any order, any number of times. */
import type { WideRecord } from '../core/record.ts';
import { flag, text } from '../core/record.ts';
import type { Block, Manager, Run } from './entities.ts';
import { newBlock, newExecutor, placeOf } from './entities.ts';
import type { Stamp } from './facts.ts';
import { learn, rankOf } from './facts.ts';
import { learnLast, learnNumber, learnText, learnTime } from './learn.ts';

export function learnExecutor(run: Run, label: string, stamp: Stamp): void {
  let executor = run.executors.get(label);
  if (executor === undefined) run.executors.set(label, (executor = newExecutor(run, label)));
  learnTime(executor.firstSeen, stamp);
}

/** BLOCK_INFO. */
export function blockOf(run: Run, record: WideRecord): Block | undefined {
  const executor = text(record, 'parsl.executor');
  const id = text(record, 'parsl.block');
  if (executor === undefined || id === undefined) return undefined;
  const name = `${executor}/${id}`;
  let block = run.blocks.get(name);
  if (block === undefined) {
    block = newBlock(run, executor, id);
    run.blocks.set(name, block);
    addTo(run.blocksById, id, block);
  }
  return block;
}

/** True if a record tells that a manager is there, or is there no more. */
export function tellsOfManager(record: WideRecord): boolean {
  return (
    record['parsl.manager_info.worker_count'] !== undefined || flag(record, 'parsl.manager_info.active') !== undefined
  );
}

/** A line that a manager's own processes wrote, or that says that a message of it came. */
export function learnHeard(run: Run, record: WideRecord, stamp: Stamp): void {
  const manager = text(record, 'parsl.manager');
  const log = record['source.log'];
  if (manager === undefined || !(log === 'manager' || log === 'worker' || record['interchange.message'] !== undefined)) return;
  let heard = run.managersHeard.get(manager);
  if (heard === undefined) run.managersHeard.set(manager, (heard = { local: NaN, instant: NaN }));
  learnLast(heard, stamp);
} // prettier-ignore

/** NODE_INFO: the manager's whole record, of which the newest counts. Lines tell parts of it. */
export function learnManager(manager: Manager, record: WideRecord, stamp: Stamp): void {
  const rank = rankOf(stamp, false);
  const { value: block } = manager.block;
  const { value: host } = manager.host;
  learnText(manager.executor, record, 'parsl.executor', rank);
  learnText(manager.block, record, 'parsl.block', rank);
  learnText(manager.host, record, 'host.name', rank);
  if (manager.block.value !== block || manager.host.value !== host) place(manager);
  learnText(manager.parslVersion, record, 'parsl.manager_info.parsl_v', rank);
  learnText(manager.pythonVersion, record, 'parsl.manager_info.python_v', rank);
  learnNumber(manager.workers, record, 'parsl.manager_info.worker_count', rank);
  learnNumber(manager.cpus, record, 'parsl.manager_info.cpu_count', rank);
  learnNumber(manager.memory, record, 'parsl.manager_info.total_memory', rank);
  const active = flag(record, 'parsl.manager_info.active');
  if (active !== undefined) learn(manager.active, active, rank);
  const draining = flag(record, 'parsl.manager_info.draining');
  if (draining !== undefined) learn(manager.draining, draining, rank);
  const tasks = record['parsl.manager_info.tasks'];
  if (typeof tasks === 'string') learn(manager.held, tasks === '' ? 0 : tasks.split(',').length, rank);
  // NODE_INFO tells all it knows at every change, the last one included.
  if (active !== false || !stamp.logged) learnTime(manager.registered, stamp);
  if (active === false) learnTime(manager.left, stamp);
  learnLast(manager.lastSeen, stamp);
}

/** It stays at a place that a later word moved it away from: who looks there checks. */
function place(manager: Manager): void {
  const { value: block } = manager.block;
  const { value: host } = manager.host;
  if (block !== undefined && host !== undefined) addTo(manager.run.managersAt, placeOf(block, host), manager);
}

function addTo<T>(index: Map<string, T[]>, key: string, item: T): void {
  const items = index.get(key);
  if (items === undefined) index.set(key, [item]);
  else if (!items.includes(item)) items.push(item);
}
