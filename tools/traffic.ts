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
  ['America/New_York', 4], ['America/Montreal', 3], ['Europe/Madrid', 3], ['Asia/Tokyo', 2], ['Africa/Dakar', 1],
];

/** How busy each hour of the day is. */
export const HOURS = [2, 1, 1, 1, 2, 5, 11, 17, 18, 16, 15, 18, 20, 15, 13, 14, 17, 20, 22, 20, 16, 12, 7, 4];

/** A documentation address (RFC 5737, RFC 2544) for visitor number n. */
export function addressOf(n: number): string {
  return `198.${18 + ((n >> 16) & 1)}.${(n >> 8) & 255}.${n & 255}`;
}
