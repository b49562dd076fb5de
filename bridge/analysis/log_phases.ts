/**
 * What log lines tell of a task's way (core/log_phases.ts), each bound with whose clock told it. What no line told is
 * inferred as for its spans.
 */
import { boundsOf, spellsOf, type Mark, type Spell } from '../core/log_phases.ts';

/** A line that bounds a phase. */
export interface TriedMark extends Mark {
  readonly try: number;
  /** Whose clock told it, such as `worker 8f8ba7000809/1`. */
  readonly source: string;
}

/** What a line says of phases: it may start or end one, and end another. */
export interface Told {
  readonly try: number;
  readonly time: number;
  readonly source: string;
  readonly phase: string | null;
  /** Which bound of `phase`. */
  readonly edge: string | null;
  /** A phase that the same line ends. */
  readonly ended: string | null;
}

export interface LogPhase {
  readonly name: string;
  readonly try: number;
  /** Counted from 1 where the try is in the phase several times. */
  readonly spell: number;
  readonly start: number | null;
  readonly end: number | null;
  readonly start_inferred: boolean;
  readonly end_inferred: boolean;
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

export function marksOf({ try: attempt, time: at, source, phase, edge, ended }: Told): TriedMark[] {
  const marks: TriedMark[] = [];
  if (ended !== null) marks.push({ try: attempt, at, source, phase: ended, edge: 'end' });
  if (phase !== null && (edge === 'start' || edge === 'end')) marks.push({ try: attempt, at, source, phase, edge });
  return marks;
}

/** The phases of each try by its own times, which bound what its lines do not. */
type Outer = (attempt: number) => Parameters<typeof boundsOf>[2];

/** The phases of one task's tries, by try and in order of time. */
export function logPhases(marks: readonly TriedMark[], outer: Outer = () => new Map()): LogPhase[] {
  const tries = [...new Set(marks.map(({ try: attempt }) => attempt))].sort((a, b) => a - b);
  return tries.flatMap((attempt) => {
    const spells = spellsOf(marks.filter((mark) => mark.try === attempt));
    return spells.map((spell) => shown(attempt, spell, boundsOf(spell, spells, outer(attempt))));
  });
}

function shown(
  attempt: number,
  { name, spell, ...told }: Spell<TriedMark>,
  bounds: ReturnType<typeof boundsOf>,
): LogPhase {
  const { start, end } = bounds;
  return {
    name, try: attempt, spell, start: start?.at ?? null, end: end?.at ?? null,
    start_inferred: start?.isInferred ?? false, end_inferred: end?.isInferred ?? false,
    start_source: told.start?.source ?? null, end_source: told.end?.source ?? null,
  }; // prettier-ignore
}
