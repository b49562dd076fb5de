import fc from 'fast-check';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

import type { Metric } from '../../bridge/core/signal.ts';
import {
  canonicalNumber,
  metricName,
  prefersOpenMetrics,
  prometheus,
  renderPrometheus,
} from '../../bridge/exporters/prometheus.ts';
import { collecting } from '../helpers/exporter.ts';
import { parseExposition } from '../helpers/exposition.ts';
import {
  BEGAN,
  durations,
  failures,
  histogramPoint,
  metrics,
  numberPoint,
  RUN,
  silence,
  submit,
  tasksByState,
  worker,
} from '../helpers/signals.ts';

const text = (list: readonly Metric[]) => renderPrometheus(list, { openMetrics: false });
const open = (list: readonly Metric[]) => renderPrometheus(list, { openMetrics: true });
const identity = `instance="${RUN}",job="parsl/assembly"`;

describe('exporters/prometheus', () => {
  it('writes the text format', () => {
    assert.equal(
      text(metrics),
      `# HELP target_info Target metadata
# TYPE target_info gauge
target_info{host_name="login1",${identity},parsl_dfk="${RUN}"} 1
# HELP parsl_tasks Tasks in each state.
# TYPE parsl_tasks gauge
parsl_tasks{${identity},run="${RUN}",state="running",workflow="assembly"} 3
parsl_tasks{${identity},run="${RUN}",state="failed",workflow="assembly"} 0
# HELP parsl_try_failures_total Tries that failed.
# TYPE parsl_try_failures_total counter
parsl_try_failures_total{error_type="ValueError",${identity},run="${RUN}"} 2
# HELP parsl_run_silence_seconds Since the last TASK_INFO.
# TYPE parsl_run_silence_seconds gauge
parsl_run_silence_seconds{${identity},run="${RUN}"} 1.5
# HELP parsl_task_duration_seconds From the call of an app to the end of its task.
# TYPE parsl_task_duration_seconds histogram
parsl_task_duration_seconds_bucket{app="merge",${identity},outcome="done",run="${RUN}",le="0.5"} 1
parsl_task_duration_seconds_bucket{app="merge",${identity},outcome="done",run="${RUN}",le="2"} 3
parsl_task_duration_seconds_bucket{app="merge",${identity},outcome="done",run="${RUN}",le="+Inf"} 4
parsl_task_duration_seconds_sum{app="merge",${identity},outcome="done",run="${RUN}"} 6.75
parsl_task_duration_seconds_count{app="merge",${identity},outcome="done",run="${RUN}"} 4
`,
    );
  });

  it('writes OpenMetrics with exemplars', () => {
    const families = parseExposition(open(metrics), true);
    assert.deepEqual(
      families.map(({ name, type }) => [name, type]),
      [
        ['target', 'info'],
        ['parsl_tasks', 'gauge'],
        ['parsl_try_failures', 'counter'],
        ['parsl_run_silence_seconds', 'gauge'],
        ['parsl_task_duration_seconds', 'histogram'],
      ],
    );
    const [, , last] = families[4]!.samples;
    const [exemplar] = histogramPoint().exemplars;
    assert.equal(last!.labels['le'], '+Inf');
    assert.deepEqual(last!.exemplar, {
      labels: { trace_id: exemplar!.traceId, span_id: exemplar!.spanId },
      value: 4,
      time: Number(BEGAN + 1_000_000_000n) / 1e9,
    });
    assert.deepEqual(
      families[4]!.samples.map(({ labels }) => labels['le']),
      ['0.5', '2.0', '+Inf', undefined, undefined],
    );
  });

  it('shows the latest exemplar of each bucket', () => {
    const at = (seconds: bigint, value: number) => ({
      ...histogramPoint().exemplars[0]!,
      value,
      timeUnixNano: BEGAN + seconds,
    });
    const point = histogramPoint({ exemplars: [at(3n, 1), at(9n, 1.5), at(5n, 2), at(1n, 0.5)] });
    const [, family] = parseExposition(open([{ ...durations, points: [point] } as Metric]), true);
    assert.deepEqual(
      family!.samples.slice(0, 3).map(({ exemplar }) => exemplar?.value),
      [0.5, 1.5, undefined],
    );
  });

  it('names metrics as the Collector does', () => {
    const name = (from: string, unit: string, type: 'gauge' | 'counter' | 'updown' | 'histogram'): string =>
      metricName({
        name: from,
        unit,
        type: type === 'counter' || type === 'updown' ? 'sum' : type,
        monotonic: type === 'counter',
      });
    const table: readonly [...Parameters<typeof name>, string][] = [
      ['parsl.tasks', '{task}', 'updown', 'parsl_tasks'],
      ['parsl.task.duration', 's', 'histogram', 'parsl_task_duration_seconds'],
      ['parsl.try.cpu.time', 's', 'counter', 'parsl_try_cpu_time_seconds_total'],
      ['parsl.try.io', 'By', 'counter', 'parsl_try_io_bytes_total'],
      ['parsl.try.memory.peak', 'By', 'histogram', 'parsl_try_memory_peak_bytes'],
      ['system.io', 'foo/bar', 'gauge', 'system_io_foo_per_bar'],
      // From here on the cases of the translator's own tests.
      ['system.network.io', 'By/s', 'gauge', 'system_network_io_bytes_per_second'],
      ['system.filesystem.usage', 'GiBy', 'gauge', 'system_filesystem_usage_gibibytes'],
      ['hw.gpu.memory.utilization', '1', 'gauge', 'hw_gpu_memory_utilization_ratio'],
      ['hw.fan.speed_ratio', '1', 'gauge', 'hw_fan_speed_ratio'],
      ['objects', '', 'counter', 'objects_total'],
      ['objects_total', '', 'counter', 'objects_total'],
      ['hw.cpu.speed.limit', 'Hz', 'gauge', 'hw_cpu_speed_limit_hertz'],
      ['broken.metric.speed', 'km/h', 'gauge', 'broken_metric_speed_km_per_hour'],
      ['astro.light.speed_limit', 'm/s', 'gauge', 'astro_light_speed_limit_meters_per_second'],
      [
        'active.directory.ds.replication.network.io',
        'By',
        'counter',
        'active_directory_ds_replication_network_io_bytes_total',
      ],
      ['nsxt.node.memory.usage', 'KBy', 'gauge', 'nsxt_node_memory_usage_kilobytes'],
      ['redis.latest_fork', 'us', 'gauge', 'redis_latest_fork_microseconds'],
      ['system.cpu.utilization', '%', 'gauge', 'system_cpu_utilization_percent'],
      ['1k', '', 'gauge', '_1k'],
      ['__a..b__', '', 'gauge', 'a_b'],
      ['memory.bytes', 'By', 'gauge', 'memory_bytes'],
      ['läufe', '', 'gauge', 'l_ufe'],
      ['…', 's', 'counter', ''],
      ['…', '', 'gauge', ''],
      ['shares', '1', 'updown', 'shares'],
      ['a', 'valueOf/toString', 'gauge', 'a_valueOf_per_toString'],
      ['per.thing', '{thing}/s', 'gauge', 'per_thing_per_second'],
    ];
    for (const [from, unit, type, expected] of table)
      assert.equal(name(from, unit, type), expected, `${from} ${unit} ${type}`);
  });

  it('makes labels of attributes, joins those that come to one name, and lets the resource stand', () => {
    const attributes = {
      'a.b': '2',
      'a-b': '1',
      '1st': true,
      _under: 4,
      __keep: 'x',
      list: ['p', 'q'],
      job: 'mine',
      constructor: 'c',
      größe: 'é"\n\\',
    };
    const [, family] = parseExposition(text([{ ...silence, points: [numberPoint(1, attributes)] } as Metric]), false);
    assert.deepEqual(family!.samples[0]!.labels, {
      a_b: '1;2',
      key_1st: 'true',
      key_under: '4',
      __keep: 'x',
      list: '["p","q"]',
      job: 'parsl/assembly',
      instance: RUN,
      constructor: 'c',
      gr__e: 'é"\n\\',
    });
  });

  it('leaves out points that ended, and metrics without any other', () => {
    const ended = numberPoint(9, { run: 'old' }, { stale: true });
    const gone: Metric = { ...silence, resource: worker, points: [ended] } as Metric;
    const page = text([gone, { ...tasksByState, points: [ended, tasksByState.points[0]!] } as Metric]);
    assert.doesNotMatch(page, /old|silence|htex/);
    assert.match(page, /parsl_tasks\{/);
    assert.equal(text([gone]), '');
    assert.equal(open([gone]), '# EOF\n');
  });

  it('puts the points of several resources into one family, and says of each what it is', () => {
    const families = parseExposition(
      text([
        tasksByState,
        durations,
        { ...tasksByState, resource: worker },
        { ...durations, resource: structuredClone(submit) },
      ]),
      false,
    );
    assert.deepEqual(
      families.map(({ name, samples }) => [name, samples.length]),
      [
        ['target_info', 2],
        ['parsl_tasks', 4],
        ['parsl_task_duration_seconds', 5],
      ],
    );
    assert.deepEqual(
      families[0]!.samples.map(({ labels }) => labels['job']),
      ['parsl/assembly', 'parsl/assembly.htex'],
    );
  });

  it('has no target_info where the resource says no more than who it is', () => {
    const page = (attributes: Record<string, string>) => text([{ ...silence, resource: { attributes } }]);
    assert.doesNotMatch(page({ 'service.name': 'bridge' }), /target_info/);
    assert.match(page({ 'service.name': 'bridge' }), /\{job="bridge",run=/);
    assert.doesNotMatch(page({ 'host.name': 'h' }), /target_info/);
    assert.match(page({ 'service.name': 'bridge', 'host.name': 'h' }), /target_info\{host_name="h",job="bridge"\} 1/);
  });

  it('keeps to the first type of a name, and to the first of two equal series', () => {
    const twice = {
      ...silence,
      name: 'parsl_run.silence',
      points: [numberPoint(7, { run: RUN }), numberPoint(8, { run: 'b' })],
    } as Metric;
    const other = {
      ...failures,
      name: 'parsl.run.silence.seconds',
      unit: '',
      monotonic: false,
      points: [numberPoint(99, { run: 'c' })],
    } as Metric;
    const clash = { ...durations, name: 'parsl.run.silence' } as Metric;
    const [, family, ...more] = parseExposition(text([silence, twice, clash, other]), false);
    assert.deepEqual(
      family!.samples.map(({ value }) => value),
      [1.5, 8, 99],
    );
    assert.deepEqual(more, []);
  });

  it('writes numbers that JSON cannot', () => {
    const points = [NaN, Infinity, -Infinity, 1e21, 5e-324, -0].map((value, index) => numberPoint(value, { index }));
    const [, family] = parseExposition(text([{ ...silence, points } as Metric]), false);
    assert.deepEqual(
      family!.samples.map(({ value }) => value),
      [NaN, Infinity, -Infinity, 1e21, 5e-324, 0],
    );
  });

  it('writes bounds as each format wants them', () => {
    const bounds = [0, 1e-5, 0.01, 1, 604_800, 1_048_576, 2 ** 40];
    assert.deepEqual(bounds.map(canonicalNumber), [
      '0.0',
      '1e-05',
      '0.01',
      '1.0',
      '604800.0',
      '1.048576e+06',
      '1.099511627776e+12',
    ]);
    const peak = {
      ...durations,
      name: 'parsl.try.memory.peak',
      unit: 'By',
      explicitBounds: [1_048_576],
      points: [histogramPoint({ bucketCounts: [1, 3] })],
    } as Metric;
    assert.match(text([peak]), /le="1048576"/);
    assert.match(open([peak]), /le="1\.048576e\+06"/);
  });

  it('is read by every parser, whatever metrics say', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 12 });
    const anyMetric = fc.record({
      kind: fc.constantFrom(silence, failures, tasksByState, durations),
      name: fc.oneof(anyText, fc.constantFrom('a.b', 'a_b', 'a.b.total', 'target', 'target_info')),
      unit: fc.oneof(fc.constantFrom('s', 'By', '1', '{x}', '', 'By/s'), anyText),
      description: anyText,
      attributes: fc.dictionary(anyText, fc.oneof(anyText, fc.integer(), fc.boolean()), { maxKeys: 4 }),
      value: fc.double({ min: 0, noNaN: true }),
      resource: fc.constantFrom(submit, worker, { attributes: {} }),
    });
    fc.assert(
      fc.property(fc.array(anyMetric, { maxLength: 6 }), (list) => {
        const made = list.map(({ kind, value, attributes, ...rest }) => {
          const points =
            kind.type === 'histogram' ? [histogramPoint({ attributes })] : [numberPoint(value, attributes)];
          return { ...kind, ...rest, points } as Metric;
        });
        parseExposition(text(made), false);
        parseExposition(open(made), true);
      }),
      { numRuns: 300 },
    );
  });

  it('passes promtool where there is one, and our own reading of the formats anywhere', () => {
    const page = text(metrics);
    parseExposition(page, false);
    parseExposition(open(metrics), true);
    const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: page,
      encoding: 'utf8',
    });
    if (error === undefined) assert.deepEqual([status, stdout, stderr], [0, '', '']);
  });

  it('chooses the format by what the scraper prefers', () => {
    const prometheus3 =
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1';
    assert.equal(prefersOpenMetrics(prometheus3), true);
    assert.equal(prefersOpenMetrics('application/openmetrics-text'), true);
    assert.equal(prefersOpenMetrics('text/plain, application/openmetrics-text;q=0.5'), false);
    assert.equal(prefersOpenMetrics('text/plain'), false);
    assert.equal(prefersOpenMetrics('*/*'), false);
    assert.equal(prefersOpenMetrics('application/openmetrics-text;q=0'), false);
    assert.equal(prefersOpenMetrics(undefined), false);
  });

  it('serves /metrics in both formats, compressed where that is taken, as they are now', async () => {
    let asked = 0;
    const { context } = collecting(() => [{ ...silence, points: [numberPoint((asked += 1), {})] } as Metric]);
    const exporter = prometheus.create(prometheus.config.parse({}), context);
    const [route] = exporter.routes ?? [];
    assert.deepEqual([route!.method, route!.path, route!.access], ['GET', '/metrics', 'public']);
    const server = createServer((request, response) => void route!.handle(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const fetchPage = async (headers: Record<string, string>): Promise<[IncomingMessage, Buffer]> => {
      const { port } = server.address() as AddressInfo;
      const [response] = (await once(get({ host: '127.0.0.1', port, path: '/metrics', headers }), 'response')) as [
        IncomingMessage,
      ];
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      return [response, Buffer.concat(chunks)];
    };
    const [plain, page] = await fetchPage({});
    assert.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(page.toString(), /parsl_run_silence_seconds\{.*\} 1\n/);
    const [zipped, body] = await fetchPage({ accept: 'application/openmetrics-text', 'accept-encoding': 'gzip' });
    assert.equal(zipped.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.match(gunzipSync(body).toString(), /\} 2\n# EOF\n$/);
    server.close();
    server.closeAllConnections();
  });
});
