/** What the bridge tells of itself, to the page and to whoever wants to connect to it. */
import type { AttributeValue, Metric } from '../core/signal.ts';

/** What the pipeline hands in; asked for anew with each request. */
export interface Info {
  readonly version: string;
  /** What the bridge still waits for before it is ready, such as `replaying the journal`. */
  readonly waiting_for: readonly string[];
  /** Address of the page, such as `http://127.0.0.1:4380`. */
  readonly url: string;
  /** Name of this machine, for the line that forwards the port. */
  readonly host: string;
  readonly data_dir: string;
  readonly connection_file: string;
  /** Command that installs the plugin; default: from the directory of parsl-otel. */
  readonly install?: string;
  /** By receiver: what senders must know, such as the bound port. Secrets among it are not shown. */
  readonly receivers: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  /** The bridge's counts of itself. */
  readonly meters: readonly Metric[];
  /** Jaeger's page, for links from tasks to traces. */
  readonly jaeger_url: string | null;
}

const SECRET = /key|token|secret|password/i;

export interface ShownMeter {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly points: readonly { readonly attributes: Readonly<Record<string, AttributeValue>>; readonly value: number }[];
}

export interface ShownInfo extends Omit<Info, 'meters'> {
  readonly ready: boolean;
  readonly meters: readonly ShownMeter[];
}

/** The part of it that a reader of the page may see: no receiver's secret, and no link but to a web page. */
export function shownInfo(info: Info): ShownInfo {
  const receivers = Object.entries(info.receivers).map(([id, facts]) => [
    id,
    Object.fromEntries(Object.entries(facts).filter(([key]) => !SECRET.test(key))),
  ]);
  return {
    ...info,
    ready: info.waiting_for.length === 0,
    receivers: Object.fromEntries(receivers) as Info['receivers'],
    meters: info.meters.flatMap((metric) =>
      metric.type === 'histogram'
        ? []
        : [{ ...pick(metric), points: metric.points.map(({ attributes, value }) => ({ attributes, value })) }],
    ),
    jaeger_url: info.jaeger_url !== null && /^https?:\/\//i.test(info.jaeger_url) ? info.jaeger_url : null,
  };
}

function pick({ name, unit, description }: Metric): Omit<ShownMeter, 'points'> {
  return { name, unit, description };
}
