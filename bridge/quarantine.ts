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
  const kept = new Map<string, number>();
  const pathOf = (receiver: string): string => join(directory, `${receiver.replaceAll(/[^\w-]/g, '_')}.capture`);
  return {
    keep(receiver, frame) {
      const count = kept.get(receiver) ?? 0;
      if (count >= messagesMax) return;
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const path = pathOf(receiver);
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      const bytes = encodeFrames([frame]);
      if (size + bytes.length > bytesMax) return;
      kept.set(receiver, count + 1);
      appendFileSync(path, bytes, { mode: 0o600 });
    },
  };
}
