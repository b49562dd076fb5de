import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { platform } from 'node:os';

import { dropsOf, kernelDrops } from '../../../bridge/receivers/udp/kernel_drops.ts';

const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  301: 0100007F:111D 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 31337 2 0000000000000000 42
  302: 0100007F:111E 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 31338 2 0000000000000000 7
  303: 00000000:111D 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 31339 2 0000000000000000 1
`;

describe('receivers/udp/kernel_drops', () => {
  it('finds the sockets of a port in the kernel’s table', () => {
    assert.deepEqual(
      [dropsOf(table, 0x111d), dropsOf(table, 0x111e), dropsOf(table, 1), dropsOf('', 1)],
      [43, 7, 0, 0],
    );
  });

  it('counts what the kernel really drops, once; nothing where the kernel does not tell', async () => {
    if (platform() !== 'linux') {
      assert.equal(await kernelDrops(1)(), 0);
      return;
    }
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_096 });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const count = kernelDrops(socket.address().port);
    assert.equal(await count(), 0);
    const sender = createSocket('udp4');
    let received = 0;
    socket.on('message', () => received++);
    // Sent without a turn of the event loop in between: nobody reads, and the buffer is small.
    const sent = Array.from({ length: 500 }, () => new Promise((done) => sender.send(Buffer.alloc(1_000), socket.address().port, '127.0.0.1', done))); // prettier-ignore
    await Promise.all(sent);
    while (received === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await count(), 500 - received);
    assert.equal(await count(), 0);
    sender.close();
    socket.close();
  });
});
