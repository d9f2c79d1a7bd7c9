// Exports hold what the API counts, in every format, and no visitor hash; the documented SQL runs on the sealed files.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { addSite, BROWSER_UA, clearOfMidnight, cli, filesBelow, isoDay, logDay, mustRun, pastDay, PATIENCE_MS, query, removeFolder, request, ROOT, sendEvent, startServer, tempFolder, waitFor, waitForEvents } from './lib';

const SITE = 'example.com';
const COLUMNS =
  'date,time,hour,visit,person,kind,name,hostname,page,interactive,scroll,engaged_ms,props,revenue_milli,currency,lcp_ms,inp_ms,cls,' +
  'referrer,source,channel,utm_source,utm_medium,utm_campaign,utm_content,utm_term,country,browser,browser_version,os,os_version,device';

/** Plain DuckDB, as anybody has it: the C functions of its Node package. */
interface Engine {
  open(path?: string): Promise<object>;
  connect(db: object): Promise<object>;
  query(connection: object, sql: string): Promise<object>;
  fetch_chunk(result: object): Promise<object | null>;
  column_count(result: object): number;
  data_chunk_get_size(chunk: object): number;
  data_chunk_get_vector(chunk: object, column: number): object;
  vector_get_data(vector: object, bytes: number): Uint8Array;
}
const engine = createRequire(join(ROOT, 'package.json'))(`@duckdb/node-bindings-linux-${process.arch}/duckdb.node`) as Engine;

/** Rows of a query whose columns are numbers. */
async function numbers(sql: string, database?: string): Promise<number[][]> {
  const connection = await engine.connect(await engine.open(database));
  const result = await engine.query(connection, `SELECT COLUMNS(*)::DOUBLE FROM (${sql})`);
  const rows: number[][] = [];
  for (let chunk = await engine.fetch_chunk(result); chunk; chunk = await engine.fetch_chunk(result)) {
    const size = engine.data_chunk_get_size(chunk);
    if (size === 0) break;
    const columns = Array.from({ length: engine.column_count(result) }, (_, c) => {
      const bytes = engine.vector_get_data(engine.data_chunk_get_vector(chunk!, c), size * 8);
      return new Float64Array(bytes.slice().buffer);
    });
    for (let i = 0; i < size; i++) rows.push(columns.map((c) => c[i]!));
  }
  return rows;
}

function logText(day: number, visitors: number, prefix: string): string {
  const lines: string[] = [];
  for (let minute = 0; minute < 30; minute++)
    for (let v = 0; v < visitors; v++)
      if ((v + minute) % 3 === 0)
        lines.push(`203.0.113.${v} - - [${logDay(pastDay(day - 1))}:10:${String(minute).padStart(2, '0')}:05 +0000] "GET /${prefix}${(v * minute) % 7} HTTP/1.1" 200 9 "${v % 2 ? 'https://www.google.com/' : '-'}" "${BROWSER_UA}"`);
  return lines.join('\n') + '\n';
}

async function counter(server: string, name: string): Promise<number> {
  const text = (await request(`${server}/metrics`, 'GET')).body;
  return Number(new RegExp(`^tamis_${name}_total (\\d+)`, 'm').exec(text)?.[1] ?? NaN);
}

async function importSealed(data: string, server: string, text: string, days: number): Promise<void> {
  const before = await counter(server, 'days_sealed');
  writeFileSync(`${data}.log`, text);
  mustRun(['import', '--site', SITE, '--data', data, `${data}.log`]);
  await waitFor('the seal', PATIENCE_MS, async () => ((await counter(server, 'days_sealed')) >= before + days ? true : undefined));
  // the month is over, so its days become one part: not under the test's hands
  await waitFor('the compaction', PATIENCE_MS, async () => (filesBelow(join(data, 'sealed')).length === 3 ? true : undefined));
}

/** One record a row; the test's own reading of RFC 4180. */
function parseCsv(text: string): Record<string, string>[] {
  const rows: string[][] = [[]];
  for (const m of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
    if (m[0] === '' && m.index === text.length) break;
    rows.at(-1)!.push(m[1] === undefined ? m[2]! : m[1].replaceAll('""', '"'));
    if (m[3] === '\n') rows.push([]);
  }
  rows.pop();
  const head = rows.shift()!;
  assert.equal(head.join(','), COLUMNS);
  return rows.map((r) => Object.fromEntries(head.map((name, i) => [name, r[i]!])));
}

function figures(rows: Record<string, string>[], key: (r: Record<string, string>) => string): Map<string, number[]> {
  const sets = new Map<string, { persons: Set<string>; visits: Set<string>; pageviews: number; events: number }>();
  for (const r of rows) {
    if (r.kind === 'engagement') continue;
    const k = key(r);
    const s = sets.get(k) ?? { persons: new Set(), visits: new Set(), pageviews: 0, events: 0 };
    sets.set(k, s);
    s.persons.add(`${r.date} ${r.person}`);
    s.visits.add(`${r.date} ${r.visit}`);
    s.pageviews += r.kind === 'pageview' ? 1 : 0;
    s.events++;
  }
  return new Map([...sets].map(([k, s]) => [k, [s.persons.size, s.visits.size, s.pageviews, s.events]]));
}

const METRICS = ['visitors', 'visits', 'pageviews', 'events'];

test('an export is what the API counts', { timeout: 900000 }, async () => {
  await clearOfMidnight();
  const data = tempFolder('export');
  writeFileSync(`${data}.conf`, 'trusted_proxies = 127.0.0.1\n');
  const server = await startServer(data, { config: `${data}.conf` });
  const token = addSite(data, SITE, '--profile', 'consented');
  addSite(data, 'other.example');
  await importSealed(data, server.url, [1, 2, 3, 4, 5, 6].map((d) => logText(d, 20 + d, 'p')).join(''), 6);
  await importSealed(data, server.url, logText(3, 7, 'late'), 1); // a second part of a day
  let sent = 0;
  for (let v = 1; v <= 12; v++) {
    const from = { 'x-forwarded-for': `198.51.100.${v}` };
    const say = async (e: Record<string, unknown>): Promise<void> => {
      assert.equal((await sendEvent(server.url, { d: SITE, u: `https://${SITE}/now/${v % 4}`, ...e }, from)).status, 202);
    };
    await say({ n: 'pageview' });
    await say({ n: 'Signup', props: { plan: 'say "big", please' }, revenue: { amount: 12.5, currency: 'EUR' } });
    await say({ n: 'engagement', sd: 60, e: 4000 });
    sent += 2;
  }
  assert.equal((await sendEvent(server.url, { n: 'pageview', u: 'https://other.example/x', d: 'other.example' })).status, 202);
  const all = await query(server.url, token, { site_id: SITE, metrics: ['events'], date_range: 'all' });
  await waitForEvents(server.url, token, SITE, Math.max(sent, all.results[0]!.metrics[0]!));
  await waitFor('the events of today', PATIENCE_MS, async () => {
    const r = await query(server.url, token, { site_id: SITE, metrics: ['events'], date_range: 'day' });
    return r.results[0]?.metrics[0] === sent ? true : undefined;
  });

  const text = cli(['export', '--site', SITE, '--data', data, '--format', 'csv']);
  assert.equal(text.code, 0, text.err);
  const rows = parseCsv(text.out);
  for (const [dimension, key] of [
    ['time:day', (r: Record<string, string>) => r.date!],
    ['event:page', (r: Record<string, string>) => r.page!],
    ['visit:source', (r: Record<string, string>) => r.source || 'Direct / None'],
  ] as const) {
    const reply = await query(server.url, token, { site_id: SITE, metrics: METRICS, dimensions: [dimension], date_range: 'all', pagination: { limit: 1000 } });
    const counted = figures(rows, key);
    const expected = new Map(reply.results.filter((r) => r.metrics[3]! > 0).map((r) => [r.dimensions[0]!, r.metrics]));
    assert.deepEqual(new Map([...counted].sort()), new Map([...expected].sort()), dimension);
  }
  const [revenue] = rows.filter((r) => r.name === 'Signup');
  assert.deepEqual([revenue!.revenue_milli, revenue!.currency, JSON.parse(revenue!.props!)], ['12500', 'EUR', { plan: 'say "big", please' }]);
  const engaged = rows.filter((r) => r.kind === 'engagement');
  assert.deepEqual([engaged.length, engaged[0]!.engaged_ms, engaged[0]!.scroll], [12, '4000', '60']);
  assert.equal(rows.find((r) => r.kind === 'pageview')!.scroll, '');

  // the same in every format, beside the server and without it
  const jsonl = mustRun(['export', '--site', SITE, '--data', data, '--format', 'jsonl']).split('\n').map((l) => JSON.parse(l) as Record<string, unknown>);
  const sorted = (list: unknown[][]) => list.map((r) => JSON.stringify(r)).sort();
  // a compaction between two exports changes the order
  assert.deepEqual(sorted(jsonl.map((r) => [r.date, r.person, r.page, r.props])), sorted(rows.map((r) => [r.date, Number(r.person), r.page, r.props])));
  assert.deepEqual(Object.keys(jsonl[0]!).join(','), COLUMNS);
  const file = `${data}.parquet`;
  const report = JSON.parse(mustRun(['export', '--site', SITE, '--data', data, '--format', 'parquet', '--out', file, '--json'])) as { rows: number };
  assert.equal(report.rows, rows.length);
  const [sums] = await numbers(`SELECT count(*), count(DISTINCT (date, person)), sum(engaged_ms), sum(revenue_milli), count(scroll), sum(hour) FROM '${file}'`);
  const sum = (name: string) => rows.reduce((n, r) => n + Number(r[name]), 0);
  const persons = new Set(rows.map((r) => `${r.date} ${r.person}`)).size;
  assert.deepEqual(sums, [rows.length, persons, sum('engaged_ms'), sum('revenue_milli'), 12, sum('hour')]);
  const [second, third] = [isoDay(pastDay(1)), isoDay(pastDay(2))];
  const some = parseCsv(cli(['export', '--site', SITE, '--data', data, '--format', 'csv', '--from', second, '--to', third]).out);
  assert.deepEqual([...new Set(some.map((r) => r.date))].sort(), [second, third]);
  assert.equal(some.length, rows.filter((r) => r.date === second || r.date === third).length);

  // the SQL of the documentation
  const examples = [...readFileSync(join(ROOT, 'docs/formats.md'), 'utf8').matchAll(/^```sql\n(--[\s\S]*?)^```$/gm)].map((m) =>
    m[1]!.replaceAll("'sealed/", `'${data}/sealed/`).replace(/;\s*$/, ''),
  );
  assert.equal(examples.length, 4);
  const days = await query(server.url, token, { site_id: SITE, metrics: ['visitors', 'visits', 'pageviews', 'bounce_rate'], dimensions: ['time:day'], date_range: [isoDay(pastDay(0)), isoDay(pastDay(27))] });
  const shown = days.results.filter((r) => r.metrics[0]! > 0).sort((a, b) => a.dimensions[0]!.localeCompare(b.dimensions[0]!));
  const byDay = await numbers(`SELECT visitors, visits, pageviews, round(bounce_rate) FROM (${examples[0]})`);
  assert.deepEqual(byDay, shown.map((r) => r.metrics));
  const flags = await numbers(`SELECT visitors FROM (${examples[1]})`);
  assert.ok(flags.length >= 7);
  assert.deepEqual(flags, await numbers(`SELECT visitors FROM (${examples[2]})`));
  assert.ok((await numbers(`SELECT len(pages) FROM (${examples[3]})`)).length > 0);

  assert.equal(await server.stop(), 0);
  const later = cli(['export', '--site', SITE, '--data', data, '--format', 'csv']);
  assert.deepEqual(later.out.split('\n').sort(), text.out.split('\n').sort());

  // the hashes of today's visitors, as numbers and as bytes
  const hashes = await numbers('SELECT DISTINCT visitor >> 32, visitor & 4294967295 FROM visit', join(data, 'hot/hot.duckdb'));
  assert.ok(hashes.length >= 12);
  for (const [high, low] of hashes) {
    const hash = (BigInt(high!) << 32n) | BigInt(low!);
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(hash);
    assert.ok(!text.out.includes(hash.toString()) && !text.out.includes(BigInt.asIntN(64, hash).toString()));
    assert.equal(readFileSync(file).includes(bytes), false);
  }
  for (const [args, code] of [
    [['--site', 'nobody.example', '--format', 'csv'], 3],
    [['--site', SITE, '--format', 'xml'], 2],
    [['--site', SITE, '--format', 'csv', '--from', 'yesterday'], 2],
    [['--site', SITE, '--format', 'csv', '--out', `${data}/none/x.csv`], 3],
  ] as const)
    assert.equal(cli(['export', '--data', data, ...args]).code, code, args.join(' '));
  assert.equal(existsSync(`${file}.part`), false);
  removeFolder(data);
});
