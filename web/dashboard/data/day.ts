// Calendar days of a site, as 'YYYY-MM-DD'. Arithmetic never touches a clock or a zone; only `today`,
// `midnight` and `hourOf` look at both.

export type Day = string;

const MS_A_DAY = 86_400_000;

const utc = (day: Day): number => Date.parse(`${day}T00:00:00Z`);
const fromUtc = (ms: number): Day => new Date(ms).toISOString().slice(0, 10);

export const addDays = (day: Day, days: number): Day => fromUtc(utc(day) + days * MS_A_DAY);

export const daysBetween = (from: Day, to: Day): number => Math.round((utc(to) - utc(from)) / MS_A_DAY);

export const firstOfMonth = (day: Day): Day => `${day.slice(0, 7)}-01`;

/** The Monday of the day's week. */
export const firstOfWeek = (day: Day): Day => addDays(day, -((new Date(utc(day)).getUTCDay() + 6) % 7));

/** The same day some months on, or that month's last. */
export function addMonths(day: Day, months: number): Day {
  const at = new Date(utc(firstOfMonth(day)));
  at.setUTCMonth(at.getUTCMonth() + months + 1, 0);
  const last = at.getUTCDate();
  return `${at.toISOString().slice(0, 7)}-${String(Math.min(last, Number(day.slice(8)))).padStart(2, '0')}`;
}

export const isDay = (text: string | null): text is Day =>
  text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(utc(text)) && fromUtc(utc(text)) === text;

/** The wall clock of a zone at a moment, as if it were UTC. */
function wall(moment: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(moment);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? '0';
  return Date.parse(
    `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}Z`,
  );
}

export const today = (zone: string, now = Date.now()): Day => fromUtc(wall(now, zone));

export const hourOf = (zone: string, now = Date.now()): number => new Date(wall(now, zone)).getUTCHours();

/** When a day begins in a zone, in ms since 1970. */
export function midnight(day: Day, zone: string): number {
  const wanted = utc(day);
  const guess = wanted - (wall(wanted, zone) - wanted);
  return guess + (wanted - wall(guess, zone));
}
