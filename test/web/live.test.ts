import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type ClientRequest, type IncomingMessage } from 'node:http';

import { makeRows, none } from '../store/rows.ts';
import { serve, type Running } from './server.ts';

const run = makeRows({ tasks: 1 }).runs[0]!;
const rowsOf = (...runs: string[]) => ({ ...none, runs: runs.map((id) => ({ ...run, run: id })) });

interface Event {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads server-sent events; `until` waits for the one that is asked for and gives all that came. */
class Client {
  readonly events: Event[] = [];
  comments = 0;
  readonly request: ClientRequest;
  response: IncomingMessage | undefined;
  #rest = '';

  constructor(url: string) {
    this.request = get(url, { agent: false });
    this.request.on('error', () => {}); // Ended by the test.
  }

  async open(): Promise<IncomingMessage> {
    const [response] = (await once(this.request, 'response')) as [IncomingMessage];
    this.response = response.setEncoding('utf8');
    return response;
  }

  read(): void {
    this.response!.on('data', (chunk: string) => {
      const blocks = (this.#rest + chunk).split('\n\n');
      this.#rest = blocks.pop()!;
      for (const block of blocks) this.#take(block);
    });
  }

  async until(done: (events: readonly Event[]) => boolean): Promise<readonly Event[]> {
    while (!done(this.events)) await once(this.response!, 'data');
    return this.events;
  }

  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.split(':', 1)[0]!, line.slice(line.indexOf(':') + 1).trim()]),
    );
    if (fields.has('data'))
      this.events.push({
        event: fields.get('event') ?? 'message',
        data: JSON.parse(fields.get('data')!) as Record<string, unknown>,
      });
    else this.comments += 1;
  }
}

async function connect(bridge: Running, path: string): Promise<Client> {
  const client = new Client(`${bridge.url}${path}`);
  await client.open();
  client.read();
  await client.until((events) => events.length > 0);
  return client;
}

describe('web/live', () => {
  let bridge: Running;
  afterEach(() => bridge.stop());

  it('tells which runs changed, gathered, and not more often than it may', async () => {
    bridge = await serve({ liveOptions: { interval_ms: 60 } });
    const client = await connect(bridge, '/api/live');
    const times: number[] = [];
    client.response!.on('data', () => times.push(performance.now()));
    bridge.live.rows(rowsOf('a'));
    bridge.live.rows(rowsOf('b', 'a'));
    await client.until((events) => events.length === 2);
    bridge.live.rows(rowsOf('c'));
    await client.until((events) => events.length === 3);
    assert.deepEqual(client.events.map(({ event, data }) => [event, data['runs']]), [['hello', undefined], ['runs', ['a', 'b']], ['runs', ['c']]]); // prettier-ignore
    assert.ok(times[1]! - times[0]! > 45, String(times[1]! - times[0]!));
    client.request.destroy();
  });

  it('says nothing of rows that name no run, and keeps connections alive with comments', async () => {
    bridge = await serve({ liveOptions: { interval_ms: 5, heartbeat_ms: 10 } });
    const client = await connect(bridge, '/api/live');
    bridge.live.rows(none);
    while (client.comments < 3) await once(client.response!, 'data');
    assert.equal(client.events.length, 1);
    client.request.destroy();
  });

  it('streams records in their order, one JSON an event, nanoseconds whole', async () => {
    bridge = await serve();
    const all = await connect(bridge, '/api/stream');
    const one = await connect(bridge, '/api/stream?run=B');
    const records = Array.from({ length: 500 }, (_, k) => ({
      k,
      time: 1_700_000_000_123_456_789n,
      'parsl.dfk': k % 2 === 0 ? 'a' : 'b',
      text: 'two\nlines',
    }));
    bridge.live.records(records.slice(0, 200));
    bridge.live.records(records.slice(200));
    await all.until((events) => events.length === 501);
    await one.until((events) => events.length === 251);
    assert.deepEqual(all.events.slice(1).map(({ data }) => data['k']), records.map(({ k }) => k)); // prettier-ignore
    assert.deepEqual(one.events.slice(1).map(({ data }) => data['k']), records.filter(({ k }) => k % 2 === 1).map(({ k }) => k)); // prettier-ignore
    assert.deepEqual(all.events[1]!.data, { k: 0, time: '1700000000123456789', 'parsl.dfk': 'a', text: 'two\nlines' });
    all.request.destroy();
    one.request.destroy();
  });

  it('drops for a slow client what its buffer cannot hold, tells how much and where, and holds nobody else up', async () => {
    bridge = await serve({ liveOptions: { buffer_bytes_max: 100_000 } });
    const slow = new Client(`${bridge.url}/api/stream`);
    await slow.open(); // It does not read.
    const quick = await connect(bridge, '/api/stream');
    const total = 4000;
    const text = 'x'.repeat(5000);
    for (let k = 0; k < total; k += 10) {
      bridge.live.records(Array.from({ length: 10 }, (_, i) => ({ k: k + i, text })));
      await quick.until((events) => events.at(-1)!.data['k'] === k + 9);
    }
    slow.read();
    const of = (events: readonly Event[]) =>
      events.filter(({ event }) => event === 'dropped').reduce((sum, { data }) => sum + (data['count'] as number), 0);
    const got = (events: readonly Event[]) => events.filter(({ event }) => event === 'message');
    await slow.until((events) => got(events).length + of(events) === total);
    assert.equal(of(quick.events), 0);
    assert.ok(of(slow.events) > 0, 'something was dropped');
    let next = 0;
    for (const { event, data } of slow.events.slice(1)) {
      if (event === 'dropped') next += data['count'] as number;
      else assert.equal(data['k'], next++);
    }
    slow.request.destroy();
    quick.request.destroy();
  });

  it('takes no more clients than it may, and one more when one has left', async () => {
    bridge = await serve({ liveOptions: { clients_max: 2 } });
    const first = await connect(bridge, '/api/live');
    await connect(bridge, '/api/stream');
    assert.equal((await bridge.get('/api/live')).status, 503);
    first.request.destroy();
    for (;;) {
      const again = new Client(`${bridge.url}/api/live`);
      const { statusCode } = await again.open();
      again.request.destroy();
      if (statusCode === 200) break;
    }
  });

  it('ends all streams when it closes', async () => {
    bridge = await serve();
    const clients = [await connect(bridge, '/api/live'), await connect(bridge, '/api/stream')];
    const ends = clients.map(({ response }) => once(response!, 'end'));
    bridge.live.close();
    await Promise.all(ends);
    bridge.live.rows(rowsOf('a'));
    bridge.live.records([{ k: 1 }]);
  });
});
