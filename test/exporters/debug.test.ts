import assert from 'node:assert/strict';

import { debug } from '../../bridge/exporters/debug.ts';
import { startExporter } from '../helpers/exporter.ts';
import { durations, idsOf, log, metrics, span } from '../helpers/signals.ts';

/** Just enough of a type to look into JSON. */
interface Loose {
  readonly [key: string]: Loose;
}

type Verbosity = 'basic' | 'normal' | 'detailed';

async function logged(
  verbosity: Verbosity | undefined,
  batch: Parameters<Awaited<ReturnType<typeof startExporter>>['export']>[0],
) {
  const running = await startExporter(debug, { verbosity });
  await running.export(batch);
  await running.stop();
  return running;
}

describe('exporters/debug', () => {
  const batch = { spans: [span(0), span(1)], logs: [log(0)], metrics };

  it('counts a batch with basic verbosity', async () => {
    const { logged: lines, sent } = await logged('basic', batch);
    assert.deepEqual(lines, [{ level: 'info', fields: { spans: 2, logs: 1, metrics: 4 }, message: 'Batch.' }]);
    assert.equal(sent, 8);
  });

  it('writes one line an item by default', async () => {
    const { logged: lines } = await logged(undefined, batch);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['Span.', 'Span.', 'Log.', 'Metric.', 'Metric.', 'Metric.', 'Metric.'],
    );
    assert.deepEqual(lines[0]!.fields, {
      name: 'try 0',
      trace_id: span(0).traceId,
      span_id: span(0).spanId,
      parent_span_id: idsOf(0).spanId,
      start: '2026-11-18T11:06:40.123456000Z',
      duration_ms: 5000.000001,
      status: 'unset',
    });
    assert.deepEqual(lines[2]!.fields, {
      at: '2026-11-18T11:06:40.123456000Z',
      severity: 'INFO',
      body: 'task 0 launched',
      event_name: 'parsl.task.state',
      trace_id: idsOf(0).traceId,
      span_id: idsOf(0).spanId,
    });
    assert.deepEqual(lines[6]!.fields, { name: 'parsl.task.duration', unit: 's', type: 'histogram', points: 1 });
  });

  it('writes everything with detailed verbosity, as JSON can hold it', async () => {
    const failed = span(0, {
      status: { code: 2, message: 'exit 1' },
      attributes: { big: 2n ** 60n },
      links: [{ ...idsOf(5), attributes: { 'parsl.link': 'run' } }],
    });
    const { logged: lines } = await logged('detailed', {
      spans: [failed],
      logs: [log(0, { timeUnixNano: 0n })],
      metrics: [durations],
    });
    const [spanLine, logLine, metricLine] = lines.map(
      ({ fields }) => JSON.parse(JSON.stringify(fields)) as Record<string, Loose>,
    );
    assert.deepEqual(
      [
        spanLine!['status'],
        spanLine!['status_message'],
        spanLine!['kind'],
        spanLine!['attributes'],
        spanLine!['links'],
        spanLine!['resource']!['service.name'],
      ],
      [
        'error',
        'exit 1',
        'producer',
        { big: '1152921504606846976' },
        [{ trace_id: idsOf(5).traceId, span_id: idsOf(5).spanId, attributes: { 'parsl.link': 'run' } }],
        'assembly',
      ],
    );
    assert.deepEqual([logLine!['at'], logLine!['attributes']!['parsl.task']], ['', 0]);
    assert.deepEqual(
      [metricLine!['values']![0]!['sum'], metricLine!['values']![0]!['exemplars'], metricLine!['explicit_bounds']],
      [6.75, [idsOf(3).traceId], [0.5, 2]],
    );
  });
});
