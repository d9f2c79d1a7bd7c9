// The stats API over HTTP: v1 is v2 in other words, and both refuse what they do not know.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, BROWSER_UA, clearOfMidnight, isoDay, query, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents, type Reply, type Server } from './lib';

const SITE = 'example.com';
const data = tempFolder('stats');
let server: Server;
let token: string;

const today = isoDay(new Date());

/** p1 reads /, /blog/a and signs up; p2 looks at /blog/b and at /a|b, from a newsletter; p3 at / alone. */
const VISITS: [string, Record<string, unknown>][] = [
  ['p1', { n: 'pageview', u: 'https://example.com/' }],
  ['p1', { n: 'pageview', u: 'https://example.com/blog/a' }],
  ['p1', { n: 'engagement', u: 'https://example.com/blog/a', sd: 60, e: 12_000 }],
  ['p1', { n: 'Signup', u: 'https://example.com/blog/a', $: { currency: 'EUR', amount: '10.50' } }],
  ['p2', { n: 'pageview', u: 'https://example.com/blog/b?utm_source=newsletter' }],
  ['p2', { n: 'pageview', u: 'https://example.com/a|b' }],
  ['p3', { n: 'pageview', u: 'https://example.com/' }],
];

before(async () => {
  await clearOfMidnight('UTC');
  server = await startServer(data);
  token = addSite(data, SITE, '--timezone', 'UTC', '--profile', 'consented');
  for (const [person, event] of VISITS) {
    const r = await sendEvent(server.url, { d: SITE, ...event }, { 'user-agent': BROWSER_UA.replace('129', `12${person[1]}`) });
    assert.equal(r.status, 202);
    assert.equal(r.headers['x-plausible-dropped'], undefined);
  }
  await waitForEvents(server.url, token, SITE, 6);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

function get(path: string, params: Record<string, string> = {}, auth = `Bearer ${token}`): Promise<Reply> {
  const search = new URLSearchParams({ site_id: SITE, ...params });
  return request(`${server.url}/api/v1/stats/${path}?${search.toString()}`, 'GET', undefined, auth ? { authorization: auth } : {});
}

async function results(path: string, params: Record<string, string>): Promise<unknown> {
  const r = await get(path, params);
  assert.equal(r.status, 200, r.body);
  return (JSON.parse(r.body) as { results: unknown }).results;
}

test('v1 aggregates', async () => {
  assert.deepEqual(await results('aggregate', { period: 'day', metrics: 'visitors,pageviews,bounce_rate' }), {
    visitors: { value: 3 },
    pageviews: { value: 5 },
    bounce_rate: { value: 33 },
  });
  assert.deepEqual(await results('aggregate', { period: 'day', compare: 'previous_period' }), { visitors: { value: 3, change: 100 } });
  assert.deepEqual(await results('aggregate', { period: 'custom', date: `${today},${today}` }), { visitors: { value: 3 } });
  assert.deepEqual(await results('aggregate', { period: '7d' }), { visitors: { value: 0 } });
  assert.deepEqual(await results('aggregate', {}), { visitors: { value: 0 } });
});

test('v1 filters', async () => {
  const cases: [string, number][] = [
    ['event:page==/', 2],
    ['event:page!=/', 2],
    ['event:page==/|/blog/b', 3],
    ['event:page==/blog/*', 2],
    ['event:page!=/blog/*', 3],
    ['event:page==/*/a|/*b', 2],
    ['event:page==/a\\|b', 1],
    ['event:page==/a|b', 0],
    ['event:page==/blog*;visit:source==newsletter', 1],
    ['visit:source==Direct / None', 2],
    ['event:name==Signup', 1],
    ['', 3],
  ];
  for (const [filters, visitors] of cases)
    assert.deepEqual(await results('aggregate', { period: 'day', filters }), { visitors: { value: visitors } }, filters);
});

test('v1 timeseries', async () => {
  const hours = (await results('timeseries', { period: 'day', metrics: 'pageviews,bounce_rate' })) as Record<string, unknown>[];
  assert.equal(hours.length, 24);
  assert.equal(hours.reduce((sum, h) => sum + (h.pageviews as number), 0), 5);
  assert.deepEqual(hours.filter((h) => h.pageviews === 0)[0], { date: `${today} ${hours[0]!.pageviews ? '01' : '00'}:00:00`, pageviews: 0, bounce_rate: null });
  const months = (await results('timeseries', { period: '6mo' })) as Record<string, unknown>[];
  assert.equal(months.length, 6);
  assert.deepEqual(months[5], { date: `${today.slice(0, 7)}-01`, visitors: 3 });
  assert.equal(((await results('timeseries', { period: '30d' })) as unknown[]).length, 30);
  const days = { period: 'custom', date: `${today},${today}`, interval: 'date' };
  assert.deepEqual(await results('timeseries', days), [{ date: today, visitors: 3 }]);
});

test('v1 breakdown', async () => {
  const pages = await results('breakdown', { period: 'day', property: 'event:page', metrics: 'visitors,pageviews,time_on_page' });
  assert.deepEqual(pages, [
    { page: '/', visitors: 2, pageviews: 2, time_on_page: null },
    { page: '/a|b', visitors: 1, pageviews: 1, time_on_page: null },
    { page: '/blog/a', visitors: 1, pageviews: 1, time_on_page: 12 },
    { page: '/blog/b', visitors: 1, pageviews: 1, time_on_page: null },
  ]);
  assert.deepEqual(await results('breakdown', { period: 'day', property: 'visit:source', limit: '1', page: '2' }), [{ source: 'newsletter', visitors: 1 }]);
  assert.deepEqual(await results('breakdown', { period: 'day', property: 'visit:utm_source', with_imported: 'true' }), [
    { utm_source: '(not set)', visitors: 2 },
    { utm_source: 'newsletter', visitors: 1 },
  ]);
});

test('v1 and v2 agree', async () => {
  const metrics = ['visitors', 'visits', 'pageviews', 'events', 'views_per_visit', 'bounce_rate', 'visit_duration'];
  const v1 = (await results('aggregate', { period: 'day', metrics: metrics.join(',') })) as Record<string, { value: number }>;
  const v2 = await query(server.url, token, { site_id: SITE, metrics, date_range: 'day' });
  assert.deepEqual(metrics.map((m) => v1[m]!.value), v2.results[0]!.metrics);
});

test('v1 current visitors are a number', async () => {
  const r = await get('realtime/visitors');
  assert.equal(r.status, 200);
  assert.equal(r.body, '3');
});

test('v1 says what is wrong', async () => {
  const bad: [string, Record<string, string>, string][] = [
    ['aggregate', { period: '8d' }, 'period: unknown period'],
    ['aggregate', { period: 'custom' }, 'date: a custom period needs two dates'],
    ['aggregate', { period: 'custom', date: '2026-01-01' }, 'date: must be a name or two dates'],
    ['aggregate', { period: 'day', date: 'today' }, 'date: must be YYYY-MM-DD'],
    ['aggregate', { metrics: 'visitors,people' }, 'metrics: unknown metric'],
    ['aggregate', { metrics: '' }, 'metrics: unknown metric'],
    ['aggregate', { metrics: 'time_on_page' }, 'metrics: time_on_page needs event:page as a dimension or in filters'],
    ['aggregate', { filters: 'event:page' }, 'filters: each must be property==value or property!=value'],
    ['aggregate', { filters: 'event:page==/;' }, 'filters: each must be property==value or property!=value'],
    ['aggregate', { filters: 'event:zebra==x' }, 'filters: unknown dimension'],
    ['aggregate', { compare: 'year_over_year' }, 'compare: must be previous_period'],
    ['aggregate', { interval: 'day' }, 'query: unknown parameter'],
    ['aggregate', { with_imported: '1' }, 'with_imported: must be true or false'],
    ['timeseries', { interval: 'minute' }, 'interval: must be hour, day, week or month'],
    ['timeseries', { property: 'event:page' }, 'query: unknown parameter'],
    ['breakdown', {}, 'property: is required'],
    ['breakdown', { property: 'time:day' }, 'property: must not be of time'],
    ['breakdown', { property: 'anna@example.org' }, 'property: unknown dimension'],
    ['breakdown', { property: 'event:page', limit: '1001' }, 'limit: must be 1 to 1000'],
    ['breakdown', { property: 'event:page', page: '0' }, 'page: must be 1 to 100000'],
  ];
  for (const [path, params, error] of bad) {
    const r = await get(path, params);
    assert.equal(r.status, 400, JSON.stringify(params));
    assert.deepEqual(JSON.parse(r.body), { error });
  }
  const twice = await request(`${server.url}/api/v1/stats/aggregate?site_id=${SITE}&period=day&period=7d`, 'GET', undefined, { authorization: `Bearer ${token}` });
  assert.deepEqual(JSON.parse(twice.body), { error: 'period: is given twice' });
  const without = await request(`${server.url}/api/v1/stats/aggregate`, 'GET', undefined, { authorization: `Bearer ${token}` });
  assert.equal(without.status, 400);
  assert.equal((await get('aggregate', {}, '')).status, 401);
  assert.equal((await get('aggregate', {}, 'Bearer tamis_wrong')).status, 401);
  assert.equal((await get('aggregate', { site_id: 'other.example' })).status, 401);
});

test('v2 measures', async () => {
  const ask = (metrics: string[], more: Record<string, unknown>) => query(server.url, token, { site_id: SITE, metrics, date_range: 'day', ...more });
  const read = await ask(['time_on_page', 'scroll_depth'], { filters: [['is', 'event:page', ['/blog/a']]] });
  assert.deepEqual(read.results, [{ metrics: [12, 60], dimensions: [] }]);
  const sold = await ask(['total_revenue'], { filters: [['is', 'event:name', ['Signup']]] });
  assert.deepEqual(sold.results, [{ metrics: [{ value: 10.5, currency: 'EUR', short: '€10.50', long: '€10.50' }], dimensions: [] }]);
  const done = await ask(['pageviews'], { filters: [['has_done', ['is', 'event:name', ['Signup']]]] });
  assert.deepEqual(done.results[0]!.metrics, [2]);
});
