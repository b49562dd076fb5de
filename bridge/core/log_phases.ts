/**
 * The phases of a try that only log lines tell. Rules mark the lines that bound a phase (`parsl.phase`); here the bounds
 * of one try meet, by one set of rules for spans, `flow` and the page. The way from the launch to the result is a
 * chain: `submit` until the executor's process has the try, `interchange_queue` until it is sent to a manager,
 * `manager_queue` until a worker has it, `worker` while it is worked on, `result` until the way back ends. A user's
 * rules may name others: those lie in the try, and in no chain.
 *
 * A try that loses its worker may go part of the way again without being launched again (Work Queue and TaskVine do so):
 * each time is a *spell* of the phase, counted from 1.
 */
export type OuterPhase = 'queued' | 'running' | 'returning';

export const logPhaseNames = ['submit', 'interchange_queue', 'manager_queue', 'worker', 'result'] as const;
export type LogPhaseName = (typeof logPhaseNames)[number];

const outerPhases: Readonly<Record<LogPhaseName, OuterPhase>> = {
  submit: 'queued', interchange_queue: 'queued', manager_queue: 'queued', worker: 'running', result: 'returning',
}; // prettier-ignore

export function isLogPhase(name: string): name is LogPhaseName {
  return Object.hasOwn(outerPhases, name);
}

/** The phase of the try that a log phase lies in; undefined: the try itself. */
export function outerPhaseOf(name: string): OuterPhase | undefined {
  return isLogPhase(name) ? outerPhases[name] : undefined;
}

/** A line that bounds a phase, at an instant in microseconds. */
export interface Mark {
  readonly phase: string;
  readonly edge: 'start' | 'end';
  readonly at: number;
}

/** One time that a try was in a phase; a bound that no line told is undefined. */
export interface Spell<M extends Mark> {
  readonly name: string;
  readonly spell: number;
  readonly start: M | undefined;
  readonly end: M | undefined;
}

/** A try is handed over once: Parsl says that it launched it after it did, and often after the executor has it. */
const once = new Set<string>(['submit'] satisfies LogPhaseName[]);

/** The spells of one try, in order of time. Marks may come in any order, and several times. */
export function spellsOf<M extends Mark>(marks: readonly M[]): Spell<M>[] {
  const names = [...new Set(marks.map(({ phase }) => phase))].sort();
  return names.flatMap((name) => ofPhase(name, marks)).sort(inOrder);
}

function ofPhase<M extends Mark>(name: string, marks: readonly M[]): Spell<M>[] {
  const own = marks.filter(({ phase }) => phase === name).sort(byTime);
  const first = (edge: Mark['edge']): M | undefined => own.find((mark) => mark.edge === edge);
  if (once.has(name)) return [{ name, spell: 1, start: first('start'), end: first('end') }];
  const back = goesBack(name, marks);
  const spells: { start: M | undefined; end: M | undefined }[] = [];
  let open: { start: M; end: M | undefined } | undefined;
  for (const mark of own) {
    if (mark.edge === 'start') {
      // Several lines may tell one bound: the first counts, unless the try was elsewhere in between.
      const since = open?.start.at;
      if (since !== undefined && !back.some((at) => at > since && at <= mark.at)) continue;
      spells.push((open = { start: mark, end: undefined }));
    } else if (open !== undefined) {
      open.end = mark;
      open = undefined;
    } else if (spells.length === 0) {
      spells.push({ start: undefined, end: mark });
    }
  }
  return unshifted(spells).map((spell, k) => ({ name, spell: k + 1, ...spell }));
}

/** By time; at one instant a phase starts before it ends. */
function byTime(a: Mark, b: Mark): number {
  return a.at - b.at || (a.edge < b.edge ? 1 : -1);
}

/** When the try came to a phase that stands before this one in the chain. */
function goesBack(name: string, marks: readonly Mark[]): number[] {
  const place = placeOf(name);
  return marks.flatMap(({ phase, edge, at }) =>
    edge === 'start' && !once.has(phase) && placeOf(phase) >= 0 && placeOf(phase) < place ? [at] : [],
  );
}

/** Where an end comes first and a start last, each spell ends before it starts: two hosts' clocks disagree. */
function unshifted<M>(spells: { start: M | undefined; end: M | undefined }[]): typeof spells {
  if (spells.length < 2 || spells[0]?.start !== undefined || spells.at(-1)?.end !== undefined) return spells;
  return spells.slice(1).map(({ start }, k) => ({ start, end: spells[k]?.end }));
}

function inOrder(a: Spell<Mark>, b: Spell<Mark>): number {
  const at = ({ start, end }: Spell<Mark>): number => start?.at ?? end?.at ?? 0;
  return at(a) - at(b) || placeOf(a.name) - placeOf(b.name) || a.spell - b.spell;
}

function placeOf(name: string): number {
  return (logPhaseNames as readonly string[]).indexOf(name);
}

/** A bound of a spell as it is shown. Microseconds. */
export interface Bound {
  readonly at: number;
  readonly isInferred: boolean;
}

export interface Bounds {
  readonly start: Bound | undefined;
  readonly end: Bound | undefined;
}

/**
 * The bounds of one spell of `spells`. One that no line told is the neighbour's in the chain, or that of the phase of the
 * try which begins or ends with it, and inferred; a spell that another one follows ends when the try goes on elsewhere.
 */
export function boundsOf<M extends Mark>(
  { name, spell, start, end }: Spell<M>,
  spells: readonly Spell<M>[],
  outer: ReadonlyMap<string, { readonly start: number | undefined; readonly end: number | undefined }>,
): Bounds {
  const place = placeOf(name);
  const within = outerPhaseOf(name);
  const neighbour = (by: number): string | undefined => (place < 0 ? undefined : logPhaseNames[place + by]);
  const whole = within === undefined ? undefined : outer.get(within);
  const isOuter = (by: number): boolean => outerPhaseOf(neighbour(by) ?? '') !== within;
  const next = spells.find((other) => other.name === name && other.spell === spell + 1)?.start?.at ?? Infinity;
  const startOf = (): number | undefined => {
    const before = spells.filter((other) => other.name === neighbour(-1) && other.end !== undefined);
    const told = before.findLast((other) => (other.end?.at ?? 0) <= (end?.at ?? Infinity)) ?? before[0];
    return told?.end?.at ?? (spell === 1 && isOuter(-1) ? whole?.start : undefined);
  };
  const endOf = (): number | undefined => {
    const later = spells.filter((other) => {
      const at = other.name === name ? undefined : other.start?.at;
      return at !== undefined && at <= next && (at >= (start?.at ?? 0) || other.name === neighbour(1));
    });
    const told = later.find((other) => other.name === neighbour(1));
    if (told !== undefined) return told.start?.at;
    if (next < Infinity) return later[0]?.start?.at ?? next;
    return isOuter(1) ? whole?.end : undefined;
  };
  return { start: boundOf(start, startOf), end: boundOf(end, endOf) };
}

function boundOf(told: Mark | undefined, inferred: () => number | undefined): Bound | undefined {
  if (told !== undefined) return { at: told.at, isInferred: false };
  const at = inferred();
  return at === undefined ? undefined : { at, isInferred: true };
}
