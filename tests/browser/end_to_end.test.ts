// The whole way: a browser visits a page with t.js, the real server counts it, its dashboard shows it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import type { Response } from 'playwright-core';
import { addSite, clearOfMidnight, PATIENCE_MS, query, removeFolder, startServer, tempFolder, waitFor } from '../flow/lib';
import { USER_AGENT, launch } from './chromium';

const BUDGET_MS = 2_000; // DESIGN.md: queryable within 2 s

const isPageview = (response: Response): boolean => response.request().postDataJSON()?.n === 'pageview';

it('counts a visit within 2 s and shows it', { skip: !process.env['TAMIS_BIN'] && 'TAMIS_BIN is not set' }, async (test) => {
  await clearOfMidnight();
  const data = tempFolder('browser');
  const server = await startServer(data);
  test.after(async () => {
    await server.stop();
    removeFolder(data);
  });
  const token = addSite(data, 'shop.example');

  const pages = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(
      `<!doctype html><title>Shop</title><h1>Shop</h1>
       <script defer data-domain="shop.example" data-local src="${server.url}/t.js"></script>`,
    );
  });
  await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done));
  test.after(() => pages.close());
  // The page stands under the site's own name, as it would in the world.
  const port = (pages.address() as AddressInfo).port;

  const browser = await launch('--host-resolver-rules=MAP shop.example 127.0.0.1');
  test.after(() => browser.close());
  const context = await browser.newContext({ userAgent: USER_AGENT });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  // The best of some visits counts: a busy machine is late now and then, a slow server each time.
  let best = Infinity;
  let visits = 0;
  while (best > BUDGET_MS && visits < 10) {
    const acknowledged = page.waitForResponse((response) => response.url().endsWith('/api/event') && isPageview(response));
    await page.goto(`http://shop.example:${port}/shop?utm_source=newsletter`);
    const response = await acknowledged;
    const began = Date.now();
    assert.equal(response.status(), 202);
    assert.equal(response.headers()['x-plausible-dropped'], undefined, 'the server dropped the event');
    visits++;
    const { results } = await waitFor('the page view', PATIENCE_MS, async () => {
      const reply = await query(server.url, token, {
        site_id: 'shop.example', metrics: ['visitors', 'pageviews'], date_range: 'day', dimensions: ['event:page'],
      });
      return (reply.results[0]?.metrics[1] ?? 0) >= visits ? reply : undefined;
    });
    best = Math.min(best, Date.now() - began);
    assert.deepEqual(results, [{ metrics: [1, visits], dimensions: ['/shop'] }]);
  }
  assert.ok(best <= BUDGET_MS, `${best} ms at best`);

  const complaints: string[] = [];
  const dashboard = await context.newPage();
  dashboard.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
  });
  await dashboard.goto(`${server.url}/?period=today#token=${token}`);
  await dashboard.getByRole('button', { name: '/shop' }).waitFor();
  await dashboard.locator('.live', { hasText: '1 visitor now' }).waitFor();
  assert.equal(await dashboard.locator('.figure-value').first().innerText(), '1');
  assert.equal(await dashboard.getByRole('alert').count(), 0);
  assert.deepEqual(complaints, []);
});
