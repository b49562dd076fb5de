/**
 * What log lines tell of a try's way: `submit` until the interchange has it, `interchange_queue` until it is sent to a
 * manager, `manager_queue` until a worker has it, `worker` while it is worked on, `result` until the submit side's end
 * of the way back. The rules that read the logs say which line bounds which phase (`parsl.phase`); here the bounds of
 * one try meet. A phase of which one bound was never told has null there: nothing is made up.
 */
export const logPhaseNames = ['submit', 'interchange_queue', 'manager_queue', 'worker', 'result'] as const;
export type LogPhaseName = (typeof logPhaseNames)[number];

/** A line that bounds a phase. Instants in microseconds. */
export interface Mark {
  readonly try: number;
  readonly time: number;
  readonly phase: string | null;
  /** Which bound of `phase`; null is its start. */
  readonly edge: string | null;
  /** A phase that the same line ends. */
  readonly ended: string | null;
  /** Whose clock told it, such as `worker 8f8ba7000809/1`. */
  readonly source: string;
}

export interface LogPhase {
  readonly name: LogPhaseName;
  readonly try: number;
  readonly start: number | null;
  readonly end: number | null;
  readonly start_source: string | null;
  readonly end_source: string | null;
}

/** Lines of different processes of one host may be off by this much although the clock is one: they are written late. */
const LATE_US = 20_000;

/** True if one host's clock has the end and another's the start, and they cannot both be right. */
export function clocksDisagree({ start, end, start_source, end_source }: LogPhase): boolean {
  if (start === null || end === null || end >= start - LATE_US) return false;
  return isOnNode(start_source) !== isOnNode(end_source);
}

/** Managers and workers are on nodes, the rest on the submit side. */
function isOnNode(source: string | null): boolean {
  return source !== null && /^(manager|worker)\b/.test(source);
}

type Bound = 'start' | 'end';

/** The phases of one task's tries, by try and in the order of the way; of several marks of one bound the earliest. */
export function logPhases(marks: Iterable<Mark>): LogPhase[] {
  const bounds = new Map<string, Mark>();
  const learn = (name: string | null, bound: Bound, mark: Mark): void => {
    if (name === null || !isLogPhase(name)) return;
    const key = `${mark.try} ${name} ${bound}`;
    const known = bounds.get(key);
    if (known === undefined || mark.time < known.time) bounds.set(key, mark);
  };
  const tries = new Set<number>();
  for (const mark of marks) {
    tries.add(mark.try);
    learn(mark.phase, mark.edge === 'end' ? 'end' : 'start', mark);
    learn(mark.ended, 'end', mark);
  }
  return [...tries]
    .sort((a, b) => a - b)
    .flatMap((number) =>
      logPhaseNames.flatMap((name): LogPhase[] => {
        const start = bounds.get(`${number} ${name} start`);
        const end = bounds.get(`${number} ${name} end`);
        if (start === undefined && end === undefined) return [];
        return [{
          name, try: number, start: start?.time ?? null, end: end?.time ?? null,
          start_source: start?.source ?? null, end_source: end?.source ?? null,
        }]; // prettier-ignore
      }),
    );
}

function isLogPhase(name: string): name is LogPhaseName {
  return (logPhaseNames as readonly string[]).includes(name);
}
