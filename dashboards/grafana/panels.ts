/**
 * The five kinds of panel that the dashboards are made of. What looks the same everywhere is said here: colours of states,
 * legends with their last value, no line where there is no data.
 */
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

import type { DataLink } from './links.ts';
import type { Query } from './queries.ts';
import { buckets, instant, range, rows, source } from './queries.ts';

/** Grafana's names of units, as far as they are used. `none` is a plain count. */
export type Unit = 'none' | 's' | 'h' | 'bytes' | 'binBps' | 'percentunit' | 'cpm' | 'cps';

export interface PanelOptions {
  readonly title: string;
  /** What it shows and what to make of it, in a sentence or two. */
  readonly description: string;
  readonly unit: Unit;
  /** Of 24. */
  readonly width?: number;
  readonly height?: number;
  readonly links?: readonly DataLink[];
}

export type Panel = cog.Builder<dashboard.Panel>;

const HEIGHT = 8;

/** Of states and outcomes, of workers, blocks and managers: good green, bad red, at work blue, waiting yellow or grey. */
const colours: Readonly<Record<string, string>> = {
  exec_done: 'green', memo_done: 'semi-dark-green', failed: 'red', dep_fail: 'dark-red', fail_retryable: 'orange',
  joining: 'purple', running_ended: 'light-blue', running: 'blue', launched: 'yellow', pending: '#8e8e8e', unsched: '#5a5a5a',
  busy: 'blue', idle: 'orange', draining: 'purple', live: 'green', gone: '#8e8e8e',
  RUNNING: 'blue', PENDING: 'yellow', FAILED: 'red', MISSING: 'dark-red', TIMEOUT: 'orange', HELD: 'purple',
}; // prettier-ignore

interface Common<T> {
  title(title: string): T;
  description(description: string): T;
  datasource(source: common.DataSourceRef): T;
  height(height: number): T;
  span(width: number): T;
  unit(unit: string): T;
  dataLinks(links: cog.Builder<dashboard.DashboardLink>[]): T;
}

function begin<T extends Common<T>>(panel: T, options: PanelOptions): T {
  const { title, description, unit, width = 12, height = HEIGHT, links = [] } = options;
  panel.title(title).description(description).datasource(source).height(height).span(width).unit(unit);
  return links.length === 0 ? panel : panel.dataLinks(links.map(asBuilder));
}

/** Data links need only this much of a dashboard link, and Grafana refuses the rest. */
function asBuilder(link: DataLink): cog.Builder<dashboard.DashboardLink> {
  return { build: () => link as unknown as dashboard.DashboardLink };
}

/** Lines over time. */
export function curves(options: PanelOptions, ...queries: readonly Query[]): timeseries.PanelBuilder {
  const panel = begin(new timeseries.PanelBuilder(), options)
    .targets(queries.map(range))
    .lineWidth(2)
    .fillOpacity(5)
    .min(0)
    .legend(legend())
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );
  if (!queries.some(({ legend }) => legend === '{{state}}' || legend === '{{outcome}}')) return panel;
  for (const [state, colour] of Object.entries(colours)) panel.overrideByName(state, fixedColour(colour));
  return panel;
}

/** Areas on top of each other: parts of a whole. */
export function stacked(options: PanelOptions, ...queries: readonly Query[]): timeseries.PanelBuilder {
  return curves(options, ...queries)
    .lineWidth(0)
    .fillOpacity(70)
    .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
}

/** One large number, with the curve that it is the end of behind it unless it is of the whole time shown. */
export function number(options: PanelOptions, query: Query, over: 'now' | 'all' = 'now'): stat.PanelBuilder {
  return begin(new stat.PanelBuilder(), { width: 4, height: 4, ...options })
    .targets([over === 'now' ? range(query, 0) : instant(query, 0)])
    .graphMode(over === 'now' ? common.BigValueGraphMode.Area : common.BigValueGraphMode.None)
    .colorMode(common.BigValueColorMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));
}

/** How values are spread, and how that changes: the darker, the more of them. `expr` gives buckets with a label le. */
export function heat(options: PanelOptions, expr: string): heatmap.PanelBuilder {
  return begin(new heatmap.PanelBuilder(), options)
    .targets([buckets(expr).exemplar(true)])
    .calculate(false)
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme('Blues')
        .reverse(true)
        .scale(heatmap.HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64),
    )
    .cellGap(1)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(options.unit))
    .filterValues(new heatmap.FilterValueRangeBuilder().le(1e-9))
    .tooltip(new heatmap.HeatmapTooltipBuilder().mode(common.TooltipDisplayMode.Single).yHistogram(true));
}

/** One bar a series, the longest first. */
export function bars(options: PanelOptions, query: Query): bargauge.PanelBuilder {
  return begin(new bargauge.PanelBuilder(), options)
    .targets([instant(query, 0)])
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .orientation(common.VizOrientation.Horizontal)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .min(0);
}

export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit: Unit;
}

/** A row for each set of `labels`, which are the first columns; sorted by the first value, the largest first. */
export function list(
  options: Omit<PanelOptions, 'unit'>,
  labels: Readonly<Record<string, string>>,
  columns: readonly Column[],
): table.PanelBuilder {
  const letter = (index: number): string => String.fromCharCode(65 + index);
  // A table of one query calls its value Value, a joined one Value #A, Value #B ...
  const field = (index: number): string => (columns.length === 1 ? 'Value' : `Value #${letter(index)}`);
  const panel = begin(new table.PanelBuilder(), { ...options, unit: 'none' })
    .targets(columns.map(({ expr }, index) => rows(expr, index)))
    .filterable(true)
    .sortBy([new common.TableSortByFieldStateBuilder().displayName(columns[0]?.title ?? '').desc(true)])
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(
          [...Object.keys(labels), ...columns.map((_, index) => field(index))].map((name, index) => [name, index]),
        ),
      },
    });
  // Names stay as they are, because links refer to them; only what is shown changes.
  for (const [label, title] of Object.entries(labels))
    panel.overrideByName(label, [{ id: 'displayName', value: title }]);
  for (const [index, { title, unit }] of columns.entries())
    panel.overrideByName(field(index), [
      { id: 'displayName', value: title },
      { id: 'unit', value: unit },
    ]);
  return panel;
}

function legend(): common.VizLegendOptionsBuilder {
  return new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.Table)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true)
    .calcs(['lastNotNull', 'max']);
}

function fixedColour(colour: string): dashboard.DynamicConfigValue[] {
  return [{ id: 'color', value: { mode: 'fixed', fixedColor: colour } }];
}
