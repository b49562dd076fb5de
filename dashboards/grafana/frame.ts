/**
 * What all dashboards have in common: tags, the time shown, variables, links. They are of the classic schema, which every
 * Grafana since 9 reads; its successor needs 13.
 */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

import { navigation, uids } from './links.ts';
import type { Panel } from './panels.ts';
import type { Chooser } from './queries.ts';
import { source } from './queries.ts';

export interface FrameOptions {
  readonly name: keyof typeof uids;
  readonly title: string;
  readonly description: string;
  readonly choosers: readonly Chooser[];
  /** One run is looked at, not any number. */
  readonly oneRun?: true;
  readonly from?: string;
  /** Besides those that all have. */
  readonly links?: readonly dashboard.DashboardLinkBuilder[];
}

// eslint-disable-next-line @typescript-eslint/no-deprecated -- See above.
export type Dashboard = dashboard.Dashboard;

/** Of each chooser: what it is called, and the series whose label it chooses from, narrowed by those before it. */
const known: Readonly<Record<Chooser, { label: string; metric: string; after: readonly Chooser[] }>> = {
  workflow: { label: 'Workflow', metric: 'parsl_run_active', after: [] },
  run: { label: 'Run', metric: 'parsl_run_active', after: ['workflow'] },
  executor: { label: 'Executor', metric: 'parsl_workers', after: ['workflow', 'run'] },
  app: { label: 'App', metric: 'parsl_task_duration_seconds_count', after: ['workflow', 'run'] },
};

/** The dashboard as Grafana reads it; panels flow from left to right and down. */
export function makeDashboard(options: FrameOptions, panels: readonly Panel[]): Dashboard {
  const { name, title, description, choosers, oneRun, from = 'now-1h', links = [] } = options;
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- See above.
  const builder = new dashboard.DashboardBuilder(`Parsl: ${title}`)
    .uid(uids[name])
    .description(description)
    .tags(['parsl'])
    .time({ from, to: 'now' })
    .refresh('15s')
    .timezone('browser')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .editable()
    .links([navigation(), ...links])
    .variables([
      new dashboard.DatasourceVariableBuilder('datasource')
        .label('Prometheus')
        .type('prometheus')
        .current({ text: 'Prometheus', value: 'prometheus' }),
      ...choosers.map((chooser) => choose(chooser, choosers, oneRun === true)),
      constant('bridge', 'Address of the bridge’s page', 'http://localhost:4380'),
      constant('jaeger', 'Address of Jaeger’s page', 'http://localhost:16686'),
    ]);
  for (const panel of panels) builder.withPanel(panel);
  return builder.build();
}

function choose(chooser: Chooser, there: readonly Chooser[], oneRun: boolean): dashboard.QueryVariableBuilder {
  const { label, metric, after } = known[chooser];
  const matchers = after.filter((name) => there.includes(name)).map((name) => `${name}=~"$${name}"`);
  const query = `label_values(${metric}${matchers.length === 0 ? '' : `{${matchers.join(', ')}}`}, ${chooser})`;
  const variable = new dashboard.QueryVariableBuilder(chooser)
    .label(label)
    .datasource(source)
    .query({ query, refId: `variable-${chooser}` })
    .definition(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc);
  if (oneRun && chooser === 'run') return variable;
  return variable
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: ['All'], value: ['$__all'] });
}

function constant(name: string, label: string, value: string): dashboard.ConstantVariableBuilder {
  return new dashboard.ConstantVariableBuilder(name).label(label).value(value);
}
