/**
 * What all mappers share: resources, and how attributes are put together. Attribute order is fixed here, so that the
 * same facts always give the same bytes (DESIGN.md §4.7).
 */
import { runId } from '../core/ids.ts';
import type { Attributes, AttributeValue, Link, Resource, SpanKind } from '../core/signal.ts';
import { SpanKind as Kind, StatusCode } from '../core/signal.ts';
import type { Span } from '../core/signal.ts';
import { toNanos } from '../core/time.ts';
import type { Run } from '../model/entities.ts';
import type { Interval } from '../model/resolve.ts';

/** Attributes without those that are unknown, in the order given. */
export function attributes(entries: Record<string, AttributeValue | null | undefined>): Attributes {
  const known: Record<string, AttributeValue> = {};
  for (const key in entries) {
    const value = entries[key];
    if (value !== undefined && value !== null && value !== '' && !Number.isNaN(value)) known[key] = value;
  }
  return known;
}

/** Makes resources, one object for all spans that share one: exporters group by identity. */
export class Resources {
  readonly #known = new Map<string, Resource>();

  /** The submit side of a run. */
  submit(run: Run): Resource {
    return this.#get(serviceName(run), run.id, run.info.host.value, run);
  }

  /** Where a try ran: the id of its manager where that is known. */
  worker(run: Run, executor: string | undefined, manager: string | undefined, host: string | undefined): Resource {
    const name = executor === undefined ? serviceName(run) : `${serviceName(run)}.${executor}`;
    return this.#get(name, manager ?? run.id, host, run);
  }

  /** Lets go of what belongs to a closed run. */
  forget(run: Run): void {
    for (const key of this.#known.keys()) if (key.endsWith(run.id)) this.#known.delete(key);
  }

  #get(name: string, instance: string, host: string | undefined, run: Run): Resource {
    const key = `${name}\n${instance}\n${host ?? ''}\n${run.id}`;
    let resource = this.#known.get(key);
    if (resource === undefined) {
      resource = {
        attributes: attributes({
          'service.namespace': 'parsl',
          'service.name': name,
          'service.instance.id': instance,
          'host.name': host,
          'parsl.dfk': run.id,
        }),
      };
      this.#known.set(key, resource);
    }
    return resource;
  }
}

function serviceName(run: Run): string {
  return run.info.workflow_name.value ?? 'parsl';
}

/** Says which bounds of an interval were not observed. */
export function inferredOf({ start, end }: Interval): string | undefined {
  if (start.isInferred) return end.isInferred ? 'start,end' : 'start';
  return end.isInferred ? 'end' : undefined;
}

export function runLink(run: Run): Link {
  return { ...runId(run.id), attributes: { 'parsl.link': 'run' } };
}

interface SpanParts {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind?: SpanKind;
  readonly interval: Interval;
  readonly attributes: Attributes;
  readonly links?: readonly Link[];
  /** Text of the failure, if it is one. */
  readonly failure?: string | undefined;
  readonly resource: Resource;
}

const noLinks: readonly Link[] = [];
const unset = { code: StatusCode.UNSET, message: '' } as const;

export function span(parts: SpanParts): Span {
  const { traceId, spanId, parentSpanId, name, kind, interval, attributes, links, failure, resource } = parts;
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind: kind ?? Kind.INTERNAL,
    startTimeUnixNano: toNanos(interval.start.at),
    endTimeUnixNano: toNanos(interval.end.at),
    attributes,
    links: links ?? noLinks,
    status: failure === undefined ? unset : { code: StatusCode.ERROR, message: failure },
    resource,
  };
}
