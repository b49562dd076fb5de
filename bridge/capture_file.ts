/**
 * serve --capture: every message as it came, written to a file that `convert` and the tests read. What the disk does
 * not take is said once and ends the capture, never the bridge.
 */
import { createWriteStream } from 'node:fs';

import type { Frame } from './core/frame.ts';
import { BridgeError } from './core/errors.ts';
import type { Logger } from './core/log.ts';
import { encodeFrames } from './formats/capture.ts';

export interface CaptureFile {
  write(frames: readonly Frame[]): void;
  close(): Promise<void>;
}

/** Rejects with BRIDGE_CONFIG if the file cannot be written. */
export async function openCaptureFile(path: string, log: Logger): Promise<CaptureFile> {
  const stream = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', (error) => {
      const hint = 'give a file that does not exist yet, in a directory that can be written';
      reject(
        new BridgeError('BRIDGE_CONFIG', BridgeError.from(error, 'BRIDGE_CONFIG', `write ${path}`).message, { hint }),
      );
    });
  });
  let isBroken = false;
  stream.on('error', (error) => {
    if (!isBroken) log.error({ path, reason: error.message }, 'Capture file ended early.');
    isBroken = true;
  });
  return {
    write(frames) {
      if (!isBroken) stream.write(encodeFrames(frames));
    },
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
}
