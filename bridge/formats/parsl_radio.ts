/**
 * Parsl's monitoring messages, as decoded from a pickle or from JSON, to wide records.
 *
 * A message is a tag (MessageType) and a dict of facts; BLOCK_INFO has a list of dicts. Every release wraps it in its own way:
 *
 *   (tag, dict)                                  since 2024-10, and UDP, ZMQ and files before
 *   ((tag, dict), address)                       database queue until 2024-10; files, with 'NA'
 *   ((tag, (source, time, dict)), address)       1.1, 1.2: worker messages
 *   ((source, time, tag, dict), address)         1.0: worker messages, whose tag is always TASK_INFO and always wrong
 *   (source, time, tag, dict), (source, time, dict), dict     UDP of 1.0, of 1.1 and 1.2, of mid 2022
 *   (tag, datetime, dict)                        1.1, 1.2: NODE_INFO by ZMQ, whose dict has no time of its own
 *   {'type': 'monitoring', 'payload': message}   HTEX result channel
 *   'STOP', ('STOP', 0)                          end of the database queue: no record
 *
 * A key's canonical name depends on the message's type (`status` of a block is none of a task), unknown keys are kept.
 */
import { BridgeError } from '../core/errors.ts';
import type { WideRecord } from '../core/record.ts';
import { newAllowance, spend } from './flatten.ts';
import { createRecordMaker, type Origin } from './parsl_radio_record.ts';
import { Dict, LocalTime, Member } from './pickle_globals.ts';

/** Adds the records of one message to `records`. Throws BRIDGE_DECODE `envelope` or `limit`; then nothing was added. */
export type RadioDecoder = (message: unknown, origin: Origin, records: WideRecord[]) => void;

export const decodeRadioMessage: RadioDecoder = createRadioDecoder();

export type { Origin };

export function createRadioDecoder(): RadioDecoder {
  const makeRecord = createRecordMaker();
  return (message, origin, records) => {
    const found = unwrap(message, 0);
    if (found === undefined) return;
    const allowance = newAllowance();
    const make = (dict: Dict): WideRecord => {
      // Before anything looks at its keys: a list can hold the same dict a thousand times.
      spend(allowance, 1 + dict.pairs.length / 2, 0);
      return makeRecord(found.tag ?? inferTag(dict), dict, origin, allowance);
    };
    if (found.body instanceof Dict) records.push(make(found.body));
    else for (const record of found.body.map(make)) records.push(record);
  };
}

interface Message {
  /** Undefined where the envelope has none that can be believed. */
  readonly tag: string | undefined;
  readonly body: Dict | readonly Dict[];
}

/** The message in its envelope; undefined for an end marker. */
function unwrap(message: unknown, depth: number): Message | undefined {
  if (message instanceof Dict) {
    if (message.pairs.length === 0) refuse('an empty dict');
    const payload = depth < 4 && get(message, 'type') === 'monitoring' ? get(message, 'payload') : undefined;
    return payload === undefined ? { tag: undefined, body: message } : unwrap(payload, depth + 1);
  }
  if (message === 'STOP') return undefined;
  if (!Array.isArray(message)) refuse('no message');
  const [first] = message as unknown[];
  if (first === 'STOP') return undefined;
  // Sender first (1.0 to 1.2): what comes after is the dict, and in 1.0 a tag that is always the same.
  if (typeof first === 'number') return { tag: undefined, body: bodyOf(message[message.length - 1]) };
  const tag = tagOf(first);
  if (tag !== undefined && message.length === 3) return { tag, body: stamped(bodyOf(message[2]), message[1]) };
  if (tag !== undefined) return { tag, body: bodyOf(message[1]) };
  // (message, address)
  if (depth < 4 && message.length === 2) return unwrap(first, depth + 1);
  refuse('no tag');
}

function bodyOf(body: unknown): Dict | readonly Dict[] {
  const inner: unknown = Array.isArray(body) && body.length === 3 && typeof body[0] === 'number' ? body[2] : body;
  if (inner instanceof Dict) return inner;
  if (!Array.isArray(inner) || !inner.every((item) => item instanceof Dict))
    refuse('neither a dict nor a list of dicts');
  return inner;
}

/**
 * A dict whose time stands beside it. Parsl's router put it inside, and made a time of the heartbeat, which was still
 * seconds since the epoch there.
 */
function stamped(body: Message['body'], time: unknown): Message['body'] {
  if (!(body instanceof Dict) || !(time instanceof LocalTime)) return body;
  const dict = new Dict();
  dict.pairs = body.pairs.map((item, i) => {
    const isSeconds = i % 2 === 0 && item === 'last_heartbeat' && typeof body.pairs[i + 1] === 'number';
    return isSeconds ? 'last_heartbeat_epoch' : item;
  });
  if (get(dict, 'timestamp') === undefined) dict.pairs.push('timestamp', time);
  return dict;
}

function tagOf(tag: unknown): string | undefined {
  if (tag instanceof Member) return tag.enum === 'MessageType' ? tag.name : undefined;
  return typeof tag === 'string' && /^[A-Z]+(_[A-Z]+)+$/.test(tag) ? tag : undefined;
}

/** What kind of message a dict without a tag is, by a key that only that kind has. */
function inferTag(dict: Dict): string | undefined {
  const keys = new Set(dict.pairs.filter((_, i) => i % 2 === 0));
  for (const key of keys) if (typeof key === 'string' && key.startsWith('psutil_')) return 'RESOURCE_INFO';
  return tellTales.find(([key]) => keys.has(key))?.[1];
}

/** In this order: a TASK_INFO has the counts of a WORKFLOW_INFO, too. */
const tellTales = [
  ['task_func_name', 'TASK_INFO'],
  ['task_status_name', 'TASK_INFO'],
  ['first_msg', 'RESOURCE_INFO'],
  ['time_began', 'WORKFLOW_INFO'],
  ['tasks_completed_count', 'WORKFLOW_INFO'],
  ['executor_label', 'BLOCK_INFO'],
  ['cpu_count', 'NODE_INFO'],
  ['worker_count', 'NODE_INFO'],
] as const;

function get(dict: Dict, key: string): unknown {
  const { pairs } = dict;
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === key) return pairs[i + 1];
  return undefined;
}

function refuse(why: string): never {
  throw new BridgeError('BRIDGE_DECODE', `read monitoring message: ${why}`, { reason: 'envelope' });
}
