/**
 * Where dashboards lead: to each other, to the bridge's page and to Jaeger's. The two addresses are constants of each
 * dashboard (variables.ts), to be changed in one place.
 */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

export interface DataLink {
  readonly title: string;
  readonly url: string;
  /** Leaves Grafana. */
  readonly targetBlank?: boolean;
}

export const uids = {
  overview: 'parsl-overview',
  run: 'parsl-run',
  workers: 'parsl-workers',
  apps: 'parsl-apps',
  resources: 'parsl-resources',
  bridge: 'parsl-bridge',
} as const;

/** A value of the row (or of the curve's labels) that was clicked, written as part of an address. */
type Where = 'fields' | 'labels';

function value(where: Where, name: string): string {
  return where === 'fields' ? `\${__data.fields.${name}:percentencode}` : `\${__field.labels.${name}:percentencode}`;
}

/** Another dashboard, with these labels of what was clicked chosen there, and the time kept. */
export function toDashboard(
  to: keyof typeof uids,
  title: string,
  labels: readonly string[],
  where: Where = 'fields',
): DataLink {
  const chosen = labels.map((label) => `var-${label}=${value(where, label)}`);
  return { title, url: `/d/${uids[to]}?${[...chosen, '${__url_time_range}'].join('&')}` };
}

/** The page of the run that was clicked, or a tab of it with a filter. */
export function toRunPage(title: string, tab = '', filters: Readonly<Record<string, string>> = {}): DataLink {
  const query = Object.entries(filters).map(([key, label]) => `${key}=${value('fields', label)}`);
  const rest = `${tab === '' ? '' : `/${tab}`}${query.length === 0 ? '' : `?${query.join('&')}`}`;
  return { title, url: `\${bridge}/#/runs/${value('fields', 'run')}${rest}`, targetBlank: true };
}

/** The traces of the run that was clicked: Jaeger's search, by the name of the workflow and the id of the run. */
export function toTraces(): DataLink {
  const tags = encodeURIComponent('{"parsl.dfk":"RUN"}').replace('RUN', value('fields', 'run'));
  return {
    title: 'Traces of its tasks in Jaeger',
    url: `\${jaeger}/search?service=${value('fields', 'workflow')}&lookback=30d&limit=100&tags=${tags}`,
    targetBlank: true,
  };
}

/** The row of links under a dashboard's title. */
export function navigation(): dashboard.DashboardLinkBuilder {
  return new dashboard.DashboardLinkBuilder('Parsl')
    .type(dashboard.DashboardLinkType.Dashboards)
    .tags(['parsl'])
    .includeVars(true)
    .keepTime(true);
}

/** A link of the whole dashboard to a page outside of Grafana. */
export function outside(title: string, tooltip: string, url: string): dashboard.DashboardLinkBuilder {
  return new dashboard.DashboardLinkBuilder(title)
    .type(dashboard.DashboardLinkType.Link)
    .tooltip(tooltip)
    .url(url)
    .icon('external link')
    .targetBlank(true);
}
