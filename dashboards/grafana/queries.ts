/**
 * What dashboards ask Prometheus: the names and labels of docs/reference/metrics.md in their Prometheus form.
 *
 * A series ends five minutes after its run. What a whole run came to is therefore asked for as the last value within the
 * time that the dashboard shows; counters begin with their run, so that value is the run's.
 */
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';

/** The variable with the Prometheus to ask: who keeps several chooses, and the dashboards can be taken elsewhere. */
export const source = { type: 'prometheus', uid: '${datasource}' };

/** Label matchers of what the reader has chosen, with more of them where a query needs some. */
export function chosen(variables: readonly Chooser[], ...more: readonly string[]): string {
  return `{${[...variables.map((name) => `${name}=~"$${name}"`), ...more].join(', ')}}`;
}

export type Chooser = 'workflow' | 'run' | 'executor' | 'app';

/** The last value of each series in the time shown, also of runs that are over. */
export function latest(selector: string): string {
  return `last_over_time(${selector}[$__range])`;
}

/**
 * By how much each series has grown lately. What was not there before has grown from 0: a series of Parsl's begins when
 * the first thing is counted, and rate() would never show that one, which may be the only one.
 */
export function grown(series: string): string {
  return `clamp_min(${series} - (${series} offset $__rate_interval or ${series} * 0), 0)`;
}

/** The same, added up by some labels, for a second or a minute. */
export function each(span: 'second' | 'minute', series: string, by: readonly string[]): string {
  const ms = { second: 1_000, minute: 60_000 }[span];
  return `${ms} * sum by (${by.join(', ')}) (${grown(series)}) / $__rate_interval_ms`;
}

/** How many of the latest observations of a histogram are in each bucket. */
export function spread(metric: string, selector: string): string {
  return `sum by (le) (${grown(`${metric}_bucket${selector}`)})`;
}

/** What q of 1 of the latest observations of a histogram stay below; `by` are labels to keep. */
export function quantile(q: number, metric: string, selector: string, by: readonly string[]): string {
  return `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (${grown(`${metric}_bucket${selector}`)}))`;
}

/** The same over all that was observed in the runs shown. */
export function quantileOfAll(q: number, metric: string, selector: string, by: readonly string[]): string {
  return `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (${latest(`${metric}_bucket${selector}`)}))`;
}

/** What a histogram observed on average in the runs shown. */
export function meanOfAll(metric: string, selector: string, by: readonly string[]): string {
  const sum = (part: string): string => `sum by (${by.join(', ')}) (${latest(`${metric}_${part}${selector}`)})`;
  return `${sum('sum')} / ${sum('count')}`;
}

export interface Query {
  readonly expr: string;
  /** A text with `{{label}}` in it. Without one the series' labels are shown. */
  readonly legend?: string;
  /** Show the tasks behind it as points that lead to their traces. */
  readonly exemplars?: true;
}

/** A curve over the time shown. */
export function range({ expr, legend, exemplars }: Query, index: number): prometheus.DataqueryBuilder {
  const query = base(expr, index).range();
  if (legend !== undefined) query.legendFormat(legend);
  return exemplars === true ? query.exemplar(true) : query;
}

/** One value a series, at the end of the time shown. */
export function instant({ expr, legend }: Query, index: number): prometheus.DataqueryBuilder {
  const query = base(expr, index).instant();
  return legend === undefined ? query : query.legendFormat(legend);
}

/** Buckets of a histogram over time. */
export function buckets(expr: string): prometheus.DataqueryBuilder {
  return base(expr, 0).range().format(prometheus.PromQueryFormat.Heatmap).legendFormat('{{le}}');
}

/** A row a series, labels as columns. */
export function rows(expr: string, index: number): prometheus.DataqueryBuilder {
  return base(expr, index).instant().format(prometheus.PromQueryFormat.Table);
}

function base(expr: string, index: number): prometheus.DataqueryBuilder {
  return new prometheus.DataqueryBuilder()
    .refId(String.fromCharCode(65 + index))
    .expr(expr)
    .datasource(source);
}
