// Funnels and journeys from the browser's event to the answer: over HTTP and on the command line.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, BROWSER_UA, cli, clearOfMidnight, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents, type Server } from './lib';

const SITE = 'example.com';
const data = tempFolder('funnel');
let server: Server;
let token: string;

/** Six people look at the price; five go on, two of them sign up. */
before(async () => {
  await clearOfMidnight('UTC');
  server = await startServer(data);
  token = addSite(data, SITE, '--timezone', 'UTC', '--profile', 'consented');
  let events = 0;
  const send = async (person: number, n: string, page: string): Promise<void> => {
    const r = await sendEvent(server.url, { d: SITE, n, u: `https://${SITE}${page}` }, { 'user-agent': BROWSER_UA.replace('129', `13${person}`) });
    assert.equal(r.status, 202);
    events++;
  };
  for (let person = 0; person < 6; person++) {
    await send(person, 'pageview', '/pricing');
    if (person > 0) await send(person, 'pageview', '/join/now');
    if (person > 3) await send(person, 'Signup', '/join/now');
  }
  await waitForEvents(server.url, token, SITE, events);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

async function ask(path: string, body: unknown): Promise<{ status: number; body: { results: Record<string, unknown>[]; error?: string } }> {
  const r = await request(`${server.url}/api/v2/${path}`, 'POST', JSON.stringify(body), { authorization: `Bearer ${token}` });
  return { status: r.status, body: JSON.parse(r.body) as { results: Record<string, unknown>[] } };
}

const STEPS = ['--step', 'page:/pricing', '--step', 'page:/join/*', '--step', 'event:Signup'];
const options = ['--site', SITE, '--data', data, '--range', 'day'];

test('a funnel over HTTP', async () => {
  const steps = [[['is', 'event:page', ['/pricing']]], [['contains', 'event:page', ['/join']]], [['is', 'event:name', ['Signup']]]].map((filters) => ({ filters }));
  const r = await ask('funnel', { site_id: SITE, date_range: 'day', steps });
  assert.equal(r.status, 200);
  assert.deepEqual(r.body.results.map((x) => [x.visitors, x.visits, x.conversion_rate, x.dropoff]), [[6, 6, 100, 0], [5, 5, 83.33, 1], [2, 2, 33.33, 3]]);
  const wrong = await ask('funnel', { site_id: SITE, date_range: 'day', steps, within: 'week' });
  assert.deepEqual([wrong.status, wrong.body.error], [400, 'within: must be visit or day']);
});

test('a journey over HTTP', async () => {
  const r = await ask('journey', { site_id: SITE, date_range: 'day', depth: 1 });
  assert.equal(r.status, 200);
  // Who went no further is one person, so that those who did are not told either.
  assert.deepEqual(r.body.results, [
    { path: [], visits: 6, ended: 0, other: 0 },
    { path: ['/pricing'], visits: 6, ended: null, other: 6 },
  ]);
  assert.equal((await ask('journey', { site_id: SITE, date_range: 'day', depth: 9 })).status, 400);
});

test('the command line', () => {
  const table = cli(['funnel', ...options, ...STEPS, '--within', 'day']);
  assert.equal(table.code, 0, table.err);
  assert.match(table.out, /^step +visitors +visits +conversion_rate +conversion_rate_step +dropoff\n\/pricing +█{20} +6 +6 +100 +100 +0\n\/join\/\* +█{16}▋ +5 +5 +83.33 +83.33 +1\nSignup +█{6}▋ +2 +2 +33.33 +40 +3\n$/);
  const csv = cli(['funnel', ...options, ...STEPS, '--format', 'csv']);
  assert.equal(csv.out, 'step,visitors,visits,conversion_rate,conversion_rate_step,dropoff\r\n/pricing,6,6,100,100,0\r\n/join/*,5,5,83.33,83.33,1\r\nSignup,2,2,33.33,40,3\r\n');
  const json = cli(['funnel', ...options, ...STEPS, '--format', 'json']);
  assert.equal((JSON.parse(json.out) as { results: unknown[] }).results.length, 3);
  const journey = cli(['journey', ...options, '--entry', '/pricing', '--depth', '1']);
  assert.match(journey.out, /^path +visits +ended +other\n\/pricing +█{20} +6 +- +6\n$/);
  const all = cli(['journey', ...options, '--format', 'csv']);
  assert.equal(all.out, 'path,visits,ended,other\r\n,6,0,0\r\n/pricing,6,,6\r\n');
});

test('the command line says what is wrong', () => {
  const bad: [string[], string][] = [
    [['funnel', ...options, '--step', '/pricing'], '--step takes page:PATH or event:NAME; * stands for anything'],
    [['funnel', ...options, '--step', 'page:/'], 'steps: must be a list of 2 to 8'],
    [['funnel', '--data', data, ...STEPS], '--site DOMAIN is missing'],
    [['journey', ...options, '--depth', '7'], 'depth: must be 1 to 5'],
    [['journey', ...options, '--format', 'xml'], '--format must be table, csv or json'],
  ];
  for (const [args, error] of bad) {
    const r = cli(args);
    assert.equal(r.code, 2, args.join(' '));
    assert.equal(r.err, `tamis: ${error}\n`);
  }
});
