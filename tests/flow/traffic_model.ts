// Traffic at random, and its figures worked out from what was sent: day by day, with nothing of the server's.

export type Kind = 'view' | 'custom' | 'quiet' | 'engagement';

export interface Sent {
  at: number; // ms since 1970
  person: number;
  kind: Kind;
  page: string;
  source: string; // utm_source of that event; '' for none
  scroll: number;
  seconds: number;
}

export interface Local {
  day: string; // 2026-03-29
  hour: string; // 2026-03-29 02:00:00
}

/** A generator of numbers below n; the seed is printed by who makes it. */
export function randomBelow(seed: number): (n: number) => number {
  let s = seed >>> 0;
  return (n) => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return Math.floor((s / 2 ** 32) * n);
  };
}

/** By the browser's own tables of time zones. */
export function localTimes(zone: string): (at: number) => Local {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', hourCycle: 'h23' });
  return (at) => {
    const part = Object.fromEntries(format.formatToParts(at).map((p) => [p.type, p.value]));
    const day = `${part.year!}-${part.month!}-${part.day!}`;
    return { day, hour: `${day} ${part.hour!}:00:00` };
  };
}

const PAGES = ['/', '/a', '/b', '/c/d'];
const SOURCES = ['', '', 'newsletter', 'fair'];

export function randomTraffic(below: (n: number) => number, from: number, to: number, count: number): Sent[] {
  const all: Sent[] = [];
  for (let i = 0; i < count; i++) {
    const kind = (['view', 'view', 'view', 'view', 'custom', 'quiet', 'engagement', 'engagement'] as const)[below(8)]!;
    // Whole seconds: sealed rows have no less.
    all.push({ at: from + below((to - from) / 1000) * 1000, person: below(5), kind, page: PAGES[below(PAGES.length)]!, source: kind === 'view' ? SOURCES[below(SOURCES.length)]! : '', scroll: below(101), seconds: 1 + below(60) });
  }
  all.sort((a, b) => a.at - b.at);
  // One event a second, so that their order is known.
  for (let i = 1; i < all.length; i++) all[i]!.at = Math.max(all[i]!.at, all[i - 1]!.at + 1000);
  return all;
}

export interface Visit {
  start: Local;
  first: number;
  last: number;
  person: string; // of that day
  source: string;
  entry: string;
  exit: string;
  interactive: number;
  views: number;
  engaged: Map<string, { seconds: number; scroll: number }>; // by page
}

export interface Counted extends Sent, Local {
  visit: Visit;
}

/** A visit is of one person, at most 30 minutes of silence, within a day; engagement begins none. */
export function countedEvents(sent: Sent[], local: (at: number) => Local): Counted[] {
  const open = new Map<string, Visit>();
  const counted: Counted[] = [];
  for (const e of sent) {
    const { day, hour } = local(e.at);
    const person = `${day} ${e.person}`;
    let visit = open.get(person);
    if (!visit || e.at - visit.last > 30 * 60_000) {
      if (e.kind === 'engagement') continue;
      visit = { start: { day, hour }, first: e.at, last: e.at, person, source: e.source || 'Direct / None', entry: '(none)', exit: '(none)', interactive: 0, views: 0, engaged: new Map() };
      open.set(person, visit);
    }
    visit.last = e.at;
    counted.push({ ...e, day, hour, visit });
    if (e.kind === 'engagement') {
      const had = visit.engaged.get(e.page) ?? { seconds: 0, scroll: 0 };
      visit.engaged.set(e.page, { seconds: had.seconds + e.seconds, scroll: Math.max(had.scroll, e.scroll) });
      continue;
    }
    visit.interactive += e.kind === 'quiet' ? 0 : 1;
    if (e.kind !== 'view') continue;
    if (visit.views++ === 0) visit.entry = e.page;
    visit.exit = e.page;
  }
  return counted;
}

const size = (list: unknown[]): number => new Set(list).size;
const total = (list: number[]): number => list.reduce((a, b) => a + b, 0);
const ratio = (sum: number, n: number, digits: number): number | null => (n === 0 ? null : Math.round((sum / n) * 10 ** digits) / 10 ** digits);

const bounces = (v: Visit[]): number => v.filter((x) => x.interactive <= 1).length;
const secondsOf = (v: Visit): number => (v.interactive <= 1 ? 0 : (v.last - v.first) / 1000);

/** What the visits themselves have: of visits, which are all of the row. */
export function visitFigures(visits: Visit[]): Record<string, number | null> {
  return {
    visitors: size(visits.map((v) => v.person)),
    visits: visits.length,
    bounce_rate: ratio(bounces(visits) * 100, visits.length, 0) ?? 0,
    visit_duration: ratio(total(visits.map(secondsOf)), visits.length, 0) ?? 0,
    views_per_visit: ratio(total(visits.map((v) => v.views)), visits.length, 2) ?? 0,
  };
}

export function eventFigures(all: Counted[]): Record<string, number | null> {
  const events = all.filter((e) => e.kind !== 'engagement');
  return {
    visitors: size(events.map((e) => e.visit.person)),
    visits: size(events.map((e) => e.visit)),
    pageviews: events.filter((e) => e.kind === 'view').length,
    events: events.length,
  };
}

export function pageFigures(visits: Visit[], page: string): Record<string, number | null> {
  const read = visits.flatMap((v) => v.engaged.get(page) ?? []);
  return {
    time_on_page: ratio(total(read.map((r) => r.seconds)), read.length, 0),
    scroll_depth: ratio(total(read.map((r) => r.scroll)), read.length, 0),
  };
}

export function groupBy<T>(list: T[], key: (t: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const t of list) groups.set(key(t), [...(groups.get(key(t)) ?? []), t]);
  return groups;
}
