// t.vitals.js — web vitals as the web-vitals library defines them, sent once a page view, when the page is first
// hidden or left. Load it after t.js, which knows where to send to and when to be silent.
//   LCP: the last largest paint before the first input (browsers stop there) or the page's hiding; none of a
//     page that was hidden before.
//   INP: the slowest interaction, leaving out one for every fifty.
//   CLS: the worst run of layout shifts, less than a second apart and five seconds long, without those that
//     follow an input.
// A page that comes back from the browser's page cache is measured anew.

interface Measured {
  u: string; // the page that was loaded, wherever a script may have gone from there
  lcp?: number; // ms
  inp?: number; // ms
  cls?: number;
}
type Send = (name: string, options: object, measured: Measured) => void;
type Entry = PerformanceEntry & { interactionId?: number; value?: number; hadRecentInput?: boolean };

const doc = document;
const clock = performance as Performance & { interactionCount?: number };
const MOST_LISTED = 10; // slowest interactions
const GAP_MS = 1000;
const RUN_MS = 5000;

let began = 0; // the load, or a return from the page cache
let seen = !doc.hidden;
let sent = false;
let lcp: number | undefined;
let cls: number | undefined;
let run = 0; // sum of a run of shifts
let runFrom = 0;
let runTo = 0;
let slowest: { id: number; ms: number }[] = [];
let lowest = Infinity; // ids of interactions, which go up by seven
let highest = 0;
let before = 0; // interactions before the page came back

const activated = (): number =>
  (clock.getEntriesByType('navigation')[0] as { activationStart?: number } | undefined)?.activationStart || 0;

const wasHidden = (until: number): boolean =>
  clock
    .getEntriesByType('visibility-state')
    .some(({ name, startTime }) => name == 'hidden' && startTime >= activated() && startTime < until);

const interaction = ({ interactionId: id, duration: ms, startTime }: Entry): void => {
  if (!id || startTime < began) return;
  lowest = Math.min(lowest, id);
  highest = Math.max(highest, id);
  const known = slowest.find((each) => each.id == id);
  if (known) known.ms = Math.max(known.ms, ms);
  else slowest.push({ id, ms });
  slowest.sort((a, b) => b.ms - a.ms).splice(MOST_LISTED);
};

const takers: Record<string, (entry: Entry) => void> = {
  'largest-contentful-paint': ({ startTime }) => {
    if (!began && !wasHidden(startTime)) lcp = Math.max(0, startTime - activated());
  },
  'layout-shift': ({ value = 0, hadRecentInput, startTime }) => {
    if (hadRecentInput || startTime < began) return;
    if (startTime - runTo >= GAP_MS || startTime - runFrom >= RUN_MS) {
      run = 0;
      runFrom = startTime;
    }
    runTo = startTime;
    cls = Math.max(cls || 0, (run += value));
  },
  event: interaction,
  'first-input': interaction,
};

const watch = (type: string): (() => void) => {
  if (!PerformanceObserver.supportedEntryTypes.includes(type)) return () => {};
  const take = (entries: PerformanceEntryList): void => entries.forEach((entry) => takers[type]?.(entry));
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ type, buffered: true, durationThreshold: 40 } as PerformanceObserverInit);
  if (type == 'layout-shift') cls = 0;
  return () => take(observer.takeRecords());
};

const flush = Object.keys(takers).map(watch);

const leave = (): void => {
  if (sent || !seen) return;
  sent = true;
  flush.forEach((take) => take());
  const count = clock.interactionCount ? clock.interactionCount - before : highest && (highest - lowest) / 7 + 1;
  const worst = slowest[Math.min(slowest.length - 1, Math.floor(count / 50))];
  const measured: Measured = { u: location.origin + path };
  if (lcp !== undefined) measured.lcp = Math.round(lcp);
  if (worst) measured.inp = Math.round(worst.ms);
  if (cls !== undefined) measured.cls = +cls.toFixed(4);
  (window as typeof window & { tamis?: Send }).tamis?.('vitals', {}, measured);
};

let path = location.pathname;

addEventListener('visibilitychange', () => {
  if (doc.hidden) leave();
  else seen = true;
});
addEventListener('pagehide', leave);
addEventListener('pageshow', ({ persisted, timeStamp }) => {
  if (!persisted) return;
  began = timeStamp;
  sent = false;
  seen = true;
  path = location.pathname;
  lcp = undefined;
  if (cls !== undefined) cls = 0;
  run = runFrom = runTo = 0;
  slowest = [];
  lowest = Infinity;
  highest = 0;
  before = clock.interactionCount || 0;
  requestAnimationFrame(() => requestAnimationFrame(() => (lcp = clock.now() - began)));
});

export {};
