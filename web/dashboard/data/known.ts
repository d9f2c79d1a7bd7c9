// Visitors who agreed to be known again: new and returning ones, and cohorts. All of it comes from a diary of days
// (docs/consent.md), which knows nothing else: so it has no filters.
import type { Site } from './api';
import { addDays, addMonths, daysBetween, firstOfWeek, today, type Day } from './day';
import { monthText, rangeText, shortDayText } from './format';
import { ticks, type Range, type Tick } from './period';

export type KnownMetric = 'unique_visitors' | 'new_visitors' | 'returning_visitors';
export type CohortPeriod = 'week' | 'month';

export interface Cohort {
  cohort: Day; // the first of the period in which they first came
  visitors: number;
  returned: number[]; // how many of them came in that period, in the next one …
}

export interface Cohorts {
  cohorts: Cohort[];
  unfinished: Day; // the first of the period that goes on
}

/** The tabs of cohorts, in the address as those of panels are. */
export const COHORTS = {
  id: 'cohorts',
  dimensions: [
    { alias: 'week', label: 'Weeks' },
    { alias: 'month', label: 'Months' },
  ],
} as const;

export const MOST_PERIODS = 12;

export const isKnown = ({ profile, visitor_cookie: cookie }: Site): boolean =>
  profile === 'consented' && cookie === true;

export type Bucket = 'day' | 'week' | 'month';

const MOST_DAYS = 62;

/** In which steps a range is drawn; null: one day is one figure. */
export function bucketOf({ from, to, step }: Range): Bucket | null {
  if (step === 'hour') return null;
  if (step === 'month') return 'month';
  return daysBetween(from, to) < MOST_DAYS ? 'day' : 'week';
}

/** The buckets of a range up to today, keyed as in the reply. */
export function bucketsOf(range: Range, bucket: Bucket, zone: string): Tick[] {
  const day = today(zone);
  const to = range.to < day ? range.to : day;
  if (bucket !== 'week')
    return ticks(range.from, to, bucket).map((tick) => (bucket === 'month' ? { ...tick, key: `${tick.key}-01` } : tick));
  const list: Tick[] = [];
  for (let week = firstOfWeek(range.from); week <= to; week = addDays(week, 7))
    list.push({ key: week, text: rangeText(week, addDays(week, 6)), short: shortDayText(week) });
  return list;
}

export const later = (period: CohortPeriod, day: Day, periods: number): Day =>
  period === 'week' ? addDays(day, 7 * periods) : addMonths(day, periods);

export const periodText = (period: CohortPeriod, first: Day): string =>
  period === 'week' ? rangeText(first, addDays(first, 6)) : monthText(first);
