// The opt-out page where it stands on a site's own host: who opts out is not known again either.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addSite, clearOfMidnight, PATIENCE_MS, query, removeFolder, request, sendEvent, startServer, tempFolder, waitFor } from './lib';

const SITE = 'shop.example';

test('opting out forgets a visitor who had agreed, and takes the cookie', async () => {
  await clearOfMidnight();
  const data = tempFolder('optout');
  const server = await startServer(data);
  const token = addSite(data, SITE, '--profile', 'consented', '--visitor-cookie', 'on');
  addSite(data, 'other.example');
  const made = Math.floor(Date.now() / 1000);
  const [anna, ben] = ['0f', 'a1'].map((byte) => `${made}.${byte.repeat(16)}`) as [string, string];
  for (const id of [anna, ben])
    assert.equal((await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}/`, d: SITE, id })).status, 202);
  const become = (count: number): Promise<true> =>
    waitFor(`${count} visitors`, PATIENCE_MS, async () => {
      const { results } = await query(server.url, token, { site_id: SITE, metrics: ['unique_visitors'], date_range: 'day' });
      return results[0]?.metrics[0] === count ? true : undefined;
    });
  await become(2);

  const press = (out: 0 | 1, cookie: string, host = SITE) => request(`${server.url}/optout`, 'POST', `out=${out}`, { cookie, host });
  const ended = ({ headers }: Awaited<ReturnType<typeof press>>): string[] =>
    (headers['set-cookie'] ?? []).filter((each) => each.startsWith('tamis_id='));
  assert.deepEqual(ended(await press(0, `tamis_id=${anna}`)), [], 'opting in again forgets nobody');
  assert.deepEqual(ended(await press(1, 'tamis_id=1.zz; x=1')), [
    'tamis_id=; Max-Age=0; Path=/', 'tamis_id=; Max-Age=0; Path=/; Domain=shop.example',
  ]);
  assert.deepEqual(ended(await press(1, 'not_tamis_id=1')), []);
  assert.deepEqual(ended(await press(1, 'tamis_id=1.zz', 'a b;c')), ['tamis_id=; Max-Age=0; Path=/']);
  await become(2);

  const reply = await press(1, `a=b; tamis_id=${anna}; c=d`, 'stats.shop.example:8420');
  assert.equal(reply.status, 303);
  assert.ok(reply.headers['set-cookie']?.some((each) => each.startsWith('tamis_optout=1; ')));
  assert.deepEqual(ended(reply), [
    'tamis_id=; Max-Age=0; Path=/', 'tamis_id=; Max-Age=0; Path=/; Domain=stats.shop.example', 'tamis_id=; Max-Age=0; Path=/; Domain=shop.example',
  ]);
  await become(1);
  assert.equal(await server.stop(), 0);
  removeFolder(data);
});
