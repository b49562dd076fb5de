/**
 * The connection file (DESIGN.md §11): where a running bridge can be reached and with which secrets, for the plugin
 * to read; the pattern of Jupyter's connection file and Dask's scheduler file. Mode 0600.
 */
import { randomBytes } from 'node:crypto';
import { accessSync, chmodSync, constants, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

import { BridgeError, reasonOf } from './core/errors.ts';

export interface Connection {
  readonly version: 1;
  readonly pid: number;
  readonly http: { readonly url: string; readonly token: string };
  readonly spool_dir: string;
  /** By receiver: what senders must know. */
  readonly [receiver: string]: unknown;
}

/** Where the plugin looks unless it is told otherwise. */
export function defaultConnectionFile(env: Readonly<Record<string, string | undefined>>): string {
  return env['PARSL_OTEL_CONNECTION_FILE'] ?? join(stateDirectory(env), 'connection.json');
}

/** The data directory unless --data names another. */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'parsl-otel');
}

/** Secrets that outlive a restart, so that workers which have them can go on sending. */
export interface Secrets {
  readonly token: string;
  /** Hex. */
  readonly hmacKey: string;
}

export function loadSecrets(path: string): Secrets {
  try {
    const known = JSON.parse(readFileSync(path, 'utf8')) as Partial<Secrets>;
    if (typeof known.token === 'string' && typeof known.hmacKey === 'string')
      return { token: known.token, hmacKey: known.hmacKey };
  } catch {
    // None yet, or not ours: new ones are made.
  }
  const secrets = { token: randomBytes(24).toString('hex'), hmacKey: randomBytes(64).toString('hex') };
  writePrivate(path, secrets);
  return secrets;
}

export function writeConnection(path: string, connection: Connection): void {
  writePrivate(path, connection);
}

/** Removes the file if it is still this bridge's. */
export function removeConnection(path: string, pid: number): void {
  try {
    const known = JSON.parse(readFileSync(path, 'utf8')) as Partial<Connection>;
    if (known.pid === pid) rmSync(path);
  } catch {
    // Gone already, or another's: either way there is nothing of ours to remove.
  }
}

/** Makes the directory, or says in one line why it cannot be used. Returns its path. */
export function makeWritable(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return path;
  } catch (error) {
    const hint = 'choose another with --data DIR';
    throw new BridgeError('BRIDGE_CONFIG', `use data directory ${path}: ${reasonOf(error)}`, { cause: error, hint });
  }
}

function writePrivate(path: string, content: object): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
