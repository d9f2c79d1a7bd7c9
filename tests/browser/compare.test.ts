// What a period is compared with is picked in its menu, and stands in the address.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { PATIENCE_MS, waitFor } from '../flow/lib';
import { COMPARISONS, daysBefore, type Comparison } from '../../web/dashboard/data/compare';
import { ROOT, USER_AGENT, launch } from './chromium';
import { TOKEN, startMock, type Mock } from './mock';

describe('comparison', () => {
  let mock: Mock;
  let browser: Browser;
  let page: Page;
  before(async () => {
    [mock, browser] = await Promise.all([startMock(ROOT), launch()]);
  });
  after(async () => {
    await browser.close();
    await mock.close();
  });
  beforeEach(async () => {
    page = await (await browser.newContext({ userAgent: USER_AGENT, viewport: { width: 1280, height: 900 } })).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    mock.asked.length = 0;
  });

  /** 7 to 16 November 2026: ten days, from a Saturday. */
  const DAYS = '?site=boulangerie-martin.fr&period=custom&from=2026-11-07&to=2026-11-16';
  const BEFORE: Record<Comparison, [string, string]> = {
    previous: ['2026-10-28', '2026-11-06'],
    weekdays: ['2026-10-24', '2026-11-02'], // two weeks: from a Saturday too
    year: ['2025-11-07', '2025-11-16'],
    'year-weekdays': ['2025-11-08', '2025-11-17'],
  };
  const hasAsked = (range: [string, string]): Promise<true> =>
    waitFor(`question about ${range.join()}`, PATIENCE_MS, async () => (mock.asked.some((q) => String(q.date_range) === range.join()) ? true : undefined));
  const shown = async (search: string): Promise<void> => {
    await page.goto(`${mock.url}/${search}#token=${TOKEN}`);
    await page.locator('.u-over').waitFor();
  };

  it('is picked in the menu', async () => {
    await shown(DAYS);
    await hasAsked(BEFORE.previous);
    for (const [comparison, text] of Object.entries(COMPARISONS).slice(1)) {
      await page.getByRole('button', { name: /^Period/ }).click();
      await page.getByRole('group', { name: 'Compare with' }).getByRole('button', { name: text, exact: true }).click();
      await hasAsked(BEFORE[comparison as Comparison]);
      assert.equal(new URL(page.url()).searchParams.get('compare'), comparison);
    }
    await page.getByRole('button', { name: /^Period/ }).click();
    await page.locator('.menu-item[aria-current]', { hasText: COMPARISONS['year-weekdays'] }).waitFor();
  });

  it('stands in a shared address; what is none there is the usual one', async () => {
    await shown(`${DAYS}&compare=year`);
    await hasAsked(BEFORE.year);
    await shown(`${DAYS}&compare=toString`);
    await hasAsked(BEFORE.previous);
    await shown('?period=toString');
    await page.getByRole('button', { name: 'Period: Last 28 days' }).waitFor();
  });

  it('never matches weekdays of the period itself, and ends a February in a February', () => {
    assert.deepEqual(daysBefore('weekdays', '2026-11-16', '2026-11-22'), ['2026-11-09', '2026-11-15']);
    assert.deepEqual(daysBefore('weekdays', '2026-11-24', '2026-11-24'), ['2026-11-17', '2026-11-17']);
    assert.deepEqual(daysBefore('year', '2024-02-29', '2024-02-29'), ['2023-02-28', '2023-02-28']);
  });
});
