// The plug is pulled under load, again and again: what was acknowledged is counted exactly once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as http from 'node:http';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { addSite, PATIENCE_MS, query, removeFolder, sendEvent, startServer, tempFolder, waitFor } from './lib';

const RUNS = Number(process.env.TAMIS_KILLS ?? 200);
const SEED = Number(process.env.TAMIS_SEED ?? Date.now() % 1000000);

/** xorshift32: the run can be repeated with TAMIS_SEED. */
function generator(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 4294967296;
  };
}

test(`${RUNS} kills under load lose nothing and double nothing`, { timeout: 3600000 }, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const random = generator(SEED);
  const data = tempFolder('kill');
  const acknowledged = new Set<string>();
  let sent = 0;
  let token = '';
  for (let run = 0; run < RUNS; run++) {
    const server = await startServer(data);
    if (run === 0) token = addSite(data, 'example.com');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
    let alive = true;
    const killAfter = 1 + Math.floor(random() * 150); // acknowledgements, so that it falls anywhere in the work
    let acks = 0;
    const worker = async (w: number): Promise<void> => {
      for (let i = 0; alive; i++) {
        const batch = random() < 0.2 ? 3 : 1;
        const pages = Array.from({ length: batch }, (_, k) => `/r${run}/w${w}/n${i}/${k}`);
        sent += batch;
        try {
          const r = await sendEvent(
            server.url,
            pages.map((p) => ({ n: 'pageview', u: `https://example.com${p}`, d: 'example.com' })),
            {},
            agent,
          );
          if (r.status !== 202) throw new Error(`answered ${r.status}`);
          for (const p of pages) acknowledged.add(p);
          if (++acks === killAfter) {
            alive = false;
            server.child.kill('SIGKILL');
          }
        } catch (e) {
          if (alive) throw e;
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, w) => worker(w)));
    await server.stop('SIGKILL');
    agent.destroy();
    if (run % 20 === 10) for (const name of ['hot.duckdb', 'hot.duckdb.wal']) rmSync(join(data, 'hot', name), { force: true });
  }
  const server = await startServer(data);
  let missing: string[] = [];
  const counted = await waitFor('stable count', PATIENCE_MS, async () => {
    const pages = new Map<string, number>();
    for (let offset = 0; ; offset += 10000) {
      const r = await query(server.url, token, {
        site_id: 'example.com', metrics: ['pageviews'], dimensions: ['event:page'], date_range: 'all',
        order_by: [['event:page', 'asc']], pagination: { limit: 10000, offset },
      });
      for (const row of r.results) pages.set(row.dimensions[0]!, row.metrics[0]!);
      if (r.results.length < 10000) break;
    }
    missing = [...acknowledged].filter((p) => !pages.has(p));
    return missing.length ? undefined : pages;
  }).catch((e: unknown) => {
    throw new Error(`${String(e)}: ${missing.length} of ${acknowledged.size} missing, such as ${missing.slice(0, 5).join(' ')}`);
  });
  const doubled = [...counted].filter(([, n]) => n !== 1);
  assert.deepEqual(doubled, []);
  assert.ok(acknowledged.size > RUNS, `only ${acknowledged.size} acknowledged`);
  assert.ok(counted.size <= sent);
  t.diagnostic(`${acknowledged.size} acknowledged, ${counted.size} counted, ${sent} sent`);
  await server.stop();
  removeFolder(data);
});
