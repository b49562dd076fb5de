/**
 * Parsl 1.0 numbers no tries: a worker message belongs to the try in whose interval it lies, that is to the last one
 * launched before it (DESIGN.md §3). Giving a message to its try twice changes nothing.
 */
import type { Task, Try } from './entities.ts';
import { learnWorker, tryOf } from './learn.ts';

export function assignLooseFacts(task: Task): void {
  for (const fact of task.loose) {
    const attempted = lastLaunchedBefore(task, fact.at) ?? tryOf(task, 0);
    learnWorker(attempted, fact);
  }
}

function lastLaunchedBefore(task: Task, at: number): Try | undefined {
  return task.tries.findLast((attempted) => attempted !== undefined && attempted.launched.local <= at);
}
