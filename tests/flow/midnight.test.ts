// The site's own midnight: the salt is wiped, the same browser is a new visitor, no visit crosses.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { addSite, PATIENCE_MS, query, removeFolder, sendEvent, startServer, tempFolder, waitFor, waitForEvents } from './lib';

const salts = (data: string): string[] => readdirSync(join(data, 'keys')).filter((n) => n.startsWith('salt-'));

test('midnight in the zone of the site, not of the machine', { timeout: 120000 }, async (t) => {
  // the library itself, because the faketime command stands between a signal and the server
  const preload = /^LD_PRELOAD=(.*)$/m.exec(spawnSync('faketime', ['-m', '-f', '+0', 'env'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  if (!preload) {
    t.skip('faketime is not installed');
    return;
  }
  const data = tempFolder('midnight');
  const setup = await startServer(data);
  const token = addSite(data, 'example.com', '--timezone', 'Asia/Kathmandu');
  await setup.stop();
  // 23:59:54 in Kathmandu (UTC+05:45) on 1 March 2026
  const server = await startServer(data, {
    env: { TZ: 'UTC', LD_PRELOAD: preload, FAKETIME: '@2026-03-01 18:14:54', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
  });
  const hit = () => sendEvent(server.url, { n: 'pageview', u: 'https://example.com/', d: 'example.com' });
  assert.equal((await hit()).status, 202);
  await waitForEvents(server.url, token, 'example.com', 1);
  const before = salts(data);
  assert.equal(before.length, 1);
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
