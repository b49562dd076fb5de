/**
 * A frame: one message as it came, with the channel it came by and the time it arrived. Frames are what a capture
 * file, a journal entry, the plugin's spool and its HTTP bodies are made of, all in one binary form
 * (formats/capture.ts).
 */
export interface Frame {
  readonly channel: number;
  /** Arrival, microseconds since the epoch. */
  readonly time: number;
  readonly payload: Uint8Array;
}

/** Channels 0-3 are the queues of Parsl's database manager (all tagged messages are on 3 since 2024-10). */
export const Channel = {
  priority: 0,
  node: 1,
  block: 2,
  resource: 3,
  /** A datagram, with its HMAC digest in front where the sender put one. */
  udp: 10,
  /** The content of a file of the filesystem radio. */
  filesystem: 11,
  zmq: 12,
  /** What a worker put on the HTEX result channel. */
  htex: 13,
  /** A body of wide records, NDJSON or a JSON array. */
  records: 14,
  /** Consecutive lines of one log file, with a header line that tells which (formats/log_chunk.ts). */
  log: 15,
} as const;
