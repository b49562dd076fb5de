/**
 * One of our receivers in a process of its own, up to decoded records: the part of ../ingest.ts that is measured.
 *
 * usage: receive.ts udp KEY_HEX | zmq COUNT | filesystem RUN_DIR
 * Prints the port (- for filesystem) when it is ready; a line on stdin says that all has been sent. Then prints JSON
 * like ../python/parsl_receiver.py.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import type { Component, ReceiverContext } from '../../bridge/core/component.ts';
import { silent } from '../../bridge/core/log.ts';
import { filesystem } from '../../bridge/receivers/filesystem/index.ts';
import { udp } from '../../bridge/receivers/udp/index.ts';
import { zmq } from '../../bridge/receivers/zmq/index.ts';

const [kind = '', argument = ''] = process.argv.slice(2);
let received = 0;
let first = 0;
let last = 0;
let enough = (): void => {};

const context: ReceiverContext = {
  id: kind,
  log: silent,
  stateFile: '',
  remembered: () => new Map(),
  now: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
  received: () => void (first ||= performance.now()),
  reject: (_, error) => console.error(error.message),
  report: (error) => (error.reason === 'kernel_buffer_full' ? undefined : console.error(error.message)),
  next(records) {
    received += records.length;
    last = performance.now();
    enough();
    return Promise.resolve();
  },
};

function create(): Component {
  if (kind === 'udp') return udp.create(udp.config.parse({ listen: '127.0.0.1:0', hmac_key: argument }), context);
  if (kind === 'zmq') return zmq.create(zmq.config.parse({ listen: 'tcp://127.0.0.1:0' }), context);
  return filesystem.create(filesystem.config.parse({ run_dirs: [argument] }), context);
}

const component = create();
await component.start();
const { port = '-', endpoint } = component.connection?.() ?? {};
const before = process.cpuUsage();
console.log(typeof endpoint === 'string' ? endpoint.split(':').at(-1) : port);
await once(process.stdin, 'data');
if (kind === 'zmq') {
  await new Promise<void>((resolve) => {
    enough = () => (received >= Number(argument) ? resolve() : undefined);
    enough();
  });
}
await component.stop();
if (kind === 'filesystem') last = performance.now(); // All files are deleted by now.
const used = process.cpuUsage(before);
const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
const seconds = (last - first) / 1000;
console.log(
  JSON.stringify({
    received,
    seconds,
    cpu_seconds: (used.user + used.system) / 1e6,
    rss_bytes: Number(peak) * 1024,
  }),
);
process.exit();
