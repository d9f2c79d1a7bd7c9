// What a list of sites and views says of each: visitors, how they moved, and a trend.
import { addDays, today } from './day';
import { PERIODS, type Period } from './period';

export interface Headline {
  site_id: string; // a domain, or "view:NAME"
  timezone: string;
  visitors: number | null;
  pageviews: number | null;
  change: { visitors: number | null; pageviews: number | null }; // per cent
  trend?: (number | null)[]; // visitors, a day or hour each
}

export interface ViewHeadline extends Headline {
  id: number;
  name: string;
  sites: string[];
  profile: string; // the strictest of its sites
}

export type Order = 'name' | 'visitors' | 'change';

/** As the server's ranges have it: each site's own days, and its own today. */
export function rangeWords(period: Period): { period: string; date?: string } {
  if (period === 'today') return { period: 'day' };
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (period === 'yesterday') return { period: 'day', date: addDays(today(zone), -1) };
  return { period: period === 'custom' ? '28d' : period };
}

export const periodText = (period: Period): string => PERIODS[period === 'custom' ? '28d' : period];

export const nameOf = (line: Headline): string => line.site_id.replace(/^view:/, '');

/** Those whose name, or a site of which, has the text in it; sorted. */
export function arranged<Line extends Headline>(lines: Line[], search: string, order: Order, sitesOf: (line: Line) => string[]): Line[] {
  const wanted = search.trim().toLowerCase();
  const fits = (text: string): boolean => text.toLowerCase().includes(wanted);
  const byName = (a: Line, b: Line): number => nameOf(a).localeCompare(nameOf(b));
  const figure = (line: Line): number => (order === 'change' ? line.change.visitors : line.visitors) ?? -Infinity;
  return lines
    .filter((line) => fits(nameOf(line)) || sitesOf(line).some(fits))
    .sort((a, b) => {
      const more = order === 'name' || figure(a) === figure(b) ? 0 : figure(b) - figure(a);
      return more || byName(a, b);
    });
}
