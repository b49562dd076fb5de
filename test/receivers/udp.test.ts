import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { Channel } from '../../bridge/core/frame.ts';
import { udp } from '../../bridge/receivers/udp/index.ts';
import { recordedFrames } from '../helpers/fixtures.ts';
import { decoded, recordedKeys, said, sign, taskMessage } from '../helpers/messages.ts';
import {
  cleanUp,
  connection,
  createReceiver,
  startReceiver,
  type Overrides,
  type Running,
} from '../helpers/receiver.ts';

const key = '0f'.repeat(32);

describe('receivers/udp', () => {
  cleanUp();
  let sender: Socket;
  beforeEach(() => {
    sender = createSocket('udp4');
  });
  afterEach(() => sender.close());

  const start = (config: object, overrides?: Overrides) =>
    startReceiver(udp, { listen: '127.0.0.1:0', hmac_key: key, ...config }, overrides);

  async function send(receiver: Running, ...datagrams: readonly Uint8Array[]): Promise<void> {
    const port = Number(connection(receiver)['port']);
    for (const datagram of datagrams) {
      await new Promise<void>((resolve, reject) => {
        sender.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
      });
    }
  }

  for (const recording of ['2025.06.30-W4-udp', '2026.10.26-W1-udp', '2026.10.26-W5-udp']) {
    it(`takes in what workers of ${recording} sent and signed`, async () => {
      const frames = recordedFrames(recording, 'raw_udp.bin');
      const receiver = await start({ hmac_key: recordedKeys(recording)[0] });
      await send(receiver, ...frames.map(({ payload }) => payload));
      await receiver.stop();
      assert.deepEqual(said(receiver.records), said(decoded(frames)));
      assert.equal(receiver.rejected.length, 0);
    });
  }

  it('tells senders the address that its port is published on', async () => {
    const receiver = await start({ published: '127.0.0.9:14381' });
    const { address, port } = connection(receiver);
    assert.deepEqual([address, port], ['127.0.0.9', 14381]);
  });

  for (const recording of ['1.2.0-W1-udp', '2024.06.24-W5-udp']) {
    it(`takes in what workers of ${recording} sent without a signature`, async () => {
      const frames = recordedFrames(recording, 'raw_udp.bin');
      const receiver = await start({ framing: 'plain' });
      await send(receiver, ...frames.map(({ payload }) => payload));
      await receiver.stop();
      assert.deepEqual(said(receiver.records), said(decoded(frames)));
    });
  }

  it('tells a datagram without a signature that was cut from one that is none', async () => {
    const receiver = await start({ framing: 'plain' });
    await send(receiver, taskMessage(1, 'x'.repeat(500)).subarray(0, 200), Buffer.from('noise'), taskMessage(2));
    await receiver.stop();
    assert.deepEqual(receiver.records.map((record) => record['parsl.task']), [2]); // prettier-ignore
    const [cut, noise] = receiver.rejected.map(({ error }) => error.reason);
    assert.equal(cut, 'truncated');
    assert.notEqual(noise, 'truncated');
  });

  it('hands on datagrams with their digests, as they came, with the time of their arrival', async () => {
    const datagram = sign(taskMessage(1), key);
    const receiver = await start({}, { now: () => 42_000_000 });
    await send(receiver, datagram);
    await receiver.stop();
    const [frame] = receiver.frames;
    assert.deepEqual([frame?.channel, frame?.time], [Channel.udp, 42_000_000]);
    assert.deepEqual(Buffer.from(frame?.payload ?? []), datagram);
  });

  it('refuses what is not signed with the key, and says why and from where', async () => {
    const whole = sign(taskMessage(1), key);
    const forged = sign(taskMessage(2), 'aa'.repeat(32));
    const bad = [
      forged,
      whole.subarray(0, -3),
      taskMessage(3),
      Buffer.from('noise'),
      Buffer.alloc(0),
      Buffer.alloc(3000, 0x2e),
    ];
    const receiver = await start({});
    await send(receiver, ...bad, whole);
    await receiver.stop();
    assert.deepEqual(receiver.records.map((record) => record['parsl.task']), [1]); // prettier-ignore
    const reasons = receiver.rejected.map(({ error }) => error.reason);
    assert.deepEqual(reasons, ['bad_hmac', 'truncated', 'no_hmac', 'truncated', 'truncated', 'bad_hmac']);
    assert.ok(receiver.rejected.every(({ error }) => error.message.includes('127.0.0.1')));
    assert.deepEqual(receiver.frames.length, 1);
  });

  it('counts refused datagrams by sender and reason in one line at the end', async () => {
    const receiver = await start({});
    await send(receiver, Buffer.alloc(100, 0x2e), Buffer.alloc(100, 0x2e));
    await receiver.stop();
    const [line] = receiver.logged.filter(({ message }) => message === 'Datagrams were refused.');
    assert.deepEqual(line?.fields, { refused: { '127.0.0.1 bad_hmac': 2 } });
  });

  it('sets a signed datagram aside that does not decode, and takes its neighbours', async () => {
    const wrong = sign(Buffer.concat([taskMessage(1).subarray(0, 8), Buffer.from('.')]), key);
    const receiver = await start({});
    await send(receiver, sign(taskMessage(1), key), wrong, sign(taskMessage(2), key));
    await receiver.stop();
    assert.deepEqual(receiver.records.map((record) => record['parsl.task']), [1, 2]); // prettier-ignore
    assert.deepEqual(receiver.rejected.map(({ error }) => error.code), ['BRIDGE_DECODE']); // prettier-ignore
  });

  it('takes datagrams whole that Parsl would cut at 2,048 bytes', async () => {
    const receiver = await start({});
    await send(receiver, sign(taskMessage(7, 'x'.repeat(60_000)), key));
    await receiver.stop();
    assert.equal(String(receiver.records[0]?.['parsl.task_inputs']).length, 60_000);
  });

  it('never ends because of what comes', async () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 0x7fffffff) & 0xff;
    const noise = Array.from({ length: 300 }, (_, i) => sign(Uint8Array.from({ length: i }, random), key));
    const receiver = await start({});
    await send(receiver, ...noise, sign(taskMessage(5), key));
    await receiver.stop();
    assert.equal(receiver.records.at(-1)?.['parsl.task'], 5);
  });

  it('goes on after `next` refused, and loses nothing', async () => {
    let refusals = 2;
    const receiver = await start(
      {},
      { next: () => (refusals-- > 0 ? Promise.reject(new Error('disk full')) : undefined) },
    );
    await send(receiver, sign(taskMessage(1), key), sign(taskMessage(2), key));
    await receiver.until(({ records }) => records.length === 2);
    assert.deepEqual(receiver.reported.map(({ code }) => code), ['BRIDGE_REFUSED', 'BRIDGE_REFUSED']); // prettier-ignore
  });

  it('counts what its buffer has no room for', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const receiver = await start({ batch_frames_max: 1, buffer_frames_max: 10 }, { next: () => gate });
    const datagrams = Array.from({ length: 50 }, (_, task) => sign(taskMessage(task), key));
    await send(receiver, ...datagrams);
    await receiver.until(({ reported }) => reported.length === 39);
    release();
    await receiver.stop();
    assert.equal(receiver.records.length, 11);
    assert.deepEqual(new Set(receiver.reported.map(({ reason }) => reason)), new Set(['overflow']));
  });

  it('gives up at the end what nobody takes, and counts it', async () => {
    const receiver = await start({}, { next: () => Promise.reject(new Error('disk full')) });
    await send(receiver, sign(taskMessage(1), key), sign(taskMessage(2), key));
    await receiver.stop();
    assert.deepEqual(receiver.reported.slice(-2).map(({ reason }) => reason), ['stopped', 'stopped']); // prettier-ignore
  });

  it('tells senders its address, port, key and digest', async () => {
    const receiver = await start({ hmac_digest: 'sha256' });
    const { port, ...rest } = connection(receiver);
    assert.ok(Number(port) > 0);
    assert.deepEqual(rest, { address: '127.0.0.1', key, digest: 'sha256' });
  });

  it('says so when the kernel gives a smaller buffer than was asked', async () => {
    const receiver = await start({ receive_buffer_bytes: 2 ** 30 });
    assert.ok(receiver.logged.some(({ level, message }) => level === 'warn' && message.includes('smaller buffer')));
  });

  it('stops twice, and before it was started', async () => {
    const receiver = await start({});
    await receiver.stop();
    await receiver.stop();
    await createReceiver(udp, {}).stop();
  });

  it('does not start without what it needs', async () => {
    const occupied = createSocket('udp4');
    occupied.bind(0, '127.0.0.1');
    await once(occupied, 'listening');
    const refused = { code: 'BRIDGE_CONFIG' };
    await assert.rejects(start({ hmac_key: undefined }), refused);
    await assert.rejects(start({ framing: 'plain', listen: '0.0.0.0:0' }), {
      ...refused,
      message: /anyone who reaches it/,
    });
    await assert.rejects(start({ listen: `127.0.0.1:${occupied.address().port}` }), {
      ...refused,
      message: /listen on/,
    });
    occupied.close();
  });

  it('rejects a configuration that cannot work', () => {
    for (const config of [{ hmac_key: 'short' }, { listen: 'nowhere' }, { hmac_digest: 'rot13' }, { hmackey: key }]) {
      assert.equal(udp.config.safeParse(config).success, false, JSON.stringify(config));
    }
  });

  /** Python's hmac.digest(bytes(range(32)), first message of 2026.10.26-W1-threads, name). */
  const digests = {
    sha512:
      '15fef5589e1d3f5fe6bdf3a69a8cdd09d99eefadca5187915e5d5237eba197127b95e685eec900b440224b5c5185f34fa14ec89084e79f374174f3a3ead6cba2',
    sha384: 'f71f521d2136b5694c9d7aca7cb2eec0fd6a2763fe855bb94bc277cea8690d06af55923b9e7778903f521e18f04d6b45',
    sha256: 'df84075fee26db1eb634bbabfc4bc9252c0545bf727a02e84063d05d7944edda',
    sha224: '9337e745dd8313c2e645b5c9ecd66911f044a0814a2be933778f5553',
    sha1: '6c96280000a517367a154533925e59f21938c014',
    md5: '3ec7917aa30a3d23c7db1f32253c4542',
    sha512_256: '3c4cd7053b7669e64103f70bc86605f01967ce676ee1228c47f81167a39fc7f3',
    sha512_224: '2944b010709b2c7a0abf9ba7db51c00e1d9244e30ef1eb05c026d3da',
    blake2b:
      '26b14a80a6e1b660be40f252ff337e9bb1be29f00caab7034fe81294fa4ed296c1e4ef6b5309e49c0d8d78977251241733c3b60cf7fa509b9e12162578642d50',
    blake2s: '1f54214a598e409296d66ee6195e5f698f3874a91a92f5ef9c87db2930238f7c',
    sha3_512:
      'c00e2bfce04adf4b8355e92ce2a78774a95054784cd1d85d1fb8a1cae8a9356db912caa49bd78fef0d7f23d3d66b2ff32f7a7343d6e0e307d4cd35454d24e5e2',
    sha3_384: '114735a72e25dd754643398dccf439548c855ad9a7c3a991a13f9c155a4ec14575934a1b7be89e7cb76c67322b668552',
    sha3_256: '77c669817ccfff9a9a53c839d48971efc34830224a40825ce5b8258fcdb0dbd1',
    sha3_224: 'c1333b35774fef4325f25ce90be8cdeb43a6bed76699bdc8f27acc90',
  } as const;

  for (const [hmac_digest, digest] of Object.entries(digests) as [keyof typeof digests, string][]) {
    it(`knows what Python calls ${hmac_digest}`, async () => {
      const [message] = recordedFrames('2026.10.26-W1-threads');
      const hmac_key = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('hex');
      const receiver = await start({ hmac_key, hmac_digest });
      await send(receiver, Buffer.concat([Buffer.from(digest, 'hex'), message?.payload ?? Buffer.alloc(0)]));
      await receiver.stop();
      assert.equal(receiver.records.length, 1);
    });
  }
});
