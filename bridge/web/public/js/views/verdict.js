/** One sentence on what holds a run up just now, from what is known; nothing if nothing can be said. */
import { count, plural } from '../format.js';
import { sums } from '../states.js';

export function verdict(run, { workers, blocks }) {
  if (run.status !== 'running') return undefined;
  const { waiting } = sums(run.counts);
  const queued = run.counts.launched ?? 0;
  const running = run.counts.running ?? 0;
  const known = workers.executors.filter((executor) => executor.workers !== null);
  const last = (list) => Math.round(list.at(-1) ?? 0);
  const have = known.reduce((sum, executor) => sum + last(executor.workers), 0);
  const busy = known.reduce((sum, executor) => sum + Math.min(last(executor.workers), last(executor.busy)), 0);
  const pendingBlocks = blocks.filter(({ state }) => state === 'PENDING').length;
  const idle = have - busy;
  if (have === 0 && pendingBlocks > 0) return `No worker yet: ${plural(pendingBlocks, 'block')} wait${pendingBlocks === 1 ? 's' : ''} for the batch system.`;
  if (have === 0) return undefined;
  if (queued > 0 && idle < 0.05 * have + 1) {
    const more = pendingBlocks > 0 ? ` ${plural(pendingBlocks, 'more block')} asked for.` : '';
    return `Workers are the limit: all ${count(have)} are busy, ${plural(queued, 'task')} wait for one.${more}`;
  }
  if (queued > 0) return `${count(idle)} of ${count(have)} workers are idle although ${plural(queued, 'task')} are with the executor: they are on their way, or dispatch is the limit.`;
  if (waiting > 0 && idle > 0) return `${count(idle)} of ${count(have)} workers are idle: ${plural(waiting, 'task')} wait for other tasks.`;
  if (waiting === 0 && running > 0 && idle > 0) return `Nothing waits any more: ${plural(running, 'task')} still run, ${count(idle)} of ${count(have)} workers are idle.`;
  return undefined;
} // prettier-ignore
