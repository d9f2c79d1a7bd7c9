// Visitors who agreed to be known again, with the real server: days of the site, figures, withdrawal, what is left where.
import assert from 'node:assert/strict';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addSite, cli, findBytes, mustRun, PATIENCE_MS, query, removeFolder, request, sendEvent, startServer, tempFolder, toldClock, waitFor, waitForEvents, type QueryReply } from './lib';

const SITE = 'example.com';
const COOKIE = ['--profile', 'consented', '--visitor-cookie', 'on'];
const THREE = ['unique_visitors', 'new_visitors', 'returning_visitors'];

const hexOf = (visitor: number): string => (0x9e3779b97f4a7c15n * BigInt(visitor + 1)).toString(16).padStart(32, 'a').slice(-32);
const idOf = (visitor: number, madeAt: string | number = Date.now()): string => `${Math.floor(new Date(madeAt).getTime() / 1000)}.${hexOf(visitor)}`;

const view = (server: string, id?: string, more: Record<string, unknown> = {}) =>
  sendEvent(server, { n: 'pageview', u: `https://${SITE}/`, d: SITE, ...(id === undefined ? {} : { id }), ...more });

const forget = (server: string, body: unknown) =>
  request(`${server}/api/forget`, 'POST', JSON.stringify(body), { 'content-type': 'text/plain', origin: 'https://example.com' });

async function figures(server: string, token: string, range: unknown, more: Record<string, unknown> = {}): Promise<QueryReply> {
  return query(server, token, { site_id: SITE, metrics: THREE, date_range: range, ...more });
}

const known = async (server: string, token: string): Promise<number> => (await figures(server, token, 'day')).results[0]!.metrics[0]!;

async function counter(server: string, line: string): Promise<number> {
  const text = (await request(`${server}/metrics`, 'GET')).body;
  return Number(text.split('\n').find((l) => l.startsWith(`tamis_${line} `))?.split(' ').pop() ?? NaN);
}

async function cohorts(server: string, token: string, search: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const r = await request(`${server}/api/v2/cohorts?site_id=${SITE}&${search}`, 'GET', undefined, { authorization: `Bearer ${token}` });
  return { status: r.status, body: JSON.parse(r.body) as Record<string, unknown> };
}

test('new on the day of the site, returning after its midnight, thirteen months at most', { timeout: 600000 }, async () => {
  const data = tempFolder('known');
  const token = addSite(data, SITE, '--timezone', 'Asia/Kathmandu', ...COOKIE);
  const clock = toldClock(`${data}.clock`, '2026-03-01T18:10:00Z'); // 23:55 in Kathmandu (UTC+05:45)
  const server = await startServer(data, { env: { TZ: 'UTC', ...clock.env } });
  const first = idOf(1, '2026-03-01T18:09:00Z');
  for (const id of [first, first, idOf(2, '2026-03-01T18:10:00Z'), idOf(3, '2025-01-01T00:00:00Z'), `${first}x`]) assert.equal((await view(server.url, id)).status, 202);
  await waitForEvents(server.url, token, SITE, 5);
  clock.tell('2026-03-01T18:16:00Z');
  assert.equal((await view(server.url, first)).status, 202);
  await waitForEvents(server.url, token, SITE, 6);
  const days = await figures(server.url, token, ['2026-03-01', '2026-03-02'], { dimensions: ['time:day'] });
  assert.deepEqual(days.results, [
    { dimensions: ['2026-03-01'], metrics: [2, 2, 0] },
    { dimensions: ['2026-03-02'], metrics: [1, 0, 1] },
  ]);
  assert.deepEqual((await figures(server.url, token, ['2026-03-01', '2026-03-02'])).results, [{ dimensions: [], metrics: [2, 2, 0] }]);
  assert.equal(days.meta.diary_from, '2026-03-01');
  const split = await query(server.url, token, { site_id: SITE, metrics: ['visitors', 'pageviews', 'bounce_rate'], date_range: ['2026-03-01', '2026-03-02'], dimensions: ['event:props:visitor'], order_by: [['event:props:visitor', 'asc']] });
  assert.deepEqual(split.results.map((r) => [...r.dimensions, ...r.metrics.slice(0, 2)]), [['(none)', 1, 2], ['new', 2, 3], ['returning', 1, 1]]);
  const filtered = await query(server.url, token, { site_id: SITE, metrics: ['visitors', 'visits', 'pageviews'], date_range: ['2026-03-01', '2026-03-02'], filters: [['is', 'event:props:visitor', ['returning']]] });
  assert.deepEqual(filtered.results[0]!.metrics, [1, 1, 1]);
  assert.equal(await counter(server.url, 'visitor_ids_refused_total{reason="expired"}'), 1);
  assert.equal(await counter(server.url, 'visitor_ids_refused_total{reason="malformed"}'), 1);

  clock.tell('2026-03-08T12:00:00Z'); // the Sunday after
  assert.equal((await view(server.url, first)).status, 202);
  assert.equal((await view(server.url, idOf(4, '2026-03-08T11:00:00Z'))).status, 202);
  await waitForEvents(server.url, token, SITE, 8);
  const weeks = await cohorts(server.url, token, 'period=week&periods=2');
  assert.deepEqual(weeks.body, {
    period: 'week', unfinished: '2026-03-02', diary_from: '2026-03-01',
    cohorts: [{ cohort: '2026-02-23', visitors: 2, returned: [2, 1] }, { cohort: '2026-03-02', visitors: 1, returned: [1] }],
  });
  assert.deepEqual(JSON.parse(mustRun(['cohorts', '--site', SITE, '--periods', '2', '--json', '--data', data])), weeks.body);
  assert.match(mustRun(['cohorts', '--site', SITE, '--periods', '2', '--data', data]), /2026-02-23 +2 +100% +50%\n2026-03-02 +1 +100%\n/);

  clock.tell('2027-04-05T12:00:00Z'); // 400 days after the first
  assert.equal((await view(server.url, first)).status, 202);
  assert.equal((await view(server.url, idOf(5, '2027-04-05T11:00:00Z'))).status, 202);
  await waitForEvents(server.url, token, SITE, 10);
  assert.equal(await known(server.url, token), 1);
  await waitFor('the old ones to go', PATIENCE_MS, async () => ((await counter(server.url, 'visitors_aged_total')) >= 2 ? true : undefined));
  await server.stop();
  removeFolder(data);
});

test('who withdraws is in no file; another site knows another hash', { timeout: 600000 }, async () => {
  const data = tempFolder('withdrawn');
  const token = addSite(data, SITE, ...COOKIE);
  const other = addSite(data, 'other.example', ...COOKIE);
  addSite(data, 'plain.example');
  let server = await startServer(data);
  for (let v = 0; v < 20; v++) assert.equal((await view(server.url, idOf(v))).status, 202);
  assert.equal((await sendEvent(server.url, { n: 'pageview', u: 'https://other.example/', d: 'other.example', id: idOf(7) })).status, 202);
  await waitForEvents(server.url, token, SITE, 20);
  assert.equal(await known(server.url, token), 20);
  assert.deepEqual(await findBytes(data, [hexOf(7), hexOf(8)]), []); // never written

  const preflight = await request(`${server.url}/api/forget`, 'OPTIONS');
  assert.equal(preflight.status, 204);
  for (const [body, field] of [
    [{ id: idOf(7) }, 'domain'], [{ d: SITE }, 'id'], [{ d: SITE, id: 'nonsense' }, 'id'], [{ d: SITE, id: 7 }, 'id'], [[], 'request'],
  ] as [unknown, string][]) {
    const r = await forget(server.url, body);
    assert.equal(r.status, 400);
    assert.deepEqual(Object.keys((JSON.parse(r.body) as { errors: object }).errors), [field]);
    assert.doesNotMatch(r.body, /nonsense/);
  }
  for (const d of ['plain.example', 'unknown.example']) assert.equal((await forget(server.url, { d, id: idOf(7) })).status, 202);
  const gone = await forget(server.url, { d: `${SITE},unknown.example`, id: idOf(7) });
  assert.equal(gone.status, 202);
  assert.equal(gone.headers['access-control-allow-origin'], '*');
  await waitFor('the visitor to go', 2000, async () => ((await known(server.url, token)) === 19 ? true : undefined));
  const there = await query(server.url, other, { site_id: 'other.example', metrics: THREE, date_range: 'day' });
  assert.deepEqual(there.results[0]!.metrics, [1, 1, 0]);
  assert.equal(await counter(server.url, 'visitors_withdrawn_total'), 1);

  // Lost tables are made again from the journal: the one who withdrew does not come back.
  await server.stop('SIGKILL');
  rmSync(join(data, 'hot'), { recursive: true });
  server = await startServer(data);
  await waitForEvents(server.url, token, SITE, 20);
  assert.equal(await known(server.url, token), 19);

  // Switched off, the diary can still be withdrawn from, and no one new is written down.
  mustRun(['site', 'set', SITE, '--visitor-cookie', 'off', '--data', data]);
  assert.equal((await view(server.url, idOf(100))).status, 202);
  assert.equal((await forget(server.url, { d: SITE, id: idOf(8) })).status, 202);
  const refused = await request(`${server.url}/api/v2/query`, 'POST', JSON.stringify({ site_id: SITE, metrics: THREE, date_range: 'day' }), { authorization: `Bearer ${token}` });
  assert.equal(refused.status, 400);
  assert.match(refused.body, /"metrics: unique_visitors needs/);
  assert.equal((await cohorts(server.url, token, '')).status, 400);
  await waitForEvents(server.url, token, SITE, 21);
  mustRun(['site', 'set', SITE, '--visitor-cookie', 'on', '--data', data]);
  await waitFor('the second to go', PATIENCE_MS, async () => ((await known(server.url, token)) === 18 ? true : undefined));
  await server.stop();
  removeFolder(data);
});

test('the setting, a backup, a damaged and a lost diary, a removed site', { timeout: 600000 }, async () => {
  const data = tempFolder('diary');
  const dir = `${data}-copy`;
  const back = tempFolder('diary-back');
  const refused = cli(['site', 'add', SITE, '--visitor-cookie', 'on', '--data', data]);
  assert.equal(refused.code, 2);
  assert.match(refused.err, /visitor_cookie: needs the profile consented/);
  const token = addSite(data, SITE, ...COOKIE);
  let server = await startServer(data);
  const sites = (await request(`${server.url}/api/v1/sites`, 'GET', undefined, { authorization: `Bearer ${token}` })).body;
  assert.match(sites, /"visitor_cookie":true/);
  assert.equal(existsSync(join(data, 'visitors.db')), false); // nobody came
  for (let v = 0; v < 5; v++) await view(server.url, idOf(v, Date.now() - 86400000));
  await waitForEvents(server.url, token, SITE, 5);
  assert.equal(statSync(join(data, 'visitors.db')).mode & 0o777, 0o600);
  mustRun(['backup', dir, '--data', data]);
  mustRun(['restore', dir, '--data', back]);
  const restored = await startServer(back);
  await waitForEvents(restored.url, token, SITE, 5);
  assert.equal(await known(restored.url, token), 5);
  assert.equal((await forget(restored.url, { d: SITE, id: idOf(3) })).status, 202); // its key is there too
  await waitFor('the visitor to go', PATIENCE_MS, async () => ((await known(restored.url, token)) === 4 ? true : undefined));
  await restored.stop();

  mustRun(['site', 'set', SITE, '--profile', 'frugal', '--data', data]);
  await view(server.url, idOf(50));
  await waitForEvents(server.url, token, SITE, 6);
  mustRun(['site', 'set', SITE, '--profile', 'consented', '--data', data]);
  assert.equal(await known(server.url, token), 5); // inert meanwhile
  assert.match(mustRun(['doctor', '--data', data]), /visitors\.db, the diary of known visitors, is whole/);
  await server.stop();
  rmSync(join(data, 'visitors.db'));
  const lost = cli(['doctor', '--data', data]);
  assert.equal(lost.code, 1);
  assert.match(lost.out, /visitors\.db is missing/);
  writeFileSync(join(data, 'visitors.db'), 'no database '.repeat(500), { mode: 0o600 });
  const damaged = cli(['serve', '--data', data, '--listen', '127.0.0.1:0']);
  assert.equal(damaged.code, 3);
  assert.match(damaged.err, /visitors\.db is damaged/);
  rmSync(join(data, 'visitors.db'));

  server = await startServer(data);
  await view(server.url, idOf(60));
  await waitForEvents(server.url, token, SITE, 7);
  assert.equal(await known(server.url, token), 1);
  mustRun(['site', 'remove', SITE, '--data', data]);
  assert.equal(existsSync(join(data, 'keys', 'known-1')), false);
  await server.stop();
  [data, dir, back].forEach(removeFolder);
});
