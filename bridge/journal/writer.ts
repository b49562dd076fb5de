/**
 * The journal's writer: a worker thread that owns the file. Everything that waits when it looks goes into one
 * transaction (group commit), so that a disk which is slow to sync costs throughput nothing and never stops the
 * thread that reads the sockets.
 */
import Database from 'better-sqlite3';
import type { MessagePort } from 'node:worker_threads';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { reasonOf } from '../core/errors.ts';
import type { Answer, Order } from './schema.ts';

/** Orders taken into one transaction at most, so that acknowledgements do not wait for a burst to end. */
const ORDERS_MAX = 4096;

function run(port: MessagePort, path: string): void {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  const total = db.prepare('SELECT coalesce(sum(length(body)), 0) AS bytes FROM entries').get() as { bytes: number };
  let bytes = total.bytes;
  const perform = statements(
    db,
    () => bytes,
    (change) => (bytes += change),
  );
  const answer = (message: Answer): void => port.postMessage(message);

  /** What a failed commit held besides entries: nobody sends it again, so it goes with the next one. */
  let owed: Order[] = [];

  port.on('message', (first: Order) => {
    const orders = [...owed, first];
    const before = bytes;
    while (orders.length < ORDERS_MAX) {
      const next = receiveMessageOnPort(port) as { message: Order } | undefined;
      if (next === undefined) break;
      orders.push(next.message);
    }
    const seq = Math.max(0, ...orders.map((order) => (order.type === 'append' ? order.row.seq : 0)));
    try {
      db.transaction(() => orders.forEach(perform))();
      owed = [];
      answer({ type: 'committed', seq, bytes });
    } catch (error) {
      bytes = before;
      owed = orders.filter(({ type }) => type === 'run_opened' || type === 'run_closed' || type === 'checkpoint');
      answer({ type: 'failed', message: reasonOf(error), seq });
    }
    if (orders.some(({ type }) => type === 'close')) {
      db.close();
      port.close();
    }
  });
  answer({ type: 'open', bytes });
}

function statements(
  db: Database.Database,
  bytesNow: () => number,
  addBytes: (change: number) => void,
): (order: Order) => void {
  const append = db.prepare('INSERT INTO entries (seq, kind, arrival, receiver, body) VALUES (?, ?, ?, ?, ?)');
  const open = db.prepare('INSERT INTO runs (run, first_seq) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const close = db.prepare('UPDATE runs SET closed_seq = ? WHERE run = ? AND closed_seq IS NULL');
  const checkpoint = db.prepare(
    'INSERT INTO checkpoints (exporter, seq) VALUES (?, ?) ON CONFLICT (exporter) DO UPDATE SET seq = max(seq, excluded.seq)',
  );
  const remember = db.prepare(
    'INSERT INTO positions (receiver, part, position) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position',
  );
  const forget = db.prepare('DELETE FROM positions WHERE receiver = ? AND part = ?');
  const oldest = db.prepare('SELECT seq, length(body) AS bytes FROM entries WHERE seq < ? ORDER BY seq LIMIT 1000');
  const remove = db.prepare('DELETE FROM entries WHERE seq <= ?');

  function prune(below: number, bytesMax: number): void {
    let last = 0;
    for (const row of oldest.all(below) as { seq: number; bytes: number }[]) {
      if (bytesNow() <= bytesMax) break;
      last = row.seq;
      addBytes(-row.bytes);
    }
    if (last > 0) remove.run(last);
  }

  return (order) => {
    switch (order.type) {
      case 'append':
        append.run(order.row.seq, order.row.kind, order.row.arrival, order.row.receiver, order.row.body);
        addBytes(order.row.body.length);
        for (const [part, position] of order.positions) {
          if (position === null) forget.run(order.row.receiver, part);
          else remember.run(order.row.receiver, part, position);
        }
        break;
      case 'run_opened':
        open.run(order.run, order.seq);
        break;
      case 'run_closed':
        close.run(order.seq, order.run);
        break;
      case 'checkpoint':
        checkpoint.run(order.exporter, order.seq);
        break;
      case 'prune':
        prune(order.below, order.bytesMax);
        break;
      case 'close':
        break;
    }
  };
}

if (parentPort !== null) run(parentPort, (workerData as { path: string }).path);
