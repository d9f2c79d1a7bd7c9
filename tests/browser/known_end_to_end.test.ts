// The whole way of a visitor who agrees: t.cookie.js, the real server's diary, the dashboard; then withdraws.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { addSite, clearOfMidnight, findBytes, isoDay, PATIENCE_MS, query, removeFolder, startServer, tempFolder, toldClock, waitFor } from '../flow/lib';
import { launch } from './chromium';
import { assertAccessible, newTab, type Tab } from './opening';

const SITE = 'shop.example';
const DAY_MS = 86_400_000;
const METRICS = ['unique_visitors', 'new_visitors', 'returning_visitors'];

it('knows who comes back the next day, and forgets who withdraws', { skip: !process.env['TAMIS_BIN'] && 'TAMIS_BIN is not set' }, async (test) => {
  await clearOfMidnight();
  const [first, second] = [0, 1].map((days) => isoDay(new Date(Date.now() + days * DAY_MS))) as [string, string];
  const data = tempFolder('known');
  const clock = toldClock(`${data}/../clock`, `${first}T10:00:00Z`);
  const server = await startServer(data, { env: clock.env });
  test.after(async () => {
    await server.stop();
    removeFolder(data);
  });
  const token = addSite(data, SITE, '--timezone', 'UTC', '--profile', 'consented', '--visitor-cookie', 'on');

  const pages = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(
      `<!doctype html><title>Shop</title><h1>Shop</h1>
       <script defer data-domain="${SITE}" data-local src="${server.url}/t.cookie.js"></script>`,
    );
  });
  await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done));
  test.after(() => pages.close());
  const shop = `http://${SITE}:${(pages.address() as AddressInfo).port}`;

  const browser = await launch(`--host-resolver-rules=MAP ${SITE} 127.0.0.1`);
  test.after(() => browser.close());
  const visit = ({ page }: Tab, path: string): Promise<unknown> => page.goto(shop + path);
  const consent = ({ page }: Tab, given: boolean): Promise<unknown> => page.evaluate(`tamis.consent(${given})`);
  const ask = async (metrics: string[], more: Record<string, unknown> = {}) =>
    (await query(server.url, token, { site_id: SITE, metrics, date_range: [first, second], ...more })).results;
  /** Waits for the figures: what is acknowledged can be asked for a moment later. */
  const become = (expected: number[], metrics: string[], more: Record<string, unknown> = {}): Promise<true> =>
    waitFor(`${metrics.join()} of ${expected.join()}`, PATIENCE_MS, async () =>
      JSON.stringify((await ask(metrics, more))[0]?.metrics) === JSON.stringify(expected) ? true : undefined);

  const [anna, ben, undecided] = (await Promise.all([newTab(browser), newTab(browser), newTab(browser)])) as [Tab, Tab, Tab];
  for (const tab of [anna, ben, undecided]) await visit(tab, '/');
  await consent(anna, true);
  await consent(ben, true);
  await become([2, 2, 0], METRICS);
  await become([2, 2], ['visitors', 'pageviews']);
  const ids = (await Promise.all([anna, ben].map(({ context }) => context.cookies()))).map(([cookie]) => cookie!.value);

  clock.tell(`${second}T10:00:00Z`);
  await visit(anna, '/again');
  await become([2, 2, 0], METRICS, { date_range: [first, second] });
  await become([1, 0, 1], METRICS, { date_range: [second, second] });
  assert.deepEqual(await ask(METRICS, { dimensions: ['time:day'] }), [
    { metrics: [2, 2, 0], dimensions: [first] },
    { metrics: [1, 0, 1], dimensions: [second] },
  ]);
  const returning = { filters: [['is', 'event:props:visitor', ['returning']]] };
  await become([1, 1], ['visitors', 'pageviews'], returning);

  const { page, complaints } = await newTab(browser);
  await page.goto(`${server.url}/?period=custom&from=${first}&to=${second}&cohorts=month#token=${token}`);
  await page.locator('.panel-cohorts tbody tr').first().waitFor();
  assert.deepEqual(await page.locator('.panel-returning .rows td:nth-child(2)').allInnerTexts(), ['2', '0']);
  assert.equal(await page.locator('.panel-cohorts tbody tr').first().locator('td').first().innerText(), '2');
  await page.locator('.panel-returning').getByRole('button', { name: 'Returning' }).click();
  await page.locator('.chip', { hasText: 'Visitor is Returning' }).waitFor();
  await page.locator('.panel-pages').getByRole('button', { name: '/again' }).waitFor();
  await page.locator('.panel-pages').getByRole('button', { name: '/', exact: true }).waitFor({ state: 'detached' });
  await assertAccessible(page);
  assert.deepEqual(complaints, []);

  const acknowledged = anna.page.waitForResponse((response) => response.url().endsWith('/api/forget'));
  await consent(anna, false);
  assert.equal((await acknowledged).status(), 202);
  await become([1, 1, 0], METRICS);
  assert.deepEqual(await anna.context.cookies(), []);
  assert.deepEqual(await findBytes(data, ids.map((id) => id.split('.')[1]!)), []);
});
