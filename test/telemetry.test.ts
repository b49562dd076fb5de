/** The bridge's own numbers by @opentelemetry/sdk-node, into a real OTLP server. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';

import { startBridgeProcess } from './helpers/bridge.ts';
import { startOtlpServer } from './helpers/otlp_server.ts';

describe('telemetry of the bridge itself', function () {
  this.timeout(30_000);

  it('goes where the standard variables say, under the bridge’s own name', async () => {
    const backend = await startOtlpServer();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: backend.grpcUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    const bridge = await startBridgeProcess({ env });
    try {
      const body =
        '{"parsl.dfk":"00000000-0000-4000-8000-000000000001","parsl.task":1,"parsl.task_state":"pending","time":"1700000000000000000"}\n';
      const headers = { 'Content-Type': 'application/x-ndjson' };
      assert.equal((await fetch(`${bridge.url}/v1/records`, { method: 'POST', headers, body })).status, 200);
      // The SDK exports when it shuts down, at the latest.
      assert.equal(await bridge.interrupt(), 0, bridge.errors());
      const own = backend.points.filter(({ resource }) => resource['service.name'] === 'parsl-otel');
      const received = own.find(
        ({ name, attributes }) => name === 'parsl.bridge.received' && attributes['component'] === 'http',
      );
      assert.equal(received?.value, 1);
      assert.ok(own.some(({ name }) => name === 'parsl.bridge.memory'));
    } finally {
      if (bridge.child.exitCode === null) await bridge.kill();
      await backend.stop();
      rmSync(bridge.directory, { recursive: true, force: true });
    }
  });
});
