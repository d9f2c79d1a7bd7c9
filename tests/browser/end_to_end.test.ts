// The whole way: a browser visits a page with t.js, the real server counts it, its dashboard shows it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { addSite, removeFolder, startServer, tempFolder } from '../flow/lib';
import { USER_AGENT, launch } from './chromium';

const BUDGET_MS = 2_000; // DESIGN.md: queryable within 2 s

it('counts a visit within 2 s and shows it', { skip: !process.env['TAMIS_BIN'] && 'TAMIS_BIN is not set' }, async (test) => {
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
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const acknowledged = page.waitForResponse((response) => response.url().endsWith('/api/event'));
  await page.goto(`http://shop.example:${port}/shop?utm_source=newsletter`);
  const response = await acknowledged;
  assert.equal(response.status(), 202);
  assert.equal(response.headers()['x-plausible-dropped'], undefined, 'the server dropped the event');

  const deadline = Date.now() + BUDGET_MS;
  let rows: unknown;
  do {
    const reply = await fetch(`${server.url}/api/v2/query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ site_id: 'shop.example', metrics: ['visitors', 'pageviews'], date_range: 'day', dimensions: ['event:page'] }),
    });
    rows = ((await reply.json()) as { results: unknown }).results;
  } while (Date.now() < deadline && !(Array.isArray(rows) && rows.length));
  assert.deepEqual(rows, [{ metrics: [1, 1], dimensions: ['/shop'] }]);

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
