// The tracker with a cookie in a real browser: nothing before consent, a cookie that is not extended, nothing after
// withdrawal.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Cookie, Page } from 'playwright-core';
import { PATIENCE_MS, waitFor } from '../flow/lib';
import { ROOT, USER_AGENT, launch } from './chromium';
import { startMock, type Mock, type Sent } from './mock';

const LIFE_SEC = 390 * 86_400;
const VALUE = /^\d{10}\.[0-9a-f]{32}$/;

const named = (name: string) => (event: Sent): boolean => event.n === name;
const viewOf = (path: string) => (event: Sent): boolean => event.n === 'pageview' && new URL(event.u).pathname === path;

const html = ({ head = '', body = '', attributes = '' } = {}): string => `<!doctype html>
<html><head><title>Test</title>${head}
<script defer data-domain="example.com" data-local ${attributes} src="/t.cookie.js"></script></head>
<body><h1>Test</h1>${body}<script>window.addEventListener('load',()=>document.body.dataset.ready='yes')</script></body></html>`;

describe('tracker with a cookie', () => {
  let mock: Mock;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let requests: string[]; // what any page asked for, but pages and scripts

  before(async () => {
    browser = await launch('--host-resolver-rules=MAP *.example.com 127.0.0.1, MAP example.com 127.0.0.1');
  });
  after(() => browser.close());
  beforeEach(async () => {
    mock = await startMock(ROOT);
    context = await browser.newContext({ userAgent: USER_AGENT });
    context.setDefaultTimeout(PATIENCE_MS);
    requests = [];
    context.on('request', (request) => {
      if (!['document', 'script'].includes(request.resourceType())) requests.push(request.url());
    });
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await mock.close();
  });

  const open = async (path: string, content = html(), on = page, base = mock.url): Promise<void> => {
    mock.pages.set(path, content);
    await on.goto(base + path);
    await on.locator('body[data-ready]').waitFor();
  };
  const consent = (given: unknown, on = page): Promise<unknown> => on.evaluate(`tamis.consent(${JSON.stringify(given)})`);
  const cookie = async (): Promise<Cookie | undefined> => {
    const all = await context.cookies();
    assert.ok(all.length <= 1, JSON.stringify(all));
    return all[0];
  };
  const withCookie = async (): Promise<Cookie> => {
    const kept = await cookie();
    assert.ok(kept, 'there is a cookie');
    return kept;
  };
  /** What was sent once a last event, sent on purpose, has arrived: nothing can be under way before it. */
  const allSent = async (): Promise<string[]> => {
    await page.evaluate("tamis('last')");
    await mock.event(named('last'));
    return mock.sent.map(({ n }) => n).filter((n) => n !== 'last');
  };
  const callsBack = (on = page): Promise<unknown> => on.evaluate("new Promise((done) => tamis('Told', {callback: () => done(true)}))");
  const assertSilent = async (): Promise<void> => {
    await page.goto('about:blank');
    assert.deepEqual(requests.filter((url) => url.includes('/api/')), []);
    assert.deepEqual([mock.sent, mock.forgotten], [[], []]);
    assert.equal(await cookie(), undefined);
  };

  it('sends and keeps nothing before consent, but still calls back', async () => {
    await open('/', html({ body: '<a id="out" href="https://elsewhere.example/" onclick="return false">out</a>' }));
    await page.click('#out');
    assert.equal(await callsBack(), true);
    await page.evaluate("history.pushState(null, '', '/two')");
    assert.equal(await page.evaluate('document.cookie'), '');
    assert.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0);
    assert.deepEqual(await page.evaluate('indexedDB.databases().then((all) => all.length)'), 0);
    await assertSilent();
  });

  it('sends the page in view and what happened on it once there is consent, each with the id', async () => {
    await open('/one');
    await page.evaluate("tamis('On the first page'); history.pushState(null, '', '/two'); tamis('On the second', {props: {plan: 'pro'}})");
    await consent(true);
    const before = Math.floor(Date.now() / 1000);
    const view = await mock.event(named('pageview'));
    const { value, expires, secure, sameSite, path, domain } = await withCookie();
    assert.match(value, VALUE);
    assert.ok(Math.abs(Number(value.split('.')[0]) - before) < PATIENCE_MS / 1000);
    assert.ok(Math.abs(expires - Number(value.split('.')[0]) - LIFE_SEC) <= 2, `expires ${expires}`);
    assert.deepEqual({ secure, sameSite, path, domain }, { secure: false, sameSite: 'Lax', path: '/', domain: '127.0.0.1' });
    assert.equal(new URL(view.u).pathname, '/two');
    assert.deepEqual((await mock.event(named('On the second'))).p, { plan: 'pro' });
    await page.evaluate("history.pushState(null, '', '/three')");
    await mock.event(viewOf('/three'));
    assert.deepEqual((await allSent()).sort(), ['On the second', 'engagement', 'pageview', 'pageview']);
    assert.ok(mock.sent.every(({ id, d }) => id === value && d === 'example.com'), JSON.stringify(mock.sent));
  });

  it('takes the cookie for the consent on later visits, and never extends it', async () => {
    const made = Math.floor(Date.now() / 1000) - 100 * 86_400;
    await context.addCookies([{ name: 'tamis_id', value: `${made}.${'0f'.repeat(16)}`, url: mock.url, expires: made + LIFE_SEC, sameSite: 'Lax' }]);
    const first = await withCookie();
    await open('/later');
    assert.equal((await mock.event(viewOf('/later'))).id, first.value);
    await consent(true);
    await page.evaluate("tamis('Again')");
    await mock.event(named('Again'));
    assert.deepEqual(await withCookie(), first);
  });

  it('takes a cookie that is not as it makes them for none', async () => {
    await context.addCookies([{ name: 'tamis_id', value: '1764000000.ABC', url: mock.url }]);
    await open('/');
    await callsBack();
    assert.deepEqual(mock.sent, []);
    await consent(true);
    assert.match((await withCookie()).value, VALUE);
    await mock.event(named('pageview'));
  });

  it('deletes the cookie and tells the server on withdrawal, and sends nothing from then on', async () => {
    await open('/');
    await consent(true);
    const { value } = await withCookie();
    await mock.event(named('pageview'));
    await consent(false);
    assert.equal(await cookie(), undefined);
    await waitFor('withdrawal', PATIENCE_MS, async () => mock.forgotten[0]);
    await callsBack();
    await page.evaluate("history.pushState(null, '', '/two')");
    await consent(false);
    await open('/three');
    await callsBack();
    await page.goto('about:blank');
    assert.deepEqual(mock.forgotten, [{ d: 'example.com', id: value }]);
    assert.deepEqual(mock.sent.map(({ n }) => n), ['pageview']);
  });

  it('makes another id after a new consent', async () => {
    await open('/');
    await consent(true);
    const first = await withCookie();
    await consent(false);
    await consent(true);
    assert.notEqual((await withCookie()).value.split('.')[1], first.value.split('.')[1]);
  });

  it('counts the page, and nothing done on it before, when a refusal becomes consent', async () => {
    await open('/');
    await page.evaluate("tamis('Undecided')");
    await consent(false);
    await page.evaluate("tamis('Refused')");
    await consent(true);
    await page.evaluate("tamis('Agreed')");
    await mock.event(named('Agreed'));
    assert.deepEqual(await allSent(), ['pageview', 'Agreed']);
    assert.deepEqual(mock.forgotten, []);
  });

  for (const answer of [undefined, 'granted', 1, null])
    it(`takes ${JSON.stringify(answer)} for no`, async () => {
      await open('/');
      await page.evaluate((given) => (window as typeof window & { tamis: { consent(given: unknown): void } }).tamis.consent(given), answer);
      await assertSilent();
    });

  it('hears what was said, and called, before it had loaded', async () => {
    const stub = (given: boolean): string => `<script>window.tamis = window.tamis || function () { (tamis.q = tamis.q || []).push(arguments) };
      tamis.consent = tamis.consent || function (given) { tamis.given = given };
      tamis('Early'); tamis.consent(${given});</script>`;
    await open('/', html({ head: stub(true) }));
    await mock.event(named('pageview'));
    const { value } = await withCookie();
    assert.equal((await mock.event(named('Early'))).id, value);
    await open('/', html({ head: stub(false) }));
    await waitFor('withdrawal', PATIENCE_MS, async () => mock.forgotten[0]);
    assert.equal(await cookie(), undefined);
  });

  it('agrees with its other tabs: on consent, on the id, on withdrawal', async () => {
    await open('/first');
    const other = await context.newPage();
    await open('/second', html(), other);
    await consent(true, other);
    const { id } = await mock.event(viewOf('/second'));
    await page.bringToFront();
    await page.evaluate("dispatchEvent(new Event('focus'))");
    assert.equal((await mock.event(viewOf('/first'))).id, id);
    await consent(false, other);
    // another tab of the browser may be shown the change a moment later
    await waitFor('cookie to be gone here', PATIENCE_MS, async () => ((await page.evaluate('document.cookie')) === '' ? true : undefined));
    await callsBack();
    assert.deepEqual((await waitFor('withdrawal', PATIENCE_MS, async () => mock.forgotten[0])).id, id);
    assert.ok(!mock.sent.some(named('Told')));
  });

  it('shares the cookie between hosts when told to, and deletes it from either', async () => {
    const port = new URL(mock.url).port;
    const shared = html({ attributes: 'data-cookie-domain="example.com"' });
    await open('/', shared, page, `http://www.example.com:${port}`);
    await consent(true);
    const { id } = await mock.event(viewOf('/'));
    assert.equal((await withCookie()).domain, '.example.com');
    await open('/basket', shared, page, `http://shop.example.com:${port}`);
    assert.equal((await mock.event(viewOf('/basket'))).id, id);
    await open('/bye', html(), page, `http://shop.example.com:${port}`); // a page whose tag does not name the domain
    await consent(false);
    assert.equal(await cookie(), undefined);
  });

  it('keeps the cookie to its host, and to encrypted connections where there is one', async () => {
    const answers = new Map(['/t.cookie.js', '/'].map((path) => [path, mock.url + path]));
    mock.pages.set('/', html());
    await context.route('https://www.example.com/**', async (route) => {
      const url = answers.get(new URL(route.request().url()).pathname);
      await (url ? route.fulfill({ response: await context.request.get(url) }) : route.fulfill({ status: 202 }));
    });
    await open('/', html(), page, 'https://www.example.com');
    await consent(true);
    const { secure, domain } = await withCookie();
    assert.deepEqual({ secure, domain }, { secure: true, domain: 'www.example.com' });
    await consent(false);
    assert.equal(await cookie(), undefined);
  });

  it('tells of a withdrawal where it tells of events', async () => {
    await open('/deep/page', html({ attributes: 'data-api="/stats/event"' }));
    await consent(true);
    const asked = page.waitForRequest((request) => request.url() === `${mock.url}/stats/forget`);
    await consent(false);
    assert.equal((await asked).method(), 'POST');
  });

  it('works with the banner of docs/consent.md', async () => {
    const blocks = [...readFileSync(join(ROOT, 'docs/consent.md'), 'utf8').matchAll(/^```html\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
    const [tag = '', banner = ''] = ['t.cookie.js', 'id="ask"'].map((mark) => blocks.find((block) => block.includes(mark)));
    const content = html().replace(/<script defer.*<\/script>/, tag.replace('https://stats.example.com', '').replace('defer', 'defer data-local'))
      .replace('</h1>', `</h1>${banner}`);
    await open('/', content);
    await page.getByRole('button', { name: 'No' }).click();
    await open('/again', content);
    await page.getByRole('link', { name: 'Your choices' }).click();
    assert.deepEqual([mock.sent, await cookie()], [[], undefined]);
    await page.getByRole('button', { name: 'Yes' }).click();
    assert.equal((await mock.event(viewOf('/again'))).id, (await withCookie()).value);
    await open('/third', content);
    await mock.event(viewOf('/third'));
    assert.ok(!(await page.getByRole('button', { name: 'Yes' }).isVisible()));
    await page.getByRole('link', { name: 'Your choices' }).click();
    await page.getByRole('button', { name: 'No' }).click();
    await waitFor('withdrawal', PATIENCE_MS, async () => mock.forgotten[0]);
    assert.equal(await cookie(), undefined);
  });

  const signals: [string, string][] = [
    ['Global Privacy Control', "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"],
    ['Do Not Track', "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})"],
    ['the opt-out of a page', 'window.tamisOptOut = true'],
    ['the opt-out of a visitor', "localStorage.tamis_ignore = 'true'"],
  ];
  for (const [name, script] of signals)
    it(`sends and keeps nothing under ${name}, whatever is agreed to, and is forgotten`, async () => {
      await context.addInitScript(script);
      await open('/');
      await consent(true);
      await callsBack();
      await assertSilent();
      const value = `1764000000.${'0f'.repeat(16)}`;
      await context.addCookies([{ name: 'tamis_id', value, url: mock.url }]);
      await open('/');
      assert.equal(await cookie(), undefined);
      assert.deepEqual(await waitFor('withdrawal', PATIENCE_MS, async () => mock.forgotten[0]), { d: 'example.com', id: value });
      assert.deepEqual(mock.sent, []);
    });

  it('troubles no page when requests are blocked', async () => {
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    await context.route('**/api/**', (route) => route.abort());
    await open('/');
    await page.evaluate("tamis('Early')");
    await consent(true);
    assert.equal(await callsBack(), true);
    await consent(false);
    assert.equal(await callsBack(), true);
    assert.deepEqual(complaints, []);
  });
});
