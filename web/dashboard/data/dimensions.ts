// The dimensions the dashboard shows and filters by: one row each. `alias` is their name in the address.
import { countryName } from './format';

export interface Dimension {
  alias: string;
  api: string;
  label: string; // of a tab
  singular: string; // of a column and a filter
  name?: (value: string) => string;
  without?: string[]; // values its table leaves out
  missing?: string; // where the others' value comes from, told when visitors have none
}

export interface PanelSpec {
  id: string;
  title: string;
  dimensions: readonly [Dimension, ...Dimension[]];
  second?: { metric: 'pageviews' | 'events'; label: string };
}

// The server's words for no value (src/query/query_words.def): as good as any other to filter by.
const NOT_SET = '(not set)';
const UNKNOWN = '(unknown)';
const WORDS: Record<string, string> = { [NOT_SET]: 'Not set', '(none)': 'None', [UNKNOWN]: 'Unknown' };

const page: Dimension = { alias: 'page', api: 'event:page', label: 'Top', singular: 'Page' };
const entry: Dimension = { alias: 'entry', api: 'visit:entry_page', label: 'Entry', singular: 'Entry page' };
const exit: Dimension = { alias: 'exit', api: 'visit:exit_page', label: 'Exit', singular: 'Exit page' };
const channel: Dimension = { alias: 'channel', api: 'visit:channel', label: 'Channels', singular: 'Channel' };
const source: Dimension = { alias: 'source', api: 'visit:source', label: 'Sources', singular: 'Source' };
const campaign: Dimension = {
  alias: 'campaign',
  api: 'visit:utm_campaign',
  label: 'Campaigns',
  singular: 'Campaign',
  without: [NOT_SET],
};
const country: Dimension = {
  alias: 'country',
  api: 'visit:country',
  label: 'Countries',
  singular: 'Country',
  name: countryName,
  without: [UNKNOWN],
  missing: 'Countries come from the browser’s time zone, which access logs do not hold.',
};
const device: Dimension = { alias: 'device', api: 'visit:device', label: 'Device', singular: 'Device' };
const browser: Dimension = { alias: 'browser', api: 'visit:browser', label: 'Browser', singular: 'Browser' };
const os: Dimension = { alias: 'os', api: 'visit:os', label: 'System', singular: 'System' };
const event: Dimension = {
  alias: 'event',
  api: 'event:name',
  label: 'Events',
  singular: 'Event',
  without: ['pageview', 'engagement'],
};

export const PANELS: readonly PanelSpec[] = [
  { id: 'pages', title: 'Pages', dimensions: [page, entry, exit] },
  { id: 'sources', title: 'Sources', dimensions: [channel, source, campaign] },
  { id: 'countries', title: 'Countries', dimensions: [country] },
  { id: 'devices', title: 'Devices', dimensions: [device, browser, os] },
  {
    id: 'events',
    title: 'Events',
    dimensions: [event],
    second: { metric: 'events', label: 'Events' },
  },
];

/** Saved filters: to filter by, with no panel of its own. */
export const SEGMENT: Dimension = { alias: 'segment', api: 'segment', label: 'Segments', singular: 'Segment' };

export const DIMENSIONS: readonly Dimension[] = [...PANELS.flatMap((panel) => panel.dimensions), SEGMENT];

export const byAlias = (alias: string): Dimension | undefined =>
  DIMENSIONS.find((dimension) => dimension.alias === alias);

export const nameOf = (dimension: Dimension, value: string): string =>
  WORDS[value] ?? dimension.name?.(value) ?? value;
