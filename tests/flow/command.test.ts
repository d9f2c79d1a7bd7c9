// `tamis query` for people: two dates, bars that show gaps, money, notes, and --watch that goes on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { addSite, BIN, BROWSER_UA, cli, mustRun, PATIENCE_MS, removeFolder, sendEvent, startServer, tempFolder, toldClock, waitFor, waitForEvents, type Server } from './lib';

const SITE = 'example.com';
const data = tempFolder('command');
let server: Server;
let token: string;

const view = (person: number, page = '/') => sendEvent(server.url, { n: 'pageview', d: SITE, u: `https://${SITE}${page}` }, { 'user-agent': BROWSER_UA.replace('129', `12${person}`) });

/** On 2 March two people, on the 5th one, who buys. It is the 7th. */
before(async () => {
  const setup = await startServer(data);
  token = addSite(data, SITE);
  await setup.stop();
  const clock = toldClock(`${data}.clock`, '2026-03-02T10:00:00Z');
  server = await startServer(data, { env: clock.env });
  await view(1);
  await view(2, '/a');
  clock.tell('2026-03-05T10:00:00Z');
  await view(1);
  await sendEvent(server.url, { n: 'Buy', d: SITE, u: `https://${SITE}/`, $: { currency: 'EUR', amount: '1030.50' } }, { 'user-agent': BROWSER_UA.replace('129', '121') });
  await waitForEvents(server.url, token, SITE, 4);
  clock.tell('2026-03-07T10:00:00Z');
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

const ask = (...more: string[]): string => mustRun(['query', '--site', SITE, '--data', data, ...more]);

test('two dates, and bars where nothing was', () => {
  assert.equal(
    ask('--range', '2026-03-01,2026-03-06', '--by', 'time:day', '--metrics', 'visitors'),
    'visitors         ▁█▁▁▅▁\n\ntime:day    visitors\n2026-03-02         2\n2026-03-05         1\n\nvisitors: daily visitors, added up',
  );
  assert.equal(ask('--range', '2026-03-05,2026-03-05', '--metrics', 'events'), 'events           2');
  assert.match(ask('--range', '2026-03-01,2026-03-06', '--by', 'time:day', '--format', 'csv', '--metrics', 'events'), /^time:day,events\r\n2026-03-02,2\r\n2026-03-05,2$/);
  const wrong = cli(['query', '--site', SITE, '--data', data, '--range', '2026-03-06,2026-03-01']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /date_range: ends before it begins/);
});

test('ranges are compared', () => {
  const days = ['--range', '2026-03-04,2026-03-06', '--compare', 'previous_period'];
  assert.equal(ask(...days, '--metrics', 'visitors,bounce_rate'), 'visitors         1   before: 2, -50 %\nbounce rate      0 %   before: 100 %, -100 points\n\nvisitors: daily visitors, added up');
  assert.match(ask(...days, '--by', 'event:page', '--metrics', 'events', '--format', 'csv'), /^event:page,events,events_before,events_change\r\n\/,2,1,100$/);
  // Thursday the 5th beside a week before, with bars.
  assert.match(ask('--range', '2026-03-05,2026-03-06', '--by', 'time:day', '--compare', 'previous_period', '--match-weekdays', '--metrics', 'events'), /^events +█▁\n\ntime:day +events +events_before +events_change\n2026-03-05 +2 +0 +100$/);
  assert.equal(cli(['query', '--site', SITE, '--data', data, '--compare', 'zebra']).code, 2);
});

test('more hours than bars can have are a table alone', () => {
  assert.match(ask('--range', '2020-01-01,2026-03-06', '--by', 'time:hour', '--metrics', 'events'), /^time:hour +events\n2026-03-02 10:00:00 +2\n2026-03-05 10:00:00 +2$/);
});

test('funnels and journeys take two dates too', () => {
  const funnel = ['funnel', '--site', SITE, '--data', data, '--step', 'page:/', '--step', 'event:Buy', '--range', '2026-03-05,2026-03-05', '--format', 'json'];
  const reply = JSON.parse(mustRun(funnel)) as { results: { visitors: number }[]; query: { date_range: string[] } };
  assert.equal(reply.query.date_range[0]!.slice(0, 10), '2026-03-05');
  assert.deepEqual(JSON.parse(mustRun(['journey', '--site', SITE, '--data', data, '--range', '2026-03-02,2026-03-05', '--format', 'json'])).query.date_range.map((d: string) => d.slice(0, 10)), ['2026-03-02', '2026-03-05']);
});

test('money has its currency', () => {
  const range = ['--range', '2026-03-05,2026-03-05'];
  assert.equal(ask(...range, '--metrics', 'total_revenue'), 'total_revenue    €1,030.50');
  assert.match(ask(...range, '--by', 'event:name', '--metrics', 'events,total_revenue'), /\nBuy +1 +€1,030\.50\n?/);
  assert.match(ask(...range, '--by', 'event:name', '--metrics', 'total_revenue', '--format', 'csv'), /\nBuy,1030\.5,EUR/);
});

test('what is left out is said', () => {
  assert.match(ask('--range', '2026-03-01,2026-03-06', '--by', 'event:page', '--filter', 'visit:device is Desktop', '--metrics', 'visitors'), /What fewer than 5 visitors did is not shown\.$/);
});

test('--watch asks on', { timeout: 600_000 }, async () => {
  const child = spawn(BIN, ['query', '--site', SITE, '--data', data, '--range', 'month', '--metrics', 'events', '--watch', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (d: Buffer) => (out += d.toString()));
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    await waitFor('the first figure', PATIENCE_MS, async () => (out.startsWith('events           4\n') ? true : undefined));
    await view(3);
    await waitFor('the next one', PATIENCE_MS, async () => (/\nevents           5\n/.test(out) ? true : undefined));
  } finally {
    child.kill();
    await ended;
  }
});
