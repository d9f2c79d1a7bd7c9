// The tracker's add-ons in a real browser: web vitals, form errors, and what is searched for on a site.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PATIENCE_MS } from '../flow/lib';
import { ROOT, USER_AGENT, launch } from './chromium';
import { startMock, type Mock, type Sent } from './mock';

const named = (name: string) => (event: Sent): boolean => event.n === name;

const html = (body = '', head = ''): string => `<!doctype html>
<html><head><title>Test</title><meta charset="utf-8">${head}
<script defer data-domain="example.com" data-local src="/t.js"></script>
<script defer src="/t.vitals.js"></script><script defer src="/t.forms.js"></script></head>
<body><h1>Test</h1>${body}<script>window.addEventListener('load',()=>document.body.dataset.ready='yes')</script></body></html>`;

describe('add-ons', () => {
  let mock: Mock;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    mock = await startMock(ROOT);
    context = await browser.newContext({ userAgent: USER_AGENT });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await mock.close();
  });

  const open = async (path: string, content: string): Promise<void> => {
    mock.pages.set(new URL(path, mock.url).pathname, content);
    await page.goto(mock.url + path);
    await page.locator('body[data-ready]').waitFor();
  };
  const painted = (): Promise<unknown> =>
    page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))');
  const allSent = async (): Promise<string[]> => {
    await page.evaluate("tamis('last')");
    await mock.event(named('last'));
    return mock.sent.map(({ n }) => n).filter((n) => n !== 'last');
  };
  /** Says to the page that it is hidden, or seen. */
  const hide = (hidden: boolean): Promise<unknown> =>
    page.evaluate((to) => {
      Object.defineProperty(document, 'hidden', { get: () => to, configurable: true });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }, hidden);

  describe('web vitals', () => {
    it('are sent once, when the page is left, of the page that was loaded', async () => {
      await open('/shop?email=a@b.example', html('<p style="font-size:60px">Bread</p>'));
      await mock.event(named('pageview'));
      await painted();
      await page.evaluate("history.pushState(null, '', '/elsewhere')");
      await hide(true);
      const { u, d, lcp, inp, cls } = await mock.event(named('vitals'));
      assert.equal(u, `${mock.url}/shop`);
      assert.equal(d, 'example.com');
      assert.ok(lcp !== undefined && lcp > 0 && lcp < PATIENCE_MS && Number.isInteger(lcp), `lcp ${lcp}`);
      assert.equal(inp, undefined, 'nobody touched the page');
      assert.equal(cls, 0);
      await hide(false);
      await hide(true);
      await hide(false);
      assert.equal((await allSent()).filter((n) => n === 'vitals').length, 1);
    });

    it('tell the slowest interaction', async () => {
      await open('/', html('<button onclick="for (const end = performance.now() + +this.dataset.ms; performance.now() < end;);">Go</button>'));
      for (const ms of ['60', '300', '60']) {
        await page.evaluate((each) => (document.querySelector('button')!.dataset.ms = each), ms);
        await page.click('button');
        await painted();
      }
      await hide(true);
      const { inp } = await mock.event(named('vitals'));
      assert.ok(inp !== undefined && inp >= 300 && inp < 5_000, `inp ${inp}`);
    });

    it('tell the worst run of shifts, and none that follows an input', async () => {
      await open('/', html('<div id="gap"></div><p style="height:300px;background:#ccc">Moves</p>'));
      await painted();
      await page.evaluate(() => (document.querySelector<HTMLElement>('#gap')!.style.height = '200px'));
      await painted();
      const expected = await page.evaluate(
        () =>
          new Promise<number>((done) => {
            new PerformanceObserver((list) =>
              done(list.getEntries().reduce((sum, entry) => sum + (entry as PerformanceEntry & { value: number }).value, 0)),
            ).observe({ type: 'layout-shift', buffered: true });
          }),
      );
      await hide(true);
      const { cls } = await mock.event(named('vitals'));
      assert.ok(expected > 0.01);
      assert.equal(cls, +expected.toFixed(4));
    });

    it('know no paint of a page that was opened in the background', async () => {
      await context.addInitScript(`
        const list = performance.getEntriesByType.bind(performance);
        performance.getEntriesByType = (type) => type == 'visibility-state' ? [{ name: 'hidden', startTime: 0 }] : list(type);`);
      await open('/', html('<p style="font-size:60px">Bread</p>'));
      await painted();
      await hide(true);
      const { lcp, cls } = await mock.event(named('vitals'));
      assert.equal(lcp, undefined);
      assert.equal(cls, 0);
    });

    it('are measured anew when the page comes back from the page cache', async () => {
      await open('/', html('<p style="font-size:60px">Bread</p>'));
      await painted();
      await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))");
      const before = await mock.event(named('vitals'));
      await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
      await painted();
      await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))");
      const again = await mock.event(named('vitals'));
      assert.ok(before.lcp !== undefined && again.lcp !== undefined && again.lcp >= 0, JSON.stringify([before, again]));
      assert.equal(again.cls, 0);
    });

    it('are not sent where the tracker is silent', async () => {
      await context.addInitScript("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})");
      await open('/', html());
      await painted();
      await hide(true);
      await page.goto('about:blank');
      assert.deepEqual(mock.sent, []);
    });
  });

  describe('form errors', () => {
    const SECRET = 'jane.planted@example';
    const FORM = `<form id="signup"><input name="mail" type="email" required><input id="age" type="number" max="99">
      <button>Send</button></form>`;

    it('name the form, the field and the kind, and never what was typed', async () => {
      await open('/join?token=1', html(FORM));
      await page.click('button');
      assert.deepEqual((await mock.event(named('Form Error'))).p, { form: 'signup', field: 'mail', kind: 'valueMissing' });
      await page.fill('[name=mail]', SECRET.replace('@', ' '));
      await page.fill('#age', '4711');
      await page.click('button');
      const two = [await mock.event(named('Form Error')), await mock.event(named('Form Error'))];
      assert.deepEqual(two.map(({ p }) => p), [
        { form: 'signup', field: 'mail', kind: 'typeMismatch' },
        { form: 'signup', field: 'age', kind: 'rangeOverflow' },
      ]);
      assert.ok(two.every(({ i }) => i === false));
      const all = JSON.stringify(mock.sent);
      for (const typed of ['jane', 'planted', '4711']) assert.ok(!all.includes(typed), typed);
    });

    it('are told once a page view, however often a script checks', async () => {
      await open('/join', html(FORM));
      await page.evaluate(() => {
        for (let i = 0; i < 20; i++) document.forms[0]!.checkValidity();
      });
      assert.deepEqual((await allSent()).sort(), ['Form Error', 'pageview']);
    });

    it('name a form without a name by the path it is sent to', async () => {
      await open('/join', html('<form action="/send/mail?to=jane@example.org"><input name="a" required></form>'));
      await page.evaluate(() => document.forms[0]!.checkValidity());
      assert.deepEqual((await mock.event(named('Form Error'))).p, { form: '/send/mail', field: 'a', kind: 'valueMissing' });
    });
  });

  describe('site search', () => {
    it('leaves what was searched for in the address, and nothing else', async () => {
      await open('/find?page=2&q=rye+bread&email=a@b.example', html());
      assert.equal((await mock.event(named('pageview'))).u, `${mock.url}/find?q=rye+bread`);
    });
  });
});
