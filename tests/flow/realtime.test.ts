// Live figures: as JSON and as a stream of events, for whoever may, as long as they may.
import assert from 'node:assert/strict';
import * as http from 'node:http';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { addSite, BROWSER_UA, clearOfMidnight, mustRun, PATIENCE_MS, removeFolder, request, sendEvent, startServer, tempFolder, toldClock, waitFor, waitForEvents, type Server } from './lib';

const SITE = 'example.com';
const OTHER = 'other.example';
const BUDGET_MS = 6_000; // a figure changes: five seconds, and one for the way

interface Figures {
  current_visitors: number;
  visitors: number;
  pageviews: number;
  minutes: { visitors: number[]; pageviews: number[] };
  pages: { name: string; visitors: number; pageviews: number }[];
  sources: { name: string; visitors: number }[];
  countries: { name: string; visitors: number }[];
  meta: Record<string, unknown>;
}

/** A stream as it is read: every message, comments too. */
class Stream {
  messages: { at: number; event?: string; figures?: Figures; comment?: string }[] = [];
  status = 0;
  headers: http.IncomingHttpHeaders = {};
  body = '';
  ended = false;
  broken = false;
  private req!: http.ClientRequest;

  static open(url: string, token: string, site: string): Promise<Stream> {
    const s = new Stream();
    return new Promise((resolve, reject) => {
      s.req = http.get(`${url}/api/v2/realtime/stream?site_id=${site}`, { agent: false, headers: { authorization: `Bearer ${token}` } }, (res) => {
        s.status = res.statusCode ?? 0;
        s.headers = res.headers;
        res.setEncoding('utf8');
        res.on('data', (d: string) => s.take(d));
        res.on('end', () => (s.ended = true));
        res.on('error', () => (s.broken = true));
        resolve(s);
      });
      s.req.on('error', (e) => (s.status ? (s.broken = true) : reject(e)));
    });
  }

  private take(text: string): void {
    this.body += text;
    for (let end = this.body.indexOf('\n\n'); this.status === 200 && end >= 0; end = this.body.indexOf('\n\n')) {
      const message: Stream['messages'][number] = { at: Date.now() };
      for (const line of this.body.slice(0, end).split('\n')) {
        if (line.startsWith(':')) message.comment = line.slice(1).trim();
        if (line.startsWith('event: ')) message.event = line.slice(7);
        if (line.startsWith('data: ')) message.figures = JSON.parse(line.slice(6)) as Figures;
      }
      this.messages.push(message);
      this.body = this.body.slice(end + 2);
    }
  }

  latest(): Figures | undefined {
    return this.messages.filter((m) => m.figures).at(-1)?.figures;
  }

  until(what: string, fits: (f: Figures) => boolean, ms = PATIENCE_MS): Promise<true> {
    return waitFor(what, ms, async () => {
      const f = this.latest();
      return f && fits(f) ? true : undefined;
    });
  }

  close(): void {
    this.req.destroy();
  }
}

const data = tempFolder('realtime');
let server: Server;
let token: string;
let otherToken: string;

before(async () => {
  await clearOfMidnight();
  writeFileSync(`${data}.conf`, 'most_streams = 60\n');
  server = await startServer(data, { config: `${data}.conf` });
  token = addSite(data, SITE, '--profile', 'consented');
  otherToken = addSite(data, OTHER, '--profile', 'consented');
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

const get = (path: string, bearer = token) =>
  request(`${server.url}${path}`, 'GET', undefined, bearer ? { authorization: `Bearer ${bearer}` } : {});

async function realtime(site = SITE, bearer = token): Promise<Figures> {
  const r = await get(`/api/v2/realtime?site_id=${site}`, bearer);
  assert.equal(r.status, 200, r.body);
  return JSON.parse(r.body) as Figures;
}

async function streamsOpen(): Promise<number> {
  const m = /^tamis_streams (\d+)$/m.exec((await get('/metrics', '')).body);
  return Number(m![1]);
}

const allClosed = (ms = PATIENCE_MS): Promise<true> =>
  waitFor('end of all streams', ms, async () => ((await streamsOpen()) === 0 ? true : undefined));

const view = (path: string, person = 1, site = SITE, more: Record<string, unknown> = {}) =>
  sendEvent(server.url, { n: 'pageview', u: `https://${site}${path}`, d: site, ...more }, { 'user-agent': BROWSER_UA.replace('129', `1${person}0`) });

test('nothing, then what happens', async () => {
  const before = await realtime();
  assert.deepEqual(before.minutes.visitors, Array(30).fill(0));
  const s = await Stream.open(server.url, token, SITE);
  assert.equal(s.status, 200);
  assert.equal(s.headers['content-type'], 'text/event-stream');
  assert.equal(s.headers['x-accel-buffering'], 'no');
  await s.until('the first figures', (f) => f.current_visitors === 0, 2_000);
  const sent = Date.now();
  assert.equal((await view('/live', 1, SITE, { z: 'Europe/Paris', r: 'https://www.google.com/' })).status, 202);
  await s.until('the page view', (f) => f.current_visitors === 1);
  const late = s.messages.at(-1)!.at - sent;
  assert.ok(late <= BUDGET_MS, `${late} ms`);
  const f = s.latest()!;
  assert.equal(s.messages.at(-1)!.event, 'realtime');
  assert.deepEqual(f.pages, [{ name: '/live', visitors: 1, pageviews: 1 }]);
  assert.deepEqual(f.sources, [{ name: 'Google', visitors: 1 }]);
  assert.deepEqual(f.countries, [{ name: 'FR', visitors: 1 }]);
  assert.equal(f.minutes.pageviews.reduce((a, b) => a + b), 1);
  assert.equal(f.minutes.pageviews.length, 30);
  assert.deepEqual((await realtime()).pages, f.pages);
  s.close();
  await allClosed();
});

test('who may not is told so', async () => {
  for (const path of ['/api/v2/realtime', '/api/v2/realtime/stream']) {
    assert.equal((await get(`${path}?site_id=${SITE}`, '')).status, 401);
    assert.equal((await get(`${path}?site_id=${SITE}`, 'tamis_wrong')).status, 401);
    assert.equal((await get(`${path}?site_id=${SITE}`, otherToken)).status, 401);
    assert.equal((await get(`${path}?site_id=nobody.example`)).status, 401);
    assert.equal((await get(path)).status, 401);
  }
  assert.equal(await streamsOpen(), 0);
});

test('a silent stream is kept open by comments, and changes nothing', { timeout: PATIENCE_MS }, async () => {
  const s = await Stream.open(server.url, otherToken, OTHER);
  await waitFor('a comment', 25_000, async () => (s.messages.some((m) => m.comment) ? true : undefined));
  assert.equal(s.messages.filter((m) => m.figures).length, 1, 'nothing changed');
  const [first, comment] = [s.messages.find((m) => m.figures)!, s.messages.find((m) => m.comment)!];
  assert.ok(comment.at - first.at >= 14_000, `${comment.at - first.at} ms`);
  s.close();
  await allClosed();
});

test('a client that goes away is let go of', async () => {
  const s = await Stream.open(server.url, token, SITE);
  await s.until('figures', () => true);
  assert.equal(await streamsOpen(), 1);
  s.close();
  await allClosed(5_000);
});

test('a revoked token ends its streams, and no others', async () => {
  const mine = mustRun(['token', 'add', '--site', SITE, '--data', data]);
  const list = JSON.parse(mustRun(['token', 'list', '--data', data, '--json'])) as { id: number }[];
  const [gone, stays] = await Promise.all([Stream.open(server.url, mine, SITE), Stream.open(server.url, token, SITE)]);
  await gone.until('figures', () => true);
  mustRun(['token', 'remove', String(list.at(-1)!.id), '--data', data]);
  await waitFor('the end of the stream', 10_000, async () => (gone.ended ? true : undefined));
  assert.ok(!stays.ended && !stays.broken);
  stays.close();
  await allClosed();
});

test('fifty streams while events come in, and no more than allowed', { timeout: PATIENCE_MS }, async () => {
  const events = Number(/^tamis_queries_total\{reason="ok"\} (\d+)$/m.exec((await get('/metrics', '')).body)![1]);
  const streams = await Promise.all(Array.from({ length: 50 }, () => Stream.open(server.url, token, SITE)));
  assert.ok(streams.every((s) => s.status === 200));
  let over = false;
  let sent = 0;
  let slowest = 0;
  const load = (async () => {
    while (!over) {
      const begun = Date.now();
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => view(`/busy/${i}`, i + 100)));
      slowest = Math.max(slowest, Date.now() - begun);
      assert.ok(all.every((r) => r.status === 202));
      sent += all.length;
    }
  })();
  const had = streams.map((s) => s.messages.filter((m) => m.figures).length);
  await Promise.all(streams.map((s, i) => waitFor('two more messages', 20_000, async () => (s.messages.filter((m) => m.figures).length >= had[i]! + 2 ? true : undefined))));
  over = true;
  await load;
  assert.ok(sent > 100, String(sent));
  assert.ok(slowest < 2_000, `${slowest} ms for 20 events`);
  const counts = await Promise.all(streams.map(async (s) => { await s.until('all of them', (f) => f.visitors === 21); return s.latest()!.visitors; }));
  assert.ok(counts.every((n) => n === 21));
  const asked = Number(/^tamis_queries_total\{reason="ok"\} (\d+)$/m.exec((await get('/metrics', '')).body)![1]) - events;
  assert.ok(asked < 15, `${asked} queries for fifty streams`);

  const more = await Promise.all(Array.from({ length: 10 }, () => Stream.open(server.url, token, SITE)));
  assert.ok(more.every((s) => s.status === 200));
  const tooMany = await get(`/api/v2/realtime/stream?site_id=${SITE}`);
  assert.equal(tooMany.status, 503);
  assert.deepEqual(JSON.parse(tooMany.body), { error: 'too many streams are open, try again later' });
  assert.match(String(tooMany.headers['retry-after']), /^\d+$/);
  assert.equal((await realtime()).visitors, 21); // asking goes on
  [...streams, ...more].forEach((s) => s.close());
  await allClosed();
});

test('stopping ends streams at once', async () => {
  const own = tempFolder('realtime-stop');
  const stopping = await startServer(own);
  const bearer = addSite(own, SITE);
  const streams = await Promise.all(Array.from({ length: 20 }, () => Stream.open(stopping.url, bearer, SITE)));
  await Promise.all(streams.map((s) => s.until('figures', () => true)));
  const begun = Date.now();
  assert.equal(await stopping.stop(), 0);
  assert.ok(Date.now() - begun < 3_000, `${Date.now() - begun} ms`);
  await waitFor('the end of all', 1_000, async () => (streams.every((s) => s.ended) ? true : undefined));
  removeFolder(own);
});

test('the half hour goes on over midnight, before and after the day is sealed', { timeout: PATIENCE_MS }, async () => {
  const own = tempFolder('realtime-midnight');
  const setup = await startServer(own);
  const bearer = addSite(own, SITE, '--timezone', 'Asia/Kathmandu', '--profile', 'consented');
  await setup.stop();
  const clock = toldClock(`${own}.clock`, '2026-03-01T18:10:00Z'); // 23:55 in Kathmandu
  const night = await startServer(own, { env: { TZ: 'UTC', ...clock.env } });
  const hit = (path: string) => sendEvent(night.url, { n: 'pageview', u: `https://${SITE}${path}`, d: SITE });
  const now = async (): Promise<Figures> =>
    JSON.parse((await request(`${night.url}/api/v2/realtime?site_id=${SITE}`, 'GET', undefined, { authorization: `Bearer ${bearer}` })).body) as Figures;
  await hit('/before');
  await waitForEvents(night.url, bearer, SITE, 1);
  clock.tell('2026-03-01T18:15:30Z'); // 00:00:30
  await hit('/after');
  await waitForEvents(night.url, bearer, SITE, 2);
  const pages = [
    { name: '/after', visitors: 1, pageviews: 1 },
    { name: '/before', visitors: 1, pageviews: 1 },
  ];
  assert.deepEqual((await now()).pages, pages);
  clock.tell('2026-03-01T18:17:00Z'); // the grace of a minute is over
  await waitFor('the seal', PATIENCE_MS, async () => {
    const m = await request(`${night.url}/metrics`, 'GET');
    return /^tamis_days_sealed_total 1$/m.test(m.body) ? true : undefined;
  });
  const sealed = await now();
  assert.deepEqual(sealed.pages, pages);
  assert.equal(sealed.minutes.pageviews[22], 1); // 18:10, of 17:48 to 18:17
  assert.equal(sealed.minutes.pageviews[27], 1);
  clock.tell('2026-03-01T18:40:00Z');
  assert.deepEqual((await now()).pages, [pages[0]]);
  await night.stop();
  removeFolder(own);
});
