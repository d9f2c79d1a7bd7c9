// The last half hour on the dashboard: sent, or asked for; segments in the filter bar; notes on the chart.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PATIENCE_MS, waitFor } from '../flow/lib';
import { ROOT, launch } from './chromium';
import { TOKEN, startMock, type Mock } from './mock';
import { LOOKS, assertAccessible as assertAccessibleIn, assertNothingSticksOut, newTab, type TabOptions } from './opening';

describe('live, segments and notes', () => {
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
    await fresh({});
  });
  afterEach(async () => {
    await context.close();
    await mock.close();
  });

  const fresh = async (options: TabOptions): Promise<void> => {
    await context?.close();
    ({ context, page, complaints } = await newTab(browser, options));
  };
  const open = async (search = ''): Promise<void> => {
    await page.goto(`${mock.url}/${search}#token=${TOKEN}`);
    await page.locator('.panel-pages .rows').waitFor();
  };
  const now = () => page.locator('.now');
  const listeners = (count: number): Promise<true> =>
    waitFor(`${count} listeners`, PATIENCE_MS, async () => (mock.listeners() === count ? true : undefined));
  const assertAccessible = async (): Promise<void> => {
    await assertAccessibleIn(page);
    assert.deepEqual(complaints, []);
  };

  it('opens and closes the last half hour, by keyboard too', async () => {
    await open();
    const button = page.getByRole('button', { name: /7 visitors now/ });
    assert.equal(await button.getAttribute('aria-expanded'), 'false');
    await button.focus();
    await page.keyboard.press('Enter');
    await now().getByRole('heading', { name: 'The last 30 minutes' }).waitFor();
    assert.equal(await button.getAttribute('aria-expanded'), 'true');
    assert.match(page.url(), /live=1/);
    assert.match(await now().innerText(), /7\s+visitors now\s+31 visitors and 74 page views/);
    assert.equal(await now().locator('.minute-room').count(), 30);
    await now().getByRole('img', { name: /in all, 8 at most$/ }).waitFor();
    assert.deepEqual(await now().locator('thead th:first-child').allInnerTexts(), ['Pages', 'Sources', 'Countries']);
    assert.match(await now().innerText(), /\/nos-pains\s+9/);
    assert.match(await now().innerText(), /France\s+26/);
    await now().getByRole('button', { name: /Close/ }).click();
    await now().waitFor({ state: 'detached' });
    await page.goBack();
    await now().waitFor();
  });

  it('follows what it is told', async () => {
    await open('?live=1');
    await now().locator('.now-figure b', { hasText: '7' }).waitFor();
    mock.tell({ current_visitors: 12, pages: [{ name: '/nouveau', visitors: 12 }] });
    await now().locator('.now-figure b', { hasText: '12' }).waitFor();
    assert.match(await now().innerText(), /\/nouveau\s+12/);
    assert.equal(mock.listeners(), 1);
    await page.goto('about:blank');
    await listeners(0);
  });

  it('asks where nothing is sent, and listens again later', async () => {
    mock.streams = false;
    await page.clock.install();
    await open('?live=1');
    await now().locator('.now-figure b', { hasText: '7' }).waitFor();
    mock.tell({ current_visitors: 9 });
    await page.clock.runFor(11_000);
    await now().locator('.now-figure b', { hasText: '9' }).waitFor();
    assert.equal(mock.listeners(), 0);
    mock.streams = true;
    for (let round = 0; round < 8 && mock.listeners() === 0; round++) await page.clock.runFor(10_000);
    await listeners(1);
  });

  it('says when live figures cannot be had, and that few are not shown', async () => {
    await context.route('**/api/v2/realtime**', (route) => route.abort());
    await open('?live=1');
    await now().getByText('The live figures cannot be reached.').waitFor();
    await page.getByRole('button', { name: /– visitors now/ }).waitFor();
    await assertAccessible();
    await context.unroute('**/api/v2/realtime**');
    mock.tell({ pages: [], sources: [], countries: [], meta: { hidden_below: 5 } });
    await page.reload();
    await now().getByText('None, or fewer than 5 visitors.').first().waitFor();
    assert.equal(await now().getByText('None, or fewer than 5 visitors.').count(), 3);
    await assertAccessible();
  });

  it('filters by a segment, which is a chip and part of the address', async () => {
    await open();
    await page.getByRole('button', { name: 'Filter by: Segments' }).click();
    await page.locator('.menu-item', { hasText: 'Regulars' }).click();
    await page.locator('.chip', { hasText: 'Segment is Regulars' }).waitFor();
    await page.waitForURL(/f=segment:Regulars/, { waitUntil: 'commit' });
    await waitFor('question of the segment', PATIENCE_MS, async () =>
      mock.asked.some(({ filters }) => JSON.stringify(filters) === '[["is","segment",["Regulars"]]]') ? true : undefined);
    await page.getByRole('button', { name: 'Filter by: Segments' }).click();
    assert.equal(await page.locator('.menu-item[aria-current]').innerText(), 'Regulars');
    await page.locator('.menu-item', { hasText: 'Regulars' }).click();
    await page.locator('.chip').waitFor({ state: 'detached' });
  });

  it('shows notes on the chart, to point at and to focus', async () => {
    mock.annotations = [
      { id: 1, date: '2026-03-03', to: '2026-03-03', text: 'New oven' },
      { id: 2, date: '2026-03-03', to: '2026-03-05', text: 'Fair' },
      { id: 3, date: '2026-02-20', to: '2026-03-02', text: 'Holidays' },
    ];
    await open('?period=custom&from=2026-03-01&to=2026-03-10');
    const notes = page.getByRole('list', { name: 'Notes on days' });
    await notes.getByRole('button').first().waitFor();
    const marks = notes.getByRole('button');
    assert.deepEqual(await marks.evaluateAll((all) => all.map((each) => each.getAttribute('aria-label'))), [
      '20 Feb – 2 Mar 2026: Holidays', '3 Mar 2026: New oven; 3 Mar – 5 Mar 2026: Fair',
    ]);
    const text = notes.locator('.mark-text').nth(1);
    assert.ok(!(await text.isVisible()));
    await marks.nth(1).focus();
    assert.ok(await text.isVisible());
    await page.keyboard.press('Tab');
    assert.ok(!(await text.isVisible()));
    await marks.nth(1).hover();
    assert.ok(await text.isVisible());
    const [first, second] = await marks.evaluateAll((all) => all.map((each) => each.getBoundingClientRect().x));
    assert.ok(first! < second!);
    await assertAccessible();
  });

  for (const [name, options] of LOOKS)
    it(`has no serious flaw for assistive technology, ${name}`, async () => {
      await fresh({ ...options, reducedMotion: 'reduce' });
      mock.annotations = [{ id: 1, date: '2026-03-03', to: '2026-03-03', text: 'New oven, and a line in the local paper about it' }];
      await open('?live=1&period=custom&from=2026-03-01&to=2026-03-10&f=segment:Regulars');
      await now().locator('.rows').first().waitFor();
      await assertAccessible();
      await assertNothingSticksOut(page);
    });
});
