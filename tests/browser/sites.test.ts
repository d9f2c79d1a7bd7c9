// The list of sites and views, and the dashboard of a view.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PATIENCE_MS, waitFor } from '../flow/lib';
import { ROOT, USER_AGENT, launch } from './chromium';
import { TOKEN, startMock, type Mock } from './mock';
import { assertAccessible as assertAccessibleIn } from './opening';

const site = (n: number) => ({ id: n, domain: `site-${n}.example`, timezone: 'Europe/Paris', profile: 'frugal' });
const GROUP = {
  site_id: 'view:Group of two', id: 1, name: 'Group of two', sites: ['site-1.example', 'site-2.example'], timezone: 'Europe/Paris', profile: 'frugal',
  visitors: 1730, pageviews: 3460, change: { visitors: 17, pageviews: 0 }, trend: [1, 2, 3],
};

describe('the list of sites', () => {
  let mock: Mock;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    mock = await startMock(ROOT);
    mock.sites = [1, 2, 3, 4].map(site);
    mock.views = [GROUP];
    await fresh({});
  });
  afterEach(async () => {
    await context.close();
    await mock.close();
  });

  const fresh = async (options: Parameters<Browser['newContext']>[0]): Promise<void> => {
    await context?.close();
    context = await browser.newContext({ userAgent: USER_AGENT, viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
    complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
  };
  const open = (search = '') => page.goto(`${mock.url}/${search}#token=${TOKEN}`);
  const list = () => page.locator('.headlines-sites tbody tr');
  const names = () => page.locator('.headlines-sites .name').allInnerTexts();
  const row = (name: string) => page.locator('.headlines tbody tr', { hasText: name });
  const assertAccessible = (): Promise<void> => assertAccessibleIn(page);

  it('comes first to who has many, with visitors, change and trend', async () => {
    await open();
    await list().first().waitFor();
    assert.deepEqual(await names(), [1, 2, 3, 4].map((n) => `site-${n}.example`)); // by visitors
    const cells = await row('site-2.example').locator('td').allInnerTexts();
    assert.deepEqual(cells.slice(0, 2), ['830', '+15%']);
    assert.equal(await row('site-4.example').locator('td').nth(1).innerText(), '–');
    assert.equal((await row('site-2.example').locator('polyline').getAttribute('points'))!.split(' ').length, 7);
    assert.match(await row('Group of two').innerText(), /2 sites\s+1,730\s+\+17%/);
    assert.equal(await page.locator('input[type=search]').count(), 0);
    assert.deepEqual(complaints, []);
  });

  it('is accessible, also on a dark phone', async () => {
    await open();
    await list().first().waitFor();
    await assertAccessible();
    await fresh({ colorScheme: 'dark', viewport: { width: 390, height: 800 } });
    await open();
    await list().first().waitFor();
    await assertAccessible();
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'));
  });

  it('sorts, and searches names of sites and what views are of', async () => {
    mock.sites = Array.from({ length: 9 }, (_, at) => site(9 - at));
    await open();
    await list().first().waitFor();
    assert.equal((await names())[0], 'site-9.example');
    await page.locator('.headlines-sites').getByRole('button', { name: 'Name' }).click();
    assert.equal((await names())[0], 'site-1.example');
    assert.equal(await page.locator('.headlines-sites th[aria-sort=ascending]').count(), 1);
    await page.locator('.headlines-sites').getByRole('button', { name: 'Change' }).click();
    assert.equal((await names())[0], 'site-9.example');
    assert.equal((await names())[8], 'site-6.example'); // of whom nothing is known before
    await page.getByRole('searchbox').fill('SITE-2');
    await waitFor('one site', PATIENCE_MS, async () => ((await list().count()) === 1 ? true : undefined));
    assert.equal(await page.locator('.headlines-views tbody tr').count(), 1); // site-2 is of it
    await page.getByRole('searchbox').fill('nothing');
    await page.getByText('No site or view of that name.').waitFor();
  });

  it('asks for the period that is picked', async () => {
    const asked: string[] = [];
    page.on('request', (request) => {
      if (/api\/v2\/(sites|views)/.test(request.url())) asked.push(new URL(request.url()).search);
    });
    await open('?period=7d');
    await list().first().waitFor();
    assert.ok(asked.includes('?period=7d&trend=1'));
    await page.getByRole('button', { name: /^Period/ }).click();
    await page.getByRole('button', { name: 'Today' }).click();
    await waitFor('question', PATIENCE_MS, async () => (asked.filter((search) => search === '?period=day&trend=1').length === 2 ? true : undefined));
    await list().first().waitFor();
    assert.match(page.url(), /\?period=today&list=1$/);
  });

  it('opens the dashboard of a view, whose first panel is its sites', async () => {
    await open();
    await row('Group of two').getByRole('button').click();
    await page.locator('.panel-pages .rows').waitFor();
    assert.match(page.url(), /site=view:Group\+of\+two$/);
    assert.equal(await page.title(), 'Group of two · Tamis');
    await waitFor('question by site', PATIENCE_MS, async () =>
      mock.asked.some(({ site_id: id, dimensions }) => id === 'view:Group of two' && dimensions?.[0] === 'visit:site') ? true : undefined,
    );
    assert.equal(await page.locator('.panel-sites').count(), 1);
    await page.getByText('who is on two sites counts twice').waitFor();
    await page.goBack();
    await list().first().waitFor();
  });

  it('is a step away from a dashboard', async () => {
    await open('?site=site-3.example');
    await page.locator('.panel-pages .rows').waitFor();
    assert.equal(await page.locator('.panel-sites').count(), 0);
    await page.getByRole('button', { name: /^Site:/ }).click();
    await page.getByRole('button', { name: 'All sites' }).click();
    await list().first().waitFor();
    assert.match(page.url(), /\?list=1$/);
    await row('site-4.example').getByRole('button').click();
    await page.locator('.panel-pages .rows').waitFor();
    assert.match(page.url(), /\?site=site-4.example$/);
  });

  it('stays away from who has one site', async () => {
    mock.sites = [site(1)];
    mock.views = [];
    await open();
    await page.locator('.panel-pages .rows').waitFor();
    await page.getByRole('button', { name: /^Site:/ }).click();
    assert.equal(await page.getByRole('button', { name: 'All sites' }).count(), 0);
  });

  it('says what went wrong, and tries again', async () => {
    mock.mood = 'failing';
    await open();
    await page.getByRole('button', { name: /again/i }).waitFor();
    mock.mood = 'well';
    await page.getByRole('button', { name: /again/i }).click();
    await list().first().waitFor();
  });
});
