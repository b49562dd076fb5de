/**
 * Requests of bounded size. A Collector refuses gRPC messages of more than 4 MiB, compressed or not, and would lose all
 * of their spans (opentelemetry-js #4388), so a batch becomes as many requests as it needs, measured in encoded bytes.
 *
 * The three signals have one envelope:
 *   Export<Signal>ServiceRequest { 1: Resource<Signal> { 1: resource, 2: Scope<Signal> { 1: scope, 2: items, 3: schema url },
 *                                                        3: schema url } }
 * Items are grouped by resource, by identity first and then by what the resource says.
 */
import type { Resource } from '../../core/signal.ts';
import { scope } from '../../core/signal.ts';
import { ProtobufWriter, varintSize } from './protobuf.ts';

export interface Request {
  readonly body: Buffer;
  readonly items: number;
}

export interface Encoding<T> {
  write(to: ProtobufWriter, tag: number, item: T): void;
  /** How many an item counts for: the points of a metric. */
  weight(item: T): number;
  /** Two items that together say what one said; undefined if it cannot be divided. */
  halve(item: T): readonly [T, T] | undefined;
}

const ITEM_TAG = 0x12;
/** Tags and lengths of the envelope around one resource's items. */
const ENVELOPE_BYTES = 32;

const scopeBytes = field(0x0a, field(0x0a, Buffer.from(scope.name)));
const schemaUrlBytes = field(0x1a, Buffer.from(scope.schemaUrl));

interface Group<T> {
  /** Field 1 of Resource<Signal>. */
  readonly resource: Buffer;
  readonly items: T[];
}

interface Part {
  readonly resource: Buffer;
  readonly from: number;
  to: number;
}

export class Encoder {
  /** Only ever holds the request that is being made: nothing in it outlives a step of the generator. */
  readonly #writer = new ProtobufWriter();
  readonly #resources = new WeakMap<Resource, Buffer>();

  /**
   * Yields requests of at most `bytesMax` bytes, one when asked for it. An item that is larger by itself is halved as
   * long as it can be, else told to `tooLarge` and left out.
   */
  *requests<T extends { readonly resource: Resource }>(
    items: readonly T[],
    encoding: Encoding<T>,
    bytesMax: number,
    tooLarge: (items: number) => void,
  ): Generator<Request, void> {
    const writer = this.#writer;
    let parts: Part[] = [];
    let weight = 0;
    let envelopes = 0;
    writer.truncate(0);

    const finish = (): Request => {
      const request = { body: assemble(parts, writer.bytes()), items: weight };
      parts = [];
      weight = envelopes = 0;
      writer.truncate(0);
      return request;
    };

    for (const { resource, items: own } of this.#group(items)) {
      const envelope = resource.length + scopeBytes.length + 2 * schemaUrlBytes.length + ENVELOPE_BYTES;
      let part: Part | undefined;
      const left = own.toReversed();
      for (let item = left.pop(); item !== undefined; item = left.pop()) {
        const from = writer.length;
        encoding.write(writer, ITEM_TAG, item);
        if (writer.length + envelopes + (part === undefined ? envelope : 0) > bytesMax) {
          writer.truncate(from);
          if (from > 0) {
            left.push(item);
            yield finish();
            part = undefined;
            continue;
          }
          const halves = encoding.halve(item);
          if (halves === undefined) tooLarge(encoding.weight(item));
          else left.push(halves[1], halves[0]);
          continue;
        }
        if (part === undefined) {
          parts.push((part = { resource, from, to: from }));
          envelopes += envelope;
        }
        part.to = writer.length;
        weight += encoding.weight(item);
      }
    }
    if (writer.length > 0) yield finish();
  }

  #group<T extends { readonly resource: Resource }>(items: readonly T[]): Group<T>[] {
    const byContent = new Map<string, Group<T>>();
    const byIdentity = new Map<Resource, Group<T>>();
    for (const item of items) {
      let group = byIdentity.get(item.resource);
      if (group === undefined) {
        const resource = this.#encodeResource(item.resource);
        const content = resource.toString('latin1');
        group = byContent.get(content) ?? { resource, items: [] };
        byContent.set(content, group);
        byIdentity.set(item.resource, group);
      }
      group.items.push(item);
    }
    return [...byContent.values()];
  }

  #encodeResource(resource: Resource): Buffer {
    let bytes = this.#resources.get(resource);
    if (bytes === undefined) {
      const writer = new ProtobufWriter();
      writer.attributes(0x0a, resource.attributes);
      bytes = field(0x0a, writer.bytes());
      this.#resources.set(resource, bytes);
    }
    return bytes;
  }
}

/** Puts envelopes around the items of each part. */
function assemble(parts: readonly Part[], items: Buffer): Buffer {
  const pieces: Uint8Array[] = [];
  for (const { resource, from, to } of parts) {
    const scopeLength = scopeBytes.length + (to - from) + schemaUrlBytes.length;
    const scopeHead = head(0x12, scopeLength);
    const resourceLength = resource.length + scopeHead.length + scopeLength + schemaUrlBytes.length;
    pieces.push(
      head(0x0a, resourceLength),
      resource,
      scopeHead,
      scopeBytes,
      items.subarray(from, to),
      schemaUrlBytes,
      schemaUrlBytes,
    );
  }
  return Buffer.concat(pieces);
}

function field(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([head(tag, content.length), content]);
}

/** Tag and length of a field. */
function head(tag: number, length: number): Buffer {
  const bytes = Buffer.alloc(1 + varintSize(length));
  bytes[0] = tag;
  for (let index = 1, rest = length; index < bytes.length; index += 1, rest >>>= 7)
    bytes[index] = (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0);
  return bytes;
}
