// What a site's owner sets for it holds from the next event on, beside a running server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, clearOfMidnight, cli, mustRun, query, removeFolder, sendEvent, startServer, tempFolder, waitForEvents, type Server } from './lib';

const data = tempFolder('rules');
const site = 'example.com';
let server: Server;
let token: string;
let events = 0;

const set = (...options: string[]): string => mustRun(['site', 'set', site, ...options, '--data', data]);

/** A page view of a visitor of its own; resolves with whether it was refused. */
async function view(path: string, referrer = '', headers: Record<string, string> = {}): Promise<boolean> {
  const ua = `Mozilla/5.0 (X11; Linux x86_64; rv:1${events}.0) Gecko/20100101 Firefox/1${events}.0`;
  const r = await sendEvent(server.url, { n: 'pageview', u: `https://${site}${path}`, r: referrer, d: site }, { 'user-agent': ua, ...headers });
  assert.equal(r.status, 202);
  const refused = r.headers['x-plausible-dropped'] === '1';
  if (!refused) events++;
  return refused;
}

async function by(dimension: string): Promise<Record<string, number>> {
  await waitForEvents(server.url, token, site, events);
  const q = await query(server.url, token, { site_id: site, metrics: ['visits'], dimensions: [dimension], date_range: 'day' });
  return Object.fromEntries(q.results.map((row) => [row.dimensions[0], row.metrics[0]]));
}

before(async () => {
  await clearOfMidnight();
  server = await startServer(data);
  token = addSite(data, site);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

test('sources are called what the owner calls them, from the next event on', async () => {
  await view('/', 'https://news.example.org/1');
  set('--source-alias', 'news.example.org=Magazine', '--own-host', 'shop.example.net');
  await view('/', 'https://news.example.org/2');
  await view('/', 'https://pay.shop.example.net/done');
  assert.deepEqual(await by('visit:source'), { 'news.example.org': 1, Magazine: 1, 'Direct / None': 1 });
  const [listed] = JSON.parse(mustRun(['site', 'list', '--json', '--data', data]));
  assert.deepEqual(listed.source_aliases, ['news.example.org=Magazine']);
  assert.deepEqual(listed.own_hosts, ['shop.example.net']);
  set('--source-alias', '');
  await view('/', 'https://news.example.org/3');
  assert.equal((await by('visit:source'))['news.example.org'], 2);
  const bad = cli(['site', 'set', site, '--source-alias', 'no-name', '--data', data]);
  assert.equal(bad.code, 2);
  assert.match(bad.err, /source_aliases: each must be like/);
});
