// Importing a real access log: every line is explained, equal to an independent count, exactly once even after a kill.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { addSite, BIN, cli, filesBelow, findBytes, mustRun, removeFolder, ROOT, tempFolder } from './lib';

const LOG = join(ROOT, '../shared/data/access-apache.log');
const SITE = 'semicomplete.com';

interface Counts {
  lines: number;
  pages: number;
  assets: number;
  errors: number;
  redirects: number;
  methods: number;
  broken: number;
}

/** A count of its own, by a regular expression instead of a scanner. */
function countIndependently(text: string): Counts {
  const counts: Counts = { lines: 0, pages: 0, assets: 0, errors: 0, redirects: 0, methods: 0, broken: 0 };
  const shape = /^\S+ \S+ \S+ \[[^\]]+\] "(\S+) (\S+)(?: [^"]*)?" (\d{3}) \S+ "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"\s*$/;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    counts.lines++;
    const m = shape.exec(line);
    if (!m) {
      counts.broken++;
      continue;
    }
    const status = Number(m[3]);
    const path = m[2]!.split(/[?#]/)[0]!;
    const last = path.slice(path.lastIndexOf('/') + 1);
    const dot = last.lastIndexOf('.');
    const extension = dot > 0 ? last.slice(dot + 1).toLowerCase() : '';
    if (status >= 400) counts.errors++;
    else if (m[1] !== 'GET') counts.methods++;
    else if ((status >= 300 && status !== 304) || status < 200) counts.redirects++;
    else if (extension !== '' && !['html', 'htm', 'php', 'asp', 'aspx', 'jsp', 'cgi', 'pl', 'xhtml', 'shtml'].includes(extension)) counts.assets++;
    else counts.pages++;
  }
  return counts;
}

interface ImportReport {
  lines: number;
  pages: number;
  bots: number;
  assets: number;
  errors: number;
  redirects: number;
  methods: number;
  broken: number;
  refused: Record<string, number>;
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0);
}

function countStored(data: string): number {
  const reply = mustRun(['query', '--site', SITE, '--data', data, '--json', '{"metrics":["pageviews"],"date_range":"all"}']);
  return JSON.parse(reply).results[0].metrics[0] as number;
}

test('the counts are explained and equal an independent count', { timeout: 600000 }, async (t) => {
  if (!existsSync(LOG)) {
    t.skip('../shared/data/access-apache.log is absent');
    return;
  }
  const want = countIndependently(readFileSync(LOG, 'utf8'));
  const data = tempFolder('import');
  addSite(data, SITE);
  const report = JSON.parse(mustRun(['import', '--site', SITE, '--format', 'combined', '--data', data, '--json', LOG])) as ImportReport;
  t.diagnostic(JSON.stringify(report));
  assert.equal(report.lines, want.lines);
  assert.equal(report.assets, want.assets);
  assert.equal(report.errors, want.errors);
  assert.equal(report.redirects, want.redirects);
  assert.equal(report.methods, want.methods);
  assert.equal(report.broken, want.broken);
  assert.equal(report.pages + report.bots + sum(report.refused), want.pages);
  assert.equal(countStored(data), report.pages);
  assert.ok(report.pages > 500 && report.bots > 500, 'both kinds are there');

  // the same bytes again, plain, compressed or piped, are refused unless forced
  const packed = join(data, '..', `${SITE}-${process.pid}.log.gz`);
  writeFileSync(packed, gzipSync(readFileSync(LOG)));
  const again = cli(['import', '--site', SITE, '--format', 'combined', '--data', data, LOG]);
  assert.equal(again.code, 3);
  assert.equal(cli(['import', '--site', SITE, '--format', 'combined', '--data', data, packed]).code, 3);
  assert.equal(cli(['import', '--site', SITE, '--format', 'combined', '--data', data, '-'], readFileSync(LOG)).code, 3);
  assert.equal(countStored(data), report.pages);
  assert.equal(cli(['import', '--site', SITE, '--format', 'combined', '--data', data, '--force', packed]).code, 0);
  assert.equal(countStored(data), 2 * report.pages);

  // nothing of a line is kept, and no salt of a past day
  assert.deepEqual(await findBytes(data, ['83.149.9.216', 'Intel Mac OS X 10_9_1', 'AppleWebKit/537.36', 'q=logstash']), []);
  assert.deepEqual(filesBelow(join(data, 'keys')), []);
  removeFolder(data);
});

test('a killed import goes on where it stopped', { timeout: 1800000 }, async (t) => {
  if (!existsSync(LOG)) {
    t.skip('../shared/data/access-apache.log is absent');
    return;
  }
  const data = tempFolder('resume');
  addSite(data, SITE);
  const big = join(data, '..', `${SITE}-${process.pid}-big.log`);
  writeFileSync(big, readFileSync(LOG, 'utf8').repeat(60));
  const began = Date.now();
  const once = JSON.parse(mustRun(['import', '--site', SITE, '--format', 'combined', '--data', data, '--json', big])) as ImportReport;
  const took = Date.now() - began;
  const single = countStored(data);
  assert.equal(single, once.pages);
  removeFolder(data);

  const killed = tempFolder('resume');
  addSite(killed, SITE);
  let kills = 0;
  for (let after = took / 8; ; after += took / 16) {
    const child = spawn(BIN, ['import', '--site', SITE, '--format', 'combined', '--data', killed, big], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (d: Buffer) => (said += d.toString()));
    const timer = setTimeout(() => child.kill('SIGKILL'), after);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    clearTimeout(timer);
    if (code !== null) {
      assert.ok(code === 0 || /was imported before/.test(said), said); // it was done, and killed after that
      break;
    }
    kills++;
    assert.ok(kills < 60, 'it gets done');
  }
  t.diagnostic(`${kills} kills`);
  assert.ok(kills > 0);
  assert.equal(countStored(killed), single);
  removeFolder(killed);
});
