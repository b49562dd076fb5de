import assert from 'node:assert/strict';

import { BridgeError } from '../../bridge/core/errors.ts';
import { Channel } from '../../bridge/core/frame.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { decodePickle, pickleLimits } from '../../bridge/formats/pickle.ts';
import { recordedFrames } from '../helpers/fixtures.ts';
import { assemble, global, text, u32, u64, type Part } from '../helpers/pickler.ts';

const PROTO = [0x80, 4];
const MEMOIZE = 0x94;
const REDUCE = 'R';
const STOP = '.';
const DATETIME = assemble(text('datetime'), text('datetime'), 0x93);
const MESSAGE_TYPE = assemble(text('parsl.monitoring.message_type'), text('MessageType'), 0x93);

function reasonOf(bytes: Uint8Array, limits = pickleLimits): string | undefined {
  try {
    decodePickle(bytes, limits);
  } catch (error) {
    assert.ok(error instanceof BridgeError, String(error));
    assert.equal(error.code, 'BRIDGE_DECODE');
    return error.reason;
  }
  return undefined;
}

function refuses(reason: string, ...parts: Part[]): void {
  assert.equal(reasonOf(assemble(...PROTO, ...parts)), reason);
}

function repeat(times: number, ...parts: Part[]): Buffer {
  const one = assemble(...parts);
  return Buffer.alloc(one.length * times, one);
}

describe('formats/pickle: names', () => {
  for (const [module, name] of [
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['builtins', '__import__'],
    ['builtins', 'constructor'],
    ['__proto__', 'constructor'],
    ['subprocess', 'Popen'],
    ['copyreg', '_reconstructor'],
    ['datetime', 'date'],
    ['parsl.monitoring.message_type', '__class__'],
  ] as const) {
    it(`refuses ${module}.${name} and says so, however it is written`, () => {
      for (const ask of [global(module, name), assemble(text(module), text(name), 0x93)]) {
        const bytes = assemble(...PROTO, ask, text('echo'), 0x85, REDUCE, STOP);
        assert.throws(() => decodePickle(bytes), {
          code: 'BRIDGE_DECODE',
          reason: 'global',
          message: new RegExp(`${module}.${name}`),
        });
      }
    });
  }

  it('gives getattr nothing but members of the two enums', () => {
    const getattr = assemble(text('builtins'), text('getattr'), 0x93);
    refuses('global', getattr, DATETIME, text('now'), 0x86, REDUCE, STOP);
    refuses('global', getattr, MESSAGE_TYPE, text('__class__'), 0x86, REDUCE, STOP);
    refuses('global', getattr, MESSAGE_TYPE, text('a.b'), 0x86, REDUCE, STOP);
    refuses('global', getattr, text('MessageType'), text('TASK_INFO'), 0x86, REDUCE, STOP);
  });

  it('has no opcode that builds objects, asks outside or is of protocol 0 or 1', () => {
    for (const opcode of [...Buffer.from('bioOPQpgIFLSUTVld'), 0x81, 0x82, 0x83, 0x84, 0x92, 0x97, 0x98, 0xff, 0]) {
      refuses('opcode', 'N', opcode, 'N', STOP);
    }
    for (const version of [0, 1, 6, 255]) assert.equal(reasonOf(assemble(0x80, version, 'N', STOP)), 'opcode');
  });

  it('refuses wrong arguments of allowed names', () => {
    const bad = (name: Uint8Array, ...args: Part[]): void => refuses('malformed', name, ...args, 0x85, REDUCE, STOP);
    const named = (module: string, name: string): Buffer => assemble(text(module), text(name), 0x93);
    bad(DATETIME, 'K', 5);
    bad(DATETIME, 'C', 9, 7, 234, 1, 1, 0, 0, 0, 0, 0);
    bad(DATETIME, 'C', 10, 7, 234, 13, 1, 0, 0, 0, 0, 0, 0);
    bad(DATETIME, 'C', 10, 7, 234, 1, 1, 24, 0, 0, 0, 0, 0);
    bad(DATETIME, 'C', 10, 7, 234, 1, 1, 0, 0, 0, 0x0f, 0x42, 0x40);
    refuses('malformed', DATETIME, 'C', 10, 7, 234, 1, 1, 0, 0, 0, 0, 0, 0, 'N', 0x86, REDUCE, STOP);
    bad(MESSAGE_TYPE, text('TASK_INFO'));
    refuses('malformed', MESSAGE_TYPE, ')', REDUCE, STOP);
    bad(named('datetime', 'timezone'), 'K', 5);
    bad(named('datetime', 'timedelta'), text('x'));
    bad(named('datetime', 'timedelta'), 'G', 0x7f, 0xf0, 0, 0, 0, 0, 0, 0);
    bad(named('collections', 'OrderedDict'), 'K', 5);
    bad(named('builtins', 'set'), 'K', 5);
    bad(named('builtins', 'bytes'), 'K', 5);
    refuses('malformed', named('_codecs', 'encode'), text('a'), text('idna'), 0x86, REDUCE, STOP);
    refuses('malformed', text('print'), ')', REDUCE, STOP);
    refuses('malformed', DATETIME, 'N', REDUCE, STOP);
    refuses('malformed', 'N', 'N', 0x93, STOP);
  });
});

describe('formats/pickle: limits', () => {
  it('refuses input that is too long', () => {
    assert.equal(reasonOf(Buffer.alloc(pickleLimits.bytes_max + 1)), 'limit');
  });

  it('refuses lengths that are longer than the input', () => {
    for (const opcode of [0x58, 0x42]) refuses('truncated', opcode, u32(0xffffffff), 'abc', STOP);
    for (const opcode of [0x8d, 0x8e, 0x96]) refuses('truncated', opcode, u64(2n ** 64n - 1n), 'abc', STOP);
    refuses('truncated', 0x8b, u32(0xffffffff), STOP);
    refuses('truncated', 0x8a, 200, 'abc', STOP);
  });

  it('refuses integers of many digits', () => {
    refuses('limit', 0x8b, u32(100_000), Buffer.alloc(100_000, 0xff), STOP);
  });

  it('refuses a memo of many entries or one with holes', () => {
    refuses('limit', 'N', 'r', u32(0xffffffff), STOP);
    refuses('limit', 'N', repeat(pickleLimits.memo_max + 1, MEMOIZE), STOP);
    refuses('malformed', 'N', 'r', u32(1), STOP);
    refuses('malformed', 'N', 'h', 0, STOP);
    refuses('malformed', 'N', MEMOIZE, 'j', u32(1), STOP);
  });

  it('refuses more opcodes than any message has', () => {
    refuses('limit', '(', repeat(600_000, 'N'), 't', STOP);
    refuses('limit', repeat(600_000, '('), STOP);
    refuses('limit', repeat(600_000, ']'), STOP);
  });

  it('refuses deep nesting, whichever way it is built', () => {
    const deep = pickleLimits.depth_max + 1;
    refuses('limit', ')', repeat(deep, 0x85), STOP);
    refuses('limit', repeat(deep, ']'), repeat(deep - 1, 'a'), STOP);
    refuses('limit', repeat(deep, '}', text('k')), '}', repeat(deep, 's'), STOP);
    refuses('limit', repeat(deep, '('), repeat(deep, 't'), STOP);
    refuses('limit', repeat(200_000, ']'), repeat(199_999, 'a'), STOP);
    assert.equal(reasonOf(assemble(...PROTO, ')', repeat(pickleLimits.depth_max - 1, 0x85), STOP)), undefined);
  });

  it('takes wide values that share parts without walking them again and again', () => {
    // l0 = [l1, l1], l1 = [l2, l2] ...: 60 levels, 2^60 paths; and one list of the same 100,000 times.
    refuses('limit', ']', MEMOIZE, repeat(40, 0x32, 0x86), repeat(40, 0x85), STOP);
    const others = repeat(pickleLimits.depth_max, ']', '0');
    assert.equal(reasonOf(assemble(...PROTO, others, ')', repeat(60, 0x32, 0x86), repeat(3, 0x85), STOP)), undefined);
    assert.equal(reasonOf(assemble(...PROTO, others, ']', MEMOIZE, 'h', 0, 'a', STOP)), undefined);
    assert.equal(reasonOf(assemble(...PROTO, ']', MEMOIZE, '(', repeat(100_000, 'h', 0), 't', STOP)), undefined);
  });

  it('does not copy one long text again and again', () => {
    const encode = assemble(text('_codecs'), text('encode'), 0x93, MEMOIZE);
    const long = assemble('X', u32(1_000_000), Buffer.alloc(1_000_000, 'x'), MEMOIZE);
    const args = assemble(text('latin1'), 0x86, MEMOIZE);
    refuses('limit', encode, long, args, '0', '(', repeat(50_000, 'h', 0, 'h', 2, REDUCE), 't', STOP);
  });
});

describe('formats/pickle: damage', () => {
  const { payload } = recordedFrames('2026.10.26-W1-htex').find((frame) => frame.payload.length > 700) ?? {
    payload: Buffer.of(),
  };

  it('says of every beginning of a message that it is cut off', () => {
    for (let length = 0; length < payload.length; length++) {
      assert.equal(reasonOf(payload.subarray(0, length)), 'truncated', `${length} bytes`);
    }
  });

  it('refuses to pop what is not there', () => {
    for (const opcode of [
      'R',
      's',
      'a',
      'u',
      'e',
      't',
      '0',
      '1',
      '2',
      'q',
      0x85,
      0x86,
      0x87,
      0x90,
      0x91,
      0x93,
      MEMOIZE,
    ]) {
      assert.equal(reasonOf(assemble(0x80, 4, opcode, 0, 0, STOP)), 'malformed', `opcode ${opcode}`);
    }
    refuses('malformed', STOP);
    refuses('malformed', 'N', '(', STOP);
    refuses('malformed', 'N', '(', 0x85, 't', STOP);
    refuses('malformed', '(', 'N', 'u', STOP);
    refuses('malformed', '}', '(', text('k'), 'N', 's', 'N', STOP);
    refuses('malformed', ']', '(', 'N', 'a', 'N', STOP);
  });

  it('refuses to fill what is no container of that kind', () => {
    refuses('malformed', '}', 'N', 'a', STOP);
    refuses('malformed', ']', text('k'), 'N', 's', STOP);
    refuses('malformed', '}', '(', text('k'), 'u', STOP);
    refuses('malformed', 'N', '(', 'N', 'e', STOP);
  });

  it('reads the next message as if nothing had been', () => {
    const whole = decodePickle(payload);
    refuses('limit', 'N', repeat(pickleLimits.memo_max + 1, MEMOIZE), STOP);
    refuses('malformed', '(((', 'h', 0);
    assert.deepEqual(decodePickle(payload), whole);
  });

  it('lets no key reach a prototype', () => {
    const dict = assemble(
      '}',
      '(',
      text('__proto__'),
      '}',
      text('polluted'),
      0x88,
      's',
      text('task_func_name'),
      text('f'),
      'u',
    );
    const bytes = assemble(...PROTO, MESSAGE_TYPE, 'K', 0, 0x85, REDUCE, dict, 0x86, STOP);
    const { records, problems } = decodeFrames([{ channel: Channel.resource, time: 1, payload: bytes }], 'test');
    assert.deepEqual(problems, []);
    assert.equal(records[0]?.['parsl.app_name'], 'f');
    assert.equal(Object.getPrototypeOf(records[0]), Object.prototype);
    assert.equal('polluted' in {}, false);
    assert.equal(Object.keys(records[0]).includes('polluted'), false);
  });
});
