/** Spans of the phases that only logs tell, below the phases of their try: those have their ids whether made or not. */
import { phaseSpanId, taskId, trySpanId } from '../core/ids.ts';
import type { Resource, Span } from '../core/signal.ts';
import type { Zone } from '../core/time.ts';
import type { LoggedTry } from '../model/log_phases.ts';
import { logPhasesOf } from '../model/log_phases.ts';
import { managerOf } from '../model/resolve.ts';
import type { Resources } from './common.ts';
import { attributes, inferredOf, span } from './common.ts';
import type { TrySpans } from './traces.ts';
import { aboutTry, workerOf } from './traces.ts';

/** `submit`: the resource of a run of which nothing but the id is known any more. */
export function logPhaseSpans(logged: LoggedTry, zone: Zone, resources: Resources, submit: Resource): TrySpans {
  const { run, task, number, attempted } = logged;
  const { traceId } = taskId(run, task);
  const manager = attempted === undefined ? undefined : managerOf(attempted, zone);
  const about =
    attempted === undefined
      ? { 'parsl.dfk': run, 'parsl.task': task, 'parsl.try': number }
      : aboutTry(attempted, manager);
  const { phases, negative } = logPhasesOf(logged, zone);
  const spans = phases.map(({ name, spell, within, interval }): Span => {
    const isOnWorker = within === 'running' && attempted !== undefined;
    return span({
      traceId,
      spanId: phaseSpanId(run, task, number, spell === 1 ? name : `${name}#${spell}`),
      parentSpanId: within === undefined ? trySpanId(run, task, number) : phaseSpanId(run, task, number, within),
      name,
      interval,
      attributes: attributes({
        'parsl.span': 'phase',
        'parsl.phase': name,
        'parsl.phase.spell': spell === 1 ? undefined : spell,
        ...about,
        'parsl.inferred': inferredOf(interval),
      }),
      resource: isOnWorker ? workerOf(attempted, manager, resources) : submit,
    });
  });
  return { spans, negativePhases: negative };
}
