import assert from 'node:assert/strict';

import { Channel } from '../../bridge/core/frame.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { captures, expected, recordedFrames, recordings } from '../helpers/fixtures.ts';

/** What does not depend on who heard the message when; until 2024 the router edited NODE_INFO: it knew the run. */
function said(record: WideRecord, recording: string): string {
  const rest = { ...record };
  delete rest['source.arrival'];
  if (recording < '2024.12' && record['parsl.message_type'] === 'NODE_INFO') {
    delete rest['parsl.dfk'];
    delete rest['parsl.manager_info.last_heartbeat'];
    delete rest['parsl.manager_info.last_heartbeat_epoch'];
  }
  return JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Messages that a killed manager still held: the workers sent them, the database manager never got them. */
const lost: Record<string, number> = { '2026.05.25-W3-htex raw_htex.bin': 12 };

describe('formats/frames', () => {
  for (const recording of recordings()) {
    const { records, problems } = decodeFrames(recordedFrames(recording), 'test');

    it(`makes of ${recording} as many records of each kind as were sent, and flat ones`, () => {
      assert.deepEqual(problems, []);
      const counts: Record<string, number> = {};
      for (const record of records) {
        const kind = String(record['parsl.message_type']);
        counts[kind] = (counts[kind] ?? 0) + 1;
        for (const value of Object.values(record)) assert.ok(value === null || typeof value !== 'object');
      }
      const { runs, tables } = expected(recording);
      assert.equal(counts['BLOCK_INFO'] ?? 0, tables['block']);
      assert.equal(counts['NODE_INFO'] ?? 0, tables['node']);
      const ids = new Set(records.map((record) => record['parsl.dfk']));
      assert.deepEqual([...ids].sort(), runs.map(({ run_id }) => run_id).sort());
    });

    for (const file of captures(recording).filter((name) => name !== 'messages.bin')) {
      it(`finds in ${file} of ${recording} what reached the database manager`, () => {
        const heard = new Set(records.map((record) => said(record, recording)));
        const raw = decodeFrames(recordedFrames(recording, file), 'test');
        assert.deepEqual(raw.problems, []);
        assert.ok(raw.records.length > 0);
        const missing = raw.records.filter((record) => !heard.has(said(record, recording)));
        assert.equal(missing.length, lost[`${recording} ${file}`] ?? 0);
      });
    }
  }

  it('says who took the message in and when it arrived', () => {
    const [frame] = recordedFrames('2026.10.26-W5-threads');
    assert.ok(frame !== undefined);
    const [record] = decodeFrames([frame], 'zmq/second').records;
    assert.equal(record?.['source.receiver'], 'zmq/second');
    assert.equal(record['source.arrival'], frame.time);
  });

  it('makes a problem of a frame that cannot be used and loses no neighbour', () => {
    const [good] = recordedFrames('2026.10.26-W5-threads');
    assert.ok(good !== undefined);
    const bad = (channel: number, payload: string) => ({ channel, time: 1, payload: Buffer.from(payload, 'latin1') });
    const frames = [
      good,
      bad(Channel.resource, 'nonsense'),
      bad(Channel.udp, ''),
      bad(Channel.filesystem, '01\n\x80\x04'),
      bad(Channel.zmq, '\x80\x04N.'),
      bad(Channel.htex, '\x80\x04cos\nsystem\n.'),
      bad(99, '\x80\x04N.'),
      good,
    ];
    const { records, problems } = decodeFrames(frames, 'test');
    assert.equal(records.length, 2);
    assert.deepEqual(
      problems.map(({ frame }) => frame),
      frames.slice(1, -1),
    );
    assert.deepEqual(
      problems.map(({ error }) => error.reason),
      ['opcode', 'truncated', 'truncated', 'envelope', 'global', 'channel'],
    );
    for (const { error } of problems) assert.equal(error.code, 'BRIDGE_DECODE');
  });

  it('keeps the good lines of a body of records and names the bad one alone', () => {
    const body = { channel: Channel.records, time: 7, payload: Buffer.from('{"a":1}\nnonsense\n{"a":2}\n') };
    const { records, problems } = decodeFrames([body], 'http');
    assert.deepEqual(
      records.map(({ a }) => a),
      [1, 2],
    );
    assert.equal(problems.length, 1);
    assert.deepEqual(
      { ...problems[0]?.frame, payload: Buffer.from(problems[0]?.frame.payload ?? []).toString() },
      { channel: 14, time: 7, payload: 'nonsense' },
    );
  });

  it('reads a file with and without the header line of old releases', () => {
    const [frame] = recordedFrames('2026.10.26-W5-threads');
    assert.ok(frame !== undefined);
    const file = (payload: Uint8Array) =>
      decodeFrames([{ channel: Channel.filesystem, time: 1, payload }], 'fs').records;
    assert.deepEqual(file(Buffer.concat([Buffer.from('01\n'), frame.payload])), file(frame.payload));
    assert.equal(file(frame.payload).length, 1);
  });
});
