/**
 * zmq: receives what Parsl's ZMQRadioSender sends: the HTEX interchange, and the submit side of Parsl up to 2024.04.
 *
 * Senders connect a DEALER to ours and send one pickle a message. Nothing is dropped here: when we cannot keep up, we
 * stop receiving, and messages wait in libzmq and then with the senders, whose own queues have no limit. With a
 * certificate directory of Parsl's the connection is encrypted, and only holders of a key in it get in.
 */
import type { Dealer, Reply } from 'zeromq';
import { z } from 'zod';

import { defineReceiver } from '../../core/component.ts';
import { BridgeError } from '../../core/errors.ts';
import { Channel } from '../../core/frame.ts';
import { Intake, sift } from '../../core/intake.ts';
import { listenError, parseAddress, requireSecret } from '../../core/listen.ts';
import { decodeFrames } from '../../formats/frames.ts';
import { readCurveKeys, type CurveKeys } from './curve.ts';

const config = z.strictObject({
  listen: z
    .string()
    .regex(/^tcp:\/\/.+:\d{1,5}$/, 'must be tcp://host:port, such as tcp://127.0.0.1:0')
    .default('tcp://127.0.0.1:4382')
    .describe('Endpoint to bind; port 0 takes any free one.'),
  curve_dir: z.string().min(1).optional().describe('Certificate directory of parsl/curvezmq.py; encrypts.'),
  message_bytes_max: z.int().min(1_024).max(2 ** 29).default(2 ** 24).describe('A sender of a longer message is cut off.'),
  batch_frames_max: z.int().min(1).max(100_000).default(1_000).describe('Messages handed on at a time.'),
  buffer_frames_max: z.int().min(1).max(1_000_000).default(4_000).describe('Messages that wait; then senders wait.'),
  buffer_bytes_max: z.int().min(65_536).max(2 ** 32).default(2 ** 26).describe('Bytes that wait; then senders wait.'),
}); // prettier-ignore

/** A receive that finds nothing for so long ends, to see whether it is time to stop. */
const RECEIVE_MS = 100;
/** How long stop() goes on receiving what senders still send. */
const DRAIN_MS = 500;
/** Messages that libzmq holds for one sender. */
const LIBZMQ_MESSAGES = 1_000;

export const zmq = defineReceiver({
  type: 'zmq',
  summary: 'Receives the messages of parsl.monitoring.radios.zmq.ZMQRadioSender.',
  config,
  create({ listen, curve_dir, message_bytes_max, ...limits }, context) {
    const { log } = context;
    const intake = new Intake(limits, context, (frames) => sift(frames, decodeFrames, context));
    let socket: Dealer | undefined;
    let doorman: Reply | undefined;
    let pumped: Promise<void> = Promise.resolve();
    let stopped: Promise<void> | undefined;
    let stopping = false;

    async function pump(from: Dealer): Promise<void> {
      let deadline = Infinity;
      while (performance.now() < deadline) {
        try {
          // Resolves at once while messages wait; every 512 of them the binding lets the event loop turn.
          const message = await from.receive();
          const time = context.now();
          for (const payload of message) {
            const frame = { channel: Channel.zmq, time, payload };
            while (!intake.offer(frame)) await intake.room();
          }
        } catch (error) {
          const quiet = (error as NodeJS.ErrnoException).code === 'EAGAIN';
          if (quiet && stopping) return;
          if (!quiet) context.report(BridgeError.from(error, 'BRIDGE_IO', `receive on ${listen}`));
          if (from.closed) return;
        }
        if (stopping && deadline === Infinity) deadline = performance.now() + DRAIN_MS;
      }
    }

    async function bind(): Promise<Dealer> {
      const { host } = parseAddress(listen.slice('tcp://'.length)) ?? { host: listen };
      requireSecret(host, curve_dir !== undefined, 'zmq', 'set curve_dir, or listen on tcp://127.0.0.1');
      const keys = curve_dir === undefined ? undefined : await readCurveKeys(curve_dir);
      const lib = await load();
      const own = new lib.Context(); // Of its own, because whoever admits clients does so for a whole context.
      if (keys !== undefined) doorman = await admit(new lib.Reply({ context: own }), keys, refuse);
      const dealer = new lib.Dealer({
        context: own,
        linger: 0,
        ipv6: host.includes(':') || host === '*',
        maxMessageSize: message_bytes_max,
        receiveHighWaterMark: LIBZMQ_MESSAGES,
        receiveTimeout: RECEIVE_MS,
        ...(keys === undefined ? {} : { curveServer: true, curveSecretKey: keys.secretKey }),
      });
      try {
        await dealer.bind(listen);
        return dealer;
      } catch (error) {
        dealer.close();
        doorman?.close();
        throw listenError(error, `${listen} for zmq`, 'receivers.zmq.listen');
      }
    }

    function refuse(address: string): void {
      const hint = `senders need the client key of ${curve_dir ?? ''}`;
      context.report(
        new BridgeError('BRIDGE_REJECTED', `admit a sender at ${address}: its key is unknown`, {
          reason: 'bad_key',
          hint,
        }),
      );
    }

    async function close(open: Dealer): Promise<void> {
      stopping = true;
      await intake.close(pumped);
      open.close();
      doorman?.close();
    }

    return {
      async start() {
        socket = await bind();
        pumped = pump(socket);
        log.info({ endpoint: socket.lastEndpoint, encrypted: curve_dir !== undefined }, 'Listening for ZMQ senders.');
      },
      async stop() {
        if (socket !== undefined) await (stopped ??= close(socket));
      },
      connection() {
        const endpoint = socket?.lastEndpoint;
        if (endpoint === undefined || endpoint === null) return {};
        return curve_dir === undefined ? { endpoint } : { endpoint, curve_dir };
      },
    };
  },
});

async function load() {
  try {
    return await import('zeromq');
  } catch (error) {
    const hint = 'npm rebuild zeromq, or leave the zmq receiver out of the configuration';
    throw new BridgeError('BRIDGE_CONFIG', 'load zeromq: its native library does not', { cause: error, hint });
  }
}

/**
 * Answers libzmq's question, by ZAP (rfc.zeromq.org/spec/27), whether to let a client in: without an answer it would
 * let in everyone who knows the server's public key.
 */
async function admit(doorman: Reply, { clients }: CurveKeys, refuse: (address: string) => void): Promise<Reply> {
  await doorman.bind('inproc://zeromq.zap.01');
  void (async () => {
    for await (const [version, request, , address, , mechanism, key] of doorman) {
      const known = String(mechanism) === 'CURVE' && key !== undefined && clients.has(key.toString('hex'));
      if (!known) refuse(String(address));
      await doorman.send([
        version ?? '1.0',
        request ?? '',
        known ? '200' : '400',
        known ? 'OK' : 'unknown key',
        '',
        '',
      ]);
    }
  })().catch(() => {}); // It ends when the socket is closed; until then nobody new gets in.
  return doorman;
}
