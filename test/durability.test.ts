/**
 * kill -9 under load: what the bridge acknowledged is on disk, and a restart exports all of it, the same bytes as if
 * nothing had happened (DESIGN.md §4.3, §4.7).
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Frame } from '../bridge/core/frame.ts';
import { fixedZone } from '../bridge/core/time.ts';
import { Engine } from '../bridge/engine.ts';
import { encodeFrames } from '../bridge/formats/capture.ts';
import { decodeFrames } from '../bridge/formats/frames.ts';
import { openReads } from '../bridge/store/sqlite.ts';
import type { BridgeProcess } from './helpers/bridge.ts';
import { startBridgeProcess } from './helpers/bridge.ts';
import { recordedFrames } from './helpers/fixtures.ts';
import type { OtlpServer } from './helpers/otlp_server.ts';
import { startOtlpServer } from './helpers/otlp_server.ts';

const BATCH = 40;

function batches(frames: readonly Frame[]): Frame[][] {
  const list: Frame[][] = [];
  for (let at = 0; at < frames.length; at += BATCH) list.push(frames.slice(at, at + BATCH));
  return list;
}

async function post({ url, connection }: BridgeProcess, frames: readonly Frame[]): Promise<boolean> {
  const headers = {
    'Content-Type': 'application/vnd.parsl-otel.capture',
    Authorization: `Bearer ${connection['http']?.['token'] ?? ''}`,
  };
  try {
    const response = await fetch(`${url}/v1/records`, { method: 'POST', headers, body: encodeFrames(frames) });
    return response.status === 200;
  } catch {
    return false; // The bridge was killed under it: not acknowledged, so it is sent again.
  }
}

describe('kill -9', function () {
  this.timeout(60_000);
  let backend: OtlpServer;
  let bridge: BridgeProcess | undefined;

  beforeEach(async () => {
    backend = await startOtlpServer();
  });
  afterEach(async () => {
    if (bridge !== undefined && bridge.child.exitCode === null && bridge.child.signalCode === null) await bridge.kill();
    await backend.stop();
    if (bridge !== undefined) rmSync(bridge.directory, { recursive: true, force: true });
  });

  it('loses nothing that was acknowledged, and exports the same spans', async () => {
    const frames = recordedFrames('2026.10.26-W2-fs');
    const config = { time_zone: 'UTC', closing: { settle_ms: 50 }, exporters: { otlp: { endpoint: backend.grpcUrl } } };
    bridge = await startBridgeProcess({ config, args: ['--finish'] });

    const waiting = batches(frames);
    const first = bridge;
    // Four at a time; the kill comes while the last four of the first half are on their way.
    const half = Math.floor(waiting.length / 8) * 4;
    let inFlight: Promise<boolean[]> = Promise.resolve([]);
    for (let at = 0; at < half; at += 4) {
      assert.ok((await inFlight).every(Boolean));
      inFlight = Promise.all(waiting.slice(at, at + 4).map((batch) => post(first, batch)));
    }
    await first.kill();
    await inFlight;

    bridge = await startBridgeProcess({ config, args: ['--finish'], directory: first.directory });
    // Whatever of those four was not acknowledged is sent again by its sender; here all of them are.
    for (const batch of waiting.slice(half - 4)) assert.ok(await post(bridge, batch));
    assert.equal(await bridge.interrupt(), 0, bridge.errors());

    const engine = new Engine({ closing: 'end', zone: fixedZone(0, 'config') });
    engine.apply(decodeFrames(frames, 'convert').records, 0);
    const expected = new Map(engine.finish().spans.map((span) => [`${span.traceId}/${span.spanId}`, span]));
    const got = new Map<string, string>();
    for (const span of backend.spans) {
      const id = `${span.traceId}/${span.spanId}`;
      const bytes = JSON.stringify(span, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
      assert.equal(got.get(id) ?? bytes, bytes, 'a span was sent again with other bytes');
      got.set(id, bytes);
      const wanted = expected.get(id);
      assert.ok(wanted !== undefined, `span ${span.name} was never expected`);
      assert.deepEqual(
        [span.startTimeUnixNano, span.endTimeUnixNano],
        [wanted.startTimeUnixNano, wanted.endTimeUnixNano],
      );
    }
    assert.equal(got.size, expected.size);
  });

  it('writes a log line into the read side once, though its entry is replayed', async () => {
    const run = '00000000-0000-4000-8000-000000000001';
    const config = { exporters: {} };
    bridge = await startBridgeProcess({ config });
    const lines = (from: number): string =>
      Array.from({ length: 50 }, (_, n) => JSON.stringify({ run_id: run, message: `line ${from + n}`, created: 1.79e9 + n })).join('\n'); // prettier-ignore
    const send = async ({ url, connection }: BridgeProcess, body: string): Promise<void> => {
      const headers = {
        'Content-Type': 'application/x-ndjson',
        Authorization: `Bearer ${connection['http']?.['token'] ?? ''}`,
      };
      const { status } = await fetch(`${url}/v1/records`, { method: 'POST', headers, body });
      assert.equal(status, 200);
    };
    const stored = async ({ dataDir }: BridgeProcess): Promise<unknown[]> => {
      const reads = openReads(join(dataDir, 'store.db'));
      const { records } = await reads.records({ where: { 'parsl.dfk': [run] }, limit: 1000, offset: 0 });
      reads.close();
      return records.map(({ message }) => message).sort();
    };
    const first = bridge;
    await send(first, lines(0));
    while ((await stored(first)).length < 50) await new Promise((resolve) => setTimeout(resolve, 20));
    // Acknowledged, and the kill comes before or after it reached the read side: either way it is there once.
    await send(first, lines(100));
    await first.kill();
    bridge = await startBridgeProcess({ config, directory: first.directory });
    await send(bridge, lines(200));
    assert.equal(await bridge.interrupt(), 0, bridge.errors());
    const expected = [0, 100, 200].flatMap((from) => Array.from({ length: 50 }, (_, n) => `line ${from + n}`)).sort();
    assert.deepEqual(await stored(bridge), expected);
  });
});
