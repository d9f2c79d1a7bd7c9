// The stand-in server's diary: new and returning visitors and cohorts, the same for the same question; big ones, so that
// long figures are seen.
import { addDays, firstOfWeek, today } from '../../web/dashboard/data/day';
import { later, type Cohort, type CohortPeriod, type Cohorts } from '../../web/dashboard/data/known';
import { noise, type Asked } from './mock';

export const DIARY_FROM = '2026-02-20';

interface KnownReply {
  results: { metrics: number[]; dimensions: string[] }[];
  meta: { diary_from: string | null };
}

function rowOf(day: string, days: number): number[] {
  const seed = Date.parse(day) / 86_400_000;
  const fresh = Math.round(900 * days ** 0.9 * (0.7 + 0.6 * noise(seed)));
  const returning = Math.round(520 * days ** 0.6 * (0.7 + 0.6 * noise(seed + 1)));
  return [fresh + returning, fresh, returning];
}

export function knownOf({ date_range: range, dimensions = [] }: Asked, empty: boolean): KnownReply {
  const [from, to] = range as [string, string];
  const dimension = dimensions[0];
  const meta = { diary_from: empty ? null : DIARY_FROM };
  if (empty) return { results: dimension ? [] : [{ metrics: [0, 0, 0], dimensions: [] }], meta };
  if (!dimension) return { results: [{ metrics: rowOf(from, 1 + (Date.parse(to) - Date.parse(from)) / 86_400_000), dimensions: [] }], meta };
  const [first, next, days]: [string, (at: string) => string, number] =
    dimension === 'time:day' ? [from, (at) => addDays(at, 1), 1]
    : dimension === 'time:week' ? [firstOfWeek(from), (at) => later('week', at, 1), 7]
    : [`${from.slice(0, 7)}-01`, (at) => later('month', at, 1), 30];
  const results: KnownReply['results'] = [];
  for (let at = first; at <= to; at = next(at)) results.push({ metrics: rowOf(at, days), dimensions: [at] });
  return { results, meta };
}

export function cohortsOf(url: string, empty: boolean): Cohorts & { period: CohortPeriod } {
  const params = new URL(url, 'http://mock').searchParams;
  const period = params.get('period') as CohortPeriod;
  const periods = Number(params.get('periods'));
  const day = today('Europe/Paris');
  const now = period === 'week' ? firstOfWeek(day) : `${day.slice(0, 7)}-01`;
  const cohorts = Array.from({ length: periods }, (_, at): Cohort => {
    const visitors = empty || at === 0 ? 0 : Math.round((period === 'week' ? 4_100 : 128_000) * (0.8 + 0.4 * noise(at)));
    const returned = Array.from({ length: periods - at }, (_each, age) =>
      age === 0 ? visitors : Math.round((visitors * 0.34 * (0.8 + 0.4 * noise(at * 20 + age))) / age ** 0.7));
    return { cohort: later(period, now, at - periods + 1), visitors, returned };
  });
  return { period, cohorts, unfinished: now };
}
