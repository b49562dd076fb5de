/** The command line as a user meets it: every command of the README, mistakes, exit codes, no stack traces. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { encodeFrames } from '../bridge/formats/capture.ts';
import { startBridgeProcess } from './helpers/bridge.ts';
import { recordedFrames } from './helpers/fixtures.ts';

const root = join(import.meta.dirname, '..');
const demo = join(root, 'examples/demo.capture.gz');

const commands = [
  'serve', 'play', 'convert', 'ingest', 'validate', 'print-config', 'components', 'flow', 'lifeline', 'bottleneck', 'states', 'runs', 'run', 'task',
]; // prettier-ignore

interface Result {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function cli(...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bridge/cli.ts'), ...args], {
    encoding: 'utf8',
    timeout: 30_000,
    maxBuffer: 1 << 28,
  });
  return { status, out: stdout, err: stderr };
}

/** A user's mistake: exit code 2, a line that says what, nothing of our insides. */
function assertMistake({ status, err }: Result, ...said: readonly RegExp[]): void {
  assert.equal(status, 2, err);
  for (const expected of said) assert.match(err, expected);
  assert.doesNotMatch(err, /\n\s+at |node:internal|\.ts:\d/);
}

describe('the command line', function () {
  this.timeout(60_000);
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsl-otel-cli-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const file = (name: string): string => join(directory, name);

  it('sends no control character of a file’s name or content to the terminal, and names the bad line', () => {
    writeFileSync(file('na\nme\u001b[2J\u009b.log'), '{"a":1}\n{"b":\u001b[31m}\n');
    const { status, err } = cli('convert', directory, '--to', 'jsonl', '--output', file('out'));
    assert.equal(status, 1);
    assert.match(err, /^parsl-otel-cli-\w+\/na\\u000ame\\u001b\[2J\\u009b\.log:2: read JSON: /);
    assert.doesNotMatch(err.replaceAll('\n', ''), /\p{Cc}/u);
  });

  it('shows help with examples for every command', () => {
    assert.match(cli('--help').out, /serve.*play.*convert.*ingest.*validate.*print-config.*components/s);
    for (const command of commands) {
      const { status, out } = cli(command, '--help');
      assert.equal(status, 0);
      assert.match(out, /Examples?:/, command);
    }
  });

  it('ingests into a data directory, says so in a line, and names mistakes', () => {
    const { status, err } = cli('ingest', demo, '--data', file('data'));
    assert.equal(status, 0, err);
    assert.match(err, /^\d+ runs?, \d+ tasks, \d+ records, 0 undecodable\n$/);
    assert.match(cli('runs', '--data', file('data')).out, /told/);
    assertMistake(cli('ingest', file('none'), '--data', file('data')), /none: no such file/);
    assertMistake(cli('ingest', demo, '--follow', '--data', file('data')), /only a monitoring\.db or a directory/);
  });

  it('analyses a tarball that somebody sent, with one command', () => {
    const sent = join(root, 'test/fixtures/run_dirs/2026.10.26-W1-htex.tar.gz');
    const told = cli('flow', '60af', '5', '--from', sent);
    assert.equal(told.status, 0, told.err);
    assert.equal(cli('flow', '--from', sent, '60af', '5').out, told.out);
    assert.match(told.out, /^left 5 of diamond-W1 60af0e2a-.*\n31 lines.*Received executor task 12$/ms);
    assert.match(
      cli('bottleneck', '60af', '--from', sent).out,
      /While tasks were under way, the limit was mostly blocks pending/,
    );
    assertMistake(cli('flow', '60af', 'x', '--from', sent), /x is not the number of one/, /RUN TASK/);
    assertMistake(cli('flow', '--from', sent), /missing required argument 'task'/);
    assertMistake(cli('flow', '--from', sent, sent, '60af', '5'), /more than RUN and TASK/, /--from once for each/);
    assertMistake(cli('states', '--points', '1', '--from', sent), /whole number from 2 to 500/);
    assertMistake(cli('runs', '--data', join(directory, 'none')), /there is no store/, /--from/);
  });

  it('takes options and inputs in either order, and says which options take all that follows', () => {
    writeFileSync(file('one.yaml'), 'relabel: [{ name: one, keys: { nr: job } }]\n');
    writeFileSync(file('two.yaml'), 'relabel: [{ name: two, keys: { unit: si } }]\n');
    writeFileSync(file('lines.jsonl'), '{"nr": 3, "unit": "s"}\n');
    const rules = ['--rules', file('one.yaml'), '--rules', file('two.yaml')];
    assert.match(cli('select', ...rules, file('lines.jsonl')).out, /^\{"source.*"job":3,"si":"s"/);
    assertMistake(
      cli('select', '--keys', 'job', file('lines.jsonl')),
      /missing required argument 'input'/,
      /INPUT first/,
    );
  });

  it('names an unknown option and the nearest one', () => {
    assertMistake(cli('serve', '--lisen', 'x'), /--lisen/, /Did you mean --listen/);
  });

  it('names an unknown config key with the nearest known one', () => {
    writeFileSync(file('bridge.yaml'), 'receivers:\n  udp:\n    lisen: 127.0.0.1:0\nmetricsInterval: 3\n');
    const result = cli('validate', '--config', file('bridge.yaml'));
    assertMistake(result, /receivers\.udp\.lisen: no such key; did you mean listen\?/, /metricsInterval: no such key/);
  });

  it('says where broken YAML is broken', () => {
    writeFileSync(file('bridge.yaml'), 'receivers:\n  udp: [\n');
    assertMistake(cli('validate', '--config', file('bridge.yaml')), /bridge\.yaml/, /line/);
  });

  it('says which file it cannot read', () => {
    assertMistake(cli('validate', '--config', file('none.yaml')), /none\.yaml: no such file/);
    assertMistake(
      cli('convert', file('none.capture'), '--to', 'jsonl', '--output', '-'),
      /none\.capture: no such file/,
    );
  });

  it('lists components with their keys, and a configuration that it accepts again', () => {
    assert.match(cli('components').out, /udp.*hmac_digest.*otlp.*endpoint/s);
    const { out } = cli('print-config');
    writeFileSync(file('bridge.yaml'), out);
    assert.equal(cli('validate', '--config', file('bridge.yaml')).status, 0);
  });

  it('shows no secret of a configuration', () => {
    writeFileSync(
      file('bridge.yaml'),
      `http:\n  token: swordfish-swordfish\nexporters:\n  otlp:\n    headers: { authorization: hunter2 }\nreceivers:\n  udp:\n    hmac_key: ${'deadbeef'.repeat(16)}\n`,
    );
    const { status, out } = cli('print-config', '--config', file('bridge.yaml'));
    assert.equal(status, 0);
    assert.doesNotMatch(out, /swordfish|hunter2|deadbeef/);
  });

  it('says that a port is in use, and how to choose another', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const at = ['--data', file('data'), '--connection-file', file('connection.json')];
    writeFileSync(file('bridge.yaml'), 'receivers: { http: }\n');
    try {
      assertMistake(
        cli('serve', '--config', file('bridge.yaml'), ...at, '--listen', `127.0.0.1:${port}`),
        /listen on 127\.0\.0\.1:\d+: address already in use/,
        /--listen/,
      );
    } finally {
      server.close();
    }
  });

  it('says that a data directory cannot be used', () => {
    writeFileSync(file('occupied'), '');
    assertMistake(cli('serve', '--data', file('occupied')), /occupied/, /--data/);
    if (process.getuid?.() !== 0) {
      chmodSync(directory, 0o500);
      assertMistake(cli('serve', '--data', file('data')), /permission denied/);
      chmodSync(directory, 0o700);
    }
  });

  it('refuses to leave loopback without a token', () => {
    assertMistake(cli('serve', '--data', file('data'), '--listen', '0.0.0.0:0'), /http\.token/);
  });

  it('tells senders the address that its port is published on, and asks for a token if that is not loopback', async () => {
    const bridge = await startBridgeProcess({
      config: { http: { listen: '127.0.0.1:0', published: '127.0.0.9:14380' } },
    });
    try {
      assert.equal(bridge.connection['http']?.['url'], 'http://127.0.0.9:14380');
    } finally {
      await bridge.interrupt();
      rmSync(bridge.directory, { recursive: true });
    }
    writeFileSync(file('bridge.yaml'), 'http: { listen: 127.0.0.1:0, published: 192.0.2.1:4380 }\n');
    assertMistake(cli('serve', '--config', file('bridge.yaml'), '--data', file('data')), /192\.0\.2\.1/, /http\.token/);
  });

  it('says that a certificate directory cannot be read', () => {
    writeFileSync(
      file('bridge.yaml'),
      `receivers: { zmq: { listen: 'tcp://127.0.0.1:0', curve_dir: ${file('none')} } }\n`,
    );
    assertMistake(
      cli('serve', '--config', file('bridge.yaml'), '--data', file('data'), '--listen', '127.0.0.1:0'),
      /none/,
    );
  });

  it('converts as the README says', () => {
    const made = cli('convert', demo, '--to', 'otlp_json', '--output', file('demo.otlp.jsonl'));
    assert.equal(made.status, 0, made.err);
    const requests = readFileSync(file('demo.otlp.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    assert.ok(
      requests.some((request) => 'resourceSpans' in request) &&
        requests.some((request) => 'resourceMetrics' in request),
    );
    const lines = cli('convert', demo, '--to', 'jsonl', '--output', '-').out.trim().split('\n');
    assert.ok(lines.length > 500 && lines.every((line) => 'source.format' in (JSON.parse(line) as object)));
  });

  it('reads its own JSON lines back to the same traces', () => {
    cli('convert', demo, '--to', 'jsonl', '--output', file('demo.jsonl'));
    cli('convert', file('demo.jsonl'), '--to', 'otlp_json', '--output', file('again.jsonl'));
    cli('convert', demo, '--to', 'otlp_json', '--output', file('first.jsonl'));
    assert.equal(readFileSync(file('again.jsonl'), 'utf8'), readFileSync(file('first.jsonl'), 'utf8'));
  });

  it('uses what is whole of a capture that was cut off, says so, and exits with 1', () => {
    const whole = encodeFrames(recordedFrames('2026.10.26-W1-htex'));
    writeFileSync(file('cut.capture'), whole.subarray(0, whole.length - 7));
    const { status, err } = cli('convert', file('cut.capture'), '--to', 'otlp_json', '--output', file('out.jsonl'));
    assert.equal(status, 1);
    assert.match(err, /cut\.capture: cut off/);
    assert.ok(readFileSync(file('out.jsonl'), 'utf8').includes('"parsl.task_state"'));
  });

  it('refuses what is neither a capture nor JSON lines, and leaves no output behind', () => {
    writeFileSync(file('noise'), Buffer.alloc(1 << 16, 0xee));
    const { status, err } = cli('convert', file('noise'), '--to', 'otlp_json', '--output', file('out.jsonl'));
    assert.equal(status, 1);
    assert.match(err, /noise/);
    assertMistake(cli('convert', demo, '--to', 'otlpjson', '--output', '-'), /did you mean otlp_json/);
    assertMistake(cli('convert', demo, '--to', 'jsonl', '--output', file('no/such/dir')), /no such file/);
    assert.ok(!existsSync(file('no')));
  });

  it('plays the demo, and stops on Ctrl-C', async () => {
    const bridge = await startBridgeProcess({
      directory,
      args: ['--demo'],
      config: { receivers: { demo: { path: demo, speed: 1000 } } },
    });
    const deadline = Date.now() + 20_000;
    let runs: unknown[] = [];
    while (runs.length < 3 && Date.now() < deadline)
      runs = ((await (await fetch(`${bridge.url}/api/runs`)).json()) as { runs: unknown[] }).runs;
    assert.ok(runs.length >= 3);
    assert.equal((await fetch(`${bridge.url}/`)).status, 200);
    assert.equal(await bridge.interrupt(), 0, bridge.errors());
    assert.ok(!existsSync(bridge.connectionFile), 'the connection file is gone with the bridge');
  });

  it('writes a capture that convert reads', async () => {
    const bridge = await startBridgeProcess({ directory, args: ['--capture', file('run.capture')] });
    const headers = { 'Content-Type': 'application/x-ndjson' };
    const body =
      '{"parsl.dfk":"00000000-0000-4000-8000-000000000001","parsl.task":0,"parsl.task_state":"pending","time":"1700000000000000000"}\n';
    const sent = await fetch(`${bridge.url}/v1/records`, { method: 'POST', headers, body });
    assert.deepEqual([sent.status, await sent.json()], [200, { records: 1, rejected: 0 }]);
    assert.equal(await bridge.interrupt(), 0);
    const { status, out } = cli('convert', file('run.capture'), '--to', 'jsonl', '--output', '-');
    assert.equal(status, 0);
    assert.match(out, /"parsl.task_state":"pending"/);
  });
});
