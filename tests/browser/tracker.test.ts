// The tracker in a real browser: what it sends, and when it must send nothing.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PATIENCE_MS } from '../flow/lib';
import { ROOT, USER_AGENT, launch } from './chromium';
import { startMock, type Mock, type Sent } from './mock';

const named = (name: string) => (event: Sent): boolean => event.n === name;

const html = (head = '', body = '', attributes = 'data-domain="example.com" data-local'): string => `<!doctype html>
<html><head><title>Test</title>${head}<script defer ${attributes} src="/t.js"></script></head>
<body><h1>Test</h1>${body}<script>window.addEventListener('load',()=>document.body.dataset.ready='yes')</script></body></html>`;

describe('tracker', () => {
  let mock: Mock;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  // A server for each test: what a closed page still sends must not reach the next one.
  beforeEach(async () => {
    mock = await startMock(ROOT);
    context = await browser.newContext({ userAgent: USER_AGENT, timezoneId: 'Europe/Paris' });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await mock.close();
  });

  const open = async (path: string, content = html()): Promise<void> => {
    mock.pages.set(new URL(path, mock.url).pathname, content);
    await page.goto(mock.url + path);
    await page.locator('body[data-ready]').waitFor();
  };
  /** What was sent once a last event, sent on purpose, has arrived: nothing can be under way before it. */
  const allSent = async (): Promise<string[]> => {
    await page.evaluate("tamis('last')");
    await mock.event(named('last'));
    return mock.sent.map(({ n }) => n).filter((n) => n !== 'last');
  };

  it('counts a page view on load, with no more of the address than may be kept', async () => {
    await open('/shop?email=a@b.example&utm_source=news&x-ref=1&ref=friend#basket');
    const event = await mock.event(named('pageview'));
    assert.equal(event.u, `${mock.url}/shop?utm_source=news&ref=friend`);
    assert.equal(event.d, 'example.com');
    assert.equal(event.r, '');
    assert.equal(event.z, 'Europe/Paris');
    assert.match(String(mock.headers[0]?.['content-type']), /^text\/plain/);
    assert.deepEqual(await allSent(), ['pageview']);
  });

  it('keeps a later source key when the first key is dropped', async () => {
    await open('/?secret=1&ref=friend');
    assert.equal((await mock.event(named('pageview'))).u, `${mock.url}/?ref=friend`);
  });

  it('sends the referrer without its query', async () => {
    mock.pages.set('/b', html());
    await open('/a?email=a@b.example', html('', '<a id="next" href="/b">next</a>'));
    await page.click('#next');
    const event = await mock.event((sent) => sent.n === 'pageview' && sent.u.endsWith('/b'));
    assert.equal(event.r, `${mock.url}/a`);
  });

  it('counts navigation inside a single-page application once a path', async () => {
    await open('/app');
    await mock.event(named('pageview'));
    await page.evaluate(() => {
      history.pushState(null, '', '/app/one');
      history.replaceState({ scroll: 1 }, '', '/app/one'); // same path: not counted
      history.pushState(null, '', '/app/one?sort=asc#top');
      history.replaceState(null, '', '/app/two');
    });
    const counted = (path: string) => mock.event(({ n, u }) => n === 'pageview' && new URL(u).pathname === path);
    await counted('/app/one');
    await counted('/app/two');
    await page.goBack();
    await counted('/app/one');
    await allSent();
    assert.equal(mock.sent.filter(named('pageview')).length, 4);
  });

  it('sends custom events with properties and revenue, and calls back', async () => {
    await open('/');
    const status = await page.evaluate(
      `new Promise((done) => tamis('Signup', {props: {plan: 'pro', seats: 3}, revenue: {currency: 'EUR', amount: 9.5},
        interactive: false, callback: ({status}) => done(status)}))`,
    );
    const event = await mock.event(named('Signup'));
    assert.equal(status, 202);
    assert.deepEqual(event.p, { plan: 'pro', seats: 3 });
    assert.deepEqual(event.$, { currency: 'EUR', amount: 9.5 });
    assert.equal(event.i, false);
  });

  it('sends what was queued before it loaded, and answers to plausible() too', async () => {
    const stub = `<script>window.tamis=window.tamis||function(){(tamis.q=tamis.q||[]).push(arguments)};
      window.plausible=window.plausible||function(){(plausible.q=plausible.q||[]).push(arguments)};
      tamis('Early',{props:{a:'1'}});plausible('Early too')</script>`;
    await open('/', html(stub));
    assert.deepEqual((await mock.event(named('Early'))).p, { a: '1' });
    await mock.event(named('Early too'));
    await page.evaluate("plausible('Later')");
    await mock.event(named('Later'));
  });

  it('counts outbound links and downloads without their query', async () => {
    await open(
      '/',
      html(
        '',
        `<a id="out" href="https://elsewhere.example/path?token=1"><b>out</b></a>
         <a id="file" href="/files/price-list.PDF?session=1">file</a>
         <a id="in" href="/other">in</a><a id="mail" href="mailto:a@b.example">mail</a>
         <script>document.addEventListener('click', (e) => e.preventDefault())</script>`,
      ),
    );
    await page.click('#out b');
    assert.deepEqual((await mock.event(named('Outbound Link: Click'))).p, { url: 'elsewhere.example/path' });
    await page.click('#file');
    assert.deepEqual((await mock.event(named('File Download'))).p, {
      url: `${new URL(mock.url).host}/files/price-list.PDF`,
    });
    await page.click('#in');
    await page.click('#mail');
    assert.deepEqual(await allSent(), ['pageview', 'Outbound Link: Click', 'File Download']);
  });

  it('reports a page that was not found', async () => {
    await open('/gone', html('<meta name="tamis" content="404">'));
    const event = await mock.event(named('404'));
    assert.deepEqual(event.p, { path: '/gone' });
    assert.equal(event.i, false);
  });

  it('measures engagement: depth, and time while looked at', async () => {
    const began = Date.now();
    await open('/long', html('', '<div style="height:4000px"></div>'));
    await mock.event(named('pageview'));
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForFunction('scrollY > 1000');
    await page.goto('about:blank');
    const event = await mock.event(named('engagement'));
    assert.equal(event.sd, 100);
    assert.ok(event.e !== undefined && event.e >= 0 && event.e <= Date.now() - began, `engaged ${event.e} ms`);
    assert.equal(new URL(event.u).pathname, '/long');
  });

  it('reports engagement of the page left when the route changes', async () => {
    await open('/one');
    await page.evaluate("history.pushState(null, '', '/two')");
    assert.equal(new URL((await mock.event(named('engagement'))).u).pathname, '/one');
    assert.deepEqual((await allSent()).sort(), ['engagement', 'pageview', 'pageview']);
  });

  it('does not count time while nobody looks', async () => {
    await page.clock.install();
    const began = Date.now();
    await open('/');
    await mock.event(named('pageview'));
    await page.clock.fastForward(5_000);
    await page.evaluate(() => {
      document.hasFocus = () => false;
      dispatchEvent(new Event('blur'));
    });
    const looked = 5_000 + Date.now() - began;
    await page.clock.fastForward(60_000);
    await page.evaluate("dispatchEvent(new Event('pagehide'))");
    const { e = 0 } = await mock.event(named('engagement'));
    assert.ok(e >= 5_000 && e <= looked, `engaged ${e} of ${looked} ms`);
  });

  it('keeps nothing in the browser', async () => {
    await open('/');
    await allSent();
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0);
    assert.deepEqual(await page.evaluate('indexedDB.databases().then((all) => all.length)'), 0);
    assert.ok(mock.headers.every((headers) => headers.cookie === undefined));
  });

  const refusals: [string, string][] = [
    ['Global Privacy Control', "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"],
    ['Do Not Track', "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})"],
    ['the opt-out of a page', 'window.tamisOptOut = true'],
    ['the opt-out of a visitor', "localStorage.tamis_ignore = 'true'"],
  ];
  for (const [name, script] of refusals)
    it(`sends nothing under ${name}, but still calls back`, async () => {
      await context.addInitScript(script);
      await open('/');
      await page.evaluate("new Promise((done) => tamis('Signup', {callback: done}))");
      await page.evaluate("history.pushState(null, '', '/two')");
      await page.goto('about:blank');
      assert.deepEqual(mock.sent, []);
    });

  it('sends nothing from localhost or automation without data-local', async () => {
    await open('/', html('', '', 'data-domain="example.com"'));
    await page.evaluate("new Promise((done) => tamis('Signup', {callback: done}))");
    assert.deepEqual(mock.sent, []);
  });

  it('waits for a page opened in the background to be seen', async () => {
    await context.addInitScript(`
      let hidden = true;
      Object.defineProperty(Document.prototype, 'hidden', {get: () => hidden});
      window.show = () => { hidden = false; document.dispatchEvent(new Event('visibilitychange', {bubbles: true})); };`);
    await open('/');
    assert.deepEqual(await allSent(), []);
    await page.evaluate('show()');
    await mock.event(named('pageview'));
  });
});
