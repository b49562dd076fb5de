/** The gauges among the bridge's own meters: read once a second from where the numbers are. */
import type { Meters } from './core/meters.ts';
import type { Outputs } from './outputs.ts';
import type { Pipeline } from './pipeline.ts';
import { heldReasons } from './processors/imply.ts';
import type { Store } from './store/store.ts';

const EVERY_MS = 1000;

export interface Measured {
  readonly meters: Meters;
  readonly pipeline: Pipeline;
  readonly outputs: Outputs;
  readonly store: Store;
  readonly lastReceived: ReadonlyMap<string, number>;
  readonly now: () => number;
}

/** Starts reading; returns how to stop it. */
export function gauges({ meters, pipeline, outputs, store, lastReceived, now }: Measured): () => void {
  let late = 0;
  let told = pipeline.operatorCounts;
  function readOperators(): void {
    const counts = pipeline.operatorCounts;
    meters.set('heldRecords', [], counts.held);
    for (const reason of heldReasons)
      meters.add('unresolved', [reason], counts.unresolved[reason] - told.unresolved[reason]);
    meters.add('contradictions', [], counts.contradictions - told.contradictions);
    meters.add('twins', [], counts.twins - told.twins);
    told = counts;
  }
  // What the read side cut before this start was counted then.
  let [samples, records] = [store.samplesCut(), store.recordsCut()];
  function readCuts(): void {
    meters.add('dropped', ['read_side', 'samples_max'], store.samplesCut() - samples);
    meters.add('dropped', ['read_side', 'records_max'], store.recordsCut() - records);
    [samples, records] = [store.samplesCut(), store.recordsCut()];
  }
  function read(): void {
    readOperators();
    readCuts();
    const { counts, openTasks } = pipeline.engine;
    meters.add('late', [], counts.late - late);
    late = counts.late;
    meters.set('openTasks', [], openTasks);
    meters.set('memory', [], process.memoryUsage.rss());
    meters.set('journalSize', [], pipeline.journal.bytes);
    meters.set('journalLimit', [], pipeline.journal.bytesMax);
    for (const [id, at] of lastReceived) meters.set('lastReceived', [id], (now() - at) / 1e6);
    for (const { id, queue } of outputs.outputs) {
      meters.set('queueSize', [id], queue.size());
      meters.set('queueLimit', [id], queue.limit);
    }
  }
  read();
  const timer = setInterval(read, EVERY_MS);
  return () => clearInterval(timer);
}
