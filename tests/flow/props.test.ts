// Properties from the tracker's events to the API and the command line: breakdowns, filters, their names, reports.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, BROWSER_UA, cli, clearOfMidnight, mustRun, query, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents, type Server } from './lib';

const SITE = 'example.com';
const FRUGAL = 'frugal.example';
const CNIL = 'cnil.example';
const data = tempFolder('props');
let server: Server;
let token: string;

const at = (n: string, props?: Record<string, unknown>): Record<string, unknown> => ({ n, u: `https://${SITE}/`, p: props });

/** What the tracker and its add-ons send, by person. */
const EVENTS: [number, Record<string, unknown>][] = [
  [1, at('pageview')],
  [1, at('Outbound Link: Click', { url: 'shop.example.org/a/b' })],
  [1, at('Outbound Link: Click', { url: 'shop.example.org/a/b' })],
  [2, at('Outbound Link: Click', { url: 'shop.example.org/a/b' })],
  [2, at('Outbound Link: Click', { url: 'other.example/' })],
  [2, at('File Download', { url: 'example.com/menu.pdf' })],
  [3, at('404', { path: '/gone' })],
  [3, at('Site Search', { query: 'sourdough', results: 0 })],
  [1, at('Site Search', { query: 'brioche', results: 3 })],
  [3, at('Form Error', { form: 'contact', field: 'phone', kind: 'valueMissing' })],
  [1, at('Signup', { plan: 'pro', 'a/b~c': 'odd' })],
  [2, at('Signup', { plan: 'Free' })],
];

before(async () => {
  await clearOfMidnight('UTC');
  server = await startServer(data);
  token = addSite(data, SITE, '--timezone', 'UTC', '--profile', 'consented');
  addSite(data, FRUGAL, '--timezone', 'UTC', '--profile', 'frugal');
  addSite(data, CNIL, '--timezone', 'UTC', '--profile', 'cnil');
  const send = async (site: string, person: number, event: Record<string, unknown>): Promise<void> => {
    const r = await sendEvent(server.url, { ...event, d: site }, { 'user-agent': BROWSER_UA.replace('129', `12${person}`) });
    assert.equal(r.status, 202);
    assert.equal(r.headers['x-plausible-dropped'], undefined, JSON.stringify(event));
  };
  for (const [person, event] of EVENTS) await send(SITE, person, event);
  for (let person = 1; person <= 6; person++) await send(FRUGAL, person, at('Signup', person < 6 ? { plan: 'pro' } : { plan: 'rare', once: 'x' }));
  await waitForEvents(server.url, token, SITE, EVENTS.length);
  token = mustRun(['token', 'add', '--data', data]);
  await waitForEvents(server.url, token, FRUGAL, 6);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

const rows = async (dimensions: string[], filters: unknown[] = [], site = SITE): Promise<unknown[]> =>
  (await query(server.url, token, { site_id: site, metrics: ['visitors', 'events'], date_range: 'day', dimensions, filters })).results.map(
    (row) => [...row.dimensions, ...row.metrics],
  );

const get = (path: string): ReturnType<typeof request> => request(server.url + path, 'GET', undefined, { authorization: `Bearer ${token}` });

test('a property is a dimension and a filter', async () => {
  const signup = ['is', 'event:name', ['Signup']];
  assert.deepEqual(await rows(['event:props:plan'], [signup]), [['Free', 1, 1], ['pro', 1, 1]]);
  assert.deepEqual(await rows(['event:props:a/b~c'], [signup]), [['(none)', 1, 1], ['odd', 1, 1]]);
  assert.deepEqual(await rows(['event:name'], [['is', 'event:props:plan', ['PRO'], { case_sensitive: false }]]), [['Signup', 1, 1]]);
  assert.deepEqual(await rows([], [['is_not', 'event:props:plan', ['(none)']]]), [[2, 2]]);
  assert.deepEqual(await rows(['event:name'], [['has_done', ['contains', 'event:props:url', ['.pdf']]], signup]), [['Signup', 1, 1]]);
  assert.deepEqual(await rows(['event:props:results'], [['is', 'event:name', ['Site Search']]]), [['0', 1, 1], ['3', 1, 1]]);
});

test('v1 asks the same', async () => {
  const r = await get(`/api/v1/stats/breakdown?site_id=${SITE}&period=day&property=event:props:plan&filters=event:props:plan==pro%7CFree`);
  assert.deepEqual(JSON.parse(r.body), { results: [{ plan: 'Free', visitors: 1 }, { plan: 'pro', visitors: 1 }] });
});

test('reports on the command line', () => {
  const report = (name: string): unknown[] => {
    const reply = JSON.parse(mustRun(['query', '--site', SITE, '--report', name, '--format', 'json', '--data', data])) as { results: { dimensions: string[]; metrics: number[] }[] };
    return reply.results.map(({ dimensions, metrics }) => [...dimensions, ...metrics]);
  };
  assert.deepEqual(report('outbound'), [['shop.example.org/a/b', 2, 3], ['other.example/', 1, 1]]);
  assert.deepEqual(report('downloads'), [['example.com/menu.pdf', 1, 1]]);
  assert.deepEqual(report('404'), [['/gone', 1, 1]]);
  assert.deepEqual(report('search'), [['brioche', 1, 1], ['sourdough', 1, 1]]);
  assert.deepEqual(report('form-errors'), [['contact', 'phone', 'valueMissing', 1, 1]]);
  assert.match(mustRun(['query', '--site', SITE, '--by', 'event:props:plan', '--filter', 'event:props:plan is pro', '--data', data]), /event:props:plan[\s\S]*\bpro\b/);
  for (const wrong of [['--report', 'zebra'], ['--report', '404', '--by', 'event:page']]) assert.equal(cli(['query', '--site', SITE, '--data', data, ...wrong]).code, 2);
});

test('the names of properties are listed', async () => {
  const names = async (more: string, site = SITE): Promise<unknown> => {
    const r = await get(`/api/v2/props?site_id=${site}&date_range=day${more}`);
    assert.equal(r.status, 200, r.body);
    return (JSON.parse(r.body) as { results: unknown }).results;
  };
  assert.deepEqual(await names('&event=Signup'), [{ name: 'plan', visitors: 2, events: 2 }, { name: 'a/b~c', visitors: 1, events: 1 }]);
  const all = (await names('')) as { name: string; events: number }[];
  assert.deepEqual(all.slice(0, 2), [{ name: 'url', visitors: 2, events: 5 }, { name: 'plan', visitors: 2, events: 2 }]);
  assert.deepEqual(all.map(({ name }) => name).sort(), ['a/b~c', 'field', 'form', 'kind', 'path', 'plan', 'query', 'results', 'url']);
  assert.deepEqual(await names('&date=2020-01-01'), []);
  const bad: [string, number, RegExp][] = [
    [`site_id=${SITE}`, 400, /^date_range: is required/],
    [`site_id=${SITE}&date_range=8d`, 400, /^date_range:/],
    [`site_id=${SITE}&date_range=%FF`, 400, /^date_range:/],
    [`site_id=${SITE}&date_range=day&date=zebra`, 400, /^date:/],
    [`site_id=${SITE}&date_range=day&event=%FF`, 400, /^event:/],
    [`site_id=${SITE}&date_range=day&zebra=1`, 400, /^query: unknown parameter/],
    [`site_id=${CNIL}&date_range=day`, 400, /^site_id: .* keeps no properties/],
    ['site_id=nobody.example&date_range=day', 401, /token/],
    ['date_range=day', 401, /token/],
  ];
  for (const [search, status, error] of bad) {
    const r = await get(`/api/v2/props?${search}`);
    assert.equal(r.status, status, search);
    assert.match((JSON.parse(r.body) as { error: string }).error, error, search);
    assert.doesNotMatch(r.body, /zebra/);
  }
});

test('profiles hide them', async () => {
  assert.deepEqual(await rows(['event:props:plan'], [], FRUGAL), [['pro', 5, 5]]);
  const names = JSON.parse((await get(`/api/v2/props?site_id=${FRUGAL}&date_range=day`)).body) as { results: unknown };
  assert.deepEqual(names.results, [{ name: 'plan', visitors: 6, events: 6 }]);
  const r = await request(`${server.url}/api/v2/query`, 'POST', JSON.stringify({ site_id: CNIL, metrics: ['visitors'], date_range: 'day', dimensions: ['event:props:plan'] }), { authorization: `Bearer ${token}` });
  assert.equal(r.status, 400);
  assert.deepEqual(JSON.parse(r.body), { error: "dimensions: the site's profile, cnil, keeps no properties" });
});
