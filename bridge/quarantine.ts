/**
 * The quarantine: input that could not be used, kept for a bug report in the data directory, never in the user's.
 * Each receiver has one file of frames (a capture, so `convert` and the tests can read it), with a limit on messages
 * and one on bytes; what is beyond them is only counted.
 */
import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import type { Frame } from './core/frame.ts';
import { encodeFrames } from './formats/capture.ts';

export interface QuarantineLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

export interface Quarantine {
  /** Keeps the frame if there is room. */
  keep(receiver: string, frame: Frame): void;
}

export function openQuarantine(directory: string, { messagesMax, bytesMax }: QuarantineLimits): Quarantine {
  const files = new Map<string, QuarantineFile>();

  /** The disk is asked once a file, not once a message: a flood of bad ones must not cost more than counting them. */
  function open(receiver: string): QuarantineFile {
    const path = join(directory, `${receiver.replaceAll(/[^\w-]/g, '_')}.capture`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = { path, messages: 0, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0 };
    files.set(receiver, file);
    return file;
  }

  return {
    keep(receiver, frame) {
      if (messagesMax === 0) return;
      const file = files.get(receiver) ?? open(receiver);
      if (file.messages >= messagesMax) return;
      const bytes = encodeFrames([frame]);
      if (file.bytes + bytes.length > bytesMax) return;
      appendFileSync(file.path, bytes, { mode: 0o600 });
      file.messages += 1;
      file.bytes += bytes.length;
    },
  };
}

interface QuarantineFile {
  readonly path: string;
  /** Kept since this start. */
  messages: number;
  /** Those of earlier starts included. */
  bytes: number;
}
