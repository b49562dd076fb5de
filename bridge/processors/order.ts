/**
 * What follows from the order of lines in one file: what a process says between a start and an end is about the thing
 * that was started (`within`), and what is said of a task between two launches is about the first one's try (`carry`).
 * Records of one file must come in its order; how the files are interleaved does not matter.
 */
import type { Value } from '../core/record.ts';
import type { Draft } from './draft.ts';
import { Keyed } from './keyed.ts';
import type { CarrySpec, WithinSpec } from './schema.ts';
import { canonicalKey, predicateOf } from './where.ts';

/** Looks at the record that the draft is at, and at the names of the rules that matched it. */
export type Follow = (marks: readonly string[]) => void;

/** A scope that has begun. */
interface Open {
  /** What it gives; undefined: nothing, it has ended. */
  values: readonly (Value | undefined)[] | undefined;
  /** Whose start it was: it goes on to the next thing, and nothing sticks to it. */
  owner: Value | undefined;
}

/** Gives what lies between a start and an end the keys of the start. */
export function createWithin(spec: WithinSpec, draft: Draft, scopesMax: number): Follow {
  const accepts = predicateOf(spec, draft);
  const scope = spec.scope.map(canonicalKey);
  const gives = draft.slotsOf(spec.gives.map(canonicalKey));
  const starts = new Set(spec.starts);
  const ends = new Set(spec.ends);
  const sticky = spec.sticks_to === undefined ? undefined : canonicalKey(spec.sticks_to);
  const stickySlot = sticky === undefined ? undefined : draft.slotOf(sticky);
  const open = new Keyed<Open>(scope, draft);
  const stuck = new Keyed<Pick<Open, 'values'>>(sticky === undefined ? scope : [...scope, sticky], draft);
  const begin = (): Open => ({ values: undefined, owner: undefined });
  return (marks) => {
    if (accepts?.() === false) return;
    const isStart = hasOne(marks, starts);
    const current = open.find(begin);
    if (current === undefined) return;
    if (open.size > scopesMax) open.forgetOldest();
    const own = stickySlot === undefined ? undefined : draft.get(stickySlot);
    if (isStart) {
      current.values = gives.map((slot) => draft.get(slot));
      current.owner = own;
      return;
    }
    let { values } = current;
    if (own !== undefined && own !== current.owner) {
      values = stuck.find(() => (values === undefined ? undefined : { values }))?.values;
      if (stuck.size > scopesMax) stuck.forgetOldest();
    }
    values?.forEach((value, at) => {
      if (value !== undefined) draft.give(gives[at] ?? 0, value);
    });
    if (hasOne(marks, ends)) current.values = undefined;
  };
}

interface Attempts {
  current: number | undefined;
  next: number | undefined;
}

/** Gives what is said of a thing the number of the attempt that it is about. */
export function createCarry(spec: CarrySpec, draft: Draft, scopesMax: number): Follow {
  const accepts = predicateOf(spec, draft);
  const slot = draft.slotOf(canonicalKey(spec.counts));
  const [begins, tells, ends, current, next] = [spec.begins, spec.tells, spec.ends, spec.current, spec.next].map(
    (names) => new Set(names),
  );
  const things = new Keyed<Attempts>(spec.scope.map(canonicalKey), draft);
  const all = new Set([...spec.begins, ...spec.tells, ...spec.ends, ...spec.current, ...spec.next]);
  const begin = (): Attempts => ({ current: undefined, next: undefined });
  const give = (attempt: number | undefined): void => {
    if (attempt !== undefined) draft.give(slot, attempt);
  };
  return (marks) => {
    if (!hasOne(marks, all) || accepts?.() === false) return;
    const attempts = things.find(begin);
    if (attempts === undefined) return;
    if (things.size > scopesMax) things.forgetOldest();
    for (const mark of marks) {
      if (begins?.has(mark)) [attempts.current, attempts.next] = [undefined, 0];
      if (tells?.has(mark)) {
        give(attempts.next);
        const told = draft.get(slot);
        if (typeof told === 'number') [attempts.current, attempts.next] = [told, undefined];
      }
      if (current?.has(mark)) give(attempts.current);
      if (ends?.has(mark) && attempts.current !== undefined)
        [attempts.current, attempts.next] = [undefined, attempts.current + 1];
      if (next?.has(mark)) give(attempts.next);
    }
  };
}

function hasOne(marks: readonly string[], names: ReadonlySet<string>): boolean {
  for (const mark of marks) if (names.has(mark)) return true;
  return false;
}
