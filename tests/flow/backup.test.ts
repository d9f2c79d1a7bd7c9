// Backups of a living folder: whatever happens meanwhile, what is restored holds each event exactly once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import * as http from 'node:http';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { addSite, BIN, BROWSER_UA, clearOfMidnight, cli, filesBelow, isoDay, logDay, mustRun, pastDay, PATIENCE_MS, query, removeFolder, request, sendEvent, startServer, tempFolder, waitFor, waitForEvents } from './lib';

const SITE = 'example.com';
const SEED = Number(process.env.TAMIS_SEED ?? Date.now() % 1000000);
const ROUNDS = Number(process.env.TAMIS_BACKUPS ?? 4);
const KILLS = Number(process.env.TAMIS_KILLS ?? 40);

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

interface Report {
  files: number;
  bytes: number;
  copied: number;
  copied_bytes: number;
  linked: number;
  kept: number;
  removed: number;
}

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the command beside what goes on here; killAfterMs: kill -9 unless it has ended before. */
function run(args: string[], killAfterMs?: number): Promise<Ended> {
  const child = spawn(BIN, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (d: Buffer) => (out += d.toString()));
  child.stderr.on('data', (d: Buffer) => (err += d.toString()));
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  return new Promise((resolve) =>
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, out, err });
    }),
  );
}

async function mustEnd(args: string[]): Promise<string> {
  const r = await run(args);
  assert.equal(r.code, 0, `${args.join(' ')}: ${r.err}`);
  return r.out;
}

const backup = async (data: string, dir: string, ...more: string[]): Promise<Report> =>
  JSON.parse(await mustEnd(['backup', dir, '--data', data, '--json', ...more])) as Report;

function logLines(day: number, prefix: string, visits: number): { text: string; pages: string[] } {
  const pages: string[] = [];
  const lines = Array.from({ length: visits * 3 }, (_, i) => {
    pages.push(`/${prefix}/n${i}`);
    const at = `${String(i % 24).padStart(2, '0')}:${String(i % 60).padStart(2, '0')}:07`;
    return `203.0.113.${i % visits} - - [${logDay(pastDay(day))}:${at} +0000] "GET ${pages[i]!} HTTP/1.1" 200 9 "-" "${BROWSER_UA}"`;
  });
  return { text: lines.sort((a, b) => a.slice(a.indexOf('['), a.indexOf(']')).localeCompare(b.slice(b.indexOf('['), b.indexOf(']')))).join('\n') + '\n', pages };
}

async function counter(server: string, name: string): Promise<number> {
  const text = (await request(`${server}/metrics`, 'GET')).body;
  return Number(new RegExp(`^tamis_${name}_total (\\d+)`, 'm').exec(text)?.[1] ?? NaN);
}

async function countPages(server: string, token: string): Promise<Map<string, number>> {
  const pages = new Map<string, number>();
  for (let offset = 0; ; offset += 10000) {
    const r = await query(server, token, {
      site_id: SITE, metrics: ['pageviews'], dimensions: ['event:page'], date_range: 'all',
      order_by: [['event:page', 'asc']], pagination: { limit: 10000, offset },
    });
    for (const row of r.results) pages.set(row.dimensions[0]!, row.metrics[0]!);
    if (r.results.length < 10000) return pages;
  }
}

/** Restores and compares: all of `least` are there, nothing but `most` is, each once. */
async function holdsExactly(dir: string, token: string, least: string[], most: Set<string>): Promise<void> {
  const data = tempFolder('restored');
  await mustEnd(['restore', dir, '--data', data]);
  const server = await startServer(data);
  const pages = await waitFor('the events before the backup', PATIENCE_MS, async () => {
    const counted = await countPages(server.url, token);
    return least.every((p) => counted.has(p)) ? counted : undefined;
  });
  for (const [page, n] of pages) {
    assert.equal(n, 1, `${page} counted ${n} times`);
    assert.ok(most.has(page), `${page} was never sent`);
  }
  assert.equal(await server.stop(), 0);
  removeFolder(data);
}

test('backups under load, between seals, some killed', { timeout: 1800000 }, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const random = generator(SEED);
  const data = tempFolder('backup-load');
  const dir = `${data}-copy`;
  const server = await startServer(data);
  const token = addSite(data, SITE, '--profile', 'consented');
  const sent = new Set<string>();
  const acknowledged: string[] = [];
  let alive = true;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const worker = async (w: number): Promise<void> => {
    for (let i = 0; alive; i++) {
      const pages = Array.from({ length: 5 }, (_, k) => `/w${w}/n${i}/${k}`);
      pages.forEach((p) => sent.add(p));
      const r = await sendEvent(server.url, pages.map((p) => ({ n: 'pageview', u: `https://${SITE}${p}`, d: SITE })), {}, agent);
      assert.equal(r.status, 202);
      acknowledged.push(...pages);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const importer = async (): Promise<void> => {
    for (let day = 0; alive; day++) {
      const { text, pages } = logLines(day % 40, `day${day}`, 20);
      pages.forEach((p) => sent.add(p));
      writeFileSync(`${data}.log`, text);
      await mustEnd(['import', '--site', SITE, '--data', data, `${data}.log`]);
      acknowledged.push(...pages);
    }
  };
  const work = Promise.all([worker(0), worker(1), worker(2), importer()]);
  let killed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < KILLS / ROUNDS; i++) {
      const r = await run(['backup', dir, '--data', data], 10 + random() * 80);
      killed += r.code === null ? 1 : 0;
      if (existsSync(join(dir, 'manifest.json'))) await mustEnd(['restore', dir, '--verify']);
    }
    const least = [...acknowledged];
    await backup(data, dir, ...(round % 2 ? ['--copy'] : []));
    await holdsExactly(dir, token, least, sent);
  }
  alive = false;
  await work;
  t.diagnostic(`${killed} killed, ${acknowledged.length} events, ${await counter(server.url, 'days_sealed')} days sealed`);
  assert.ok(killed > 0);
  assert.ok((await counter(server.url, 'days_sealed')) > 0);
  const all = [...acknowledged];
  await backup(data, dir);
  await holdsExactly(dir, token, all, new Set(all));
  assert.equal(await server.stop(), 0);
  agent.destroy();
  [data, dir].forEach(removeFolder);
});

const QUESTIONS = [
  { metrics: ['visitors', 'visits', 'pageviews', 'events', 'bounce_rate', 'visit_duration', 'views_per_visit'] },
  { metrics: ['visitors', 'pageviews', 'bounce_rate'], dimensions: ['event:page'] },
  { metrics: ['visitors', 'visits'], dimensions: ['time:day'] },
  { metrics: ['visitors', 'events'], dimensions: ['time:hour'] },
  { metrics: ['visitors', 'visits'], dimensions: ['visit:browser', 'visit:exit_page'] },
  { metrics: ['visitors', 'visits', 'bounce_rate'], dimensions: ['visit:browser'], filters: [['contains', 'event:page', ['n1']]] },
];

async function answers(server: string, token: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const q of QUESTIONS) all.push((await query(server, token, { site_id: SITE, date_range: 'all', ...q })).results);
  return all;
}

async function importDays(data: string, from: number, to: number, server: string): Promise<void> {
  const before = await counter(server, 'days_sealed');
  const text = Array.from({ length: to - from }, (_, i) => logLines(from + i, `day${from + i}`, 30).text).join('');
  writeFileSync(`${data}.log`, text);
  mustRun(['import', '--site', SITE, '--data', data, `${data}.log`]);
  await waitFor('the seal', PATIENCE_MS, async () => ((await counter(server, 'days_sealed')) >= before + to - from ? true : undefined));
}

test('a second backup takes what is new; a restored folder gives the same answers', { timeout: 900000 }, async () => {
  await clearOfMidnight();
  const data = tempFolder('backup-again');
  const dir = `${data}-copy`;
  const server = await startServer(data);
  const token = addSite(data, SITE, '--profile', 'consented');
  await importDays(data, 0, 10, server.url);
  const sealed = () => filesBelow(join(data, 'sealed')).length;
  const first = await backup(data, dir);
  const month = sealed(); // one part of three files once the days are compacted
  assert.equal(first.linked, month);
  assert.equal(first.kept, 0);
  assert.equal(statSync(filesBelow(join(dir, 'sealed'))[0]!).nlink, 2);
  await importDays(data, 40, 43, server.url);
  for (let i = 0; i < 20; i++)
    assert.equal((await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}/today/${i % 3}`, d: SITE })).status, 202);
  await waitForEvents(server.url, token, SITE, 10 * 90 + 3 * 90 + 20);
  const second = await backup(data, dir);
  assert.ok(second.linked >= 3);
  assert.equal(second.linked, sealed() - month);
  assert.ok(second.kept >= month, `${second.kept} kept`);
  assert.ok(second.copied <= 4, `${second.copied} copied`);
  const third = await backup(data, dir);
  assert.equal(third.linked, 0);
  assert.ok(third.kept >= sealed() && third.copied <= 2, JSON.stringify(third));
  assert.equal(filesBelow(dir).length, third.files + 2); // and manifest.json, backup.lock

  const restored = tempFolder('backup-restored');
  mustRun(['restore', dir, '--data', restored]);
  const before = await answers(server.url, token);
  const other = await startServer(restored);
  await waitFor('the events of today', PATIENCE_MS, async () => {
    const r = await query(other.url, token, { site_id: SITE, metrics: ['events'], date_range: 'day' });
    return r.results[0]?.metrics[0] === 20 ? true : undefined;
  });
  assert.deepEqual(await answers(other.url, token), before);
  // what comes in after a restore counts, also on a day that was sealed
  writeFileSync(`${data}.log`, logLines(3, 'late', 5).text);
  mustRun(['import', '--site', SITE, '--data', restored, `${data}.log`]);
  await waitFor('the late events', PATIENCE_MS, async () => {
    const late = await query(other.url, token, { site_id: SITE, metrics: ['pageviews'], date_range: 'all', filters: [['contains', 'event:page', ['/late/']]] });
    return late.results[0]?.metrics[0] === 15 ? true : undefined;
  });
  assert.equal(await other.stop(), 0);

  // what was erased leaves the backup too
  mustRun(['erase', '--site', SITE, '--before', isoDay(pastDay(5)), '--data', data]);
  const purges = mustRun(['purges', '--data', data]).split('\n').map((line) => line.trim().split(/\s+/));
  assert.equal(purges.length, 2);
  assert.deepEqual(purges[1]!.slice(1, 5), ['erasure', SITE, '-', isoDay(pastDay(4))]);
  assert.ok(purges[1]!.slice(5).every((count) => Number(count) > 0), purges[1]!.join(' '));
  const fourth = await backup(data, dir);
  assert.ok(fourth.removed >= 3, JSON.stringify(fourth));
  const names = (root: string): string[] => filesBelow(join(root, 'sealed')).map((f) => relative(root, f)).sort();
  assert.deepEqual(names(dir), names(data));
  assert.equal(await server.stop(), 0);
  [data, dir, restored].forEach(removeFolder);
});

function flip(file: string, at: number): void {
  const fd = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  writeSync(fd, Buffer.from([byte[0]! ^ 1]), 0, 1, at);
  closeSync(fd);
}

test('a flipped byte anywhere in a backup is found', { timeout: 900000 }, async () => {
  const random = generator(SEED);
  const data = tempFolder('backup-flip');
  const dir = `${data}-copy`;
  const server = await startServer(data);
  addSite(data, SITE, '--profile', 'consented');
  await importDays(data, 0, 3, server.url);
  assert.equal(await server.stop(), 0);
  const r = await backup(data, dir, '--copy');
  assert.equal(r.linked, 0);
  assert.equal(statSync(filesBelow(join(dir, 'sealed'))[0]!).nlink, 1);
  const verify = () => cli(['restore', dir, '--verify']);
  assert.equal(verify().code, 0);
  const manifest = join(dir, 'manifest.json');
  const spots = filesBelow(dir).flatMap((file) => {
    const size = statSync(file).size;
    const count = size === 0 ? 0 : file === manifest ? 60 : 2;
    return Array.from({ length: count }, (_, i) => ({ file, at: i === 0 ? size - 1 : Math.floor(random() * size) }));
  });
  for (const { file, at } of spots) {
    flip(file, at);
    const found = verify();
    assert.equal(found.code, 1, `${file} ${at}: ${found.err}`);
    assert.ok(found.out.includes(relative(dir, file)), found.out);
    flip(file, at);
  }
  assert.equal(verify().code, 0);
  // a damaged backup is not restored, and a missing file is damage too
  const other = `${data}-restored`;
  const file = filesBelow(join(dir, 'sealed'))[0]!;
  renameSync(file, `${file}.away`);
  const refused = cli(['restore', dir, '--data', other]);
  assert.equal(refused.code, 3);
  assert.equal(existsSync(other), false);
  renameSync(`${file}.away`, file);
  [data, dir].forEach(removeFolder);
});

test('what is refused, and a restore that was broken off', { timeout: 600000 }, async () => {
  const data = tempFolder('backup-refuse');
  const dir = `${data}-copy`;
  addSite(data, SITE);
  const full = `${data}-full`;
  mkdirSync(full);
  writeFileSync(join(full, 'letter.txt'), 'mine');
  assert.equal(cli(['backup', full, '--data', data]).code, 2);
  assert.equal(cli(['backup', data, '--data', data]).code, 2);
  assert.equal(readFileSync(join(full, 'letter.txt'), 'utf8'), 'mine');
  assert.match(mustRun(['backup', dir, '--data', data]), /keys\//);
  assert.equal(cli(['restore', dir, '--data', full]).code, 3);
  assert.equal(cli(['restore', dir, '--data', data]).code, 3);
  const other = `${data}-restored`;
  mkdirSync(join(other, 'journal'), { recursive: true });
  writeFileSync(join(other, 'tamis.restoring'), '');
  writeFileSync(join(other, 'journal', '00000000000000000009.seg'), 'of another backup');
  assert.equal(cli(['site', 'list', '--data', other]).code, 3);
  mustRun(['restore', dir, '--data', other]);
  assert.match(mustRun(['site', 'list', '--data', other]), /example\.com/);
  assert.equal(existsSync(join(other, 'journal', '00000000000000000009.seg')), false);
  assert.equal(statSync(other).mode & 0o777, 0o700);
  [data, dir, full, other].forEach(removeFolder);
});

test(`${KILLS} kills of a backup without a server`, { timeout: 900000 }, async (t) => {
  const random = generator(SEED);
  const data = tempFolder('backup-kill');
  const dir = `${data}-copy`;
  const server = await startServer(data);
  const token = addSite(data, SITE, '--profile', 'consented');
  await importDays(data, 0, 25, server.url);
  assert.equal((await sendEvent(server.url, { n: 'pageview', u: `https://${SITE}/today`, d: SITE })).status, 202);
  const pages = new Set([...Array.from({ length: 25 }, (_, d) => logLines(d, `day${d}`, 30).pages).flat(), '/today']);
  assert.equal(await server.stop(), 0);
  const began = Date.now();
  await backup(data, dir, '--copy');
  const took = Date.now() - began;
  removeFolder(dir);
  let killed = 0;
  for (let i = 0; i < KILLS; i++) {
    const r = await run(['backup', dir, '--data', data, '--copy'], random() * took * 1.2);
    killed += r.code === null ? 1 : 0;
    if (existsSync(join(dir, 'manifest.json'))) mustRun(['restore', dir, '--verify']);
    if (i === KILLS >> 1) removeFolder(dir);
  }
  t.diagnostic(`seed ${SEED}, ${killed} killed`);
  await backup(data, dir);
  await holdsExactly(dir, token, [...pages], pages);
  [data, dir].forEach(removeFolder);
});

test('doctor --verify finds a flipped byte and a missing file, with and without a server', { timeout: 600000 }, async () => {
  const data = tempFolder('doctor-verify');
  const server = await startServer(data);
  addSite(data, SITE, '--profile', 'consented');
  await importDays(data, 0, 3, server.url);
  // the month is over, so its days become one part: not under the test's hands
  await waitFor('the compaction', PATIENCE_MS, async () => (filesBelow(join(data, 'sealed')).length === 3 ? true : undefined));
  const doctor = () => cli(['doctor', '--verify', '--data', data]);
  const month = isoDay(pastDay(0)).slice(0, 7);
  const finding = new RegExp(`^FINDING +sealed +site 1, ${month}-0\\d( to ${month}-\\d\\d)?, part \\d+: \\w+ file: has other bytes`, 'm');
  for (const serving of [true, false]) {
    if (!serving) assert.equal(await server.stop(), 0);
    const fine = doctor();
    assert.equal(fine.code, 0, fine.out + fine.err);
    assert.match(fine.out, /^ok +sealed +\d+ parts/m);
    for (const file of filesBelow(join(data, 'sealed'))) {
      const at = statSync(file).size >> 1;
      flip(file, at);
      const found = doctor();
      assert.equal(found.code, 1, found.out + found.err);
      assert.match(found.out, finding);
      flip(file, at);
    }
    const file = filesBelow(join(data, 'sealed'))[0]!;
    renameSync(file, `${data}.away`);
    assert.match(doctor().out, /^FINDING +sealed .*is missing/m);
    renameSync(`${data}.away`, file);
  }
  assert.equal(cli(['doctor', '--data', data]).out.includes('sealed'), false);
  removeFolder(data);
});
