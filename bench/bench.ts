// ./dev bench — every figure of the main road in one table. Rates are also given as a share of a no-op server that
// was measured in the same run, because the load generator shares the cores with what it measures.
//   ./dev bench          all of it      ./dev bench quick   short runs
//   ./dev bench start|ingest|query|seal|import   one part
//   ./dev bench query --events 100000000         more in query.ts
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addSite, BIN, keepAlive, mustRun, query, removeFolder, request, ROOT, sendEvent, startServer, tempFolder, waitFor, type Server } from '../tests/flow/lib';
import { metric, statusKb, wrk as load, type WrkResult } from './load';
import { benchQuery } from './query';
import { count, judge, median, printReport, row } from './report';
import { benchSeal } from './seal';

const flags = process.argv.slice(3);
const quick = flags.includes('quick');
const PARTS = ['start', 'ingest', 'query', 'seal', 'import'];
const wanted = flags.filter((f) => PARTS.includes(f));
const seconds = quick ? 4 : 15;
const LOG = join(ROOT, '../shared/data/access-apache.log');
const SITE = 'example.com';

const wrk = (url: string, connections: number, threads: number, script: string, time = seconds): Promise<WrkResult> => load(url, connections, threads, script, time);
const accepted = (server: Server): Promise<number> => metric(server, 'tamis_events_accepted_total');

async function countStored(server: Server, token: string): Promise<number> {
  const r = await query(server.url, token, { site_id: SITE, metrics: ['events'], date_range: 'all' });
  return r.results[0]?.metrics[0] ?? 0;
}

/** Milliseconds until everything acknowledged is queryable. A few more may be: wrk leaves without its last answers. */
async function settle(server: Server, token: string): Promise<number> {
  const t0 = performance.now();
  const want = await accepted(server);
  await waitFor('all events', 120000, async () => ((await countStored(server, token)) >= want ? true : undefined));
  return performance.now() - t0;
}

function trustingConfig(): string {
  const file = join(ROOT, 'build/bench.conf');
  writeFileSync(file, 'trusted_proxies = 127.0.0.1\nlog_level = warn\n');
  return file;
}

async function benchStart(): Promise<void> {
  const starts: number[] = [];
  for (let i = 0; i < (quick ? 5 : 15); i++) {
    const data = tempFolder('bench');
    const t0 = performance.now();
    const server = await startServer(data);
    starts.push(performance.now() - t0);
    if (i === 0) {
      await request(`${server.url}/healthz`, 'GET');
      await new Promise((resolve) => setTimeout(resolve, 3000)); // idle is a state in time
      const rss = statusKb(server.child.pid!, 'VmRSS') / 1024;
      row('idle RSS', `${rss.toFixed(1)} MB`, '≤ 80 MB', judge(rss <= 80));
    }
    await server.stop();
    removeFolder(data);
  }
  row('start on an empty folder (median)', `${median(starts).toFixed(0)} ms`, '≤ 200 ms', judge(median(starts) <= 200));
}

async function startNoop(): Promise<{ child: ChildProcess; url: string }> {
  const url = 'http://127.0.0.1:18421';
  const child = spawn(join(ROOT, 'build/bench/noop_server'), ['18421'], { stdio: 'ignore' });
  await waitFor('the no-op server', 5000, () => request(`${url}/api/event`, 'POST', '{}').then(() => true, () => undefined));
  return { child, url };
}

async function benchIngest(): Promise<void> {
  const noop = await startNoop();
  const base = await wrk(`${noop.url}/api/event`, 512, 2, 'event.lua', Math.min(seconds, 8));
  noop.child.kill();
  row('no-op libmicrohttpd server, 512 connections', `${count(base.rate)}/s`);

  const data = tempFolder('bench');
  const server = await startServer(data, { config: trustingConfig() });
  const token = addSite(data, SITE, '--profile', 'consented'); // exact figures, no folding of rare rows
  await wrk(`${server.url}/api/event`, 64, 1, 'event.lua', 2);
  await settle(server, token);

  const single = await wrk(`${server.url}/api/event`, 512, 2, 'event.lua');
  const settled = await settle(server, token);
  row('single events, 512 connections, fdatasync on', `${count(single.rate)}/s (${((100 * single.rate) / base.rate).toFixed(0)} % of no-op)`, '≥ 60,000/s', judge(single.rate >= 60000 && single.non2xx === 0));
  row('  p50 / p99', `${single.p50.toFixed(1)} / ${single.p99.toFixed(1)} ms`, 'p99 < 50 ms', judge(single.p99 < 50));
  row('  all queryable after the end', `${(settled / 1000).toFixed(2)} s`, '≤ 2 s', judge(settled <= 2000));

  const before = await accepted(server);
  const t0 = performance.now();
  const batches = await wrk(`${server.url}/api/event`, 64, 2, 'batch.lua');
  const events = ((await accepted(server)) - before) / ((performance.now() - t0) / 1000);
  const settledBatch = await settle(server, token);
  row('batches of 100', `${count(events)} events/s`, '≥ 250,000/s', judge(events >= 250000 && batches.non2xx === 0));
  row('  all queryable after the end', `${(settledBatch / 1000).toFixed(2)} s`, '≤ 2 s', judge(settledBatch <= 2000));

  const alone = await wrk(`${server.url}/api/event`, 1, 1, 'event.lua', 4);
  row('one connection, acknowledged (median)', `${alone.p50.toFixed(2)} ms`, '≤ 2 ms', judge(alone.p50 <= 2));
  await settle(server, token);
  row('  RSS after the load', `${(statusKb(server.child.pid!, 'VmRSS') / 1024).toFixed(0)} MB`);
  await closedLoop(server, token);
  await server.stop();
  removeFolder(data);
}

/** Sends distinguishable events, each worker waiting for its acknowledgement, and then asks for every one of them. */
async function closedLoop(server: Server, token: string): Promise<void> {
  const pages = new Set<string>();
  const until = performance.now() + (quick ? 2000 : 6000);
  const worker = async (w: number): Promise<void> => {
    for (let i = 0; performance.now() < until; i++) {
      const page = `/closed/w${w}/n${i}`;
      const r = await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}${page}`, d: SITE });
      if (r.status === 202) pages.add(page);
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, w) => worker(w)));
  await settle(server, token);
  const look = async (): Promise<Map<string, number>> => {
    const seen = new Map<string, number>();
    for (let offset = 0; ; offset += 10000) {
      const r = await query(server.url, token, {
        site_id: SITE, metrics: ['pageviews'], dimensions: ['event:page'], date_range: 'all', filters: [['contains', 'event:page', ['/closed/']]],
        order_by: [['event:page', 'asc']], pagination: { limit: 10000, offset },
      });
      for (const x of r.results) seen.set(x.dimensions[0]!, x.metrics[0]!);
      if (r.results.length < 10000) return seen;
    }
  };
  let seen = await look();
  for (const until2 = performance.now() + 2000; seen.size < pages.size && performance.now() < until2; ) seen = await look();
  const missing = [...pages].filter((p) => seen.get(p) !== 1).length;
  row('closed loop: acknowledged and found exactly once', `${count(pages.size - missing)} of ${count(pages.size)}`, 'all', judge(missing === 0));
}

async function benchImport(): Promise<void> {
  if (!existsSync(LOG)) return row('import', 'skipped: no ../shared/data/access-apache.log');
  const copies = quick ? 50 : 200;
  const big = join(ROOT, 'build/bench.log');
  const out = createWriteStream(big);
  for (let i = 0; i < copies; i++)
    await new Promise<void>((resolve, reject) => createReadStream(LOG).on('end', resolve).on('error', reject).pipe(out, { end: false }));
  await new Promise<void>((resolve) => out.end(resolve));
  const lines = copies * 10000;
  const time = (command: string, args: string[]): number => {
    const t0 = performance.now();
    const r = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (r.status !== 0) throw new Error(`${command} ended with ${r.status}`);
    return (performance.now() - t0) / 1000;
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let i = 0; i < (quick ? 1 : 3); i++) {
    theirs.push(time('goaccess', [big, '--log-format=COMBINED', '--no-progress', '--no-global-config', '-o', join(ROOT, 'build/goaccess.json')]));
    const data = tempFolder('bench');
    mustRun(['site', 'add', SITE, '--data', data]);
    ours.push(time(BIN, ['import', '--site', SITE, '--format', 'combined', '--data', data, big]));
    removeFolder(data);
  }
  rmSync(big);
  const rate = lines / median(ours);
  const other = lines / median(theirs);
  row(`import of ${count(lines)} lines (${(statSync(LOG).size * copies / 1e6).toFixed(0)} MB)`, `${count(rate)} lines/s`);
  row('  GoAccess from Debian, same file, same run', `${count(other)} lines/s`);
  row('  ratio', `${(rate / other).toFixed(1)} ×`, '≥ 3 ×', judge(rate >= 3 * other));
}

/** "--name N" */
function option(name: string, fallback: number): number {
  const at = flags.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(flags[at + 1]);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} needs a number`);
  return value;
}

async function main(): Promise<void> {
  const events = option('events', quick ? 1_000_000 : 3_000_000);
  const work: Record<string, () => Promise<void>> = {
    start: benchStart,
    ingest: benchIngest,
    query: () =>
      benchQuery({
        events,
        yearEvents: option('year', quick ? 0 : Math.min(events, 1_000_000)),
        hot: option('hot', Math.min(events, 3_000_000)),
        pages: option('pages', 10_000),
        rivals: !flags.includes('--no-rivals'),
        fresh: flags.includes('--fresh'),
        config: trustingConfig(),
      }),
    seal: () => benchSeal({ events: option('due', events), pages: option('pages', 10_000), config: trustingConfig() }),
    import: benchImport,
  };
  for (const part of wanted.length ? wanted : PARTS) await work[part]!();
  keepAlive.destroy();
  printReport();
}

main().then(
  () => process.exit(0), // the tests' library would report on tests
  (e: unknown) => {
    console.error(e);
    process.exit(3);
  },
);
