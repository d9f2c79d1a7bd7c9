// What the tests of the dashboard share: a tab that writes down what goes wrong in it, and a look with the eyes of
// assistive technology.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PATIENCE_MS } from '../flow/lib';
import { ROOT, USER_AGENT } from './chromium';

export type TabOptions = Parameters<Browser['newContext']>[0];

export interface Tab {
  context: BrowserContext;
  page: Page;
  complaints: string[]; // errors of scripts, and what the content security policy forbade
}

export async function newTab(browser: Browser, options: TabOptions = {}): Promise<Tab> {
  const context = await browser.newContext({ userAgent: USER_AGENT, viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
  });
  return { context, page, complaints };
}

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

let axe: string | undefined;

/** No serious flaw for assistive technology, once nothing is loading: skeletons fade in, what is asked for anew is pale. */
export async function assertAccessible(page: Page): Promise<void> {
  await page.locator('.bone, .stale').first().waitFor({ state: 'detached' });
  await page.evaluate((axe ??= readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')));
  const { violations } = (await page.evaluate("axe.run(document, {resultTypes: ['violations']})")) as { violations: Violation[] };
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`), []);
}

/** Nothing is wider than the window. */
export async function assertNothingSticksOut(page: Page): Promise<void> {
  const wide = Number(await page.evaluate('document.documentElement.scrollWidth'));
  assert.equal(wide, page.viewportSize()?.width, 'nothing sticks out');
}

/** How a dashboard may be looked at. */
export const LOOKS: [name: string, options: TabOptions][] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['on a phone', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ['on a phone in the dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true }],
];
