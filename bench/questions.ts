// What is asked: the dashboard's own set of queries, and single questions with the same in SQL for the others.
import { METRICS, type Filter, type Query } from '../web/dashboard/data/api';
import { byAlias, PANELS } from '../web/dashboard/data/dimensions';

export type Range = [from: string, to: string];

/** Five figures, the series, six top-10 lists: what the page asks at once when it opens. */
export function dashboard(site: string, range: Range, filters: Filter[] = [], step = 'time:day'): Query[] {
  const base: Query = { site_id: site, metrics: [...METRICS], date_range: range, filters };
  const lists = [...PANELS.map((panel) => [panel.dimensions[0], panel.second?.metric] as const), [byAlias('source')!, undefined] as const];
  return [
    base,
    { ...base, dimensions: [step], order_by: [[step, 'asc']], pagination: { limit: 1000 } },
    ...lists.map(([dimension, second]): Query => ({
      ...base,
      metrics: second ? ['visitors', second] : ['visitors'],
      dimensions: [dimension.api],
      order_by: [['visitors', 'desc']],
      pagination: { limit: 10 + (dimension.without?.length ?? 0) },
    })),
  ];
}

export const COUNTRY_AND_DEVICE: Filter[] = [['is', 'visit:country', ['FR']], ['is', 'visit:device', ['Mobile']]];
export const SOURCE_AND_PAGE: Filter[] = [['is', 'visit:source', ['Google']], ['is', 'event:page', ['/pricing']]];

/** Two pages, then an event. */
export const FUNNEL: { filters: Filter[] }[] = [
  { filters: [['is', 'event:page', ['/']]] },
  { filters: [['is', 'event:page', ['/pricing']]] },
  { filters: [['is', 'event:name', ['Signup']]] },
];

/** How an engine says what differs. Columns have Plausible's names in all of them. */
export interface Dialect {
  events: string;
  sessions: string;
  uniq(id: string): string;
  countIf(condition: string): string;
  /** Of sessions, whose rows may come with a sign. */
  visits: string;
  sum(column: string): string;
  day: string;
  inRange(time: string): string;
}

export interface Question {
  name: string;
  breakdown: boolean; // by something else than time, with visitors and without filters
  ask: Omit<Query, 'site_id' | 'date_range'>;
  /** Together the same columns; several statements of one row each make one row. */
  sql(d: Dialect): string[];
}

const EMPTY_WORDS: Record<string, string> = { 'visit:source': 'Direct / None' };

function list(name: string, api: string, column: string, more: Partial<Pick<Question, 'breakdown'>> & { filters?: Filter[]; where?: string } = {}): Question {
  const inEvents = api.startsWith('event:') || more.where?.includes('pathname');
  const where = more.where ? ` AND ${more.where}` : '';
  const empty = EMPTY_WORDS[api];
  const value = empty ? `CASE WHEN ${column} = '' THEN '${empty}' ELSE ${column} END` : column;
  return {
    name,
    breakdown: !more.filters,
    ask: { metrics: ['visitors'], dimensions: [api], order_by: [['visitors', 'desc']], pagination: { limit: 10 }, ...(more.filters && { filters: more.filters }) },
    sql: (d) => [
      inEvents
        ? `SELECT ${value} AS value, ${d.uniq('user_id')} AS visitors FROM ${d.events} WHERE ${d.inRange('timestamp')} AND name <> 'engagement'${where} GROUP BY value ORDER BY visitors DESC, value LIMIT 10`
        : `SELECT ${value} AS value, ${d.uniq('user_id')} AS visitors FROM ${d.sessions} WHERE ${d.inRange('start')}${where} GROUP BY value ORDER BY visitors DESC, value LIMIT 10`,
    ],
  };
}

const FIGURES: Query['metrics'] = ['visitors', 'visits', 'bounce_rate', 'visit_duration', 'pageviews'];

function figures(name: string, filters?: Filter[], where = ''): Question {
  const and = where ? ` AND ${where}` : '';
  return {
    name,
    breakdown: false,
    ask: { metrics: FIGURES, ...(filters && { filters }) },
    sql: (d) => [
      `SELECT ${d.uniq('user_id')}, ${d.visits}, round(1e2 * ${d.sum('is_bounce')} / ${d.visits}), round(1e0 * ${d.sum('duration')} / ${d.visits}) FROM ${d.sessions} WHERE ${d.inRange('start')}${and}`,
      `SELECT ${d.countIf("name = 'pageview'")} FROM ${d.events} WHERE ${d.inRange('timestamp')}${and}`,
    ],
  };
}

const FR_MOBILE = "country_code = 'FR' AND screen_size = 'Mobile'";
const GOOGLE_PRICING = "referrer_source = 'Google' AND pathname = '/pricing'";

export const QUESTIONS: Question[] = [
  figures('five figures'),
  {
    name: 'visitors and page views by day',
    breakdown: false,
    ask: { metrics: ['visitors', 'pageviews'], dimensions: ['time:day'] },
    sql: (d) => [
      `SELECT ${d.day} AS day, ${d.uniq('user_id')}, ${d.countIf("name = 'pageview'")} FROM ${d.events} WHERE ${d.inRange('timestamp')} AND name <> 'engagement' GROUP BY day ORDER BY day`,
    ],
  },
  list('top pages', 'event:page', 'pathname'),
  list('top entry pages', 'visit:entry_page', 'entry_page'),
  list('top sources', 'visit:source', 'referrer_source'),
  list('top countries', 'visit:country', 'country_code'),
  list('top browsers', 'visit:browser', 'browser'),
  list('devices', 'visit:device', 'screen_size'),
  list('events', 'event:name', 'name'),
  figures('FR, mobile: five figures', COUNTRY_AND_DEVICE, FR_MOBILE),
  list('FR, mobile: top pages', 'event:page', 'pathname', { filters: COUNTRY_AND_DEVICE, where: FR_MOBILE }),
  list('FR, mobile: top sources', 'visit:source', 'referrer_source', { filters: COUNTRY_AND_DEVICE, where: FR_MOBILE }),
  {
    name: 'Google, /pricing: visitors, visits, page views',
    breakdown: false,
    ask: { metrics: ['visitors', 'visits', 'pageviews'], filters: SOURCE_AND_PAGE },
    sql: (d) => [
      `SELECT ${d.uniq('user_id')}, ${d.uniq('session_id')}, ${d.countIf("name = 'pageview'")} FROM ${d.events} WHERE ${d.inRange('timestamp')} AND name <> 'engagement' AND ${GOOGLE_PRICING}`,
    ],
  },
  list('Google, /pricing: top countries', 'visit:country', 'country_code', { filters: SOURCE_AND_PAGE, where: GOOGLE_PRICING }),
];
