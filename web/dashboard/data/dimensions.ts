// The dimensions the dashboard shows and filters by: one row each. `alias` is their name in the address.
import type { Filter } from './api';
import { countryName } from './format';

export interface Dimension {
  alias: string;
  api: string;
  label: string; // of a tab
  singular: string; // of a column and a filter
  name?: (value: string) => string;
  without?: string[]; // values its table leaves out
  of?: Filter[]; // what its rows are of, besides the view's filters
  missing?: string; // where the others' value comes from, told when visitors have none
}

export interface PanelSpec {
  id: string;
  title: string;
  dimensions: readonly [Dimension, ...Dimension[]];
  second?: { metric: 'pageviews' | 'events'; label: string };
  event?: string; // of a report: shown where there is such an event
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

/** Of a view of several sites: which of them. */
export const VIEW_PANELS: readonly PanelSpec[] = [
  { id: 'sites', title: 'Sites', dimensions: [{ alias: 'site', api: 'visit:site', label: 'Sites', singular: 'Site' }] },
  ...PANELS,
];

// Reports on one event each, of the tracker and its add-ons: the same questions as `tamis query --report`.
const NONE = '(none)';

const withoutScheme = (url: string): string => url.replace(/^https?:\/\//, '');

/** A property of an event; `more` filters are on that event too. */
const property = (event: string, name: string, rest: Pick<Dimension, 'alias' | 'label' | 'singular' | 'name'>, ...more: Filter[]): Dimension => ({
  api: `event:props:${name}`,
  of: [['is', 'event:name', [event]], ...more],
  without: [NONE],
  ...rest,
});

const OUTBOUND = 'Outbound Link: Click';
const DOWNLOAD = 'File Download';
const NOT_FOUND = '404';
const SEARCH = 'Site Search';
const FORM_ERROR = 'Form Error';

export const REPORTS: readonly PanelSpec[] = [
  {
    id: 'outbound',
    title: 'Outbound links',
    event: OUTBOUND,
    dimensions: [property(OUTBOUND, 'url', { alias: 'outbound', label: 'Links', singular: 'Link', name: withoutScheme })],
    second: { metric: 'events', label: 'Clicks' },
  },
  {
    id: 'downloads',
    title: 'Downloads',
    event: DOWNLOAD,
    dimensions: [property(DOWNLOAD, 'url', { alias: 'download', label: 'Files', singular: 'File', name: withoutScheme })],
    second: { metric: 'events', label: 'Times' },
  },
  {
    id: 'notfound',
    title: 'Not found (404)',
    event: NOT_FOUND,
    dimensions: [
      property(NOT_FOUND, 'path', { alias: 'notfound', label: 'Addresses', singular: 'Missing page' }),
      {
        alias: 'notfound_from',
        api: 'visit:referrer',
        label: 'Referrers',
        singular: 'Referrer',
        of: [['is', 'event:name', [NOT_FOUND]]],
      },
    ],
    second: { metric: 'events', label: 'Views' },
  },
  {
    id: 'search',
    title: 'Site search',
    event: SEARCH,
    dimensions: [
      property(SEARCH, 'query', { alias: 'search', label: 'All', singular: 'Search' }),
      property(
        SEARCH,
        'query',
        { alias: 'search_in_vain', label: 'Without results', singular: 'Search without results' },
        ['is', 'event:props:results', ['0']],
      ),
    ],
    second: { metric: 'events', label: 'Times' },
  },
  {
    id: 'forms',
    title: 'Form errors',
    event: FORM_ERROR,
    dimensions: [
      property(FORM_ERROR, 'form', { alias: 'form', label: 'Forms', singular: 'Form' }),
      property(FORM_ERROR, 'field', { alias: 'field', label: 'Fields', singular: 'Field' }),
      property(FORM_ERROR, 'kind', { alias: 'mistake', label: 'Kinds', singular: 'Kind of error' }),
    ],
    second: { metric: 'events', label: 'Times' },
  },
];

/** Saved filters: to filter by, with no panel of its own. */
export const SEGMENT: Dimension = { alias: 'segment', api: 'segment', label: 'Segments', singular: 'Segment' };

const VISITORS: Record<string, string> = { new: 'New', returning: 'Returning' };

/** What the server says of visitors it knows again (ui/known.tsx). */
export const VISITOR: Dimension = {
  alias: 'visitor',
  api: 'event:props:visitor',
  label: 'Visitors',
  singular: 'Visitor',
  name: (value) => VISITORS[value] ?? value,
};

export const DIMENSIONS: readonly Dimension[] = [
  ...[...VIEW_PANELS, ...REPORTS].flatMap((panel) => panel.dimensions),
  SEGMENT,
  VISITOR,
];

export const byAlias = (alias: string): Dimension | undefined =>
  DIMENSIONS.find((dimension) => dimension.alias === alias);

export const nameOf = (dimension: Dimension, value: string): string =>
  WORDS[value] ?? dimension.name?.(value) ?? value;
