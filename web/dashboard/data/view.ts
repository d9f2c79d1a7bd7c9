// What is on the screen, and the same as an address: ?site=…&period=7d&figure=visits&f=page:/pricing.
// A view can be shared by copying the address; back and forward walk through the views.
import { METRICS, type Filter, type Metric } from './api';
import { COMPARISONS, type Comparison } from './compare';
import { isDay, type Day } from './day';
import { REPORTS, VIEW_PANELS, byAlias, type Dimension } from './dimensions';
import { COHORTS } from './known';
import { PERIODS, type Period } from './period';

export interface Condition {
  dimension: Dimension;
  value: string;
}

export interface View {
  site: string; // '': the first
  period: Period;
  custom: [Day, Day] | undefined;
  comparison: Comparison;
  figure: Metric;
  conditions: Condition[];
  tabs: Record<string, string>; // panel → alias of its dimension
  live: boolean; // the last half hour is shown
  list: boolean; // all sites are, in place of one
}

const USUAL: Period = '28d';

const TABBED = [...VIEW_PANELS, ...REPORTS, COHORTS];

export function readView(search: string): View {
  const params = new URLSearchParams(search);
  const period = params.get('period') ?? '';
  const [from, to] = [params.get('from'), params.get('to')];
  const custom: [Day, Day] | undefined = isDay(from) && isDay(to) && from <= to ? [from, to] : undefined;
  const tabs: Record<string, string> = {};
  for (const { id, dimensions } of TABBED) {
    const tab = params.get(id);
    if (tab && dimensions.some(({ alias }) => alias === tab)) tabs[id] = tab;
  }
  return {
    site: params.get('site') ?? '',
    period: period === 'custom' && custom ? 'custom' : Object.keys(PERIODS).includes(period) ? (period as Period) : USUAL,
    custom,
    comparison: (Object.keys(COMPARISONS) as Comparison[]).find((each) => each === params.get('compare')) ?? 'previous',
    figure: METRICS.find((metric) => metric === params.get('figure')) ?? 'visitors',
    conditions: params.getAll('f').flatMap((text) => {
      const colon = text.indexOf(':');
      const dimension = byAlias(text.slice(0, colon));
      return dimension ? [{ dimension, value: text.slice(colon + 1) }] : [];
    }),
    tabs,
    live: params.get('live') === '1',
    list: params.get('list') === '1',
  };
}

export function writeView(view: View): string {
  const params = new URLSearchParams();
  if (view.site) params.set('site', view.site);
  if (view.period !== USUAL) params.set('period', view.period);
  if (view.period === 'custom' && view.custom) {
    params.set('from', view.custom[0]);
    params.set('to', view.custom[1]);
  }
  if (view.comparison !== 'previous') params.set('compare', view.comparison);
  if (view.figure !== 'visitors') params.set('figure', view.figure);
  for (const { id, dimensions } of TABBED) {
    const tab = view.tabs[id];
    if (tab && tab !== dimensions[0].alias) params.set(id, tab);
  }
  if (view.live) params.set('live', '1');
  if (view.list) params.set('list', '1');
  for (const { dimension, value } of view.conditions) params.append('f', `${dimension.alias}:${value}`);
  // Slashes and colons are allowed in a query and easier to read.
  const text = params.toString().replace(/%2F/g, '/').replace(/%3A/g, ':');
  return text && `?${text}`;
}

/** One filter a dimension: several values of the same one mean any of them. */
export function filtersOf(conditions: Condition[]): Filter[] {
  const values = new Map<Dimension, string[]>();
  for (const { dimension, value } of conditions)
    values.set(dimension, [...(values.get(dimension) ?? []), value]);
  return [...values].flatMap(([{ api, of = [] }, list]) => [...of, ['is', api, list] satisfies Filter]);
}

export const holds = (view: View, dimension: Dimension, value: string): boolean =>
  view.conditions.some((each) => each.dimension === dimension && each.value === value);
