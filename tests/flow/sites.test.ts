// GET /api/v2/sites: a line of figures for each site a token may read.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, isoDay, logDay, mustRun, pastDay, removeFolder, request, startServer, tempFolder, type Server } from './lib';

const data = tempFolder('sites');
let server: Server;
let every: string;
let one: string;

/** Lines of so many visitors of two pages each. */
function visits(day: number, count: number): string {
  return Array.from({ length: count }, (_, i) => ['/', '/b'].map((page, at) =>
    `198.51.100.${i + 1} - - [${logDay(pastDay(day))}:12:0${at}:00 +0000] "GET ${page} HTTP/1.1" 200 9 ` +
    `"-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"\n`).join('')).join('');
}

before(async () => {
  one = addSite(data, 'a.example', '--profile', 'consented', '--timezone', 'UTC');
  addSite(data, 'b.example', '--profile', 'cnil', '--timezone', 'Europe/Paris');
  addSite(data, 'empty.example', '--timezone', 'UTC');
  every = mustRun(['token', 'add', '--data', data]).trim();
  mustRun(['import', '--site', 'a.example', '--data', data, '-'], visits(3, 4) + visits(4, 6));
  mustRun(['import', '--site', 'b.example', '--data', data, '-'], visits(4, 17));
  server = await startServer(data);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

async function sites(query: string, token: string): Promise<{ status: number; results?: Record<string, unknown>[]; error?: string }> {
  const r = await request(`${server.url}/api/v2/sites${query}`, 'GET', undefined, { authorization: `Bearer ${token}` });
  return { status: r.status, ...(JSON.parse(r.body) as object) };
}

const day = `?period=day&date=${isoDay(pastDay(4))}`;
const a = { visitors: 6, pageviews: 12, change: { visitors: 50, pageviews: 50 }, site_id: 'a.example', timezone: 'UTC' };

test('each site has its line, by the rules of its profile', async () => {
  assert.deepEqual((await sites(day, every)).results, [
    a,
    { visitors: 20, pageviews: 30, change: { visitors: 100, pageviews: 100 }, site_id: 'b.example', timezone: 'Europe/Paris' },
    { visitors: 0, pageviews: 0, change: { visitors: 0, pageviews: 0 }, site_id: 'empty.example', timezone: 'UTC' },
  ]);
  assert.equal((await sites('', every)).results!.length, 3); // 28 days up to yesterday
});

test('a token of one site reads that one', async () => {
  assert.deepEqual((await sites(day, one)).results, [a]);
  assert.equal((await sites(day, 'tamis_wrong')).status, 401);
});

test('faults are told by the parameter at fault', async () => {
  assert.deepEqual(await sites('?period=fortnight', every), { status: 400, error: 'period: unknown range' });
  assert.deepEqual(await sites('?period=day&date=tomorrow', every), { status: 400, error: 'date: must be YYYY-MM-DD' });
});
