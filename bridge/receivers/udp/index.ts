/**
 * udp: receives what Parsl's UDPRadio sends.
 *
 * A datagram is an HMAC digest and a pickle (Parsl 2025.06.30 and later) or the bare pickle (before). Nothing is
 * looked at before its digest is right. UDP knows no refusal: what comes faster than it can be taken is lost, so it is
 * counted, both what the kernel drops and what our own buffer has no room for. Parsl's receiver cuts datagrams at
 * 2,048 bytes; here they come whole, and one that was cut on its way is told from a forged one by its missing end.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';

import { defineReceiver } from '../../core/component.ts';
import { BridgeError } from '../../core/errors.ts';
import { Channel, type Frame } from '../../core/frame.ts';
import { Intake, sift, type Sifted } from '../../core/intake.ts';
import {
  listenAddress,
  listenError,
  parseAddress,
  publishedAddress,
  requireSecret,
  type Address,
} from '../../core/listen.ts';
import type { Logger } from '../../core/log.ts';
import { decodeFrames } from '../../formats/frames.ts';
import { kernelDrops } from './kernel_drops.ts';

/** Digests by their names in Python's hashlib, which Parsl's config uses, and in OpenSSL. */
const digests = {
  sha512: 'sha512', sha384: 'sha384', sha256: 'sha256', sha224: 'sha224', sha1: 'sha1', md5: 'md5',
  sha512_256: 'sha512-256', sha512_224: 'sha512-224', blake2b: 'blake2b512', blake2s: 'blake2s256',
  sha3_512: 'sha3-512', sha3_384: 'sha3-384', sha3_256: 'sha3-256', sha3_224: 'sha3-224',
} as const; // prettier-ignore

const config = z.strictObject({
  listen: listenAddress.default('127.0.0.1:4381').describe('Address and port to bind; port 0 takes any free one.'),
  published: publishedAddress.describe('Where senders reach it, if not at listen: where a container’s port is published.'),
  framing: z.enum(['hmac', 'plain']).default('hmac').describe('What senders send: plain is Parsl up to 2025.06.'),
  hmac_key: z
    .string()
    .regex(/^(?:[0-9a-fA-F]{2}){16,}$/, 'must be hex, 16 bytes or more')
    .optional()
    .describe('Key that senders sign with, hex; if unset, the one of the connection file.'),
  hmac_digest: z
    .enum(Object.keys(digests) as (keyof typeof digests)[])
    .default('sha512')
    .describe('Digest that senders sign with.'),
  receive_buffer_bytes: z.int().min(4_096).max(2 ** 30).default(2 ** 22).describe('Kernel buffer: what absorbs a burst.'),
  batch_frames_max: z.int().min(1).max(100_000).default(1_000).describe('Datagrams handed on at a time.'),
  buffer_frames_max: z.int().min(1).max(1_000_000).default(50_000).describe('Datagrams that wait; more are dropped.'),
  buffer_bytes_max: z.int().min(65_536).max(2 ** 32).default(2 ** 26).describe('Bytes that wait; more are dropped.'),
}); // prettier-ignore

/** How often the kernel is asked what it has dropped. */
const DROPS_INTERVAL_MS = 5_000;
/** How long stop() goes on reading what the kernel still holds. */
const DRAIN_MS = 500;
/** Senders whose refused datagrams are counted one by one. */
const SOURCES_MAX = 1_000;
const PICKLE = 0x80;
const PICKLE_STOP = 0x2e;

const overflow = new BridgeError('BRIDGE_REFUSED', 'take in a datagram: the buffer is full', { reason: 'overflow' });
const kernelDrop = new BridgeError('BRIDGE_REFUSED', 'take in a datagram: the kernel had dropped it', {
  reason: 'kernel_buffer_full',
  hint: 'raise receive_buffer_bytes and net.core.rmem_max, or use the filesystem or zmq radio',
});

interface Datagram extends Frame {
  readonly source: string;
}

export const udp = defineReceiver({
  type: 'udp',
  summary: 'Receives the datagrams of parsl.monitoring.radios.udp.UDPRadio.',
  config,
  create({ listen, published, framing, hmac_key, hmac_digest, receive_buffer_bytes, ...limits }, context) {
    const { log } = context;
    const algorithm = digests[hmac_digest];
    const digestBytes = createHmac(algorithm, '').digest().length;
    const key = createSecretKey(Buffer.from(hmac_key ?? '', 'hex'));
    const intake = new Intake(limits, context, look);
    const refusals = new Refusals();
    let socket: Socket | undefined;
    let stopped: Promise<void> | undefined;
    let watch: NodeJS.Timeout | undefined;
    let dropped: () => Promise<number> = () => Promise.resolve(0);
    let taken = 0;

    function take(payload: Uint8Array, source: string): void {
      taken++;
      const datagram: Datagram = { channel: Channel.udp, time: context.now(), payload, source };
      if (!intake.offer(datagram)) context.report(overflow);
    }

    function look(frames: readonly Frame[]): Sifted {
      const good = framing === 'plain' ? frames : frames.filter((frame) => isGenuine(frame as Datagram));
      return sift(good, decodeFrames, context);
    }

    function isGenuine(datagram: Datagram): boolean {
      const { payload, source } = datagram;
      if (payload.length > digestBytes) {
        const digest = createHmac(algorithm, key).update(payload.subarray(digestBytes)).digest();
        if (timingSafeEqual(digest, payload.subarray(0, digestBytes))) return true;
      }
      context.reject(datagram, refusals.count(refusalOf(payload, digestBytes), source));
      return false;
    }

    async function countDrops(): Promise<void> {
      for (let left = await dropped(); left > 0; left--) context.report(kernelDrop);
    }

    async function close(open: Socket): Promise<void> {
      const deadline = performance.now() + DRAIN_MS;
      for (let before = -1; before !== taken && performance.now() < deadline;) {
        before = taken;
        await turn();
        await turn(); // Two turns that bring nothing in: the kernel holds nothing more.
      }
      clearInterval(watch);
      await countDrops();
      open.close();
      await intake.close();
      refusals.log(log);
    }

    return {
      async start() {
        const address = parseAddress(listen) ?? { host: '', port: 0 }; // The schema has seen to it that it parses.
        requireSecret(address.host, framing === 'hmac', 'udp', 'use framing: hmac, or listen on 127.0.0.1');
        if (framing === 'hmac' && hmac_key === undefined) {
          const hint = 'set hmac_key, or framing: plain for Parsl up to 2025.06';
          throw new BridgeError('BRIDGE_CONFIG', 'verify datagrams: there is no hmac_key', { hint });
        }
        const open = await bind(address);
        open.on('message', (payload, { address }) => take(payload, address));
        open.on('error', (error) => context.report(BridgeError.from(error, 'BRIDGE_IO', `receive on ${listen}`)));
        const granted_bytes = enlargeBuffer(open, receive_buffer_bytes);
        if (granted_bytes < receive_buffer_bytes) {
          const hint = `sysctl -w net.core.rmem_max=${receive_buffer_bytes}`;
          log.warn({ asked_bytes: receive_buffer_bytes, granted_bytes, hint }, 'The kernel gave a smaller buffer.');
        }
        const bound = open.address();
        dropped = kernelDrops(bound.port);
        watch = setInterval(() => void countDrops(), DROPS_INTERVAL_MS).unref();
        socket = open;
        log.info({ address: bound.address, port: bound.port, framing }, 'Listening for datagrams.');
      },
      async stop() {
        if (socket !== undefined) await (stopped ??= close(socket));
      },
      connection() {
        if (socket === undefined || stopped !== undefined) return {};
        const { host: address, port } = parseAddress(published ?? '') ?? boundTo(socket);
        return framing === 'plain' ? { address, port } : { address, port, key: hmac_key ?? '', digest: hmac_digest };
      },
    };
  },
});

async function bind({ host, port }: Address): Promise<Socket> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    socket.bind(port, host);
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw listenError(error, `${host}:${port} for udp`, 'receivers.udp.listen');
  }
}

function boundTo(socket: Socket): Address {
  const { address: host, port } = socket.address();
  return { host, port };
}

/** Asks for a receive buffer and says what there is now. Linux shows twice what it grants, so this errs on its side. */
function enlargeBuffer(socket: Socket, bytes: number): number {
  try {
    socket.setRecvBufferSize(bytes);
  } catch {
    // Some systems refuse more than their maximum instead of granting that: the size tells.
  }
  return socket.getRecvBufferSize();
}

type Refusal = keyof typeof refusalTexts;

const refusalTexts = {
  bad_hmac: 'its digest is wrong',
  no_hmac: 'it is a bare pickle, as Parsl up to 2025.06 sends (framing: plain)',
  truncated: 'its end is missing',
};

/** Why a datagram failed. A pickle begins with its protocol and ends with STOP, so one without STOP was cut. */
function refusalOf(payload: Uint8Array, digestBytes: number): Refusal {
  const signed = payload[digestBytes] === PICKLE;
  if (payload.at(-1) === PICKLE_STOP) return payload[0] === PICKLE && !signed ? 'no_hmac' : 'bad_hmac';
  return signed || payload.length <= digestBytes ? 'truncated' : 'bad_hmac';
}

/** Counts refused datagrams by reason and sender; one error object for each, because a flood must stay cheap. */
class Refusals {
  readonly #known = new Map<string, { error: BridgeError; count: number }>();

  count(reason: Refusal, source: string): BridgeError {
    const known = this.#known;
    const from = known.size < SOURCES_MAX || known.has(`${source} ${reason}`) ? source : 'others';
    let entry = known.get(`${from} ${reason}`);
    if (entry === undefined) {
      const message = `verify a datagram from ${from}: ${refusalTexts[reason]}`;
      entry = { error: new BridgeError('BRIDGE_DECODE', message, { reason }), count: 0 };
      known.set(`${from} ${reason}`, entry);
    }
    entry.count++;
    return entry.error;
  }

  log(log: Logger): void {
    if (this.#known.size === 0) return;
    const refused = Object.fromEntries([...this.#known].map(([name, { count }]) => [name, count]));
    log.warn({ refused }, 'Datagrams were refused.');
  }
}
