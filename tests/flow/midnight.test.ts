// The site's own midnight: the salt is wiped, the same browser is a new visitor, no visit crosses.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addSite, PATIENCE_MS, query, removeFolder, sendEvent, startServer, tempFolder, toldClock, waitFor, waitForEvents } from './lib';

const salts = (data: string): string[] => readdirSync(join(data, 'keys')).filter((n) => n.startsWith('salt-'));

test('midnight in the zone of the site, not of the machine', { timeout: 600000 }, async () => {
  const data = tempFolder('midnight');
  const setup = await startServer(data);
  const token = addSite(data, 'example.com', '--timezone', 'Asia/Kathmandu');
  await setup.stop();
  const clock = toldClock(`${data}.clock`, '2026-03-01T18:14:54Z'); // 23:59:54 in Kathmandu (UTC+05:45)
  const server = await startServer(data, { env: { TZ: 'UTC', ...clock.env } });
  const hit = () => sendEvent(server.url, { n: 'pageview', u: 'https://example.com/', d: 'example.com' });
  assert.equal((await hit()).status, 202);
  await waitForEvents(server.url, token, 'example.com', 1);
  const before = salts(data);
  assert.equal(before.length, 1);
  clock.tell('2026-03-01T18:15:00Z');
  await waitFor('the wiping of the salt', PATIENCE_MS, async () => (salts(data).some((n) => n === before[0]) ? undefined : true));
  assert.equal((await hit()).status, 202);
  await waitForEvents(server.url, token, 'example.com', 2);
  const q = await query(server.url, token, { site_id: 'example.com', metrics: ['visitors', 'visits'], dimensions: ['time:day'], date_range: ['2026-03-01', '2026-03-02'] });
  assert.deepEqual(q.results, [
    { dimensions: ['2026-03-01'], metrics: [1, 1] },
    { dimensions: ['2026-03-02'], metrics: [1, 1] },
  ]);
  await server.stop();
  removeFolder(data);
});
