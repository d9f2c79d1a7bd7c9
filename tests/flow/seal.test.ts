// The seal on the running server: at the site's midnight, and after an import of past days, figures stay and raw
// identities go.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addSite, BROWSER_UA, filesBelow, findBytes, logDay, mustRun, pastDay, PATIENCE_MS, query, removeFolder, request, sendEvent, startServer, tempFolder, toldClock, waitFor, waitForEvents } from './lib';

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

test('a day is sealed at the midnight of its site', { timeout: 600000 }, async () => {
  const data = tempFolder('seal');
  const setup = await startServer(data);
  const token = addSite(data, SITE, '--timezone', 'Asia/Kathmandu', '--profile', 'consented');
  await setup.stop();
  // 23:50 in Kathmandu (UTC+05:45) on 1 March 2026
  const clock = toldClock(`${data}.clock`, '2026-03-01T18:05:00Z');
  const env = { TZ: 'UTC', ...clock.env };
  const config = configFile(data, 'trusted_proxies = 127.0.0.1\nseal_grace_sec = 1\n');
  const server = await startServer(data, { env, config });
  let sent = 0;
  for (let visitor = 1; visitor <= 8; visitor++)
    for (const page of ['/a', '/b', '/c'].slice(0, 1 + (visitor % 3))) {
      const r = await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}${page}`, d: SITE }, { 'x-forwarded-for': `198.51.100.${visitor}` });
      assert.equal(r.status, 202);
      sent++;
      clock.tell(`2026-03-01T18:05:${String(3 * sent).padStart(2, '0')}Z`);
    }
  clock.tell('2026-03-01T18:14:59Z');
  await waitForEvents(server.url, token, SITE, sent);
  const range = ['2026-03-01', '2026-03-01'];
  const before = await answers(server.url, token, range);
  assert.deepEqual(parquet(data), []);
  clock.tell('2026-03-01T18:15:02Z');
  await waitFor('the seal', PATIENCE_MS, async () => ((await counter(server.url, 'days_sealed')) === 1 ? true : undefined));
  const files = parquet(data);
  assert.deepEqual(files.map((f) => f.replace(/.*\.(\w+)\.parquet$/, '$1')).sort(), ['event', 'roll', 'visit']);
  assert.deepEqual(await answers(server.url, token, range), before);
  // the next day goes on beside it
  assert.equal((await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}/a`, d: SITE }, { 'x-forwarded-for': '198.51.100.1' })).status, 202);
  await waitForEvents(server.url, token, SITE, sent + 1);
  const days = await query(server.url, token, { site_id: SITE, metrics: ['visitors'], dimensions: ['time:day'], date_range: ['2026-03-01', '2026-03-02'] });
  assert.deepEqual(days.results.map((r) => r.metrics[0]), [8, 1]);
  await waitFor('the wiping of the salt', PATIENCE_MS, async () => {
    const salts = readdirSync(join(data, 'keys')).filter((n) => n.startsWith('salt-'));
    assert.ok(salts.length > 0);
    return salts.length === 1 ? true : undefined;
  });
  assert.deepEqual(await findBytes(data, ['198.51.100.']), []);
  await server.stop();
  clock.tell('2026-03-01T18:20:00Z');
  const again = await startServer(data, { env, config });
  assert.deepEqual(await answers(again.url, token, range), before);
  await again.stop();
  removeFolder(data);
});

test('an import of past days is sealed when it ends', { timeout: 600000 }, async () => {
  const data = tempFolder('seal-import');
  const server = await startServer(data);
  const token = addSite(data, SITE, '--profile', 'consented');
  const linesOf = (day: number): string =>
    Array.from(
      { length: 60 },
      (_, i) => `203.0.113.${i % 40} - - [${logDay(pastDay(day))}:10:${String(i).padStart(2, '0')}:05 +0000] "GET /${'abc'[i % 3]} HTTP/1.1" 200 9 "-" "${BROWSER_UA}"\n`,
    ).join('');
  const log = `${data}.log`;
  writeFileSync(log, Array.from({ length: 20 }, (_, day) => linesOf(day)).join(''));
  mustRun(['import', '--site', SITE, '--data', data, log]);
  await waitFor('the seal', PATIENCE_MS, async () => ((await counter(server.url, 'days_sealed')) >= 20 ? true : undefined));
  const totals = await query(server.url, token, { site_id: SITE, metrics: ['visitors', 'pageviews'], date_range: 'all' });
  assert.deepEqual(totals.results[0]?.metrics, [20 * 40, 20 * 60]);
  await waitFor('the compaction', PATIENCE_MS, async () => (parquet(data).length === 3 ? true : undefined));
  assert.deepEqual(await findBytes(data, ['203.0.113.']), []);
  await server.stop();
  // without a server the command seals, too
  writeFileSync(log, linesOf(35)); // of the next month
  mustRun(['import', '--site', SITE, '--data', data, log]);
  assert.equal(parquet(data).length, 6); // a part a month
  removeFolder(data);
});
