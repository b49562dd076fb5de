/**
 * The closed list of error codes. The code, never the message, decides what happens next: a BRIDGE_CONFIG
 * stops the start, a BRIDGE_REFUSED or BRIDGE_IO is tried again, a BRIDGE_DECODE sets the input aside, a
 * BRIDGE_REJECTED is dropped and counted, because sending it again would not help.
 */
import { getSystemErrorMap } from 'node:util';

export const errorCodes = ['BRIDGE_CONFIG', 'BRIDGE_REFUSED', 'BRIDGE_DECODE', 'BRIDGE_IO', 'BRIDGE_REJECTED'] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorOptions {
  readonly cause?: unknown;
  /** What the user can do about it, with the command where there is one. */
  readonly hint?: string | undefined;
  /** A closed-list word for counting, such as `truncated` or `bad_hmac`. */
  readonly reason?: string | undefined;
  /** The other side asked not to be tried again before so long. */
  readonly retryAfterMs?: number | undefined;
  /** How many items of a batch were not delivered, where it is not all of them. */
  readonly items?: number | undefined;
}

/**
 * Every error that crosses a component's border. `message` says doing what, to which thing and why, in lower
 * case without a full stop.
 */
export class BridgeError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly items: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    const { cause, hint, reason, retryAfterMs, items } = options;
    super(asOneLine(message), cause === undefined ? undefined : { cause });
    this.name = 'BridgeError';
    this.code = code;
    this.hint = hint;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.items = items;
  }

  /** `error` itself if it is a BridgeError already, else one with `code` that keeps it as the cause. */
  static from(error: unknown, code: ErrorCode, doing: string): BridgeError {
    if (error instanceof BridgeError) return error;
    return new BridgeError(code, `${doing}: ${reasonOf(error)}`, { cause: error });
  }
}

/** What a terminal or a reader could take for something else: control characters, and those that turn text around. */
const CONTROL = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** A file may be called anything: its name in a message must not move the cursor, or look like two lines of a log. */
function asOneLine(message: string): string {
  return message.replaceAll(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The short reason of any thrown value: what a system error means, without its call and path, or the message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno, code } = error as NodeJS.ErrnoException;
  const [name, meaning] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? [];
  // Errors of zlib have such numbers, too, which mean other things.
  return meaning !== undefined && (code === undefined || code === name) ? meaning : error.message;
}
