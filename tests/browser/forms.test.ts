// Form errors in the real server's data: the field is there, what was typed is not.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { addSite, clearOfMidnight, findBytes, PATIENCE_MS, query, removeFolder, startServer, tempFolder, waitFor } from '../flow/lib';
import { USER_AGENT, launch } from './chromium';

const TYPED = 'jane.planted.example.org'; // an address without its @

it('keeps no value that was typed', { skip: !process.env['TAMIS_BIN'] && 'TAMIS_BIN is not set' }, async (test) => {
  await clearOfMidnight();
  const data = tempFolder('forms');
  const server = await startServer(data);
  const token = addSite(data, 'shop.example');
  const pages = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(
      `<!doctype html><title>Shop</title>
       <form id="newsletter" method="get"><input name="mail" type="email" required><input name="jane@planted.example" required><button>Join</button></form>
       <script defer data-domain="shop.example" data-local src="${server.url}/t.js"></script>
       <script defer src="${server.url}/t.forms.js"></script>`,
    );
  });
  await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done));
  test.after(() => pages.close());
  const browser = await launch('--host-resolver-rules=MAP shop.example 127.0.0.1');
  test.after(() => browser.close());
  const context = await browser.newContext({ userAgent: USER_AGENT });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  await page.goto(`http://shop.example:${(pages.address() as AddressInfo).port}/join`);
  await page.fill('[name=mail]', TYPED);
  await page.click('button');
  const rows = await waitFor('the form errors', PATIENCE_MS, async () => {
    const { results } = await query(server.url, token, {
      site_id: 'shop.example', metrics: ['events'], date_range: 'day', dimensions: ['event:name'],
    });
    return results.some(({ dimensions, metrics }) => dimensions[0] === 'Form Error' && metrics[0] === 2) ? results : undefined;
  });
  assert.equal(rows.length, 2);
  await page.close();
  assert.equal(await server.stop(), 0);
  assert.deepEqual(await findBytes(data, ['planted', TYPED]), []);
  assert.notDeepEqual(await findBytes(data, ['typeMismatch']), [], 'the search finds what is there');
  removeFolder(data);
});
