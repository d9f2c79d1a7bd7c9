// Every word of Plausible's stats APIs, v2 and v1, as their clients send them: each is answered, in the shape they expect.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, BROWSER_UA, clearOfMidnight, isoDay, mustRun, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents, type QueryReply, type Reply, type Server } from './lib';

const SITE = 'example.com';
const data = tempFolder('wire');
let server: Server;
let token: string;
const today = isoDay(new Date());

/** One visit: from a newsletter to /a, where something is bought, and a second view of it. */
before(async () => {
  await clearOfMidnight('UTC');
  server = await startServer(data);
  token = addSite(data, SITE, '--profile', 'consented');
  mustRun(['goal', 'add', '--site', SITE, '--event', 'Buy', '--currency', 'EUR', '--data', data]);
  for (const e of [
    { n: 'pageview', u: `https://${SITE}/a?utm_source=newsletter` },
    { n: 'Buy', u: `https://${SITE}/a`, p: { plan: 'pro' }, $: { currency: 'EUR', amount: '12.50' } },
    { n: 'engagement', u: `https://${SITE}/a`, sd: 70, e: 9000 },
    { n: 'pageview', u: `https://${SITE}/a` },
  ]) assert.equal((await sendEvent(server.url, { d: SITE, ...e }, { 'user-agent': BROWSER_UA })).status, 202);
  await waitForEvents(server.url, token, SITE, 3);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

const auth = (): Record<string, string> => ({ authorization: `Bearer ${token}` });
const base = { site_id: SITE, metrics: ['visitors'], date_range: 'day' };

async function v2(part: Record<string, unknown>): Promise<QueryReply> {
  const body = JSON.stringify({ ...base, ...part });
  const r = await request(`${server.url}/api/v2/query`, 'POST', body, { ...auth(), 'content-type': 'application/json' });
  assert.equal(r.status, 200, `${body}\n${r.body}`);
  const reply = JSON.parse(r.body) as QueryReply;
  assert.deepEqual(Object.keys(reply), ['results', 'meta', 'query'], body);
  for (const row of reply.results) {
    assert.equal(row.metrics.length, reply.query.metrics ? (reply.query.metrics as string[]).length : 0, body);
    assert.equal(row.dimensions.length, (reply.query.dimensions as string[]).length, body);
  }
  return reply;
}

const money = { value: 12.5, currency: 'EUR', short: '€12.50', long: '€12.50' };
const of_goal = { filters: [['is', 'event:goal', ['Buy']]] };
const by_page = { dimensions: ['event:page'] };
const METRICS: Record<string, [unknown, Record<string, unknown>?]> = {
  visitors: [1], visits: [1], pageviews: [2], views_per_visit: [2], bounce_rate: [0], visit_duration: [0], events: [3], percentage: [100],
  conversion_rate: [100, of_goal], group_conversion_rate: [100, { ...of_goal, dimensions: ['visit:source'] }],
  time_on_page: [9, by_page], scroll_depth: [70, by_page], total_revenue: [money], average_revenue: [money],
};

test('v2 metrics', async () => {
  for (const [metric, [want, more]] of Object.entries(METRICS)) {
    const { results } = await v2({ metrics: [metric], ...more });
    assert.equal(results.length, 1, metric);
    // The visit takes as long as the test took to send it.
    if (metric !== 'visit_duration') assert.deepEqual(results[0]!.metrics, [want], metric);
  }
});

test('v2 date ranges', async () => {
  const withToday = new Set(['day', '24h', 'month', '6mo', '12mo', 'year', 'all']);
  for (const range of ['day', '24h', '7d', '28d', '30d', '91d', '90d', 'month', '6mo', '12mo', 'year', 'all'])
    assert.deepEqual((await v2({ date_range: range })).results[0]!.metrics, [withToday.has(range) ? 1 : 0], range);
  assert.deepEqual((await v2({ date_range: [today, today] })).results[0]!.metrics, [1]);
  assert.deepEqual((await v2({ date_range: [`${today}T00:00:00Z`, `${today}T23:59:59+00:00`] })).results[0]!.metrics, [1]);
  const { query } = await v2({ date_range: '7d', date: '2026-01-08' });
  assert.deepEqual(query.date_range, ['2026-01-01T00:00:00+00:00', '2026-01-07T23:59:59+00:00']);
});

test('v2 dimensions', async () => {
  const dims = ['time', 'time:hour', 'time:day', 'time:week', 'time:month', 'event:page', 'event:name', 'event:hostname', 'event:goal', 'event:props:plan'];
  const ofVisit = ['source', 'channel', 'referrer', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term', 'entry_page', 'exit_page', 'country', 'browser', 'browser_version', 'os', 'os_version', 'device'];
  for (const d of [...dims, ...ofVisit.map((name) => `visit:${name}`)]) assert.ok((await v2({ dimensions: [d] })).results.length >= 1, d);
  assert.deepEqual((await v2({ dimensions: ['visit:source', 'event:page'], metrics: ['pageviews', 'visits'] })).results, [{ dimensions: ['newsletter', '/a'], metrics: [2, 1] }]);
});

test('v2 operators', async () => {
  const cases: [unknown, number][] = [
    [['is', 'event:page', ['/a', '/b']], 1],
    [['is_not', 'event:page', ['/a']], 0],
    [['contains', 'visit:source', ['news']], 1],
    [['contains_not', 'visit:source', ['news']], 0],
    [['matches', 'event:page', ['^/[a-c]$']], 1],
    [['matches_not', 'event:page', ['^/[a-c]$']], 0],
    [['is', 'visit:source', ['NEWSLETTER'], { case_sensitive: false }], 1],
    [['is_not', 'visit:source', ['NEWSLETTER'], { case_sensitive: false }], 0],
    [['contains', 'visit:source', ['NEWS'], { case_sensitive: false }], 1],
    [['contains_not', 'visit:source', ['NEWS'], { case_sensitive: true }], 1],
    [['and', [['is', 'event:page', ['/a']], ['is', 'event:name', ['Buy']]]], 1],
    [['or', [['is', 'event:page', ['/z']], ['is', 'event:name', ['Buy']]]], 1],
    [['not', ['is', 'event:name', ['Buy', 'pageview']]], 0],
    [['has_done', ['is', 'event:goal', ['Buy']]], 1],
    [['has_not_done', ['is', 'event:goal', ['Buy']]], 0],
    [['is', 'event:props:plan', ['pro']], 1],
  ];
  for (const [filter, visitors] of cases) assert.deepEqual((await v2({ filters: [filter] })).results[0]!.metrics, [visitors], JSON.stringify(filter));
});

test('v2 order, pages and what may be included', async () => {
  const names = { dimensions: ['event:name'], metrics: ['visitors', 'events'] };
  const order = async (order_by: unknown): Promise<string[]> => (await v2({ ...names, order_by })).results.map((r) => r.dimensions[0]!);
  assert.deepEqual(await order([['events', 'asc']]), ['Buy', 'pageview']);
  assert.deepEqual(await order([['events', 'desc']]), ['pageview', 'Buy']);
  assert.deepEqual(await order([['visitors', 'desc'], ['event:name', 'asc']]), ['Buy', 'pageview']);
  const page = await v2({ ...names, order_by: [['event:name', 'asc']], pagination: { limit: 1, offset: 1 }, include: { total_rows: true, imports: true } });
  assert.deepEqual(page.results.map((r) => r.dimensions), [['pageview']]);
  assert.equal(page.meta.total_rows, 2);
  assert.equal((await v2({ ...names, pagination: { limit: 10_000, offset: 10_000 } })).results.length, 0);
  const labels = (await v2({ dimensions: ['time:hour'], include: { time_labels: true } })).meta.time_labels as string[];
  assert.equal(labels.length, 24);
  const { query } = await v2({ include: { compare: 'previous_period', imports: false } });
  assert.equal((query.comparison_date_range as string[]).length, 2);
});

async function v1(path: string, params: Record<string, string> = {}): Promise<Reply> {
  return request(`${server.url}/api/v1/stats/${path}?${new URLSearchParams({ site_id: SITE, ...params }).toString()}`, 'GET', undefined, auth());
}

async function results<T>(path: string, params: Record<string, string>): Promise<T> {
  const r = await v1(path, params);
  assert.equal(r.status, 200, `${path} ${JSON.stringify(params)}\n${r.body}`);
  return (JSON.parse(r.body) as { results: T }).results;
}

type Figures = Record<string, { value: unknown; change?: unknown }>;

test('v1 periods, at every address', async () => {
  const withToday = new Set(['day', 'month', '6mo', '12mo', 'year', 'all', 'custom']);
  for (const period of ['day', '7d', '28d', '30d', '90d', '91d', 'month', '6mo', '12mo', 'year', 'all', 'custom']) {
    const params = { period, ...(period === 'custom' ? { date: `${today},${today}` } : {}) };
    const want = withToday.has(period) ? 1 : 0;
    assert.equal((await results<Figures>('aggregate', params)).visitors!.value, want, period);
    const series = await results<{ visitors: number }[]>('timeseries', params);
    assert.equal(series.reduce((n, row) => n + row.visitors, 0), want, period);
    assert.equal((await results<unknown[]>('breakdown', { ...params, property: 'visit:source' })).length, want, period);
  }
  assert.equal((await v1('realtime/visitors')).body, '1');
});

test('v1 metrics', async () => {
  const plain = ['visitors', 'visits', 'pageviews', 'views_per_visit', 'bounce_rate', 'visit_duration', 'events'];
  assert.deepEqual(Object.keys(await results<Figures>('aggregate', { period: 'day', metrics: plain.join(',') })), plain);
  const goal = { period: 'day', filters: 'event:goal==Buy' };
  const converted = await results<Figures>('aggregate', { ...goal, metrics: 'visitors,events,conversion_rate,total_revenue,average_revenue' });
  assert.deepEqual([converted.events!.value, converted.conversion_rate!.value, converted.total_revenue!.value, converted.average_revenue!.value], [1, 100, money, money]);
  const pages = await results<Record<string, unknown>[]>('breakdown', { period: 'day', property: 'event:page', metrics: 'visitors,time_on_page,scroll_depth' });
  assert.deepEqual(pages, [{ page: '/a', visitors: 1, time_on_page: 9, scroll_depth: 70 }]);
  const goals = await results<Record<string, unknown>[]>('breakdown', { period: 'day', property: 'event:goal', metrics: 'visitors,conversion_rate' });
  assert.deepEqual(goals, [{ goal: 'Buy', visitors: 1, conversion_rate: 100 }]);
});

test('v1 filters', async () => {
  const cases: [string, number][] = [
    ['event:page==/a', 1], ['event:page!=/a', 0], ['event:page==/z|/a', 1], ['event:page==/*', 1], ['visit:source==news*;event:name==Buy', 1],
    ['visit:source==news*;event:name==Sell', 0], ['event:goal==Buy', 1], ['event:props:plan==pro', 1],
  ];
  for (const [filters, visitors] of cases) assert.equal((await results<Figures>('aggregate', { period: 'day', filters })).visitors!.value, visitors, filters);
});

test('v1 compare, interval, limit and page', async () => {
  assert.deepEqual(await results('aggregate', { period: 'day', compare: 'previous_period', metrics: 'visitors,bounce_rate' }), { visitors: { value: 1, change: 100 }, bounce_rate: { value: 0, change: null } });
  for (const [interval, count] of [['hour', 24], ['date', 1], ['day', 1], ['week', 1], ['month', 1]] as const)
    assert.equal((await results<unknown[]>('timeseries', { period: 'day', interval })).length, count, interval);
  const names = { period: 'day', property: 'event:name', metrics: 'events' };
  assert.deepEqual(await results('breakdown', { ...names, limit: '1' }), [{ name: 'pageview', events: 2 }]);
  assert.deepEqual(await results('breakdown', { ...names, limit: '1', page: '2' }), [{ name: 'Buy', events: 1 }]);
  assert.deepEqual(await results('breakdown', { ...names, limit: '1', page: '3' }), []);
});
