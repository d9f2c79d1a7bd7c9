// Goals: made on the command line beside a running server, they hold for what was measured before.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, BROWSER_UA, clearOfMidnight, cli, mustRun, query, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents, type Server } from './lib';

const SITE = 'example.com';
const data = tempFolder('goals');
let server: Server;
let token: string;

/** p1, from a newsletter, reads an article and signs up; p2 reads one further down; p3 buys. */
const VISITS: [string, Record<string, unknown>][] = [
  ['p1', { n: 'pageview', u: `https://${SITE}/blog/a?utm_source=newsletter` }],
  ['p1', { n: 'engagement', u: `https://${SITE}/blog/a`, sd: 90, e: 12_000 }],
  ['p1', { n: 'Signup', u: `https://${SITE}/join` }],
  ['p2', { n: 'pageview', u: `https://${SITE}/blog/a/b` }],
  ['p3', { n: 'pageview', u: `https://${SITE}/` }],
  ['p3', { n: 'Buy', u: `https://${SITE}/shop`, $: { currency: 'EUR', amount: '10.50' } }],
  ['p4', { n: 'pageview', u: `https://${SITE}/` }],
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

const goal = (...options: string[]): string => mustRun(['goal', 'add', '--site', SITE, ...options, '--data', data]);

async function rows(body: Record<string, unknown>): Promise<unknown[]> {
  const q = await query(server.url, token, { site_id: SITE, date_range: 'day', ...body });
  return q.results.map((r) => [...r.dimensions, ...r.metrics]);
}

async function v1(path: string, params: Record<string, string>): Promise<unknown> {
  const search = new URLSearchParams({ site_id: SITE, period: 'day', ...params });
  const r = await request(`${server.url}/api/v1/stats/${path}?${search.toString()}`, 'GET', undefined, { authorization: `Bearer ${token}` });
  assert.equal(r.status, 200, r.body);
  return (JSON.parse(r.body) as { results: unknown }).results;
}

test('goals are made, listed and hold for the past', async () => {
  assert.match(goal('--event', 'Signup'), /^\d+$/);
  goal('--event', 'Buy', '--currency', 'EUR', '--name', 'Bought');
  goal('--page', '/blog/**');
  goal('--page', '/blog/*', '--scroll', '75');
  goal('--engaged', '10');
  const r = await request(`${server.url}/api/v2/goals?site_id=${SITE}`, 'GET', undefined, { authorization: `Bearer ${token}` });
  assert.equal(r.status, 200);
  const { goals } = JSON.parse(r.body) as { goals: { id: number; name: string; kind: string }[] };
  assert.deepEqual(goals.map((g) => [g.name, g.kind]), [['Bought', 'event'], ['Engaged for 10 s', 'engagement'], ['Scroll 75% on /blog/*', 'scroll'], ['Signup', 'event'], ['Visit /blog/**', 'page']]);
  assert.deepEqual(JSON.parse(mustRun(['goal', 'list', '--site', SITE, '--json', '--data', data])), goals);
  assert.match(mustRun(['goal', 'list', '--site', SITE, '--data', data]), /Bought +event +Buy, in EUR/);
  assert.equal((await request(`${server.url}/api/v2/goals?site_id=${SITE}`, 'GET')).status, 401);

  assert.deepEqual(await rows({ metrics: ['visitors', 'events', 'conversion_rate'], dimensions: ['event:goal'] }), [
    ['Visit /blog/**', 2, 2, 50], ['Bought', 1, 1, 25], ['Engaged for 10 s', 1, 2, 25], ['Scroll 75% on /blog/*', 1, 1, 25], ['Signup', 1, 1, 25],
  ]);
  const by = { metrics: ['visitors', 'conversion_rate', 'group_conversion_rate'], filters: [['is', 'event:goal', ['Visit /blog/**']]], dimensions: ['visit:source'] };
  assert.deepEqual(await rows(by), [['Direct / None', 1, 25, 33.3], ['newsletter', 1, 25, 100]]);
  assert.deepEqual(await rows({ metrics: ['total_revenue'], filters: [['is', 'event:goal', ['Bought']]] }), [[{ value: 10.5, currency: 'EUR', short: '€10.50', long: '€10.50' }]]);
});

test('v1 has them as Plausible has', async () => {
  const filters = 'event:goal==Visit /blog/**';
  assert.deepEqual(await v1('aggregate', { metrics: 'visitors,conversion_rate', filters }), { visitors: { value: 2 }, conversion_rate: { value: 50 } });
  assert.deepEqual(await v1('breakdown', { metrics: 'visitors,conversion_rate', filters, property: 'visit:source' }), [
    { source: 'Direct / None', visitors: 1, conversion_rate: 33.3 }, { source: 'newsletter', visitors: 1, conversion_rate: 100 },
  ]);
  assert.deepEqual(await v1('breakdown', { metrics: 'visitors,conversion_rate', property: 'event:goal', limit: '1' }), [{ goal: 'Visit /blog/**', visitors: 2, conversion_rate: 50 }]);
  const series = (await v1('timeseries', { metrics: 'conversion_rate', filters, interval: 'day' })) as { conversion_rate: number }[];
  assert.deepEqual(series.map((s) => s.conversion_rate), [50]);
});

test('the command line asks for them, and takes them away', async () => {
  const table = mustRun(['query', '--site', SITE, '--by', 'event:goal', '--metrics', 'visitors,conversion_rate', '--filter', 'event:goal is Signup', '--data', data]);
  assert.match(table, /Signup +1 +25/);
  const bad = cli(['query', '--site', SITE, '--filter', 'event:goal is Zebra', '--data', data]);
  assert.equal(bad.code, 2);
  assert.match(bad.err, /event:goal: the site has no goal of that name/);
  assert.equal(cli(['goal', 'add', '--site', SITE, '--event', 'Signup', '--data', data]).code, 3);
  const without = cli(['goal', 'add', '--event', 'Signup', '--data', data]);
  assert.equal(without.code, 2);
  assert.match(without.err, /--site DOMAIN is missing/);
  assert.equal(cli(['goal', 'add', '--site', SITE, '--page', 'x', '--data', data]).code, 2);
  const [first] = JSON.parse(mustRun(['goal', 'list', '--site', SITE, '--json', '--data', data])) as { id: number; name: string }[];
  mustRun(['goal', 'remove', String(first!.id), '--site', SITE, '--data', data]);
  assert.equal(cli(['goal', 'remove', String(first!.id), '--site', SITE, '--data', data]).code, 3);
  const left = await rows({ metrics: ['visitors'], dimensions: ['event:goal'] });
  assert.equal(left.length, 4);
  assert.equal(await server.stop(), 0);
  assert.equal((JSON.parse(mustRun(['goal', 'list', '--site', SITE, '--json', '--data', data])) as unknown[]).length, 4);
  server = await startServer(data);
  assert.equal((await rows({ metrics: ['visitors'], dimensions: ['event:goal'] })).length, 4);
});
