/**
 * Parsl's certificate directory (parsl/curvezmq.py): `server.key_secret` holds the server's key pair, every `*.key` the
 * public key of someone who may connect. The files are ZPL text with keys in Z85 (rfc.zeromq.org/spec/32).
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { BridgeError } from '../../core/errors.ts';

export interface CurveKeys {
  /** Z85. */
  readonly publicKey: string;
  /** Z85. */
  readonly secretKey: string;
  /** Public keys of those who may connect, 32 bytes as hex. */
  readonly clients: ReadonlySet<string>;
}

const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const KEY = /^\s*(public|secret)-key\s*=\s*"([^"]{40})"/gm;

/** Reads the directory; throws BRIDGE_CONFIG if it is not what Parsl makes, or not private. */
export async function readCurveKeys(dir: string): Promise<CurveKeys> {
  try {
    const { mode } = await stat(dir);
    if ((mode & 0o077) !== 0) {
      throw new BridgeError('BRIDGE_CONFIG', `read curve keys in ${dir}: others can read it`, {
        hint: `chmod 700 ${dir}`,
      });
    }
    const own = parseKeys(await readFile(join(dir, 'server.key_secret'), 'utf8'));
    const names = (await readdir(dir)).filter((name) => name.endsWith('.key'));
    const theirs = await Promise.all(
      names.map(async (name) => parseKeys(await readFile(join(dir, name), 'utf8')).public),
    );
    const clients = new Set(theirs.filter((key) => key !== undefined).map((key) => decodeZ85(key).toString('hex')));
    if (own.public === undefined || own.secret === undefined || clients.size === 0) {
      throw new BridgeError('BRIDGE_CONFIG', `read curve keys in ${dir}: a key is missing`);
    }
    return { publicKey: own.public, secretKey: own.secret, clients };
  } catch (error) {
    throw BridgeError.from(error, 'BRIDGE_CONFIG', `read curve keys in ${dir}`);
  }
}

function parseKeys(text: string): { public?: string; secret?: string } {
  const keys: Record<string, string> = {};
  for (const [, name = '', key = ''] of text.matchAll(KEY)) keys[name] = key;
  return keys;
}

function decodeZ85(text: string): Buffer {
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let i = 0; i < text.length; i += 5) {
    let word = 0;
    for (const letter of text.slice(i, i + 5)) word = word * 85 + Z85.indexOf(letter);
    bytes.writeUInt32BE(word >>> 0, (i / 5) * 4);
  }
  return bytes;
}
