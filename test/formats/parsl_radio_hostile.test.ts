import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { messageLimits } from '../../bridge/formats/flatten.ts';
import { decodeRadioMessage } from '../../bridge/formats/parsl_radio.ts';
import { Dict, Member } from '../../bridge/formats/pickle_globals.ts';

const origin = { receiver: 'udp', arrival: 1 };
const tag = (name: string): Member => new Member('MessageType', name, 0);

function dict(facts: Record<string, unknown>): Dict {
  const made = new Dict();
  made.pairs = Object.entries(facts).flat();
  return made;
}

function decode(message: unknown): WideRecord[] {
  const records: WideRecord[] = [];
  decodeRadioMessage(message, origin, records);
  return records;
}

function refuses(reason: string, message: unknown): void {
  const records: WideRecord[] = [];
  assert.throws(() => decodeRadioMessage(message, origin, records), { code: 'BRIDGE_DECODE', reason });
  assert.deepEqual(records, []);
}

describe('formats/parsl_radio: hostile messages', () => {
  const many = 1_000_000;

  it('refuses a list that holds the same dict more often than records can be made', () => {
    refuses('limit', [tag('BLOCK_INFO'), new Array<Dict>(many).fill(dict({ a: 1, b: 2 }))]);
  });

  it('refuses lists within lists that share their parts', () => {
    for (const grain of ['x', 0, null]) {
      let bomb: unknown = [grain];
      for (let i = 0; i < 30; i++) bomb = [bomb, bomb];
      refuses('limit', [tag('TASK_INFO'), dict({ bomb })]);
    }
  });

  it('refuses a large dict told again and again before it looks at the keys', () => {
    const large = dict(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])));
    const began = performance.now();
    refuses('limit', [3, 1_795_261_953, new Array<Dict>(many).fill(large)]);
    const same = dict({});
    same.pairs = new Array<string>(80_000).fill('task_status');
    decode([tag('TASK_INFO'), same]);
    assert.ok(performance.now() - began < 2_000);
  });

  it('refuses a nested dict whose text is taken again and again', () => {
    const nested = dict(
      Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`key ${i}`, 'a text of some length'])),
    );
    refuses('limit', [
      tag('NODE_INFO'),
      dict(Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, nested]))),
    ]);
  });

  it('refuses one long text told again and again', () => {
    const long = 'x'.repeat(messageLimits.characters_max / 10);
    const facts = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`k${i}`, long]));
    refuses('limit', [tag('TASK_INFO'), dict(facts)]);
    refuses('limit', [tag('TASK_INFO'), dict({ list: new Array<string>(11).fill(long) })]);
    refuses('limit', [tag('BLOCK_INFO'), new Array<Dict>(11).fill(dict({ text: long }))]);
    assert.equal(decode([tag('TASK_INFO'), dict({ once: long })]).length, 1);
  });

  it('refuses a value that contains itself', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    const facts = dict({});
    facts.pairs = ['self', facts];
    refuses('limit', [tag('TASK_INFO'), dict({ loop })]);
    refuses('limit', [tag('TASK_INFO'), facts]);
  });
});
