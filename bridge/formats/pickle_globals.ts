/**
 * What a monitoring pickle may refer to, and the plain data that each reference becomes. Nothing here is ever called
 * as Python would call it: a name stands for a function of ours that makes a value out of values.
 *
 * Seen in recordings: datetime.datetime, MessageType and States, and `builtins.getattr(MessageType, 'TASK_INFO')`, as
 * Python 3.11.2 pickles enums. The rest is what protocols 2 to 5 need for bytes, sets and dicts of any Python.
 */
import { messageTypes, taskStates } from './parsl_enums.ts';
import { fail } from './pickle_error.ts';

/** A dict: its keys and values in turn, in their order. Pairs keep keys of any type, and no key is special. */
export class Dict {
  pairs: unknown[] = noPairs;
}

/** The pairs of a dict that is still empty, shared by all of them and never written to. */
export const noPairs: unknown[] = [];

/** A datetime without zone: what the wall clock showed, in microseconds since the epoch as if in UTC. */
export class LocalTime {
  readonly us: number;
  constructor(us: number) {
    this.us = us;
  }
}

/** A datetime with a zone: microseconds since the epoch. */
export class Instant {
  readonly us: number;
  constructor(us: number) {
    this.us = us;
  }
}

/** A timedelta, or a zone of fixed offset. */
export class Duration {
  readonly us: number;
  constructor(us: number) {
    this.us = us;
  }
}

/** A member of one of Parsl's enums; `value` is undefined for a name, and `name` the number for a value, we do not know. */
export class Member {
  readonly enum: string;
  readonly name: string;
  readonly value: number | undefined;
  constructor(type: string, name: string, value: number | undefined) {
    this.enum = type;
    this.name = name;
    this.value = value;
  }
}

type Make = (args: readonly unknown[]) => unknown;

/** A reference to an allowed name; `make` is what applying it to arguments gives, `member` is its getattr. */
export class Global {
  readonly name: string;
  readonly make: Make;
  readonly member: ((name: string) => Member) | undefined;
  constructor(name: string, make: Make, member?: (name: string) => Member) {
    this.name = name;
    this.make = make;
    this.member = member;
  }
}

const MEMBER = /^[A-Za-z]\w{0,63}$/;

export const datetime = new Global('datetime.datetime', makeDatetime);

const globals = [
  datetime,
  new Global('datetime.timedelta', makeTimedelta),
  new Global('datetime.timezone', makeTimezone),
  enumGlobal('parsl.monitoring.message_type.MessageType', messageTypes),
  enumGlobal('parsl.dataflow.states.States', taskStates),
  new Global('collections.OrderedDict', makeOrderedDict),
  new Global('_codecs.encode', makeBytes),
  // Protocol 2 writes the names that modules had in Python 2.
  ...['builtins', '__builtin__'].flatMap((module) => [
    new Global(`${module}.getattr`, makeMember),
    new Global(`${module}.set`, makeList),
    new Global(`${module}.frozenset`, makeList),
    new Global(`${module}.bytes`, makeBytes),
    new Global(`${module}.bytearray`, makeBytes),
  ]),
];

// Two maps, because joining module and name for one would make a new string each time.
const allowed = new Map<string, Map<string, Global>>();
for (const global of globals) {
  const dot = global.name.lastIndexOf('.');
  const module = global.name.slice(0, dot);
  const names = allowed.get(module) ?? new Map<string, Global>();
  allowed.set(module, names.set(global.name.slice(dot + 1), global));
}

/** The global of that name; any other is something that no monitoring message holds. */
export function allowedGlobal(module: unknown, name: unknown): Global {
  if (typeof module !== 'string' || typeof name !== 'string') fail('malformed', 'a global whose name is no text');
  return allowed.get(module)?.get(name) ?? fail('global', `${module}.${name} is not allowed`.slice(0, 200));
}

/** A datetime's ten bytes as microseconds: year (2), month with the fold bit, day, hour, minute, second, microsecond (3). */
export function datetimeMicros(b: Uint8Array, at: number): number {
  const month = (b[at + 2] as number) & 0x7f;
  const day = b[at + 3] as number;
  const hour = b[at + 4] as number;
  const minute = b[at + 5] as number;
  const second = b[at + 6] as number;
  const micros = ((b[at + 7] as number) << 16) | ((b[at + 8] as number) << 8) | (b[at + 9] as number);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 || micros > 999_999) {
    fail('malformed', 'datetime out of range');
  }
  const days = daysSinceEpoch(((b[at] as number) << 8) | (b[at + 1] as number), month, day);
  return (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1e6 + micros;
}

/** Proleptic Gregorian calendar to a day number: years of March to February, in eras of 400 years. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = (((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) | 0) + day - 1;
  const dayOfEra = yearOfEra * 365 + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function enumGlobal(path: string, names: ReadonlyMap<number, string>): Global {
  const type = path.slice(path.lastIndexOf('.') + 1);
  const members = Array.from(names, ([value, name]) => new Member(type, name, value));
  const byValue = new Map(members.map((member) => [member.value, member]));
  const byName = new Map(members.map((member) => [member.name, member]));
  // A member that a later Parsl adds is data like any other.
  const make: Make = ([value]) => {
    if (typeof value !== 'number') fail('malformed', `bad value of ${type}`);
    return byValue.get(value) ?? new Member(type, String(value), value);
  };
  return new Global(path, make, (name) => byName.get(name) ?? new Member(type, name, undefined));
}

function makeMember([owner, name]: readonly unknown[]): Member {
  if (!(owner instanceof Global) || owner.member === undefined || typeof name !== 'string' || !MEMBER.test(name)) {
    fail('global', 'getattr of something else than an enum member');
  }
  return owner.member(name);
}

function makeDatetime([state, zone]: readonly unknown[]): LocalTime | Instant {
  if (!(state instanceof Uint8Array) || state.length !== 10) fail('malformed', 'bad datetime');
  const us = datetimeMicros(state, 0);
  if (zone === undefined) return new LocalTime(us);
  if (!(zone instanceof Duration)) fail('malformed', 'bad zone of a datetime');
  return new Instant(us - zone.us);
}

function makeTimedelta([days = 0, seconds = 0, micros = 0]: readonly unknown[]): Duration {
  if (typeof days !== 'number' || typeof seconds !== 'number' || typeof micros !== 'number')
    fail('malformed', 'bad timedelta');
  const us = (days * 86_400 + seconds) * 1e6 + micros;
  if (!Number.isFinite(us)) fail('malformed', 'bad timedelta');
  return new Duration(us);
}

function makeTimezone([offset]: readonly unknown[]): Duration {
  if (!(offset instanceof Duration) || Math.abs(offset.us) > 86_400e6) fail('malformed', 'bad timezone');
  return offset;
}

function makeList([items = []]: readonly unknown[]): unknown {
  if (!Array.isArray(items)) fail('malformed', 'bad set');
  return items;
}

function makeOrderedDict(args: readonly unknown[]): Dict {
  if (args.length > 0) fail('malformed', 'bad OrderedDict');
  return new Dict();
}

/** bytes(), bytearray(b'..'), and how protocol 2 writes bytes: `_codecs.encode('..', 'latin1')`. */
function makeBytes([source = '', encoding = 'latin1']: readonly unknown[]): Uint8Array {
  if (source instanceof Uint8Array) return source;
  if (typeof source !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) fail('malformed', 'bad bytes');
  return new Uint8Array(Buffer.from(source, 'latin1'));
}
