// Figures, days and names as a person reads them.
import type { Metric } from './api';
import type { Day } from './day';

const LOCALE = 'en-GB';

const whole = new Intl.NumberFormat(LOCALE);
const short = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const tenths = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });

export const exact = (value: number): string => whole.format(value);

export const count = (value: number): string => (value < 100_000 ? whole : short).format(value);

export function duration(seconds: number): string {
  const all = Math.round(seconds);
  if (all < 60) return `${all}s`;
  if (all < 3600) return `${Math.floor(all / 60)}m ${String(all % 60).padStart(2, '0')}s`;
  return `${Math.floor(all / 3600)}h ${String(Math.floor((all % 3600) / 60)).padStart(2, '0')}m`;
}

export function figure(metric: Metric, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (metric === 'bounce_rate') return `${Math.round(value)}%`;
  if (metric === 'visit_duration') return duration(value);
  return count(value);
}

/** For an axis: fewest characters. */
export function axisFigure(metric: Metric, value: number): string {
  if (metric === 'bounce_rate') return `${value}%`;
  if (metric === 'visit_duration') return value % 60 && value < 600 ? `${tenths.format(value / 60)}m` : `${Math.round(value / 60)}m`;
  return short.format(value);
}

export function share(part: number, of: number): string {
  if (!of) return '';
  const percent = (100 * part) / of;
  return percent > 0 && percent < 1 ? '<1%' : `${Math.round(Math.min(percent, 100))}%`;
}

const format = (day: Day, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat(LOCALE, { ...options, timeZone: 'UTC' }).format(Date.parse(`${day}T12:00:00Z`));

export const dayText = (day: Day): string => format(day, { weekday: 'short', day: 'numeric', month: 'short' });

/** For an axis: the day of the week is one too many. */
export const shortDayText = (day: Day): string => format(day, { day: 'numeric', month: 'short' });

export const monthText = (day: Day): string => format(day, { month: 'short', year: 'numeric' });

/** For an axis, where the year stands once. */
export const shortMonthText = (day: Day): string => format(day, { month: 'short' });

export function rangeText(from: Day, to: Day): string {
  const full = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  if (from === to) return format(from, full);
  const start = from.slice(0, 4) === to.slice(0, 4) ? format(from, { day: 'numeric', month: 'short' }) : format(from, full);
  return `${start} – ${format(to, full)}`;
}

const regions = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' });

export const isCountryCode = (text: string): boolean => /^[A-Z]{2}$/.test(text);

export const countryName = (code: string): string => (isCountryCode(code) && regions.of(code)) || code;

export interface Change {
  text: string; // "12%"
  direction: 'up' | 'down' | 'same';
  good: boolean | null;
}

/** How a figure moved. Fewer bounces are better; of all others more is. */
export function change(metric: Metric, now: number | null | undefined, before: number | null | undefined): Change | null {
  if (now === null || now === undefined || !before) return null;
  const percent = Math.round((100 * (now - before)) / before);
  if (percent === 0) return { text: '0%', direction: 'same', good: null };
  const up = percent > 0;
  return {
    text: `${whole.format(Math.abs(percent))}%`,
    direction: up ? 'up' : 'down',
    good: metric === 'bounce_rate' ? !up : up,
  };
}
