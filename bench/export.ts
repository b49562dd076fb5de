/**
 * How fast are spans encoded and sent, beside OpenTelemetry's own exporters for JavaScript?
 *
 * usage: bench/export.ts        ROUNDS (5) and SECONDS (1, per contender and round) may be set
 *
 * Spans are tries as the mappers make them, and the SDK's ReadableSpan of the same content for the official exporters;
 * both are made beforehand. They are sent, one batch in flight, to a server in another process that takes requests
 * without looking into them. Each contender is a process of its own; they take turns within each round. Printed are
 * medians of the rounds, [least..most], and the medians of the ratios to the official peer of the same round: of the
 * rates, and of the CPU time a span took, which a busy machine changes less.
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { OTLPTraceExporter as OfficialGrpc } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as OfficialHttp } from '@opentelemetry/exporter-trace-otlp-proto';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, totalmem } from 'node:os';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { silent } from '../bridge/core/log.ts';
import { otlp } from '../bridge/exporters/otlp/index.ts';
import { Encoder } from '../bridge/exporters/otlp/split.ts';
import { spanEncoding } from '../bridge/exporters/otlp/traces.ts';
import { readableSpan } from '../test/helpers/official.ts';
import { exportMethod } from '../test/helpers/otlp_decode.ts';
import { span } from '../test/helpers/signals.ts';

const { ROUNDS = '5', SECONDS = '1' } = process.env;
const SPANS = 8_192;
const BATCHES = [512, 4_096] as const;
const REQUEST_BYTES_MAX = 3 << 20;

interface Measured {
  readonly spans: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
}

/** Sends or encodes one batch; `close` lets the process end. */
interface Contender {
  pass(batch: number): Promise<void> | number;
  close(): Promise<void>;
}

type Make = (
  batches: { ours: ReturnType<typeof span>[][]; official: ReadableSpan[][] },
  urls: Urls,
) => Promise<Contender>;

interface Urls {
  readonly grpc: string;
  readonly http: string;
}

const nothing = (): Promise<void> => Promise.resolve();

const contenders: Readonly<Record<string, Make>> = {
  'encode, official': ({ official }) =>
    Promise.resolve({
      pass: (batch) => ProtobufTraceSerializer.serializeRequest(official[batch]!)!.length,
      close: nothing,
    }),
  'encode, ours': ({ ours }) => {
    const encoder = new Encoder();
    const pass = (batch: number): number => {
      let bytes = 0;
      for (const { body } of encoder.requests(ours[batch]!, spanEncoding, REQUEST_BYTES_MAX, () => {}))
        bytes += body.length;
      return bytes;
    };
    return Promise.resolve({ pass, close: nothing });
  },
  'gRPC, official': ({ official }, { grpc }) => officialExporter(new OfficialGrpc({ url: grpc }), official),
  'gRPC, ours': ({ ours }, { grpc }) => ourExporter({ endpoint: grpc }, ours),
  'HTTP, official': ({ official }, { http }) =>
    officialExporter(new OfficialHttp({ url: `${http}/v1/traces` }), official),
  'HTTP, ours': ({ ours }, { http }) => ourExporter({ protocol: 'http/protobuf', endpoint: http }, ours),
};

function officialExporter(exporter: OfficialGrpc | OfficialHttp, batches: ReadableSpan[][]): Promise<Contender> {
  const pass = (batch: number): Promise<void> =>
    new Promise((resolve, reject) => {
      exporter.export(batches[batch]!, ({ error }) => (error === undefined ? resolve() : reject(error)));
    });
  return Promise.resolve({ pass, close: () => exporter.shutdown() });
}

async function ourExporter(config: object, batches: ReturnType<typeof span>[][]): Promise<Contender> {
  const exporter = otlp.create(otlp.config.parse({ ...config, signals: ['traces'] }), {
    id: 'otlp',
    log: silent,
    stateFile: '',
    report: (error) => {
      throw error;
    },
    collect: () => [],
    count: () => {},
  });
  await exporter.start();
  return {
    pass: (batch) => exporter.export({ records: [], spans: batches[batch]!, logs: [], metrics: [] }),
    close: () => exporter.stop(),
  };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** One contender in this process. */
async function measure(name: string, batchSize: number, urls: Urls): Promise<Measured> {
  const spans = Array.from({ length: SPANS }, (_, task) => span(task));
  const batches = { ours: chunks(spans, batchSize), official: chunks(spans.map(readableSpan), batchSize) };
  const contender = await contenders[name]!(batches, urls);
  const passes = async (seconds: number): Promise<number> => {
    const end = performance.now() + seconds * 1_000;
    let sent = 0;
    for (let batch = 0; performance.now() < end; batch = (batch + 1) % batches.ours.length) {
      await contender.pass(batch);
      sent += batches.ours[batch]!.length;
    }
    return sent;
  };
  await passes(0.5);
  const cpu = process.cpuUsage();
  const began = performance.now();
  const sent = await passes(Number(SECONDS));
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  await contender.close();
  return { spans: sent, seconds, cpu_seconds: (user + system) / 1e6 };
}

/** A server that takes everything unread, until its standard input ends. */
async function drain(): Promise<void> {
  const grpc = new Server({ 'grpc.max_receive_message_length': -1 });
  const method = {
    ...exportMethod('traces'),
    requestDeserialize: () => ({}),
    responseSerialize: () => Buffer.alloc(0),
  };
  grpc.addService(
    { Export: method },
    { Export: (_call: unknown, callback: (error: null, reply: object) => void) => callback(null, {}) },
  );
  const http = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  const port = await promisify(grpc.bindAsync.bind(grpc))('127.0.0.1:0', ServerCredentials.createInsecure());
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const urls: Urls = {
    grpc: `http://127.0.0.1:${port}`,
    http: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
  };
  console.log(JSON.stringify(urls));
  process.stdin.resume().on('end', () => process.exit(0));
}

async function compare(): Promise<void> {
  const server = spawn(process.execPath, [import.meta.filename, 'drain'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [urls] = (await once(createInterface(server.stdout), 'line')) as [string];
  const results = new Map<string, Measured[]>();
  for (let round = 0; round < Number(ROUNDS); round++) {
    for (const batch of BATCHES) {
      for (const name of Object.keys(contenders)) {
        const { stdout } = await promisify(execFile)(process.execPath, [
          import.meta.filename,
          'measure',
          name,
          String(batch),
          urls,
        ]);
        const key = `${name}, batches of ${batch}`;
        results.set(key, [...(results.get(key) ?? []), JSON.parse(stdout) as Measured]);
      }
    }
  }
  server.stdin.end();
  const spans = Array.from({ length: SPANS }, (_, task) => span(task));
  const official = ProtobufTraceSerializer.serializeRequest(spans.map(readableSpan))!.length / SPANS;
  const [request] = new Encoder().requests(spans, spanEncoding, 1 << 30, () => {});
  console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}`,
  );
  console.log(`Node ${process.version}; ${ROUNDS} rounds of ${SECONDS} s, medians`);
  const perSpan = `${Math.round(request!.body.length / SPANS)} (official: ${Math.round(official)})`;
  console.log(`${Object.keys(span(0).attributes).length} attributes, ${perSpan} bytes a span, nothing compressed\n`);
  console.log(`${''.padEnd(34)} ${'spans/s'.padStart(9)} ${'[least..most]'.padEnd(18)} CPU µs  to official  by CPU`);
  for (const [name, measured] of results)
    console.log(row(name, measured, results.get(name.replace('ours', 'official'))!));
}

function row(name: string, measured: readonly Measured[], peer: readonly Measured[]): string {
  const rates = measured.map(rate);
  const ratio = median(rates.map((value, index) => value / rate(peer[index]!)));
  const cpu = median(measured.map(cpuOf));
  const cpuRatio = median(measured.map((of, index) => cpuOf(peer[index]!) / cpuOf(of)));
  const range = `[${Math.round(Math.min(...rates))}..${Math.round(Math.max(...rates))}]`;
  return [
    name.padEnd(34),
    String(Math.round(median(rates))).padStart(9),
    range.padEnd(18),
    cpu.toFixed(2).padStart(6),
    ratio.toFixed(2).padStart(12),
    cpuRatio.toFixed(2).padStart(7),
  ].join(' ');
}

/** Microseconds a span. */
function cpuOf({ cpu_seconds, spans }: Measured): number {
  return (cpu_seconds / spans) * 1e6;
}

function rate({ spans, seconds }: Measured): number {
  return spans / seconds;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'drain') await drain();
else if (mode === 'measure')
  console.log(JSON.stringify(await measure(rest[0]!, Number(rest[1]), JSON.parse(rest[2]!) as Urls)));
else await compare();
