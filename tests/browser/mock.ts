// A stand-in for the server: serves the built assets and pages a test makes up, records what the tracker
// sends, and answers queries with figures that are always the same for the same question.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bundleWeb, type Asset } from '../../tools/web_bundle';
import type { Annotation, Realtime, Site } from '../../web/dashboard/data/api';
import type { ViewHeadline } from '../../web/dashboard/data/headlines';
import { PATIENCE_MS } from '../flow/lib';
import { cohortsOf, knownOf } from './mock_known';

export const TOKEN = 'mock-token';

export interface Sent {
  n: string;
  u: string;
  d: string;
  r: string;
  p?: Record<string, unknown>;
  $?: Record<string, unknown>;
  i?: boolean;
  sd?: number;
  e?: number;
  lcp?: number;
  inp?: number;
  cls?: number;
  z?: string;
  id?: string;
}

export interface Asked {
  site_id: string;
  metrics: string[];
  date_range: string | [string, string];
  dimensions?: string[];
  filters?: [string, string, string[]][];
  pagination?: { limit: number };
}

export type Mood = 'well' | 'empty' | 'failing' | 'hanging' | 'imported' | 'measured'; // imported: all of it from access logs

export interface Mock {
  url: string;
  mood: Mood;
  streams: boolean; // whether live figures are sent; else they are to be asked for
  annotations: Annotation[];
  live: Realtime;
  sites: Site[];
  views: ViewHeadline[];
  /** Changes live figures, and sends them to who listens. */
  tell(change: Partial<Realtime>): void;
  listeners(): number;
  asked: Asked[];
  sent: Sent[];
  forgotten: { d: string; id: string }[]; // whom the tracker with a cookie wants forgotten
  headers: NodeJS.Dict<string | string[]>[]; // of what was sent
  pages: Map<string, string>;
  /** Resolves with the next event, kept or to come, that fits and was not handed out before. */
  event(fits: (event: Sent) => boolean): Promise<Sent>;
  close(): Promise<void>;
}

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let bundle: ReturnType<typeof bundleWeb> | undefined; // once a process

export async function startMock(root: string): Promise<Mock> {
  const { assets } = await (bundle ??= bundleWeb(root));
  const served = new Map<string, Asset>(assets.flatMap((asset) => asset.paths.map((path) => [path, asset])));
  const taken = new Set<Sent>();
  const waiting: { fits: (event: Sent) => boolean; take: (event: Sent) => void }[] = [];

  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://mock').pathname;
    const page = mock.pages.get(path);
    const asset = served.get(path);
    if (path === '/api/event') {
      record(JSON.parse(await body(request)) as Sent, request);
      response.writeHead(202, { 'access-control-allow-origin': '*' }).end('ok');
    } else if (path === '/api/forget') {
      mock.forgotten.push(JSON.parse(await body(request)) as Mock['forgotten'][number]);
      response.writeHead(202, { 'access-control-allow-origin': '*' }).end('ok');
    } else if (path.startsWith('/api/')) {
      await api(path, request, response);
    } else if (page !== undefined) {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
    } else if (asset) {
      response.writeHead(200, { 'content-type': asset.contentType, 'content-security-policy': CSP }).end(asset.raw);
    } else response.writeHead(404).end();
  }

  const listening = new Set<ServerResponse>();

  function listen(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(message(mock.live));
    listening.add(response);
    response.on('close', () => listening.delete(response));
  }

  async function api(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    const question = request.method === 'POST' ? (JSON.parse(await body(request)) as Asked) : null;
    if (question) mock.asked.push(question);
    if (mock.mood === 'hanging') return;
    if (request.headers.authorization !== `Bearer ${TOKEN}`) reply(401, { error: 'Invalid API key.' });
    else if (path === '/api/v1/sites') reply(200, { sites: mock.sites });
    else if (path === '/api/v2/views') reply(200, { results: mock.views, meta: {} });
    else if (mock.mood === 'failing') reply(503, { error: 'busy' });
    else if (path === '/api/v2/sites') reply(200, { results: mock.sites.map(headline), meta: {} });
    else if (path === '/api/v2/realtime') reply(200, mock.live);
    else if (path === '/api/v2/realtime/stream' && mock.streams) listen(response);
    else if (path === '/api/v2/realtime/stream') reply(503, { error: 'too many streams are open, try again later' });
    else if (path === '/api/v2/segments') reply(200, { results: SEGMENTS, meta: {} });
    else if (path === '/api/v2/annotations') reply(200, { results: mock.annotations, meta: {} });
    else if (path === '/api/v2/cohorts') reply(200, cohortsOf(request.url ?? '', mock.mood === 'empty'));
    else if (question?.metrics[0] === 'unique_visitors') reply(200, { ...knownOf(question, mock.mood === 'empty'), query: question });
    else if (question) reply(200, { results: resultsOf(question, mock.mood), meta: {}, query: question });
    else reply(404, { error: 'No such route.' });
  }

  function record(event: Sent, request: IncomingMessage): void {
    mock.sent.push(event);
    mock.headers.push(request.headers);
    const at = waiting.findIndex(({ fits }) => fits(event));
    const [waiter] = at < 0 ? [] : waiting.splice(at, 1);
    if (waiter) {
      taken.add(event);
      waiter.take(event);
    }
  }

  const mock: Mock = {
    url: '',
    mood: 'well',
    streams: true,
    annotations: [],
    live: LIVE,
    sites: SITES,
    views: [],
    tell: (change) => {
      mock.live = { ...mock.live, ...change };
      listening.forEach((response) => response.write(message(mock.live)));
    },
    listeners: () => listening.size,
    asked: [],
    sent: [],
    forgotten: [],
    headers: [],
    pages: new Map(),
    event: (fits) => {
      const kept = mock.sent.find((event) => !taken.has(event) && fits(event));
      if (kept) {
        taken.add(kept);
        return Promise.resolve(kept);
      }
      return new Promise((take, fail) => {
        const timer = setTimeout(() => fail(new Error(`no such event was sent within ${PATIENCE_MS} ms`)), PATIENCE_MS);
        waiting.push({
          fits,
          take: (event) => {
            clearTimeout(timer);
            take(event);
          },
        });
      });
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  mock.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return mock;
}

const message = (figures: Realtime): string => `event: realtime\ndata: ${JSON.stringify(figures)}\n\n`;

const SEGMENTS = [
  { id: 1, created_ms: 0, name: 'Newsletter readers', filters: [] },
  { id: 2, created_ms: 0, name: 'Regulars', filters: [] },
];

const LIVE: Realtime = {
  current_visitors: 7,
  visitors: 31,
  pageviews: 74,
  minutes: {
    visitors: [2, 1, 3, 2, 0, 1, 2, 4, 3, 2, 1, 2, 2, 3, 5, 4, 2, 1, 3, 2, 2, 4, 3, 1, 2, 3, 4, 2, 3, 2],
    pageviews: [3, 1, 4, 3, 0, 2, 2, 6, 4, 2, 1, 3, 2, 4, 8, 5, 2, 1, 4, 2, 3, 6, 3, 1, 2, 4, 5, 2, 4, 3],
  },
  pages: [
    { name: '/', visitors: 14 }, { name: '/nos-pains', visitors: 9 }, { name: '/commander', visitors: 6 }, { name: '/horaires', visitors: 2 },
  ],
  sources: [{ name: 'Google', visitors: 17 }, { name: 'Direct / None', visitors: 9 }, { name: 'Instagram', visitors: 5 }],
  countries: [{ name: 'FR', visitors: 26 }, { name: 'BE', visitors: 3 }, { name: '(unknown)', visitors: 2 }],
  meta: {},
};

async function body(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/** Its visitors are known again; not among the sites unless a test puts it there. */
export const CLUB = { id: 's3', domain: 'club.example', timezone: 'Europe/Paris', profile: 'consented', visitor_cookie: true };

const SITES = [
  { id: 's1', domain: 'boulangerie-martin.fr', timezone: 'Europe/Paris', profile: 'frugal' },
  { id: 's2', domain: 'atelier-des-trois-ponts-et-chaussees.example.com', timezone: 'Europe/Paris', profile: 'cnil' },
];

/** The first has 900 visitors, each further one 70 less and a change of 5 % less. */
function headline({ domain, timezone }: Site, at: number): object {
  const visitors = 900 - 70 * at;
  const change = { visitors: at === 3 ? null : 20 - 5 * at, pageviews: 0 };
  return { site_id: domain, timezone, visitors, pageviews: 2 * visitors, change, trend: [3, 5, 4, 7, 6, 9, 8].map((n) => n * (10 - at)) };
}

const NAMES: Record<string, [string | null, number][]> = {
  'event:page': [
    ['/', 0.46], ['/nos-pains', 0.31], ['/commander', 0.22], ['/horaires', 0.17], ['/blog/levain-naturel', 0.12],
    ['/blog/pourquoi-nous-avons-choisi-les-farines-anciennes-de-la-drome-et-ce-que-cela-change-au-gout', 0.08],
    ['/contact', 0.06], ['/evenements/fete-du-pain', 0.05], ['/recrutement', 0.03], ['/mentions-legales', 0.01],
    ['/plan-du-site', 0.004],
  ],
  'visit:entry_page': [['/', 0.55], ['/blog/levain-naturel', 0.16], ['/nos-pains', 0.14], ['/horaires', 0.1]],
  'visit:exit_page': [['/commander', 0.33], ['/', 0.29], ['/horaires', 0.2], ['/contact', 0.09]],
  'visit:channel': [
    ['Organic Search', 0.44], ['Direct', 0.27], ['Organic Social', 0.13], ['Referral', 0.09],
    ['AI Assistants', 0.04], ['Email', 0.03],
  ],
  'visit:source': [['Google', 0.4], ['Direct / None', 0.27], ['Instagram', 0.1], ['Bing', 0.05], ['lefooding.com', 0.04]],
  'visit:utm_campaign': [['rentree-2026', 0.05], ['lettre-novembre', 0.03]],
  'visit:country': [['FR', 0.78], ['BE', 0.09], ['CH', 0.05], ['DE', 0.03], ['CD', 0.02], ['GB', 0.01], ['(unknown)', 0.01]],
  'visit:device': [['Mobile', 0.63], ['Desktop', 0.33], ['Tablet', 0.04]],
  'visit:browser': [['Chrome', 0.42], ['Safari', 0.36], ['Firefox', 0.13], ['Edge', 0.06], ['Samsung Internet', 0.03]],
  'visit:os': [['iOS', 0.34], ['Android', 0.29], ['Windows', 0.2], ['macOS', 0.12], ['GNU/Linux', 0.04]],
  segment: [['Newsletter readers', 0.2], ['Regulars', 0.4]],
  'event:name': [
    ['pageview', 1], ['engagement', 0.8], ['Order placed', 0.09], ['Outbound Link: Click', 0.06], ['Site Search', 0.04],
    ['File Download', 0.02], ['404', 0.01], ['Form Error', 0.006],
  ],
};

// Of the properties of one event.
const PROPS: Record<string, Record<string, [string, number][]>> = {
  'Outbound Link: Click': {
    'event:props:url': [
      ['www.instagram.com/boulangerie.martin', 0.03], ['www.openstreetmap.org/node/240109189', 0.015],
      ['www.lefooding.com/fr/restaurants/restaurant-boulangerie-martin-paris-un-pain-au-levain-qui-vaut-le-detour-depuis-1897', 0.01],
      ['moulin-de-la-drome.fr/', 0.004],
    ],
  },
  'File Download': { 'event:props:url': [['boulangerie-martin.fr/carte-automne.pdf', 0.015], ['boulangerie-martin.fr/allergenes.pdf', 0.004]] },
  '404': { 'event:props:path': [['/ancienne-page', 0.006], ['/pains/fougasse', 0.003]], 'visit:referrer': [['lefooding.com', 0.005], ['Direct / None', 0.004]] },
  'Site Search': { 'event:props:query': [['sans gluten', 0.02], ['brioche', 0.012], ['horaires dimanche', 0.006]] },
  'Form Error': {
    'event:props:form': [['commande', 0.005], ['contact', 0.001]],
    'event:props:field': [['telephone', 0.004], ['date', 0.002]],
    'event:props:kind': [['valueMissing', 0.004], ['patternMismatch', 0.002]],
  },
};

export const noise = (seed: number): number => {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return x - Math.floor(x);
};

const DAY_MS = 86_400_000;

/** Visitors of a day: a weekly rhythm, slow growth, some luck. */
function visitorsOf(day: number): number {
  const index = Math.floor(day / DAY_MS);
  const weekend = [0, 6].includes(new Date(day).getUTCDay()) ? 1.35 : 1;
  return Math.round((360 + (index % 400) * 0.4) * weekend * (0.82 + 0.36 * noise(index)));
}

function measured(metrics: string[], visitors: number, seed: number): number[] {
  return metrics.map((metric) => {
    if (metric === 'vitals') return Math.round(visitors * 0.7);
    if (metric === 'lcp') return Math.round(1300 + 3400 * noise(seed + 3));
    if (metric === 'inp') return Math.round(90 + 480 * noise(seed + 4) ** 2);
    if (metric === 'cls') return Math.round(300 * noise(seed + 5) ** 2) / 1000;
    if (metric === 'visits') return Math.round(visitors * 1.18);
    if (metric === 'pageviews') return Math.round(visitors * (2.6 + noise(seed)));
    if (metric === 'events') return Math.round(visitors * 1.4);
    if (metric === 'bounce_rate') return Math.round(38 + 14 * noise(seed + 1));
    if (metric === 'visit_duration') return Math.round(95 + 60 * noise(seed + 2));
    return Math.round(visitors);
  });
}

interface Answered {
  metrics: number[];
  dimensions: (string | null)[];
}

function resultsOf(asked: Asked, mood: Mood): Answered[] {
  if (mood === 'empty' || (mood !== 'measured' && asked.metrics[0] === 'vitals')) return nothing(asked);
  if (mood === 'imported' && asked.dimensions?.[0] === 'event:name') return figures(asked).slice(0, 1);
  if (mood !== 'imported' || asked.dimensions?.[0] !== 'visit:country') return figures(asked);
  const { metrics } = figures({ ...asked, dimensions: [] })[0]!;
  return [{ metrics, dimensions: ['(unknown)'] }];
}

function nothing({ metrics, dimensions = [] }: Asked): Answered[] {
  return dimensions.length ? [] : [{ metrics: metrics.map(() => 0), dimensions: [] }];
}

function figures({ metrics, date_range, dimensions = [], filters = [], pagination }: Asked): Answered[] {
  const event = filters.find(([operator, name]) => operator === 'is' && name === 'event:name')?.[2][0] ?? '';
  const namesOf = (name: string): [string | null, number][] => PROPS[event]?.[name] ?? NAMES[name] ?? [];
  const fraction = filters
    .filter(([operator, name]) => operator === 'is' && (name !== 'event:name' || !PROPS[event]))
    .reduce((rest, [, dimension, values]) => {
      const known = namesOf(dimension);
      return rest * known.reduce((sum, [name, part]) => sum + (name !== null && values.includes(name) ? part : 0), 0);
    }, 1);
  if (typeof date_range === 'string') return [{ metrics: measured(metrics, 90_000, 1), dimensions: [] }];
  const [from, to] = date_range;
  if (from.includes('T') && Date.parse(to) - Date.parse(from) < 600_000)
    return [{ metrics: measured(metrics, 7, 1), dimensions: [] }];
  const days: number[] = [];
  for (let day = Date.parse(from.slice(0, 10)); day <= Date.parse(to.slice(0, 10)); day += DAY_MS) days.push(day);
  const total = days.reduce((sum, day) => sum + visitorsOf(day), 0) * fraction;
  const seed = Math.floor((days[0] ?? 0) / DAY_MS) + days.length;
  const dimension = dimensions[0];
  if (!dimension) return [{ metrics: measured(metrics, total, seed), dimensions: [] }];
  if (dimension.startsWith('time:')) {
    const rows = new Map<string, number>();
    for (const day of days) {
      const date = new Date(day).toISOString().slice(0, 10);
      if (dimension === 'time:hour')
        for (let hour = 0; hour < 24; hour++) {
          const part = Math.max(0, Math.sin(((hour - 5) / 19) * Math.PI)) / 12;
          rows.set(`${date} ${String(hour).padStart(2, '0')}:00:00`, visitorsOf(day) * part * (0.8 + 0.4 * noise(hour + day / DAY_MS)));
        }
      else {
        const key = dimension === 'time:month' ? `${date.slice(0, 7)}-01` : date;
        rows.set(key, (rows.get(key) ?? 0) + visitorsOf(day));
      }
    }
    return [...rows].map(([key, visitors], at) => ({
      metrics: measured(metrics, visitors * fraction, seed + at),
      dimensions: [key],
    }));
  }
  const own = filters.find(([operator, name]) => operator === 'is' && name === dimension)?.[2];
  return namesOf(dimension)
    .filter(([name]) => !own || (name !== null && own.includes(name)))
    .slice(0, pagination?.limit ?? 100)
    .map(([name, part], at) => ({
      metrics: measured(metrics, Math.max(1, total * (own ? 1 : part)), seed + at),
      dimensions: [name],
    }));
}
