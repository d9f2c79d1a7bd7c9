// A full disk and a damaged cache: the server says so, keeps answering, and recovers by itself.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addSite, clearOfMidnight, PATIENCE_MS, query, removeFolder, request, sendEvent, startServer, tempFolder, waitFor, waitForEvents } from './lib';

const page = (n: number) => ({ n: 'pageview', u: `https://example.com/p/${n}`, d: 'example.com' });

test('a full disk is 503 with Retry-After; queries go on; space back means recovery', async (t) => {
  const data = tempFolder('full');
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', data]).status === 0;
  if (!mounted) {
    t.skip('needs the right to mount a tmpfs');
    return;
  }
  try {
    const config = `${data}.conf`;
    writeFileSync(config, 'segment_mb = 16\n');
    const server = await startServer(data, { config });
    const token = addSite(data, 'example.com');
    assert.equal((await sendEvent(server.url, page(0))).status, 202);
    await waitForEvents(server.url, token, 'example.com', 1);
    const filler = join(data, 'filler');
    const fd = openSync(filler, 'w');
    const block = Buffer.alloc(1 << 20, 1);
    try {
      for (;;) writeSync(fd, block);
    } catch {
      closeSync(fd); // no space left: that was the point
    }
    const batch = Array.from({ length: 200 }, (_, i) => page(i));
    let acknowledged = 1;
    const refusal = await waitFor('refusal', PATIENCE_MS, async () => {
      const r = await sendEvent(server.url, batch);
      if (r.status === 202) acknowledged += batch.length;
      return r.status === 503 ? r : undefined;
    });
    assert.ok(Number(refusal.headers['retry-after']) > 0);
    assert.equal((await request(`${server.url}/readyz`, 'GET')).status, 503);
    assert.equal((await request(`${server.url}/healthz`, 'GET')).status, 200);
    const q = await query(server.url, token, { site_id: 'example.com', metrics: ['events'], date_range: 'all' });
    assert.ok(q.results[0]!.metrics[0]! >= 1);
    rmSync(filler);
    await waitFor('recovery', PATIENCE_MS, async () => ((await request(`${server.url}/readyz`, 'GET')).status === 200 ? true : undefined));
    assert.equal((await sendEvent(server.url, page(1))).status, 202);
    acknowledged++;
    assert.equal(await waitForEvents(server.url, token, 'example.com', acknowledged), acknowledged);
    assert.equal(await server.stop(), 0);
  } finally {
    spawnSync('umount', ['-l', data]);
    removeFolder(data);
  }
});

const damages: [string, (file: string) => void][] = [
  ['removed', (f) => rmSync(f)],
  ['truncated', (f) => truncateSync(f, Math.floor(statSync(f).size / 2))],
  ['emptied', (f) => truncateSync(f, 0)],
  ['garbage', (f) => writeFileSync(f, Buffer.alloc(70000, 0xa5))],
  ['bit-flipped', (f) => {
    const bytes = readFileSync(f);
    for (let at = 4096; at < bytes.length; at += 8192) bytes[at] = bytes[at]! ^ 0x10;
    writeFileSync(f, bytes);
  }],
];

for (const [what, damage] of damages)
  test(`a ${what} hot file is rebuilt from the journal`, async () => {
    await clearOfMidnight();
    const data = tempFolder('damage');
    let server = await startServer(data);
    const token = addSite(data, 'example.com');
    for (let i = 0; i < 20; i++) assert.equal((await sendEvent(server.url, Array.from({ length: 50 }, (_, k) => page(i * 50 + k)))).status, 202);
    await waitForEvents(server.url, token, 'example.com', 1000);
    const ask = { site_id: 'example.com', metrics: ['visitors', 'visits', 'pageviews', 'bounce_rate'], date_range: 'all' };
    const first = await query(server.url, token, ask);
    await server.stop();
    const hot = join(data, 'hot', 'hot.duckdb');
    assert.ok(existsSync(hot), readdirSync(join(data, 'hot')).join());
    damage(hot);
    server = await startServer(data);
    await waitForEvents(server.url, token, 'example.com', 1000);
    assert.deepEqual((await query(server.url, token, ask)).results, first.results);
    assert.equal(await server.stop(), 0);
    removeFolder(data);
  });
