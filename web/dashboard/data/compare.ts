// What a period is compared with, as include.compare of the query API has it: the period before it or the same days a year
// before, in both cases weekday by weekday if wanted.
import { addDays, addMonths, daysBetween, type Day } from './day';

export const COMPARISONS = {
  previous: 'The time before',
  weekdays: 'The time before, by weekday',
  year: 'A year before',
  'year-weekdays': 'A year before, by weekday',
} as const;

export type Comparison = keyof typeof COMPARISONS;

const WEEKS_OF_A_YEAR_DAYS = 364;

/** Weekdays are matched by moving whole weeks, never onto the period itself. */
export function daysBefore(comparison: Comparison, from: Day, to: Day): [Day, Day] {
  const length = daysBetween(from, to) + 1;
  switch (comparison) {
    case 'previous':
      return [addDays(from, -length), addDays(to, -length)];
    case 'weekdays': {
      const weeks = Math.ceil(length / 7) * 7;
      return [addDays(from, -weeks), addDays(to, -weeks)];
    }
    case 'year':
      return [addMonths(from, -12), addMonths(to, -12)];
    case 'year-weekdays':
      return [addDays(from, -WEEKS_OF_A_YEAR_DAYS), addDays(to, -WEEKS_OF_A_YEAR_DAYS)];
  }
}
