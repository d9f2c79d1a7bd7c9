// The seal on the running server: at the site's midnight, and after an import of past days, figures stay and raw
// identities go.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { addSite, BROWSER_UA, filesBelow, findBytes, mustRun, PATIENCE_MS, query, removeFolder, request, sendEvent, startServer, tempFolder, waitFor, waitForEvents } from './lib';

const SITE = 'example.com';

function configFile(data: string, text: string): string {
  const file = `${data}.conf`;
  writeFileSync(file, text);
  return file;
}

async function counter(server: string, name: string): Promise<number> {
  const text = (await request(`${server}/metrics`, 'GET')).body;
  return Number(new RegExp(`^tamis_${name}_total (\\d+)`, 'm').exec(text)?.[1] ?? NaN);
}

const QUESTIONS = [
  { metrics: ['visitors', 'visits', 'pageviews', 'events', 'bounce_rate', 'visit_duration', 'views_per_visit'] },
  { metrics: ['visitors', 'pageviews', 'bounce_rate'], dimensions: ['event:page'] },
  { metrics: ['visitors', 'visits'], dimensions: ['time:day'] },
  { metrics: ['visitors', 'events'], dimensions: ['time:hour'] },
  { metrics: ['visitors', 'visits'], dimensions: ['visit:browser', 'visit:exit_page'] },
  { metrics: ['visitors', 'visits', 'bounce_rate'], dimensions: ['visit:browser'], filters: [['is', 'event:page', ['/a', '/b']]] },
];

async function answers(server: string, token: string, range: unknown): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const q of QUESTIONS) all.push((await query(server, token, { site_id: SITE, date_range: range, ...q })).results);
  return all;
}

const parquet = (data: string): string[] => filesBelow(join(data, 'sealed')).filter((f) => f.endsWith('.parquet'));

test('a day is sealed at the midnight of its site', { timeout: 120000 }, async (t) => {
  const preload = /^LD_PRELOAD=(.*)$/m.exec(spawnSync('faketime', ['-m', '-f', '+0', 'env'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  if (!preload) {
    t.skip('faketime is not installed');
    return;
  }
  const data = tempFolder('seal');
  const setup = await startServer(data);
  const token = addSite(data, SITE, '--timezone', 'Asia/Kathmandu', '--profile', 'consented');
  await setup.stop();
  // 23:59:45 in Kathmandu (UTC+05:45) on 1 March 2026
  const env = { TZ: 'UTC', LD_PRELOAD: preload, FAKETIME: '@2026-03-01 18:14:45', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  const config = configFile(data, 'trusted_proxies = 127.0.0.1\nseal_grace_sec = 1\n');
  const server = await startServer(data, { env, config });
  let sent = 0;
  for (let visitor = 1; visitor <= 8; visitor++)
    for (const page of ['/a', '/b', '/c'].slice(0, 1 + (visitor % 3))) {
      const r = await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}${page}`, d: SITE }, { 'x-forwarded-for': `198.51.100.${visitor}` });
      assert.equal(r.status, 202);
      sent++;
    }
  await waitForEvents(server.url, token, SITE, sent);
  const range = ['2026-03-01', '2026-03-01'];
  const before = await answers(server.url, token, range);
  assert.deepEqual(parquet(data), []);
  await waitFor('the seal', PATIENCE_MS, async () => ((await counter(server.url, 'days_sealed')) === 1 ? true : undefined));
  const files = parquet(data);
  assert.deepEqual(files.map((f) => f.replace(/.*\.(\w+)\.parquet$/, '$1')).sort(), ['event', 'roll', 'visit']);
  assert.deepEqual(await answers(server.url, token, range), before);
  // the next day goes on beside it
  assert.equal((await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}/a`, d: SITE }, { 'x-forwarded-for': '198.51.100.1' })).status, 202);
  await waitForEvents(server.url, token, SITE, sent + 1);
  const days = await query(server.url, token, { site_id: SITE, metrics: ['visitors'], dimensions: ['time:day'], date_range: ['2026-03-01', '2026-03-02'] });
  assert.deepEqual(days.results.map((r) => r.metrics[0]), [8, 1]);
  assert.deepEqual(readdirSync(join(data, 'keys')).filter((n) => n.startsWith('salt-')).length, 1);
  assert.deepEqual(await findBytes(data, ['198.51.100.']), []);
  await server.stop();
  const again = await startServer(data, { env: { ...env, FAKETIME: '@2026-03-01 18:20:00' }, config });
  assert.deepEqual(await answers(again.url, token, range), before);
  await again.stop();
  removeFolder(data);
});

test('an import of past days is sealed when it ends', { timeout: 120000 }, async () => {
  const data = tempFolder('seal-import');
  const server = await startServer(data);
  const token = addSite(data, SITE, '--profile', 'consented');
  const lines: string[] = [];
  for (let day = 1; day <= 20; day++)
    for (let i = 0; i < 60; i++)
      lines.push(`203.0.113.${i % 40} - - [${String(day).padStart(2, '0')}/May/2025:10:${String(i).padStart(2, '0')}:05 +0000] "GET /${'abc'[i % 3]} HTTP/1.1" 200 9 "-" "${BROWSER_UA}"`);
  const log = `${data}.log`;
  writeFileSync(log, lines.join('\n') + '\n');
  mustRun(['import', '--site', SITE, '--data', data, log]);
  await waitFor('the seal', PATIENCE_MS, async () => ((await counter(server.url, 'days_sealed')) >= 20 ? true : undefined));
  const totals = await query(server.url, token, { site_id: SITE, metrics: ['visitors', 'pageviews'], date_range: 'all' });
  assert.deepEqual(totals.results[0]?.metrics, [20 * 40, 20 * 60]);
  assert.ok(existsSync(join(data, 'sealed')));
  assert.deepEqual(await findBytes(data, ['203.0.113.']), []);
  await server.stop();
  // without a server the command seals, too
  writeFileSync(log, lines.slice(0, 60).join('\n').replace(/\/May\/2025/g, '/Jun/2025') + '\n');
  const parts = parquet(data).length;
  mustRun(['import', '--site', SITE, '--data', data, log]);
  assert.equal(parquet(data).length, parts + 3);
  removeFolder(data);
});
