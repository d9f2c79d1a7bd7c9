// Pictures of the dashboard: node screenshots.cjs OUTDIR [URL TOKEN] — whole ones of a running server; without one, of
// the stand-in, what is hard to come by: a filter with a long name, an open menu, an empty site, a failing server.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { ROOT, launch } from '../tests/browser/chromium';
import type { Annotation, Site } from '../web/dashboard/data/api';
import { CLUB, TOKEN, startMock, type Mock, type Mood } from '../tests/browser/mock';

interface Shot {
  name: string;
  options: BrowserContextOptions;
  search?: string;
  mood?: Mood; // of the stand-in only
  more?: Site[]; // sites beside its own
  act?: (page: Page) => Promise<void>;
  whole?: boolean;
}

const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true };

/** Nothing has been loading for a while: reports are asked for when the rest has come. */
const settled = async (page: Page): Promise<void> => {
  for (let still = 0; still < 8; still++) {
    if (await page.locator('.skeleton').count()) still = -1;
    await page.waitForTimeout(100);
  }
};

const shown = async (page: Page): Promise<void> => {
  await page.locator('.panel-devices .rows').waitFor();
  await page.locator('.u-over').waitFor();
  await settled(page);
};

const measured = async (page: Page): Promise<void> => {
  await shown(page);
  await page.locator('.panel-vitals .rows').waitFor();
  await page.locator('.foot').scrollIntoViewIfNeeded();
};

const known = async (page: Page): Promise<void> => {
  await shown(page);
  await page.locator('.panel-cohorts .heat').first().waitFor();
  await page.locator('.panel-returning').evaluate((panel) => panel.scrollIntoView());
};

const listed = async (page: Page): Promise<void> => {
  await page.locator('.headlines-sites tbody tr').first().waitFor();
  await settled(page);
};

const liveShown = async (page: Page): Promise<void> => {
  await shown(page);
  await page.locator('.now .rows').first().waitFor();
  await page.locator('.mark').first().focus();
};

const shots: Shot[] = [
  { name: 'light', options: { ...desktop, colorScheme: 'light' }, act: shown, whole: true },
  { name: 'dark', options: { ...desktop, colorScheme: 'dark' }, act: shown, whole: true },
  { name: 'phone-light', options: { ...phone, colorScheme: 'light' }, act: shown, whole: true },
  { name: 'phone-dark', options: { ...phone, colorScheme: 'dark' }, act: shown },
];

const standInShots: Shot[] = [
  {
    name: 'filter',
    options: desktop,
    search: '?period=today&figure=pageviews&f=country:FR&f=page:/blog/pourquoi-nous-avons-choisi-les-farines-anciennes-de-la-drome-et-ce-que-cela-change-au-gout',
    act: async (page) => {
      await shown(page);
      await page.locator('.u-over').hover({ position: { x: 300, y: 90 } });
    },
  },
  {
    name: 'period',
    options: { ...desktop, colorScheme: 'dark' },
    search: '?period=12mo',
    act: async (page) => {
      await shown(page);
      await page.getByRole('button', { name: /^Period/ }).focus();
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
    },
  },
  { name: 'live', options: desktop, search: '?live=1', act: (page) => liveShown(page), whole: true },
  { name: 'live-dark', options: { ...desktop, colorScheme: 'dark' }, search: '?live=1&period=month', act: (page) => liveShown(page) },
  { name: 'live-phone', options: phone, search: '?live=1&f=segment:Regulars', act: (page) => liveShown(page), whole: true },
  { name: 'empty', options: desktop, mood: 'empty', act: (page) => page.locator('.empty').waitFor() },
  { name: 'no-countries', options: { ...phone, colorScheme: 'light' }, mood: 'imported', act: shown, whole: true },
  { name: 'vitals', options: desktop, mood: 'measured', act: measured },
  { name: 'phone-vitals', options: { ...phone, colorScheme: 'dark' }, mood: 'measured', act: measured, whole: true },
  { name: 'known', options: desktop, search: '?site=club.example', more: [CLUB], act: known },
  { name: 'phone-known', options: { ...phone, colorScheme: 'dark' }, search: '?site=club.example&f=visitor:returning&cohorts=month', more: [CLUB], act: known, whole: true },
  { name: 'sites', options: desktop, more: [CLUB], act: listed },
  { name: 'phone-sites', options: { ...phone, colorScheme: 'dark' }, more: [CLUB], act: listed, whole: true },
  { name: 'failing', options: desktop, mood: 'failing', act: (page) => page.locator('.overview .error-note').waitFor() },
];

/** Some days ago, and for some days. */
function notes(): Annotation[] {
  const day = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  return [
    { id: 1, date: day(17), to: day(17), text: 'The new oven, and a line in the local paper' },
    { id: 2, date: day(6), to: day(4), text: 'Christmas market' },
  ];
}

async function take(shot: Shot, url: string, token: string, out: string): Promise<void> {
  const browser = await launch();
  try {
    const context = await browser.newContext({ ...shot.options, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(`${url}/${shot.search ?? ''}${token && `#token=${token}`}`);
    await shot.act?.(page);
    await page.screenshot({ path: join(out, `dashboard-${shot.name}.png`), fullPage: shot.whole ?? false });
  } finally {
    await browser.close();
  }
}

async function main(): Promise<void> {
  const [out = join(ROOT, 'docs/img'), url, token = ''] = process.argv.slice(2);
  mkdirSync(out, { recursive: true });
  const mock: Mock | null = url ? null : await startMock(ROOT);
  const own = mock?.sites ?? [];
  if (mock) mock.annotations = notes();
  for (const shot of mock ? standInShots : shots) {
    if (mock) mock.mood = shot.mood ?? 'well';
    if (mock) mock.sites = [...own, ...(shot.more ?? [])];
    await take(shot, url ?? mock?.url ?? '', url ? token : TOKEN, out);
    console.log(`dashboard-${shot.name}.png`);
  }
  if (mock) {
    await take({ name: 'login', options: desktop }, mock.url, '', out);
    await mock.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
