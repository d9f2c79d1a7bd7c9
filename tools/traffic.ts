// Made-up traffic that behaves like a real site's: a few popular pages, a daily curve, sources, returning paths.
// Used by the demo and the benchmarks; seeded, so that two runs are the same.

export type Random = () => number;

/** mulberry32 */
export function seeded(seed: number): Random {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(random: Random, items: readonly (readonly [T, number])[]): T {
  let total = 0;
  for (const [, weight] of items) total += weight;
  let at = random() * total;
  for (const [item, weight] of items) {
    at -= weight;
    if (at < 0) return item;
  }
  return items[items.length - 1]![0];
}

export const PAGES: readonly (readonly [string, number])[] = [
  ['/', 40], ['/breads', 16], ['/breads/sourdough', 14], ['/pastries', 12], ['/pastries/paris-brest', 7],
  ['/order', 9], ['/order/thanks', 3], ['/about', 6], ['/blog', 7], ['/blog/how-we-sift-our-flour', 9],
  ['/blog/why-rye-takes-its-time', 5], ['/blog/a-morning-at-the-mill', 4], ['/contact', 4], ['/opening-hours', 8],
];

export const REFERRERS: readonly (readonly [string, number])[] = [
  ['', 38], ['https://www.google.com/', 24], ['https://duckduckgo.com/', 4], ['https://www.qwant.com/', 2], ['https://www.bing.com/', 3],
  ['https://www.instagram.com/', 8], ['https://www.facebook.com/', 4], ['https://news.ycombinator.com/', 3],
  ['https://chatgpt.com/', 3], ['https://www.lemonde.fr/gastronomie/', 4], ['https://mastodon.social/@baker', 2], ['https://www.youtube.com/', 2],
];

export const CAMPAIGNS: readonly (readonly [string, number])[] = [
  ['', 88], ['?utm_source=newsletter&utm_medium=email&utm_campaign=autumn-breads', 7], ['?utm_source=flyer&utm_medium=print&utm_campaign=market-day', 3],
  ['?utm_source=google&utm_medium=cpc&utm_campaign=birthday-cakes', 2],
];

export const AGENTS: readonly (readonly [string, number])[] = [
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36', 30],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1', 26],
  ['Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36', 20],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15', 10],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 8],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0', 7],
  ['Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1', 4],
];

export const ZONES: readonly (readonly [string, number])[] = [
  ['Europe/Paris', 60], ['Europe/Brussels', 9], ['Europe/Berlin', 8], ['Europe/Zurich', 5], ['Europe/London', 5],
  ['America/New_York', 4], ['America/Montreal', 3], ['Europe/Madrid', 3], ['Europe/Rome', 2], ['Asia/Tokyo', 2],
  ['Europe/Amsterdam', 2], ['Europe/Lisbon', 1], ['Africa/Casablanca', 1], ['Africa/Dakar', 1], ['Australia/Sydney', 1],
];

/** How busy each hour of the day is. */
export const HOURS = [2, 1, 1, 1, 2, 5, 11, 17, 18, 16, 15, 18, 20, 15, 13, 14, 17, 20, 22, 20, 16, 12, 7, 4];

/** A documentation address (RFC 5737, RFC 2544) for visitor number n. */
export function addressOf(n: number): string {
  return `198.${18 + ((n >> 16) & 1)}.${(n >> 8) & 255}.${n & 255}`;
}

/** One thing a visitor does: `event` in Plausible's format without the site. */
export interface Act {
  at: number; // ms
  visitor: number;
  agent: string;
  event: { n: string; u: string; r?: string; z: string; [key: string]: unknown };
}

/** What makes a day unlike others: how many more visits, and where they come from and go to. */
interface Day {
  factor: number;
  extra: number;
  referrer?: string;
  query?: string;
  page?: string;
}

function dayOf(random: Random, back: number, date: Date): Day {
  const weekend = date.getUTCDay() === 0 || date.getUTCDay() === 6;
  const factor = (weekend ? 1.35 : 1) * (1 - back / 220) * (0.88 + random() * 0.24);
  if (back === 17) return { factor, extra: 0.9, referrer: 'https://news.ycombinator.com/', page: '/blog/how-we-sift-our-flour' };
  if (date.getUTCDay() === 4) return { factor, extra: 0.3, query: CAMPAIGNS[1]![0], page: '/breads' }; // the letter goes out
  return { factor, extra: 0 };
}

const OUTBOUND = [
  'www.openstreetmap.org/node/240109189', 'www.openstreetmap.org/node/240109189', 'www.instagram.com/bakery.example',
  'www.lefooding.example/restaurants/paris/bakery-a-sourdough-that-is-worth-the-way',
];
const SEARCHES = [
  { query: 'gluten free', results: 0 }, { query: 'brioche', results: 4 }, { query: 'brioche', results: 4 },
  { query: 'birthday cake', results: 2 }, { query: 'gluten free', results: 0 }, { query: 'rye', results: 3 },
];

/** What is done on a page now and then, so many seconds after it was opened. */
function onPage(random: Random, site: string, page: string, z: string): { event: Act['event']; after: number }[] {
  const u = `https://${site}${page}`;
  const list: { event: Act['event']; after: number }[] = [];
  const p = random();
  if (page === '/order/thanks')
    list.push({ after: 2, event: { n: 'Order', u, z, p: { size: pick(random, [['small', 3], ['large', 2]]) }, $: { currency: 'EUR', amount: (8 + random() * 40).toFixed(2) } } });
  else if (page === '/contact' && p < 0.4) list.push({ after: 9, event: { n: 'Outbound Link: Click', u, z, p: { url: OUTBOUND[Math.floor(p * 10)] ?? OUTBOUND[0] } } });
  else if (page === '/contact' && p > 0.85) list.push({ after: 15, event: { n: 'Form Error', u, z, i: false, p: { form: 'contact', field: p > 0.9 ? 'phone' : 'message', kind: 'valueMissing' } } });
  else if (page === '/opening-hours' && p < 0.2) list.push({ after: 7, event: { n: 'File Download', u, z, p: { url: `${site}/${p < 0.15 ? 'menu' : 'allergens'}.pdf` } } });
  else if (page === '/breads' && p < 0.12) list.push({ after: 5, event: { n: 'Site Search', u, z, p: SEARCHES[Math.floor(p * 50)] ?? SEARCHES[0] } });
  else if (page === '/about' && p < 0.1) list.push({ after: 4, event: { n: '404', u, z, i: false, p: { path: p < 0.07 ? '/team' : '/about/history' } } });
  else if (page.startsWith('/blog/') && p < 0.12) list.push({ after: 40, event: { n: 'Newsletter', u, z, p: { place: 'article' } } });
  return list;
}

/** All that somebody does who comes at `start`; `day` when that day's special thing brought them. */
export function visit(random: Random, site: string, start: number, visitor: number, day?: Day): Act[] {
  const own = seeded(visitor);
  const agent = pick(own, AGENTS);
  const z = pick(own, ZONES);
  const acts: Act[] = [];
  let r = day ? (day.referrer ?? '') : pick(random, REFERRERS);
  let query = day ? (day.query ?? '') : pick(random, CAMPAIGNS);
  let at = start;
  const pages = 1 + Math.floor(-Math.log(1 - random()) * 1.5);
  for (let i = 0; i < pages; i++) {
    const page = i > 0 ? pick(random, PAGES) : day?.page ? day.page : random() < 0.5 ? '/' : pick(random, PAGES);
    const u = `https://${site}${page}`;
    acts.push({ at, visitor, agent, event: { n: 'pageview', u: u + query, r, z } });
    const stay = 6000 + Math.floor(-Math.log(1 - random()) * 45_000);
    for (const { event, after } of onPage(random, site, page, z)) if (after * 1000 < stay) acts.push({ at: at + after * 1000, visitor, agent, event });
    at += stay;
    if (i === pages - 1) acts.push({ at, visitor, agent, event: { n: 'engagement', u, z, sd: 20 + Math.floor(random() * 80), e: Math.floor(stay * 0.8) } });
    r = u;
    query = '';
  }
  return acts;
}

/** `days` days of a site's life up to `end`, in the order of time. */
export function life(random: Random, site: string, days: number, end: number): Act[] {
  const acts: Act[] = [];
  const peak = HOURS.reduce((a, b) => a + b, 0);
  let next = 0;
  for (let back = days; back >= 0; back--) {
    const date = new Date(end - back * 86_400_000);
    const day = dayOf(random, back, date);
    const usual = Math.round(105 * day.factor);
    const first = next;
    for (let v = 0; v < usual * (1 + day.extra); v++) {
      const special = v >= usual;
      let hour = 0;
      for (let at = random() * peak; at >= HOURS[hour]!; hour++) at -= HOURS[hour]!;
      const start = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), hour, 0, Math.floor(random() * 3600));
      const again = !special && v > 20 && random() < 0.14; // somebody who was here today
      const visitor = again ? first + Math.floor(random() * v) : next++;
      acts.push(...visit(random, site, start, visitor, special ? day : undefined));
    }
  }
  return acts.filter(({ at }) => at < end).sort((a, b) => a.at - b.at);
}
