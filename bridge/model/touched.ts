/** What changed since the last look, each thing once; for the read side. */
import type { Block, Manager, Run, Task } from './entities.ts';

export interface Touched {
  readonly runs: readonly Run[];
  readonly tasks: readonly Task[];
  readonly blocks: readonly Block[];
  readonly managers: readonly Manager[];
}

export class TouchedList {
  #lists = newLists();

  run(run: Run): void {
    add(this.#lists.runs, run);
  }

  task(task: Task): void {
    add(this.#lists.tasks, task);
  }

  block(block: Block): void {
    add(this.#lists.blocks, block);
  }

  manager(manager: Manager): void {
    add(this.#lists.managers, manager);
  }

  /** All of it; from now on everything counts as unchanged. */
  take(): Touched {
    const lists = this.#lists;
    for (const list of Object.values(lists)) for (const item of list) item.touched = false;
    this.#lists = newLists();
    return lists;
  }
}

function newLists() {
  return { runs: [] as Run[], tasks: [] as Task[], blocks: [] as Block[], managers: [] as Manager[] };
}

function add<T extends { touched: boolean }>(list: T[], item: T): void {
  if (!item.touched) list.push(item);
  item.touched = true;
}
