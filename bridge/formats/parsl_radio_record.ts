/**
 * One dict of a monitoring message to one wide record: canonical keys, scalars, and the few corrections that make the
 * messages of all releases say the same thing in the same way.
 *
 * Messages of one kind have the same keys in the same order, so what becomes of each key is looked up once per such
 * order and kept as a plan. A plan's template gives a record all its keys in one copy: setting 25 keys one by one
 * makes V8 turn the record into a hash table, which is three times slower to fill and seven times larger.
 */
import { canonicalValue, findKey, setCanonical, type KeyType } from '../core/keys.ts';
import type { Value, WideRecord } from '../core/record.ts';
import { flatten, keyText, spend, type Allowance } from './flatten.ts';
import { taskStates } from './parsl_enums.ts';
import { Dict, LocalTime } from './pickle_globals.ts';

/** What the receiver knows of a message: its own id, and when the message arrived in microseconds. */
export interface Origin {
  readonly receiver: string;
  readonly arrival: number;
}

/** Throws BRIDGE_DECODE `limit` where the allowance is used up. */
export type RecordMaker = (tag: string | undefined, dict: Dict, origin: Origin, allowance: Allowance) => WideRecord;

interface Plan {
  readonly tag: string | undefined;
  readonly from: readonly unknown[];
  /** Canonical keys; undefined for what another key says already. */
  readonly to: readonly (string | undefined)[];
  /** Undefined where a text stays as it is. */
  readonly types: readonly (KeyType | 'state' | 'list' | undefined)[];
  readonly template: Readonly<WideRecord>;
  readonly psutil: boolean;
}

/** A release of Parsl has some ten orders of keys. */
const PLANS_MAX = 64;
const PLAN_KEYS_MAX = 256;
const PLAN_CHARACTERS_MAX = 16_384;
const CACHED_PAIRS_MAX = 2_048;

export function createRecordMaker(): RecordMaker {
  const plans: Plan[] = [];
  let oldest = 0;
  // A manager's packages are the same in each of its messages, two a task.
  let nested: { readonly pairs: readonly unknown[]; readonly text: string } = { pairs: [], text: '{}' };

  return (tag, dict, { receiver, arrival }, allowance) => {
    const { pairs } = dict;
    const plan = plans.find((known) => fits(known, tag, pairs)) ?? addPlan(tag, pairs, allowance);
    const { to, types } = plan;
    const record: WideRecord = { ...plan.template };
    let characters = 0;
    for (let i = 0; i < to.length; i++) {
      const key = to[i];
      if (key === undefined) continue;
      const value = pairs[2 * i + 1];
      if (typeof value === 'string') {
        characters += value.length;
        const type = types[i];
        record[key] = type === undefined ? value : convert(type, value);
      } else if (value === null || typeof value === 'boolean') {
        record[key] = value;
      } else if (value instanceof LocalTime) {
        record[key] = value.us;
      } else {
        setOther(record, key, types[i], value instanceof Dict ? dictText(value, allowance) : flatten(value, allowance));
      }
    }
    spend(allowance, 0, characters);
    if (tag === 'RESOURCE_INFO' || tag === 'WORKER_TASK_INFO') markStartAndEnd(record, plan.psutil);
    record['source.receiver'] = receiver;
    record['source.format'] = 'parsl_radio';
    record['source.arrival'] = arrival;
    return record;
  };

  function addPlan(tag: string | undefined, pairs: readonly unknown[], allowance: Allowance): Plan {
    const plan = makePlan(tag, pairs, allowance);
    const characters = plan.from.reduce<number>((sum, key) => sum + (typeof key === 'string' ? key.length : 1), 0);
    if (plan.from.length <= PLAN_KEYS_MAX && characters <= PLAN_CHARACTERS_MAX) plans[oldest++ % PLANS_MAX] = plan;
    return plan;
  }

  function dictText(dict: Dict, allowance: Allowance): string {
    const { pairs } = dict;
    const known = nested.pairs;
    if (pairs.length === known.length && pairs.every((item, i) => item === known[i])) {
      spend(allowance, 0, nested.text.length);
      return nested.text;
    }
    const text = String(flatten(dict, allowance));
    if (pairs.length <= CACHED_PAIRS_MAX) nested = { pairs, text };
    return text;
  }
}

function fits({ tag, from }: Plan, wanted: string | undefined, pairs: readonly unknown[]): boolean {
  if (tag !== wanted || from.length * 2 !== pairs.length) return false;
  for (let i = 0; i < from.length; i++) if (from[i] !== pairs[2 * i]) return false;
  return true;
}

function makePlan(tag: string | undefined, pairs: readonly unknown[], allowance: Allowance): Plan {
  const from = pairs.filter((_, i) => i % 2 === 0);
  const names = from.map((key) => keyText(key, allowance));
  const hasStateName = names.includes('task_status_name');
  const to = names.map((name) => {
    if (name === '__proto__' || (name === 'task_status' && hasStateName)) return undefined;
    return canonicalName(tag, name);
  });
  const template: WideRecord = tag === undefined ? {} : { 'parsl.message_type': tag };
  for (const key of to) if (key !== undefined) template[key] = null;
  for (const key of ['source.receiver', 'source.format', 'source.arrival']) template[key] = null;
  return {
    tag,
    from,
    to,
    types: names.map((name, i) => (name === 'task_status' ? 'state' : name === 'task_joins' ? 'list' : typeOf(to[i]))),
    // Parsed objects are not hash tables, however many keys they have.
    template: JSON.parse(JSON.stringify(template)) as WideRecord,
    psutil: names.some((name) => name.startsWith('psutil_')),
  };
}

function canonicalName(tag: string | undefined, name: string): string {
  if (name === 'timestamp') return 'parsl.timestamp';
  switch (tag) {
    case 'WORKFLOW_INFO':
      return name === 'run_id' ? 'parsl.dfk' : `parsl.workflow_info.${name}`;
    case 'NODE_INFO':
      if (!['run_id', 'uid', 'hostname', 'block_id'].includes(name)) return `parsl.manager_info.${name}`;
      break;
    case 'BLOCK_INFO':
      if (name === 'status') return 'parsl.block_state';
      break;
    case 'TASK_INFO':
      if (name === 'task_status') return 'parsl.task_state';
      if (/^tasks_\w+_count$/.test(name)) return `parsl.workflow_info.${name}`;
      break;
  }
  return findKey(name)?.key ?? (name.startsWith('task_') ? `parsl.${name}` : name);
}

function typeOf(key: string | undefined): KeyType | undefined {
  const type = key === undefined ? undefined : findKey(key)?.type;
  return type === 'text' ? undefined : type;
}

function convert(type: KeyType | 'state' | 'list', value: Value): Value {
  if (type === 'state') return typeof value === 'number' ? (taskStates.get(value) ?? value) : value;
  if (type === 'list') return typeof value === 'number' ? String(value) : value;
  return canonicalValue(type, value);
}

/** Numbers that are not finite become null, with a note. */
function setOther(record: WideRecord, key: string, type: Plan['types'][number], value: Value): void {
  if (typeof value === 'number' && !Number.isFinite(value)) setCanonical(record, key, value);
  else record[key] = type === undefined ? value : convert(type, value);
}

/**
 * Up to 2026-04 the start and end of a try on its worker came as RESOURCE_INFO, and until 2021 the start together with the
 * first sample of resources.
 */
function markStartAndEnd(record: WideRecord, psutil: boolean): void {
  const started = record['parsl.first_msg'] === true;
  const ended = record['parsl.last_msg'] === true;
  if (!started && !ended) return;
  if (!psutil) record['parsl.message_type'] = 'WORKER_TASK_INFO';
  record['parsl.task_state'] = ended ? 'running_ended' : 'running';
}
