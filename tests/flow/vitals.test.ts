// Web vitals and site search over HTTP: kept, asked for, sealed, exported; what was typed is not kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addSite, BROWSER_UA, clearOfMidnight, findBytes, isoDay, mustRun, query, removeFolder, request, sendEvent, startServer, tempFolder, toldClock, waitFor, waitForEvents } from './lib';

const SITE = 'example.com';

const agent = (person: number): { 'user-agent': string } => ({ 'user-agent': BROWSER_UA.replace('129', String(100 + person)) });

test('web vitals go the whole way', async () => {
  const data = tempFolder('vitals');
  const day = '2026-03-02';
  const clock = toldClock(`${data}/../clock`, `${day}T10:00:00Z`);
  const server = await startServer(data, { env: clock.env });
  const token = addSite(data, SITE, '--timezone', 'UTC');
  for (let person = 0; person < 8; person++) {
    const sent = [
      { n: 'pageview', d: SITE, u: 'https://example.com/' },
      { n: 'vitals', d: SITE, u: 'https://example.com/', lcp: 1000 + person * 100.25, inp: 8 * (person + 1), cls: person ? person / 50 : 9e9 },
    ];
    assert.equal((await sendEvent(server.url, sent, agent(person))).status, 202);
  }
  const refused = await sendEvent(server.url, { n: 'vitals', d: SITE, u: 'https://example.com/', lcp: 'anna@example.org' }, agent(1));
  assert.equal(refused.status, 400);
  assert.ok(!refused.body.includes('anna'));
  const absurd = await sendEvent(server.url, { n: 'vitals', d: SITE, u: 'https://example.com/', lcp: 9e9 }, agent(1));
  assert.equal(absurd.headers['x-plausible-dropped'], '1');
  await waitForEvents(server.url, token, SITE, 8);
  const ask = async () =>
    (await query(server.url, token, { site_id: SITE, metrics: ['vitals', 'lcp', 'inp', 'cls'], dimensions: ['event:page'], date_range: [day, day] })).results;
  const expected = [{ metrics: [8, 1501, 48, 0.12], dimensions: ['/'] }];
  assert.deepEqual(await waitFor('measurements', 60_000, async () => ((await ask())[0]?.metrics[0] === 8 ? ask() : undefined)), expected);
  const metrics = (await request(`${server.url}/metrics`, 'GET')).body;
  assert.match(metrics, /tamis_vitals_dropped_total\{reason="out_of_range"\} 2\n/);
  assert.match(metrics, /tamis_events_refused_total\{reason="vitals"\} 1\n/);

  clock.tell('2026-03-03T10:00:00Z');
  await waitFor('the seal', 120_000, async () => (/tamis_days_sealed_total 1\n/.test((await request(`${server.url}/metrics`, 'GET')).body) ? true : undefined));
  assert.deepEqual(await ask(), expected);
  const rows = mustRun(['export', '--site', SITE, '--format', 'jsonl', '--data', data]).split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    rows.filter(({ kind }) => kind === 'vitals').map(({ lcp_ms, inp_ms, cls }) => [lcp_ms, inp_ms, cls]).sort((a, b) => Number(a[0]) - Number(b[0])).slice(0, 2),
    [[1000, 8, null], [1100, 16, 0.02]],
  );
  assert.ok(rows.filter(({ kind }) => kind === 'pageview').every(({ lcp_ms, cls }) => lcp_ms === null && cls === null));
  assert.equal(await server.stop(), 0);
  removeFolder(data);
});

test('what is searched for becomes an event, unless it looks personal', async () => {
  await clearOfMidnight();
  const data = tempFolder('search');
  const server = await startServer(data);
  const token = addSite(data, SITE);
  const cnil = addSite(data, 'cnil.example', '--profile', 'cnil');
  mustRun(['site', 'set', SITE, '--search-param', 'zoek', '--search-param', 'q', '--data', data]);
  const visit = (site: string, search: string) => sendEvent(server.url, { n: 'pageview', d: site, u: `https://${site}/find?${search}` });
  for (const search of ['q=Brioche%20Nantaise', 'zoek=BROOD', 's=not+one', 'q=jane.planted%40example.org', 'q='])
    assert.equal((await visit(SITE, search)).headers['x-plausible-dropped'], undefined);
  await visit('cnil.example', 'q=Croissant');
  await waitForEvents(server.url, token, SITE, 7);
  await waitForEvents(server.url, cnil, 'cnil.example', 10); // rounded
  const figures = await query(server.url, token, { site_id: SITE, metrics: ['pageviews', 'events', 'bounce_rate'], date_range: 'day' });
  assert.deepEqual(figures.results[0]?.metrics, [5, 7, 0]);
  const names = await query(server.url, token, { site_id: SITE, metrics: ['events'], date_range: 'day', dimensions: ['event:name'] });
  assert.deepEqual(names.results, [
    { metrics: [5], dimensions: ['pageview'] },
    { metrics: [2], dimensions: ['Site Search'] },
  ]);
  const rows = mustRun(['export', '--site', SITE, '--format', 'jsonl', '--data', data]).split('\n').map((line) => JSON.parse(line) as { name: string; props: string; date: string });
  assert.deepEqual(rows.filter(({ name }) => name === 'Site Search').map(({ props }) => props), ['{"query":"brioche nantaise"}', '{"query":"brood"}']);
  assert.equal(rows[0]?.date, isoDay(new Date()));
  assert.equal(await server.stop(), 0);
  assert.deepEqual(await findBytes(data, ['jane.planted', 'croissant']), []);
  removeFolder(data);
});
