// The figures of the running server against those worked out from what was sent, in zones of all kinds over days of 23, 24
// and 25 hours, while the days are going on and after they are sealed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { addSite, BROWSER_UA, isoDay, mustRun, PATIENCE_MS, query, removeFolder, request, sendEvent, startServer, tempFolder, toldClock, waitFor, waitForEvents, type QueryRow } from './lib';
import { countedEvents, eventFigures, groupBy, localTimes, pageFigures, randomBelow, randomTraffic, visitFigures, type Counted, type Local, type Sent, type Visit } from './traffic_model';

/** Days that the clock change makes shorter or longer, in the middle of three. */
const SCENES: { zone: string; middle: string }[] = [
  { zone: 'Europe/Paris', middle: '2026-03-29' }, // 23 hours
  { zone: 'America/St_Johns', middle: '2026-03-29' }, // −02:30
  { zone: 'Pacific/Kiritimati', middle: '2026-03-29' }, // +14
  { zone: 'Pacific/Pago_Pago', middle: '2026-03-29' }, // −11
  { zone: 'Atlantic/Azores', middle: '2026-03-29' }, // begins at 1 o'clock
  { zone: 'America/Santiago', middle: '2026-04-04' }, // 23 o'clock twice, midnight once
  { zone: 'Australia/Lord_Howe', middle: '2026-04-05' }, // half an hour back
  { zone: 'Asia/Kathmandu', middle: '2026-04-05' }, // +05:45
  { zone: 'America/New_York', middle: '2026-11-01' }, // 25 hours
];

interface Scene { zone: string; site: string; token: string; days: string[]; sent: Sent[]; local: (at: number) => Local; counted: Counted[] }

const isoDayAfter = (day: string, days: number): string => isoDay(new Date(Date.parse(day) + days * 86_400_000));
const siteOf = (zone: string): string => `${zone.toLowerCase().replace(/[^a-z]/g, '-')}.example`;
const userAgentOf = (person: number): string => BROWSER_UA.replace('129', `12${person}`);

function bodyOf(site: string, e: Sent): Record<string, unknown> {
  const u = `https://${site}${e.page}${e.source && `?utm_source=${e.source}`}`;
  const of = { d: site, u };
  if (e.kind === 'view') return { n: 'pageview', ...of };
  if (e.kind === 'engagement') return { n: 'engagement', ...of, sd: e.scroll, e: e.seconds * 1000 };
  return e.kind === 'quiet' ? { n: 'Seen', ...of, i: false } : { n: 'Done', ...of };
}

type Figures = Record<string, number | null>;
type Want = Map<string, Figures>;

function rowsWanted<T>(list: T[], key: (t: T) => string, figures: (group: T[], key: string) => Figures): Want {
  return new Map([...groupBy(list, key)].map(([k, group]) => [k, figures(group, k)]));
}

async function compare(url: string, s: Scene, what: string, range: unknown, metrics: string[], dimensions: string[], want: Want, more: Record<string, unknown> = {}): Promise<void> {
  const q = { site_id: s.site, metrics, dimensions, date_range: range, ...more };
  const reply = await query(url, s.token, q);
  const got = new Map(reply.results.map((r: QueryRow) => [r.dimensions.join(' · '), r.metrics]));
  const wanted = new Map([...want].map(([k, f]) => [k, metrics.map((m) => f[m]!)]));
  const sorted = (m: Map<string, unknown>): [string, unknown][] => [...m].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(got), sorted(wanted), `${what}: ${s.zone} ${JSON.stringify(q)}`);
}

async function checkScene(url: string, s: Scene, what: string): Promise<void> {
  const range = [s.days[0]!, s.days[s.days.length - 1]!];
  const events = s.counted.filter((e) => e.kind !== 'engagement');
  const visits = [...new Set(s.counted.map((e) => e.visit))];
  const whole = (e: Counted[], v: Visit[]): Figures => ({ ...eventFigures(e), ...visitFigures(v) });
  const all = ['visitors', 'visits', 'pageviews', 'events', 'bounce_rate', 'visit_duration', 'views_per_visit'];
  const ratios = ['visitors', 'visits', 'bounce_rate', 'visit_duration', 'views_per_visit'];
  const ofVisits = (key: (v: Visit) => string, figures: (v: Visit[]) => Figures = visitFigures): Want => rowsWanted(visits, key, figures);
  const people = (v: Visit[]): number => visitFigures(v).visitors!;

  await compare(url, s, what, range, all, [], new Map([['', whole(events, visits)]]));
  await compare(url, s, what, range, all, ['time:day'], rowsWanted(events, (e) => e.day, (group, day) => whole(group, visits.filter((v) => v.start.day === day))));
  await compare(url, s, what, range, ['visitors', 'pageviews', 'events'], ['time:hour'], rowsWanted(events, (e) => e.hour, eventFigures));
  await compare(url, s, what, range, ratios, ['visit:source'], ofVisits((v) => v.source));
  await compare(url, s, what, range, ratios, ['visit:entry_page', 'visit:exit_page'], ofVisits((v) => `${v.entry} · ${v.exit}`));
  await compare(url, s, what, range, ['visitors', 'visits', 'pageviews', 'events', 'time_on_page', 'scroll_depth'], ['event:page'], rowsWanted(events, (e) => e.page, (group, page) => ({ ...eventFigures(group), ...pageFigures(visits, page) })));
  await compare(url, s, what, range, ['visitors', 'percentage'], ['visit:source'], ofVisits((v) => v.source, (group) => ({ visitors: people(group), percentage: Math.round((people(group) * 1000) / people(visits)) / 10 })));
  const left = visits.filter((v) => v.exit !== '(none)');
  await compare(url, s, what, range, ['visits', 'exit_rate'], ['visit:exit_page'], rowsWanted(left, (v) => v.exit, (group, page) => ({ visits: group.length, exit_rate: Math.round((group.length * 1000) / events.filter((e) => e.kind === 'view' && e.page === page).length) / 10 })), { filters: [['is_not', 'visit:exit_page', ['(none)']]] });
  const entered = rowsWanted(visits.filter((v) => v.entry === '/a'), (v) => v.source, visitFigures);
  await compare(url, s, what, range, ratios, ['visit:source'], entered, { filters: [['is', 'visit:entry_page', ['/a']]] });
  const done = new Set(events.filter((e) => e.kind === 'custom').map((e) => e.visit));
  await compare(url, s, what, range, ratios, ['visit:source'], rowsWanted([...done], (v) => v.source, visitFigures), { filters: [['has_done', ['is', 'event:name', ['Done']]]] });
  // From noon to noon, over the clock change and two midnights.
  const moments = [`${s.days[0]!}T12:00:00Z`, `${s.days[2]!}T11:59:59Z`];
  const inside = events.filter((e) => e.at >= Date.parse(moments[0]!) && e.at < Date.parse(moments[1]!) + 1000);
  await compare(url, s, what, moments, ['visitors', 'pageviews', 'events'], ['time:hour'], rowsWanted(inside, (e) => e.hour, eventFigures));
  // Each day beside the one before.
  const compared = await query(url, s.token, { site_id: s.site, metrics: ['pageviews'], date_range: [s.days[1], s.days[2]], dimensions: ['time:hour'], include: { compare: 'previous_period', time_labels: true } });
  const views = new Map([...groupBy(events.filter((e) => e.kind === 'view'), (e) => e.hour)].map(([k, g]) => [k, g.length]));
  const twoDaysBefore = (hour: string): string => new Date(Date.parse(`${hour.replace(' ', 'T')}Z`) - 2 * 86_400_000).toISOString().slice(0, 19).replace('T', ' ');
  for (const r of compared.results as (QueryRow & { comparison: QueryRow })[]) {
    assert.deepEqual(r.metrics, [views.get(r.dimensions[0]!) ?? 0]);
    assert.deepEqual(r.comparison.dimensions, [twoDaysBefore(r.dimensions[0]!)], s.zone);
    assert.deepEqual(r.comparison.metrics, [views.get(r.comparison.dimensions[0]!) ?? 0], s.zone);
  }
  // Every hour there was has a label, and none that there was not.
  const hours = new Set<string>();
  const noon = Date.parse(`${s.days[1]!}T12:00:00Z`);
  for (let at = noon - 48 * 3_600_000; at < noon + 72 * 3_600_000; at += 60_000) if (s.local(at).day === s.days[1] || s.local(at).day === s.days[2]) hours.add(s.local(at).hour);
  assert.deepEqual(compared.meta.time_labels, [...hours], s.zone);
}

/** `tamis query` and v1 say the same. */
async function checkOthers(url: string, data: string, s: Scene): Promise<void> {
  const events = s.counted.filter((e) => e.kind !== 'engagement');
  const range = [s.days[0]!, s.days[2]!];
  const reply = mustRun(['query', '--site', s.site, '--data', data, '--json', JSON.stringify({ metrics: ['events'], date_range: range })]);
  assert.deepEqual((JSON.parse(reply) as { results: QueryRow[] }).results[0]!.metrics, [events.length]);
  const search = new URLSearchParams({ site_id: s.site, period: 'custom', date: range.join(','), metrics: 'visitors,pageviews', interval: 'hour' });
  const v1 = await request(`${url}/api/v1/stats/timeseries?${search.toString()}`, 'GET', undefined, { authorization: `Bearer ${s.token}` });
  const hours = (JSON.parse(v1.body) as { results: { date: string; visitors: number; pageviews: number }[] }).results;
  const want = rowsWanted(events, (e) => e.hour, eventFigures);
  for (const h of hours) assert.deepEqual([h.visitors, h.pageviews], [want.get(h.date)?.visitors ?? 0, want.get(h.date)?.pageviews ?? 0], `${s.zone} ${h.date}`);
  assert.ok([...want.keys()].every((hour) => hours.some((h) => h.date === hour)));
}

test('figures of random traffic, worked out anew', { timeout: 600_000 }, async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const below = randomBelow(seed);
  const data = tempFolder('figures');
  const setup = await startServer(data);
  const scenes: Scene[] = SCENES.map(({ zone, middle }) => {
    const local = localTimes(zone);
    const days = [-1, 0, 1].map((n) => isoDayAfter(middle, n));
    const start = Date.parse(days[0]!);
    const near = randomTraffic(below, start - 15 * 3_600_000, start + 87 * 3_600_000, 120).filter((e) => days.includes(local(e.at).day));
    const site = siteOf(zone);
    return { zone, site, token: addSite(data, site, '--timezone', zone, '--profile', 'consented'), days, sent: near, local, counted: countedEvents(near, local) };
  });
  await setup.stop();
  writeFileSync(`${data}.conf`, 'seal_grace_sec = 1\n');
  const all = scenes.flatMap((s) => s.sent.map((e) => ({ s, e }))).sort((a, b) => a.e.at - b.e.at);
  const clock = toldClock(`${data}.clock`, new Date(all[0]!.e.at).toISOString());
  const server = await startServer(data, { env: { TZ: 'UTC', ...clock.env }, config: `${data}.conf` });
  for (const { s, e } of all) {
    clock.tell(new Date(e.at).toISOString());
    const r = await sendEvent(server.url, bodyOf(s.site, e), { 'user-agent': userAgentOf(e.person) });
    assert.equal(r.status, 202, r.body);
    assert.equal(r.headers['x-plausible-dropped'], undefined);
  }
  const eventsOf = (s: Scene): number => s.counted.filter((e) => e.kind !== 'engagement').length;
  for (const s of scenes) await waitForEvents(server.url, s.token, s.site, eventsOf(s));
  for (const s of scenes) await checkScene(server.url, s, 'as they are');
  clock.tell('2026-11-05T00:00:00Z');
  for (const s of scenes)
    await waitFor('the seal of all days', PATIENCE_MS, async () => {
      const last = s.days[s.days.length - 1]!;
      const reply = await query(server.url, s.token, { site_id: s.site, metrics: ['events'], date_range: [last, last] });
      return (reply.meta.levels as string[]).includes('rollup') ? true : undefined;
    });
  for (const s of scenes) await checkScene(server.url, s, 'sealed');
  for (const s of scenes) await checkOthers(server.url, data, s);
  assert.equal(await server.stop(), 0);
  removeFolder(data);
});
