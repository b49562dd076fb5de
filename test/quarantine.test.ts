import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Channel, type Frame } from '../bridge/core/frame.ts';
import { createFrameParser } from '../bridge/formats/capture.ts';
import { openQuarantine } from '../bridge/quarantine.ts';

const frame = (text: string): Frame => ({
  channel: Channel.udp,
  time: 1_700_000_000_000_000,
  payload: Buffer.from(text),
});

describe('quarantine', () => {
  let directory = '';
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'parsl-otel-quarantine-')), 'quarantine');
  });
  afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

  const kept = (name: string): string[] =>
    createFrameParser({ frame_bytes_max: 1e6 })
      .push(readFileSync(join(directory, `${name}.capture`)))
      .map(({ payload }) => Buffer.from(payload).toString());

  it('keeps bad frames of each receiver in a capture of its own, for its owner alone', () => {
    const quarantine = openQuarantine(directory, { messagesMax: 10, bytesMax: 1e6 });
    quarantine.keep('udp', frame('a'));
    quarantine.keep('udp/second', frame('b'));
    quarantine.keep('udp', frame('c'));
    assert.deepEqual([kept('udp'), kept('udp_second')], [['a', 'c'], ['b']]);
    assert.equal(statSync(join(directory, 'udp.capture')).mode & 0o777, 0o600);
  });

  it('keeps so many messages a start', () => {
    const limits = { messagesMax: 2, bytesMax: 1e6 };
    const first = openQuarantine(directory, limits);
    for (const text of ['a', 'b', 'c']) first.keep('udp', frame(text));
    assert.deepEqual(kept('udp'), ['a', 'b']);
    openQuarantine(directory, limits).keep('udp', frame('d'));
    assert.deepEqual(kept('udp'), ['a', 'b', 'd']);
  });

  it('keeps so many bytes over all starts; what is smaller may still fit', () => {
    const limits = { messagesMax: 100, bytesMax: 200 };
    openQuarantine(directory, limits).keep('udp', frame('x'.repeat(100)));
    const again = openQuarantine(directory, limits);
    again.keep('udp', frame('y'.repeat(100)));
    again.keep('udp', frame('small'));
    assert.deepEqual(kept('udp'), ['x'.repeat(100), 'small']);
    assert.ok(statSync(join(directory, 'udp.capture')).size <= 200);
  });

  it('keeps nothing where nothing may be kept', () => {
    openQuarantine(directory, { messagesMax: 0, bytesMax: 1e6 }).keep('udp', frame('a'));
    assert.ok(!existsSync(directory));
  });
});
