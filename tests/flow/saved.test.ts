// Segments and annotations: written on the command line, read over HTTP, used in queries.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, BROWSER_UA, cli, clearOfMidnight, mustRun, query, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents, type Server } from './lib';

const SITE = 'example.com';
const data = tempFolder('saved');
const tamis = (...args: string[]): string => mustRun([...args, '--data', data]);
let server: Server;
let token: string;

before(async () => {
  await clearOfMidnight();
  token = addSite(data, SITE, '--profile', 'consented');
  addSite(data, 'other.example');
  // Without a server too.
  assert.match(tamis('segment', 'add', '--site', SITE, '--name', 'Blog', '--filters', '[["contains","event:page",["/blog/"]]]'), /^\d+$/);
  server = await startServer(data);
  for (const [i, page] of ['/', '/blog/a', '/blog/b', '/about'].entries())
    await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}${page}`, d: SITE }, { 'user-agent': BROWSER_UA.replace('129', `13${i}`) });
  await waitForEvents(server.url, token, SITE, 4);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

async function get(path: string, bearer = token): Promise<{ status: number; body: Record<string, unknown> & { results: Record<string, unknown>[] } }> {
  const r = await request(`${server.url}${path}`, 'GET', undefined, { authorization: `Bearer ${bearer}` });
  return { status: r.status, body: JSON.parse(r.body) };
}

const visitors = async (filters: unknown): Promise<number> =>
  (await query(server.url, token, { site_id: SITE, metrics: ['visitors'], date_range: 'day', filters })).results[0]!.metrics[0]!;

test('a segment is listed, used, and forgotten', async () => {
  const id = Number(tamis('segment', 'add', '--site', SITE, '--name', 'Home', '--filters', '[["is","event:page",["/"]]]'));
  const { status, body } = await get(`/api/v2/segments?site_id=${SITE}`);
  assert.equal(status, 200);
  assert.deepEqual(body.results.map((s) => s.name), ['Blog', 'Home']);
  assert.deepEqual(body.results[1]!.filters, [['is', 'event:page', ['/']]]);
  assert.equal(body.results[1]!.id, id);
  assert.equal(await visitors([['is', 'segment', ['Blog']]]), 2);
  assert.equal(await visitors([['is', 'segment', [id]]]), 1);
  assert.equal(await visitors([['is_not', 'segment', ['Blog', 'Home']]]), 1);
  const v1 = await request(`${server.url}/api/v1/stats/aggregate?site_id=${SITE}&period=day&filters=segment%3D%3DBlog`, 'GET', undefined, { authorization: `Bearer ${token}` });
  assert.deepEqual(JSON.parse(v1.body), { results: { visitors: { value: 2 } } });
  assert.match(tamis('query', '--site', SITE, '--metrics', 'visitors', '--filter', 'segment is Blog'), /visitors +2$/);
  assert.match(tamis('segment', 'list', '--site', SITE), /Home +\[\["is","event:page",\["\/"\]\]\]/);
  tamis('segment', 'remove', '--site', SITE, '--name', 'Home');
  await assert.rejects(visitors([['is', 'segment', ['Home']]]), /400: \{"error":"filters: unknown segment"\}/);
  assert.deepEqual((await get(`/api/v2/segments?site_id=${SITE}`)).body.results.length, 1);
});

test('what is no segment', () => {
  const add = (name: string, filters: string) => cli(['segment', 'add', '--site', SITE, '--name', name, '--filters', filters, '--data', data]);
  for (const [name, filters, said] of [
    ['a', '[["is","event:page"', /^tamis: --filters: /],
    ['a', '[["is","visit:planet",["Mars"]]]', /^tamis: filters: unknown dimension/],
    ['a', '[["is","segment",["Blog"]]]', /^tamis: filters: no segment can be named here/],
    ['a', '[]', /^tamis: filters: must be a list of at least one/],
    ['', '[["is","event:page",["/"]]]', /^tamis: name: must be text/],
  ] as const) {
    const r = add(name, filters);
    assert.equal(r.code, 2, filters);
    assert.match(r.err, said);
    assert.ok(!r.err.includes('Mars'));
  }
  const taken = add('Blog', '[["is","event:page",["/"]]]');
  assert.equal(taken.code, 3);
  assert.match(taken.err, /has a segment of that name already/);
  assert.equal(cli(['segment', 'add', '--site', SITE, '--name', 'a', '--data', data]).code, 2);
  assert.equal(cli(['segment', 'remove', '--site', SITE, '--name', 'nothing', '--data', data]).code, 3);
});

test('annotations are noted, listed by range, and removed', async () => {
  const id = tamis('annotate', '--site', SITE, '--date', '2026-01-31', '--to', '2026-02-02', 'the fair');
  tamis('annotate', '--site', SITE, '--date', '2026-03-01', 'list');
  const of = async (more: string) => (await get(`/api/v2/annotations?site_id=${SITE}${more}`)).body.results.map((a) => a.text);
  assert.deepEqual(await of(''), ['the fair', 'list']);
  assert.deepEqual(await of('&date_range=all'), ['the fair', 'list']);
  assert.deepEqual(await of('&date_range=2026-02-01,2026-02-28'), ['the fair']);
  assert.deepEqual(await of('&date_range=2026-02-03,2026-02-28'), []);
  const { body } = await get(`/api/v2/annotations?site_id=${SITE}`);
  assert.deepEqual(body.results[0], { id: Number(id), date: '2026-01-31', to: '2026-02-02', text: 'the fair' });
  assert.match(tamis('annotate', 'list', '--site', SITE), /2026-01-31 +2026-02-02 +the fair/);
  tamis('annotate', 'remove', id);
  assert.deepEqual(await of(''), ['list']);
  for (const bad of ['yesterday', '2026-02-30,2026-03-01', '2026-03-02,2026-03-01', 'a,b,c', '%FF']) {
    const r = await get(`/api/v2/annotations?site_id=${SITE}&date_range=${bad}`);
    assert.equal(r.status, 400, bad);
    assert.match(String(r.body.error), /^date_range: /);
  }
  assert.equal(cli(['annotate', '--site', SITE, '--date', '31.1.2026', 'a', '--data', data]).code, 2);
  assert.equal(cli(['annotate', '--site', SITE, 'a', '--data', data]).code, 2);
  assert.equal(cli(['annotate', 'remove', id, '--data', data]).code, 3);
});

test('a token reads what is of its site alone', async () => {
  for (const path of ['/api/v2/segments', '/api/v2/annotations']) {
    assert.equal((await get(`${path}?site_id=other.example`)).status, 401);
    assert.equal((await get(path)).status, 401);
    assert.equal((await get(`${path}?site_id=${SITE}`, 'tamis_wrong')).status, 401);
    const written = await request(`${server.url}${path}?site_id=${SITE}`, 'POST', '{}', { authorization: `Bearer ${token}` });
    assert.equal(written.status, 405); // it only reads
  }
});
