// Consolidated views: made on the command line, read over HTTP with tokens that open the view and not its sites.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BROWSER_UA, cli, clearOfMidnight, mustRun, query, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents, type Server } from './lib';

const SITES = ['a.example', 'b.example', 'c.example'];
const data = tempFolder('views');
const tamis = (...args: string[]): string => mustRun([...args, '--data', data]);
let server: Server;
let ofView: string; // tokens
let ofBoth: string;
let ofAll: string;
let ofSite: string;
let view: string; // its number

before(async () => {
  await clearOfMidnight();
  for (const site of SITES) tamis('site', 'add', site, '--profile', 'consented');
  view = tamis('view', 'add', 'My group', '--site', 'a.example', '--site', 'b.example'); // without a server too
  assert.match(view, /^\d+$/);
  server = await startServer(data);
  ofView = tamis('token', 'add', '--view', 'My group');
  ofBoth = tamis('token', 'add', '--view', 'My group', '--site', 'a.example');
  ofAll = tamis('token', 'add');
  ofSite = tamis('token', 'add', '--site', 'a.example');
  // The same browser on all three; another one on the first only.
  for (const site of SITES)
    for (const page of ['/', '/about'])
      await sendEvent(server.url, { n: 'pageview', u: `https://${site}${page}`, d: site });
  await sendEvent(server.url, { n: 'pageview', u: 'https://a.example/', d: 'a.example' }, { 'user-agent': BROWSER_UA.replace('129', '130') });
  for (const [i, site] of SITES.entries()) await waitForEvents(server.url, ofAll, site, i === 0 ? 3 : 2);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

const get = async (path: string, token: string) => {
  const r = await request(`${server.url}${path}`, 'GET', undefined, { authorization: `Bearer ${token}` });
  return { status: r.status, body: JSON.parse(r.body) };
};
const post = async (path: string, token: string, body: unknown) => {
  const r = await request(`${server.url}${path}`, 'POST', JSON.stringify(body), { authorization: `Bearer ${token}` });
  return { status: r.status, body: JSON.parse(r.body) };
};
const today = { metrics: ['visitors', 'pageviews'], date_range: 'day' };

test('figures are those of the sites, added up', async () => {
  for (const site_id of ['view:My group', `view:${view}`]) {
    const reply = await query(server.url, ofView, { ...today, site_id });
    assert.deepEqual(reply.results[0]!.metrics, [3, 5]);
    assert.equal(reply.query.site_id, 'view:My group');
    assert.deepEqual(reply.meta.metric_notes, { visitors: 'visitors of each site, added up' });
  }
  const bySite = await query(server.url, ofView, { ...today, site_id: 'view:My group', dimensions: ['visit:site'] });
  assert.deepEqual(bySite.results, [{ dimensions: ['a.example'], metrics: [2, 3] }, { dimensions: ['b.example'], metrics: [1, 2] }]);
  const byPage = await query(server.url, ofView, { ...today, site_id: 'view:My group', dimensions: ['event:page'] });
  assert.deepEqual(byPage.results, [{ dimensions: ['/'], metrics: [3, 3] }, { dimensions: ['/about'], metrics: [2, 2] }]);
  const v1 = await get('/api/v1/stats/aggregate?site_id=view:My%20group&period=day&metrics=visitors,pageviews', ofView);
  assert.deepEqual(v1.body, { results: { visitors: { value: 3 }, pageviews: { value: 5 } } });
  assert.equal((await get('/api/v1/stats/realtime/visitors?site_id=view:My%20group', ofView)).body, 3);
  const live = await get('/api/v2/realtime?site_id=view:My%20group', ofView);
  assert.deepEqual([live.body.visitors, live.body.pageviews, live.body.current_visitors], [3, 5, 3]);
  assert.deepEqual(live.body.pages, [{ name: '/', visitors: 3, pageviews: 3 }, { name: '/about', visitors: 2, pageviews: 2 }]);
  assert.equal(live.body.minutes.pageviews.length, 30);
  assert.equal(live.body.minutes.pageviews.reduce((a: number, b: number) => a + b), 5);
});

test('a token of a view opens the view alone', async () => {
  for (const [token, site_id, status] of [
    [ofView, 'view:My group', 200],
    [ofView, 'a.example', 401],
    [ofView, 'c.example', 401],
    [ofView, '0', 401],
    [ofView, 'view:Other', 401],
    [ofBoth, 'view:My group', 200],
    [ofBoth, 'a.example', 200],
    [ofBoth, 'b.example', 401],
    [ofSite, 'view:My group', 401],
    [ofAll, 'view:My group', 200],
    [ofAll, 'view:', 401],
    ['tamis_wrong', 'view:My group', 401],
  ] as const) {
    assert.equal((await post('/api/v2/query', token, { ...today, site_id })).status, status, site_id);
    const path = `site_id=${encodeURIComponent(site_id)}`;
    assert.equal((await get(`/api/v1/stats/realtime/visitors?${path}`, token)).status, status, site_id);
    assert.equal((await get(`/api/v2/realtime?${path}`, token)).status, status, site_id);
    assert.equal((await get(`/api/v2/annotations?${path}`, token)).status, status, site_id);
  }
  assert.deepEqual((await get('/api/v1/sites', ofView)).body.sites, []);
  assert.equal((await get('/api/v1/sites', ofBoth)).body.sites.length, 1);
});

test('what is of a site alone is refused by name', async () => {
  const path = 'site_id=view:My%20group';
  for (const asked of ['/api/v2/segments', '/api/v2/goals', '/api/v2/notes', '/api/v2/props', '/api/v2/realtime/stream']) {
    const r = await get(`${asked}?${path}`, ofView);
    assert.equal(r.status, 400, asked);
    assert.match(r.body.error, /^site_id: /);
    assert.equal((await get(`${asked}?${path}`, ofSite)).status, 401, asked);
  }
  for (const asked of ['/api/v2/funnel', '/api/v2/journey']) {
    const r = await post(asked, ofView, { site_id: 'view:My group', date_range: 'day' });
    assert.equal(r.status, 400, asked);
    assert.match(r.body.error, /^site_id: /);
  }
});

test('annotations are those of all its sites', async () => {
  tamis('annotate', '--site', 'b.example', '--date', '2026-02-01', 'later');
  tamis('annotate', '--site', 'a.example', '--date', '2026-02-02', 'last');
  tamis('annotate', '--site', 'a.example', '--date', '2026-01-01', 'first');
  tamis('annotate', '--site', 'c.example', '--date', '2026-01-01', 'not of it');
  const { body } = await get('/api/v2/annotations?site_id=view:My%20group', ofView);
  assert.deepEqual(body.results.map((a: { site: string; text: string }) => [a.site, a.text]), [['a.example', 'first'], ['b.example', 'later'], ['a.example', 'last']]);
  assert.equal((await get('/api/v2/annotations?site_id=view:My%20group&date_range=2026-02-02,2026-02-03', ofView)).body.results.length, 1);
});

test('views are listed with a line of figures each', async () => {
  tamis('view', 'add', 'Empty');
  const of = async (token: string) => (await get('/api/v2/views?period=day', token)).body.results;
  const line = {
    site_id: 'view:My group', id: Number(view), name: 'My group', sites: ['a.example', 'b.example'], timezone: 'UTC', profile: 'consented',
    visitors: 3, pageviews: 5, change: { visitors: 100, pageviews: 100 },
  };
  assert.deepEqual(await of(ofView), [line]);
  const all = await of(ofAll);
  assert.deepEqual(all.map((v: { name: string; visitors: number }) => [v.name, v.visitors]), [['Empty', 0], ['My group', 3]]);
  assert.deepEqual(await of(ofSite), []);
  assert.equal((await get('/api/v2/views', 'tamis_wrong')).status, 401);
  const { body } = await get('/api/v2/views?period=7d&trend=1', ofView);
  assert.deepEqual(body.results[0].trend, [0, 0, 0, 0, 0, 0, 0]);
  const hours = (await get('/api/v2/views?period=day&trend=1', ofView)).body.results[0].trend;
  assert.equal(hours.at(-1) + (hours.at(-2) ?? 0), 3); // sent in this hour, or just before it began
  assert.ok(hours.length <= new Date().getUTCHours() + 1);
  const site = (await get('/api/v2/sites?period=month&trend=1', ofSite)).body.results[0];
  assert.equal(site.trend.length, new Date().getUTCDate());
  assert.equal(site.trend.at(-1), 2);
  const bad = await get('/api/v2/views?period=fortnight', ofView);
  assert.deepEqual([bad.status, bad.body.error], [400, 'period: unknown range']);
  tamis('view', 'remove', 'Empty');
});

test('the command line asks for a view, and changes it', async () => {
  assert.match(tamis('query', '--view', 'My group', '--metrics', 'visitors'), /visitors +3\n/);
  assert.match(tamis('query', '--view', view, '--by', 'visit:site', '--metrics', 'visitors'), /a\.example +2\nb\.example +1\n/);
  assert.equal(cli(['query', '--view', 'My group', '--site', 'a.example', '--data', data]).code, 2);
  assert.equal(cli(['query', '--view', 'None', '--data', data]).code, 3);
  tamis('view', 'set', 'My group', '--name', 'Group', '--remove', 'b.example', '--add', 'c.example');
  assert.match(tamis('view', 'list'), /Group +a\.example c\.example$/);
  assert.match(tamis('query', '--view', 'Group', '--by', 'visit:site', '--metrics', 'visitors'), /a\.example +2\nc\.example +1\n/);
  const twice = cli(['view', 'add', 'Group', '--data', data]);
  assert.equal(twice.code, 3);
  assert.match(twice.err, /^tamis: name: there is a view of that name already/);
  assert.equal(cli(['view', 'add', 'Other', '--site', 'nobody.example', '--data', data]).code, 3);
  assert.match(tamis('token', 'list'), /- +Group/);
});

test('a site that goes leaves its views, and an empty view has zeros', async () => {
  tamis('site', 'remove', 'c.example');
  assert.match(tamis('view', 'list'), /Group +a\.example$/);
  tamis('view', 'set', 'Group', '--remove', 'a.example');
  const reply = await query(server.url, ofView, { ...today, site_id: 'view:Group' });
  assert.deepEqual(reply.results, [{ dimensions: [], metrics: [0, 0] }]);
  tamis('view', 'remove', 'Group');
  assert.equal((await post('/api/v2/query', ofView, { ...today, site_id: 'view:Group' })).status, 401);
  assert.equal((await post('/api/v2/query', ofView, { ...today, site_id: 'a.example' })).status, 401);
});
