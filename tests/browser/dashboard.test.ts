// The dashboard against the stand-in server: figures, filters, periods, failures, access for everyone.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PATIENCE_MS, waitFor } from '../flow/lib';
import { ROOT, launch } from './chromium';
import { TOKEN, startMock, type Mock } from './mock';
import { LOOKS, assertAccessible as assertAccessibleIn, assertNothingSticksOut, newTab, type TabOptions } from './opening';

describe('dashboard', () => {
  let mock: Mock;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  before(async () => {
    [mock, browser] = await Promise.all([startMock(ROOT), launch()]);
  });
  after(async () => {
    await browser.close();
    await mock.close();
  });
  beforeEach(async () => {
    mock.mood = 'well';
    mock.streams = true;
    mock.annotations = [];
    mock.asked.length = 0;
    await fresh({});
  });
  afterEach(async () => {
    await context.unrouteAll({ behavior: 'ignoreErrors' }); // one may be waiting for its answer
    await context.close();
  });

  const fresh = async (options: TabOptions): Promise<void> => {
    ({ context, page, complaints } = await newTab(browser, options));
  };
  const open = async (search = ''): Promise<void> => {
    await page.goto(`${mock.url}/${search}#token=${TOKEN}`);
  };
  const shown = async (search = ''): Promise<void> => {
    await open(search);
    await page.locator('.panel-pages .rows').waitFor();
    await page.locator('.u-over').waitFor();
  };
  /** Nothing that was asked is still to be answered. */
  const complete = async (search = ''): Promise<void> => {
    await shown(search);
    await page.locator('.bone').first().waitFor({ state: 'detached' });
    await page.locator('.live', { hasText: 'now' }).waitFor();
  };
  const hasAsked = (what: string, fits: (question: Mock['asked'][number]) => boolean): Promise<true> =>
    waitFor(`question ${what}`, PATIENCE_MS, async () => (mock.asked.some(fits) ? true : undefined));
  const value = (label: string): Promise<string> =>
    page.locator('.figure', { hasText: label }).locator('.figure-value').innerText();
  const assertAccessible = (): Promise<void> => assertAccessibleIn(page);

  it('says of how many the country is not known, and why', async () => {
    await complete();
    const panel = page.locator('.panel-countries');
    assert.match(await panel.innerText(), /\nNot known for [\d,]+\. Countries come from the browser/);
    assert.equal(await panel.getByRole('button', { name: 'Unknown' }).count(), 0);
    mock.mood = 'imported';
    await page.reload();
    assert.match(await panel.locator('.nothing').innerText(), /which access logs do not hold/);
    await assertAccessible();
  });

  it('shows five figures with their change, the chart and the panels', async () => {
    await shown();
    for (const label of ['Visitors', 'Visits', 'Page views', 'Bounce rate', 'Visit duration'])
      assert.match(await value(label), /\d/);
    assert.match(
      (await page.locator('.figure').first().locator('.moved').textContent()) ?? '',
      /(up|down) \d+% against/,
    );
    assert.deepEqual(await page.locator('.panel h2').allInnerTexts(), [
      'Pages', 'Sources', 'Countries', 'Devices', 'Events',
      'Outbound links', 'Downloads', 'Not found (404)', 'Site search', 'Form errors',
    ]);
    await page.getByRole('button', { name: 'France', exact: true }).waitFor();
    assert.equal(await page.locator('.chart table tbody tr').count(), 28);
    assert.match(await page.locator('#added-up').innerText(), /daily visitors, added up/);
    assert.deepEqual(complaints, []);
  });

  it('shows web vitals where something was measured, and judges them', async () => {
    mock.mood = 'measured';
    await shown();
    const panel = page.locator('.panel-vitals');
    await panel.locator('tbody tr').first().waitFor();
    const words = await panel.locator('dd').allInnerTexts();
    assert.equal(words.length, 3);
    for (const text of words) assert.match(text, /^[\d.]+( m?s)? (Good|Needs improvement|Poor)$/);
    await panel.getByRole('button', { name: '/nos-pains' }).click();
    await page.locator('.chip', { hasText: '/nos-pains' }).waitFor();
    await assertAccessible();
    mock.mood = 'well';
    await complete();
    assert.equal(await panel.count(), 0);
  });

  it('takes the token out of the address bar and keeps it for the tab', async () => {
    await shown();
    assert.ok(!page.url().includes('token'));
    await page.reload();
    await page.locator('.panel-pages .rows').waitFor();
  });

  it('filters everything by a click, undone by the chip and by going back', async () => {
    await shown();
    const whole = await value('Visitors');
    await page.getByRole('button', { name: '/nos-pains' }).click();
    await page.locator('.chip', { hasText: '/nos-pains' }).waitFor();
    await page.waitForFunction(
      (before) => document.querySelector('.figure-value')?.textContent !== before,
      whole,
    );
    assert.ok(page.url().includes('f=page:/nos-pains'));
    const filtered = await waitFor('question of every panel', PATIENCE_MS, async () => {
      const asked = mock.asked.filter(({ filters }) => filters?.some(([, name]) => name === 'event:page'));
      return new Set(asked.map(({ dimensions }) => dimensions?.[0] ?? '')).size === 11 ? asked : undefined;
    });
    assert.deepEqual(filtered[0]?.filters?.[0], ['is', 'event:page', ['/nos-pains']]);

    await page.goBack();
    await page.locator('.chip').waitFor({ state: 'detached' });
    await page.goForward();
    await page.getByRole('button', { name: /Remove the filter Page is/ }).click();
    await page.locator('.chip').waitFor({ state: 'detached' });
    await page.waitForFunction((before) => document.querySelector('.figure-value')?.textContent === before, whole);
  });

  it('opens a shared address as it was', async () => {
    await shown('?site=boulangerie-martin.fr&period=7d&figure=visits&f=country:FR&pages=entry');
    assert.equal(await page.getByRole('tab', { name: 'Entry' }).getAttribute('aria-selected'), 'true');
    assert.equal(await page.locator('.figure[aria-pressed=true] .figure-label').innerText(), 'Visits');
    await page.locator('.chip', { hasText: 'Country is France' }).waitFor();
    assert.equal(await page.locator('.chart table tbody tr').count(), 7);
  });

  it('draws today by hours and compares it with the same hours of yesterday', async () => {
    await shown('?period=today');
    assert.equal(await page.locator('.chart table tbody tr').count(), 24);
    await hasAsked('by the hour', ({ dimensions }) => dimensions?.[0] === 'time:hour');
    await hasAsked('of the same hours', ({ date_range: range, metrics }) => Array.isArray(range) && range[0].includes('T') && metrics.length === 5);
    assert.equal(await page.locator('#added-up').count(), 0);
  });

  it('picks periods and custom days', async () => {
    await shown();
    await page.getByRole('button', { name: /^Period/ }).click();
    await page.getByRole('button', { name: 'Last 12 months' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.chart table tbody tr').length === 12);
    await page.getByRole('button', { name: /^Period/ }).click();
    await page.getByLabel('From', { exact: true }).fill('2026-03-02');
    await page.getByLabel('To', { exact: true }).fill('2026-03-06');
    await page.getByRole('button', { name: 'Show these days' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.chart table tbody tr').length === 5);
    await page.waitForURL(/period=custom&from=2026-03-02&to=2026-03-06/, { waitUntil: 'commit' });
  });

  it('switches tabs by keyboard, sites by the menu', async () => {
    await shown();
    await page.getByRole('tab', { name: 'Channels' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('button', { name: 'lefooding.com', exact: true }).waitFor();
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Sources');
    await page.getByRole('button', { name: /^Site:/ }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^Site:/ }).click();
    await page.locator('.menu-item', { hasText: 'atelier' }).click();
    await page.locator('.panel-pages .rows').waitFor();
    await hasAsked('of the other site', ({ site_id: site }) => site.startsWith('atelier'));
  });

  it('says who is there now, as it is told', async () => {
    await shown();
    await page.locator('.live', { hasText: '7 visitors now' }).waitFor();
    mock.tell({ current_visitors: 1 });
    await page.locator('.live', { hasText: '1 visitor now' }).waitFor();
    mock.tell({ current_visitors: 7 });
  });

  it('says when rows are not shown', async () => {
    await context.route('**/api/v2/query', async (route) => {
      const response = await route.fetch();
      const reply = (await response.json()) as { results: unknown[]; meta: Record<string, number> };
      await route.fulfill({ response, json: { ...reply, meta: { hidden_below: 5 } } });
    });
    await shown('?f=country:FR');
    await page.locator('.panel-devices', { hasText: 'Rows of fewer than 5 visitors are not shown' }).waitFor();
  });

  it('says when a part of the period cannot be told any more, once', async () => {
    const range = 'period=custom&from=2026-03-01&to=2026-03-10';
    const purge = (which: (dimensions: string[]) => boolean): Promise<void> =>
      context.route('**/api/v2/query', async (route) => {
        const { dimensions = [] } = route.request().postDataJSON() as { dimensions?: string[] };
        if (!which(dimensions)) return route.fallback();
        const response = await route.fetch();
        const reply = (await response.json()) as { meta: Record<string, unknown> };
        return route.fulfill({ response, json: { ...reply, meta: { raw_rows_from: '2026-03-05' } } });
      });
    const note = (panel: string) => page.locator(panel).getByText('Of the days since 5 Mar 2026 only');
    await complete(`?${range}`);
    assert.equal(await page.locator('.reach-note').count(), 0);
    await purge(([dimension]) => dimension === 'event:page');
    await page.reload();
    await note('.panel-pages').waitFor();
    assert.equal(await page.locator('.reach-note').count(), 1);
    await purge(() => true);
    await complete(`?${range}&f=country:FR`);
    await note('.overview').waitFor();
    assert.ok(!(await note('.panel-pages').isVisible()));
    await assertAccessible();
  });

  it('reports on the links, files, searches and errors there are', async () => {
    await complete();
    const clicked = page.locator('.panel-outbound');
    assert.equal(await clicked.locator('tbody tr').count(), 4);
    await clicked.getByRole('button', { name: 'www.openstreetmap.org/node/240109189' }).click();
    await page.locator('.chip', { hasText: 'Link is www.openstreetmap.org/node/240109189' }).waitFor();
    await hasAsked('about that link', ({ filters = [], dimensions }) =>
      JSON.stringify([dimensions, ...filters]) ===
      '[["event:page"],["is","event:name",["Outbound Link: Click"]],["is","event:props:url",["www.openstreetmap.org/node/240109189"]]]');
    await page.goBack();
    await page.getByRole('tab', { name: 'Without results' }).click();
    await hasAsked('about searches in vain', ({ filters = [] }) =>
      JSON.stringify(filters) === '[["is","event:name",["Site Search"]],["is","event:props:results",["0"]]]');
    assert.ok(page.url().includes('search=search_in_vain'));
    assert.deepEqual(complaints, []);
  });

  it('shows no reports where there is nothing to report, nor asks for properties that are not kept', async () => {
    mock.mood = 'imported';
    await complete();
    assert.equal(await page.locator('.reports').count(), 0);
    mock.mood = 'well';
    mock.asked.length = 0;
    await complete('?site=atelier-des-trois-ponts-et-chaussees.example.com'); // cnil
    assert.equal(await page.locator('.reports').count(), 0);
    assert.ok(!mock.asked.some((question) => JSON.stringify(question).includes('event:props:')));
  });

  it('shows more rows on demand', async () => {
    await shown();
    assert.equal(await page.locator('.panel-pages tbody tr').count(), 8);
    await page.getByRole('button', { name: 'Show more pages' }).click();
    await page.getByRole('button', { name: '/plan-du-site' }).waitFor();
  });

  it('says what to paste when nobody has come yet', async () => {
    mock.mood = 'empty';
    await open();
    await page.getByRole('heading', { name: 'Waiting for the first visitor' }).waitFor();
    const snippet = await page.locator('pre').innerText();
    assert.equal(snippet, `<script defer data-domain="boulangerie-martin.fr" src="${mock.url}/t.js"></script>`);
    await assertAccessible();
  });

  it('explains a failure and recovers', async () => {
    mock.mood = 'failing';
    await open();
    await page.getByText('The server failed to answer.').first().waitFor();
    // Said once: the panels, which may have failed first, stand back.
    await page.locator('.overview').getByRole('alert').waitFor();
    await page.locator('.panel').first().waitFor({ state: 'detached' });
    assert.equal(await page.getByRole('alert').count(), 1);
    mock.mood = 'well';
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.panel-pages .rows').waitFor();
    await page.locator('.u-over').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
  });

  it('keeps the rest when one panel fails', async () => {
    await complete();
    mock.mood = 'failing';
    await page.getByRole('tab', { name: 'Browser' }).click();
    await page.locator('.panel-devices').getByRole('alert').waitFor();
    assert.equal(await page.getByRole('alert').count(), 1);
    await page.locator('.panel-pages .rows').waitFor();
    mock.mood = 'well';
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Firefox' }).waitFor();
  });

  it('says that the server cannot be reached', async () => {
    await context.route('**/api/**', (route) => route.abort());
    await open();
    await page.getByText('The server cannot be reached.').waitFor();
    await context.unroute('**/api/**');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.panel-pages .rows').waitFor();
  });

  it('gives up on a server that does not answer', async () => {
    await page.clock.install();
    mock.mood = 'hanging';
    await open();
    await page.locator('[aria-busy]').waitFor();
    await page.clock.fastForward(21_000);
    await page.getByText('The server took too long').first().waitFor();
  });

  it('asks for a token, and again when it is refused', async () => {
    await page.goto(mock.url);
    await page.getByLabel('Token').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('This token is not accepted').waitFor();
    await assertAccessible();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('.panel-pages .rows').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token').waitFor();
    assert.equal(await page.evaluate('sessionStorage.length'), 0);
  });

  for (const [name, options] of LOOKS)
    it(`has no serious flaw for assistive technology, ${name}`, async () => {
      await context.close();
      await fresh({ ...options, reducedMotion: 'reduce' });
      await shown('?f=page:/&f=country:FR');
      await assertAccessible();
      await page.getByRole('button', { name: /^Period/ }).click();
      await assertAccessible();
      await assertNothingSticksOut(page);
      assert.deepEqual(complaints, []);
    });
});
