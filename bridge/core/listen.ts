/**
 * Where a receiver listens: `host:port` text, port 0 for any free one, IPv6 addresses in brackets.
 * Off loopback a receiver needs a secret (DESIGN.md §11), or it refuses to start.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

import { BridgeError, reasonOf } from './errors.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/;

export function parseAddress(text: string): Address | undefined {
  const parts = ADDRESS.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Config schema of an address to listen on. */
export const listenAddress = z
  .string()
  .refine((text) => parseAddress(text) !== undefined, 'must be host:port, such as 127.0.0.1:0');

/** Config schema of where others reach what listens elsewhere: where a container's port is published. */
export const publishedAddress = z
  .string()
  .refine((text) => (parseAddress(text)?.port ?? 0) > 0, 'must be host:port, such as 127.0.0.1:4380')
  .optional();

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Throws BRIDGE_CONFIG if others can reach `host` and nothing would tell a stranger from a sender. */
export function requireSecret(host: string, secret: boolean, receiver: string, hint: string): void {
  if (secret || isLoopback(host)) return;
  throw new BridgeError('BRIDGE_CONFIG', `listen on ${host} for ${receiver}: anyone who reaches it could send`, {
    hint,
  });
}

/** Why an address could not be listened on, with what to do about it. `key` is where it is configured. */
export function listenError(error: unknown, address: string, key: string): BridgeError {
  const isInUse = error instanceof Error && (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const hint = isInUse
    ? `is another bridge running? Stop it, or set ${key} to another port`
    : `set ${key} to an address of this machine`;
  return new BridgeError('BRIDGE_CONFIG', `listen on ${address}: ${reasonOf(error)}`, { cause: error, hint });
}
