// New and returning visitors and cohorts on the dashboard of a site that knows visitors again.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PATIENCE_MS, waitFor } from '../flow/lib';
import { ROOT, launch } from './chromium';
import { CLUB, TOKEN, startMock, type Mock } from './mock';
import { LOOKS, assertAccessible, assertNothingSticksOut, newTab, type TabOptions } from './opening';

const MARCH = '&period=custom&from=2026-03-01&to=2026-03-10';

describe('visitors who are known again', () => {
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
    mock.sites = [...mock.sites, CLUB];
    await fresh({});
  });
  afterEach(async () => {
    await context.unrouteAll({ behavior: 'ignoreErrors' }); // one may be waiting for its answer
    await context.close();
    await mock.close();
  });

  const fresh = async (options: TabOptions): Promise<void> => {
    await context?.close();
    ({ context, page, complaints } = await newTab(browser, options));
  };
  const open = async (search = MARCH, site = 'club.example'): Promise<void> => {
    await page.goto(`${mock.url}/?site=${site}${search}#token=${TOKEN}`);
    await page.locator('.panel-pages .rows').waitFor();
  };
  const returning = () => page.locator('.panel-returning');
  const cohorts = () => page.locator('.panel-cohorts');
  const asked = () => mock.asked.filter(({ metrics }) => metrics.includes('unique_visitors'));

  it('shows them counted once, by the day, with the same in words', async () => {
    await open();
    await returning().locator('.bar-new').first().waitFor();
    const [unique, fresh, back] = (await returning().locator('.now-figure b, td:nth-child(2)').allInnerTexts())
      .slice(0, 3).map((text) => Number(text.replace(/,/g, '')));
    assert.ok(unique! > 0 && fresh! + back! === unique, `${unique} = ${fresh} + ${back}`);
    assert.equal(await returning().locator('svg g').count(), 10);
    assert.equal(await returning().locator('.unseen tbody tr').count(), 10);
    assert.match(await returning().locator('.unseen tbody tr').first().innerText(), /1 Mar\s+[\d,]+\s+[\d,]+/);
    assert.ok(asked().every(({ filters }) => filters === undefined));
    assert.equal(await returning().getByText('known again since').count(), 0);
    await open('&period=custom&from=2026-02-01&to=2026-03-10');
    await returning().getByText('known again since 20 Feb 2026').waitFor();
    assert.deepEqual(complaints, []);
  });

  it('draws days, weeks or months, and one day not at all', async () => {
    for (const [search, step, bars] of [
      ['&period=custom&from=2026-01-01&to=2026-04-30', 'time:week', 18],
      ['&period=custom&from=2025-03-01&to=2026-02-28', 'time:month', 12],
    ] as const) {
      await open(search);
      await waitFor(`${bars} bars`, PATIENCE_MS, async () => ((await returning().locator('svg g').count()) === bars ? true : undefined));
      assert.ok(asked().some(({ dimensions }) => dimensions?.[0] === step));
      assert.ok(!(await returning().locator('.unseen tbody').innerText()).includes('\t0\t0'), 'each bar has its figures');
    }
    mock.asked.length = 0;
    await open('&period=yesterday');
    await returning().getByRole('button', { name: 'Returning' }).waitFor();
    assert.equal(await returning().locator('svg').count(), 0);
    assert.ok(asked().every(({ dimensions }) => dimensions === undefined));
  });

  it('filters by a bar, which stays, by keyboard too', async () => {
    await open();
    await returning().getByRole('button', { name: 'Returning' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.chip', { hasText: 'Visitor is Returning' }).waitFor();
    await page.waitForURL(/f=visitor:returning/, { waitUntil: 'commit' });
    await waitFor('question of returning visitors', PATIENCE_MS, async () =>
      mock.asked.some(({ filters }) => JSON.stringify(filters) === '[["is","event:props:visitor",["returning"]]]') ? true : undefined);
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Returning');
    assert.equal(await returning().getByRole('button', { name: 'Returning' }).getAttribute('aria-pressed'), 'true');
    await page.keyboard.press('Enter');
    await page.locator('.chip').waitFor({ state: 'detached' });
  });

  it('says why it is silent under other filters', async () => {
    await open(`${MARCH}&f=country:FR`);
    await returning().getByText('take the filters away').waitFor();
    assert.equal(await cohorts().count(), 0);
    assert.deepEqual(asked(), []);
    await assertAccessible(page);
    await page.getByRole('button', { name: /Remove the filter/ }).click();
    await cohorts().locator('.heat').first().waitFor();
  });

  it('shows cohorts by weeks and months, the unfinished one marked', async () => {
    await open();
    await cohorts().locator('.heat').first().waitFor();
    // Of twelve weeks asked for, one was before anybody was known.
    assert.equal(await cohorts().locator('tbody tr').count(), 11);
    assert.equal(await cohorts().locator('.heat').count(), 55);
    assert.equal(await cohorts().locator('.heat.open').count(), 10);
    assert.match(await cohorts().locator('tbody tr').last().innerText(), /so far/);
    assert.match(await cohorts().locator('.heat').first().innerText(), /^\d+%\s+[\d,]+$/);
    assert.match((await cohorts().locator('.heat').first().getAttribute('title')) ?? '', /^[\d,]+ of [\d,]+ came in \d+ \w+ – \d+ \w+ \d{4}$/);
    await page.getByRole('tab', { name: 'Weeks' }).focus();
    await page.keyboard.press('ArrowRight');
    await cohorts().getByText('so far').first().waitFor();
    await cohorts().locator('th', { hasText: /^[A-Z][a-z]+ \d{4}$/ }).first().waitFor();
    await page.waitForURL(/cohorts=month/, { waitUntil: 'commit' });
    await page.reload();
    await cohorts().locator('th', { hasText: /^[A-Z][a-z]+ \d{4}$/ }).first().waitFor();
    assert.deepEqual(complaints, []);
  });

  it('asks nothing of sites that know nobody again', async () => {
    await open(MARCH, 'boulangerie-martin.fr');
    await page.locator('.reports .rows').first().waitFor();
    assert.equal(await returning().count() + (await cohorts().count()), 0);
    assert.deepEqual(asked(), []);
  });

  it('says that nobody has agreed yet, and what a banner has to call', async () => {
    await context.route('**/api/v2/cohorts?**', async (route) => {
      const response = await route.fetch();
      const reply = (await response.json()) as { cohorts: { visitors: number; returned: number[] }[] };
      const none = reply.cohorts.map((cohort) => ({ ...cohort, visitors: 0, returned: cohort.returned.map(() => 0) }));
      await route.fulfill({ response, json: { ...reply, cohorts: none } });
    });
    await context.route('**/api/v2/query', async (route) => {
      const { metrics } = route.request().postDataJSON() as { metrics: string[] };
      if (metrics[0] !== 'unique_visitors') return route.continue();
      return route.fulfill({ json: { results: [{ metrics: [0, 0, 0], dimensions: [] }], meta: { diary_from: null } } });
    });
    await open();
    await returning().getByText('Nobody who agreed').waitFor();
    await cohorts().getByText('Nobody who agreed').waitFor();
    await assertAccessible(page);
    mock.mood = 'empty';
    await page.goto(`${mock.url}/?site=club.example#token=${TOKEN}`);
    await page.getByText('tamis.consent(true)').waitFor();
    assert.match(await page.locator('pre').innerText(), /src="[^"]+\/t\.cookie\.js"/);
  });

  it('keeps the rest when cohorts fail, and tries again', async () => {
    await context.route('**/api/v2/cohorts?**', (route) => route.abort());
    await open();
    await cohorts().getByRole('alert').waitFor();
    await returning().getByRole('button', { name: 'Returning' }).waitFor();
    await context.unroute('**/api/v2/cohorts?**');
    await cohorts().getByRole('button', { name: 'Try again' }).click();
    await cohorts().locator('.heat').first().waitFor();
  });

  for (const [name, options] of LOOKS)
    it(`has no serious flaw for assistive technology, ${name}`, async () => {
      await fresh({ ...options, reducedMotion: 'reduce' });
      await open(`${MARCH}&f=visitor:new`);
      await cohorts().locator('.heat').first().waitFor();
      await assertAccessible(page);
      await assertNothingSticksOut(page);
      await page.getByRole('tab', { name: 'Months' }).click();
      await cohorts().locator('.heat').first().waitFor();
      await assertAccessible(page);
      assert.deepEqual(complaints, []);
    });
});
