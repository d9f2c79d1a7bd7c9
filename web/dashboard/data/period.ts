// The periods a person can pick: which days they mean, what they are compared with, and in which steps
// they are drawn.
import { daysBefore, type Comparison } from './compare';
import { addDays, addMonths, daysBetween, firstOfMonth, hourOf, midnight, today, type Day } from './day';
import { dayText, monthText, rangeText, shortDayText, shortMonthText } from './format';

export const PERIODS = {
  today: 'Today',
  yesterday: 'Yesterday',
  '7d': 'Last 7 days',
  '28d': 'Last 28 days',
  '30d': 'Last 30 days',
  month: 'This month',
  '12mo': 'Last 12 months',
} as const;

export type Period = keyof typeof PERIODS | 'custom';

export type Step = 'hour' | 'day' | 'month';

export interface Range {
  from: Day;
  to: Day;
  step: Step;
  text: string; // as a person would say it
  live: boolean; // holds today
  before: { from: Day; to: Day; text: string };
  /** What the figures of `before` are asked for: the same part of the day when the range is today. */
  beforeAsked: [string, string];
}

/** The step drawn is a day up to this many of them, a month beyond. */
const MOST_DAYS_DRAWN = 190;

export function rangeOf(period: Period, zone: string, custom?: [Day, Day], comparison: Comparison = 'previous', now = Date.now()): Range {
  const day = today(zone, now);
  const [from, to] = bounds(period, day, custom);
  const before = boundsBefore(period, comparison, from, to);
  const length = daysBetween(from, to) + 1;
  return {
    from,
    to,
    step: length === 1 ? 'hour' : period === '12mo' || length > MOST_DAYS_DRAWN ? 'month' : 'day',
    text: period === 'custom' ? rangeText(from, to) : PERIODS[period],
    live: from <= day && day <= to,
    before: { from: before[0], to: before[1], text: rangeText(...before) },
    beforeAsked: from === day && to === day ? sameHours(before[0], from, zone, now) : before,
  };
}

function bounds(period: Period, day: Day, custom?: [Day, Day]): [Day, Day] {
  const yesterday = addDays(day, -1);
  switch (period) {
    case 'today':
      return [day, day];
    case 'yesterday':
      return [yesterday, yesterday];
    // As in the query API, whole days: today is left out.
    case '7d':
      return [addDays(day, -7), yesterday];
    case '28d':
      return [addDays(day, -28), yesterday];
    case '30d':
      return [addDays(day, -30), yesterday];
    case 'month':
      return [firstOfMonth(day), day];
    case '12mo':
      return [firstOfMonth(addMonths(day, -11)), day];
    case 'custom':
      return custom ?? [day, day];
  }
}

function boundsBefore(period: Period, comparison: Comparison, from: Day, to: Day): [Day, Day] {
  // Months are drawn as months: whole weeks would cut them.
  if (period === '12mo') return daysBefore('year', from, to);
  if (period === 'month' && comparison === 'previous') return [addMonths(from, -1), addMonths(to, -1)];
  return daysBefore(comparison, from, to);
}

function sameHours(before: Day, day: Day, zone: string, now: number): [string, string] {
  const start = midnight(before, zone);
  const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
  return [iso(start), iso(start + (now - midnight(day, zone)))];
}

export interface Tick {
  key: string; // as in the reply's time dimension, cut to the step
  text: string;
  short: string; // for an axis
}

const KEY_LENGTH: Record<Step, number> = { hour: 13, day: 10, month: 7 };

/** 2026-11-24T13:00:00 and 2026-11-24 13:00:00 are the same hour. */
export const keyOf = (label: string, step: Step): string => label.replace('T', ' ').slice(0, KEY_LENGTH[step]);

export function ticks(from: Day, to: Day, step: Step): Tick[] {
  const list: Tick[] = [];
  if (step === 'hour') {
    for (let hour = 0; hour < 24; hour++) {
      const two = String(hour).padStart(2, '0');
      const text = `${two}:00`;
      list.push({ key: `${from} ${two}`, text, short: text });
    }
  } else if (step === 'day') {
    for (let day = from; day <= to; day = addDays(day, 1))
      list.push({ key: day, text: dayText(day), short: shortDayText(day) });
  } else {
    for (let day = firstOfMonth(from); day <= to; day = addMonths(day, 1)) {
      const text = monthText(day);
      const newYear = list.length === 0 || day.slice(5, 7) === '01';
      list.push({ key: day.slice(0, 7), text, short: newYear ? text : shortMonthText(day) });
    }
  }
  return list;
}

/** How many ticks lie in the past or present; what comes after has no figures yet. */
export function ticksSoFar(range: Range, zone: string, now = Date.now()): number {
  const day = today(zone, now);
  if (range.step === 'hour') return range.from < day ? 24 : range.from > day ? 0 : hourOf(zone, now) + 1;
  const until = range.to < day ? range.to : day;
  return until < range.from ? 0 : ticks(range.from, until, range.step).length;
}
