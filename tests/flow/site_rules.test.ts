// What a site's owner sets for it holds from the next event on, beside a running server.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addSite, BIN, clearOfMidnight, cli, findBytes, mustRun, query, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents, type Server } from './lib';

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

const spam = join(data, '..', 'spam.txt');
const ranges = join(data, '..', 'ranges.txt');
const config = join(data, '..', 'tamis.conf');

before(async () => {
  await clearOfMidnight();
  writeFileSync(spam, '# more\npest.example\n');
  writeFileSync(ranges, '# clouds\n192.0.2.0/24\n2001:db8::/32\n');
  writeFileSync(config, `spam_referrers = ${spam}\ndatacenter_ranges = ${ranges}\ntrusted_proxies = 127.0.0.1\n`);
  server = await startServer(data, { config });
  token = addSite(data, site);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

async function refused(reason: string): Promise<number> {
  const metrics = (await request(`${server.url}/metrics`, 'GET')).body;
  return Number(new RegExp(`^tamis_events_refused_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(metrics)?.[1]);
}

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

test('referrer spam is refused, unless the owner wants it', async () => {
  assert.equal(await view('/', 'http://forum.semalt.com/x'), true);
  assert.equal(await view('/', 'https://pest.example/'), true);
  assert.equal(await refused('spam'), 2);
  set('--block-spam', 'off');
  assert.equal(await view('/', 'https://pest.example/'), false);
  assert.equal((await by('visit:source'))['pest.example'], 1);
  set('--block-spam', 'on');
  assert.equal(await view('/', 'https://pest.example/'), true);
});

test('what the owner blocks is refused from the next event on, and let in again', async () => {
  const block = (...options: string[]): number[] => JSON.parse(mustRun(['site', 'block', 'add', site, ...options, '--json', '--data', data])).ids;
  const from = (address: string, path = '/'): Promise<boolean> => view(path, '', { 'x-forwarded-for': address });
  const ADDRESS = '203.0.113.77';
  assert.equal(await view('/admin/x'), false);
  assert.equal(await from(ADDRESS), false);
  const ids = block('--page', '/admin/**', '--address', ADDRESS, '--address', '198.51.100.9/24');
  assert.equal(ids.length, 3);
  assert.equal(await view('/admin/x'), true);
  assert.equal(await view('/admins'), false);
  assert.equal(await from(ADDRESS), true);
  assert.equal(await from('203.0.113.78'), false);
  assert.equal(await from('198.51.100.200'), true);
  assert.equal(await refused('blocked_page'), 1);
  assert.equal(await refused('blocked_address'), 2);
  const listed = mustRun(['site', 'block', 'list', site, '--data', data]);
  assert.match(listed, /page +\/admin\/\*\*/);
  assert.match(listed, /address +198\.51\.100\.0\/24/);
  assert.match(listed, /address +one, kept as a hash/);
  assert.deepEqual(await findBytes(data, [ADDRESS, '198.51.100.200', '203.0.113.78']), []);

  assert.equal(await server.stop(), 0);
  server = await startServer(data, { config });
  assert.equal(await from(ADDRESS), true);
  for (const id of ids) mustRun(['site', 'block', 'remove', String(id), '--data', data]);
  assert.equal(await from(ADDRESS), false);
  assert.equal(await view('/admin/x'), false);

  const [only] = block('--only-hostname', 'other.example');
  assert.equal(await view('/'), true);
  assert.equal(await refused('blocked_hostname'), 1);
  mustRun(['site', 'block', 'remove', String(only), '--data', data]);
  assert.equal(cli(['site', 'block', 'remove', String(only), '--data', data]).code, 3);
  const bad = cli(['site', 'block', 'add', site, '--country', 'France', '--data', data]);
  assert.equal(bad.code, 2);
  assert.match(bad.err, /country: must be two letters/);
  const [other] = JSON.parse(mustRun(['site', 'list', '--json', '--data', data]));
  assert.equal(other.domain, site);
  mustRun(['doctor', '--data', data]);
});

test('visits from datacentres are refused when the owner wants that', async () => {
  const from = (address: string): Promise<boolean> => view('/', '', { 'x-forwarded-for': address });
  assert.equal(await from('192.0.2.9'), false);
  set('--block-datacenters', 'on');
  assert.equal(await from('192.0.2.9'), true);
  assert.equal(await from('2001:db8:5::1'), true);
  assert.equal(await from('192.0.3.9'), false);
  assert.equal(await refused('datacenter'), 2);
  assert.deepEqual(await findBytes(data, ['192.0.2.9', '2001:db8:5']), []);
  set('--block-datacenters', 'off');
  assert.equal(await from('192.0.2.9'), false);
});

test('a list with a slip of the pen stops the start', () => {
  const folder = tempFolder('rules-bad');
  const bad = join(folder, '..', 'bad.txt');
  const conf = join(folder, '..', 'bad.conf');
  writeFileSync(bad, 'pest.example\nhttps://pest.example/\n');
  writeFileSync(conf, `spam_referrers = ${bad}\n`);
  const r = spawnSync(BIN, ['serve', '--data', folder, '--listen', '127.0.0.1:0', '--config', conf], { encoding: 'utf8' });
  assert.notEqual(r.status, 0);
  assert.match(r.stderr, /spam_referrers: line 2 is no host/);
});
