// The same rows on plain DuckDB and on ClickHouse, read from the sealed files of a folder.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { addDays, midnight } from '../web/dashboard/data/day';
import { filesBelow, ROOT, waitFor } from '../tests/flow/lib';
import { BENCH_DATA, type Folder } from './folder';
import type { Dialect, Range } from './questions';

const MEMORY_MB = 8192;
const THREADS = 2;

export interface Answer {
  ms: number;
  rows: string[][];
}

export interface Rival {
  name: string;
  dialect(range: Range, zone: string): Dialect;
  ask(sql: string): Promise<Answer>;
  /** Of events and visits, as stored. */
  bytes(): Promise<number>;
  stop(): Promise<void>;
}

// --- plain DuckDB -----------------------------------------------------------------------------------

/** build/bench/duck as a child: a statement a line, an answer a line. */
class Duck {
  private readonly child: ChildProcess;
  private readonly lines: Interface;
  private readonly waiting: { resolve: (a: Answer) => void; reject: (e: Error) => void }[] = [];

  constructor(file: string, memoryMb = MEMORY_MB) {
    this.child = spawn(join(ROOT, 'build/bench/duck'), [file, String(THREADS), String(memoryMb)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.child.stdout! });
    this.lines.on('line', (line) => {
      const answer = JSON.parse(line) as Answer & { error?: string };
      const next = this.waiting.shift();
      if (answer.error) next?.reject(new Error(answer.error));
      else next?.resolve(answer);
    });
    this.child.on('exit', () => this.waiting.splice(0).forEach(({ reject }) => reject(new Error('duck ended'))));
  }

  run(sql: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.child.stdin!.write(`${sql.replace(/\s+/g, ' ')}\n`);
    });
  }

  stop(): Promise<void> {
    this.child.stdin!.end();
    return new Promise((resolve) => (this.child.exitCode === null ? this.child.on('exit', () => resolve()) : resolve()));
  }
}

// The sealed columns under Plausible's names. Persons are of one day, like the ids of a salt that is changed daily.
const SHARED = `hostname, referrer, source AS referrer_source, channel, utm_source, utm_medium, utm_campaign, utm_content, utm_term,
  country AS country_code, device AS screen_size, os AS operating_system, os_version AS operating_system_version, browser, browser_version`;
const USER = 'hash(day::BIGINT * 4294967296 + person) AS user_id, hash(day::BIGINT * 4294967296 + visit + 1) AS session_id';
const EVENTS = `day, ts_sec, name, ${USER}, page AS pathname, ${SHARED}, props, scroll AS scroll_depth, engaged_ms AS engagement_time, revenue_milli, currency`;
const SESSIONS = `day, start_sec, ${USER}, entry_page, exit_page, pageviews, events, bounce AS is_bounce, duration_ms, ${SHARED}`;

const sealedFiles = (folder: Folder, kind: string): string[] =>
  filesBelow(join(folder.data, 'sealed')).filter((path) => path.endsWith(`.${kind}.parquet`)).sort();
const listOf = (files: string[]): string => `[${files.map((f) => `'${f}'`).join(', ')}]`;

export async function startDuckDb(folder: Folder): Promise<Rival> {
  const file = join(BENCH_DATA, `${folder.name}.duckdb`);
  const loaded = `${file}.loaded`;
  const isThere = existsSync(loaded) && statSync(loaded).mtimeMs > statSync(`${folder.data}.json`).mtimeMs;
  if (!isThere) for (const end of ['', '.wal', '.loaded']) rmSync(`${file}${end}`, { force: true });
  const duck = new Duck(file);
  if (!isThere) {
    console.error('loading plain DuckDB');
    await duck.run(`CREATE TABLE event AS SELECT DATE '1970-01-01' + day AS day, make_timestamp(ts_sec * 1000000) AS timestamp, * EXCLUDE (day, ts_sec)
      FROM (SELECT ${EVENTS} FROM read_parquet(${listOf(sealedFiles(folder, 'event'))}))`);
    await duck.run(`CREATE TABLE visit AS SELECT DATE '1970-01-01' + day AS day, make_timestamp(start_sec * 1000000) AS start, * EXCLUDE (day, start_sec)
      FROM (SELECT ${SESSIONS} FROM read_parquet(${listOf(sealedFiles(folder, 'visit'))}))`);
    await duck.run('CHECKPOINT');
    writeFileSync(loaded, '');
  }
  return {
    name: 'DuckDB, count(distinct)',
    dialect: ([from, to]) => ({
      events: 'event',
      sessions: 'visit',
      uniq: (id) => `count(DISTINCT ${id})`,
      countIf: (condition) => `count(*) FILTER (${condition})`,
      visits: 'count(*)',
      sum: (column) => (column === 'duration' ? 'sum(duration_ms) / 1000' : `sum(${column})`),
      day: 'day',
      inRange: () => `day BETWEEN DATE '${from}' AND DATE '${to}'`,
    }),
    ask: (sql) => duck.run(sql),
    bytes: () => Promise.resolve(statSync(file).size),
    stop: () => duck.stop(),
  };
}

// --- ClickHouse -------------------------------------------------------------------------------------

const CLICKHOUSE = '/usr/sbin/clickhouse-server';

// Plausible's tables (events_v2, sessions_v2) as far as 18.16 knows their types.
const SHARED_TYPES = `hostname String, referrer String, referrer_source String, channel LowCardinality(String),
  utm_source String, utm_medium String, utm_campaign String, utm_content String, utm_term String, country_code FixedString(2),
  screen_size LowCardinality(String), operating_system LowCardinality(String), operating_system_version LowCardinality(String),
  browser LowCardinality(String), browser_version LowCardinality(String)`;
const TABLES = [
  `CREATE TABLE events_v2 (timestamp DateTime, site_id UInt64, name LowCardinality(String), user_id UInt64, session_id UInt64, pathname String,
     ${SHARED_TYPES}, props String, scroll_depth UInt8, engagement_time UInt32, revenue_milli Int64, currency FixedString(3))
   ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) PRIMARY KEY (site_id, toDate(timestamp), name, user_id)
   ORDER BY (site_id, toDate(timestamp), name, user_id, timestamp) SETTINGS index_granularity = 8192`,
  `CREATE TABLE sessions_v2 (start DateTime, site_id UInt64, sign Int8, user_id UInt64, session_id UInt64, entry_page String, exit_page String,
     pageviews UInt32, events UInt32, is_bounce UInt8, duration UInt32, ${SHARED_TYPES})
   ENGINE = VersionedCollapsingMergeTree(sign, events) PARTITION BY toYYYYMM(start) PRIMARY KEY (site_id, toDate(start), user_id)
   ORDER BY (site_id, toDate(start), user_id, session_id) SETTINGS index_granularity = 8192`,
];
const EVENT_CSV = `SELECT make_timestamp(ts_sec * 1000000)::VARCHAR, 1, * EXCLUDE (day, ts_sec) FROM (SELECT ${EVENTS} FROM read_parquet(`;

function configFile(dir: string, ports: number[]): string {
  const xml = (body: string): string => `<?xml version="1.0"?>\n<yandex>${body}</yandex>\n`;
  writeFileSync(
    join(dir, 'config.xml'),
    xml(`<logger><level>error</level><log>${dir}/log</log><errorlog>${dir}/log.err</errorlog></logger>
      <http_port>${ports[0]}</http_port><tcp_port>${ports[1]}</tcp_port><listen_host>127.0.0.1</listen_host>
      <path>${dir}/data/</path><tmp_path>${dir}/tmp/</tmp_path><users_config>users.xml</users_config>
      <mark_cache_size>536870912</mark_cache_size><timezone>UTC</timezone>
      <default_profile>default</default_profile><default_database>default</default_database>`),
  );
  writeFileSync(
    join(dir, 'users.xml'),
    xml(`<profiles><default><max_memory_usage>${MEMORY_MB * 2 ** 20}</max_memory_usage><max_threads>${THREADS}</max_threads>
      <allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type></default></profiles>
      <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
      <quotas><default></default></quotas>`),
  );
  return join(dir, 'config.xml');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

class ClickHouse {
  private readonly agent = new http.Agent({ keepAlive: true });
  constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  /** With `input`, the query says what becomes of it. */
  send(sql: string, input?: NodeJS.ReadableStream): Promise<string> {
    return new Promise((resolve, reject) => {
      const path = input ? `/?query=${encodeURIComponent(sql)}` : '/';
      const req = http.request({ host: '127.0.0.1', port: this.port, path, method: 'POST', agent: this.agent }, (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (d: string) => (text += d));
        res.on('end', () => (res.statusCode === 200 ? resolve(text) : reject(new Error(text.slice(0, 500)))));
      });
      req.on('error', reject);
      if (input) input.pipe(req);
      else req.end(sql);
    });
  }

  async ask(sql: string): Promise<Answer> {
    const began = performance.now();
    const text = await this.send(`${sql} FORMAT JSONCompact`);
    const took = performance.now() - began;
    return { ms: took, rows: (JSON.parse(text) as { data: unknown[][] }).data.map((r) => r.map(String)) };
  }

  stop(): Promise<void> {
    this.agent.destroy();
    this.child.kill();
    return new Promise((resolve) => (this.child.exitCode === null ? this.child.on('exit', () => resolve()) : resolve()));
  }
}

/** Pipes what a SELECT of DuckDB gives into a table. */
async function pour(duck: Duck, house: ClickHouse, select: string, table: string, pipe: string): Promise<void> {
  const copied = duck.run(`COPY (${select}) TO '${pipe}' (FORMAT csv, HEADER false)`);
  await Promise.all([copied, house.send(`INSERT INTO ${table} FORMAT CSV`, createReadStream(pipe, { highWaterMark: 1 << 20 }))]);
}

async function load(folder: Folder, house: ClickHouse, dir: string): Promise<void> {
  const duck = new Duck(':memory:', 2048);
  const pipe = join(dir, 'pipe');
  spawnSync('mkfifo', [pipe]);
  for (const sql of TABLES) await house.send(sql);
  const events = sealedFiles(folder, 'event');
  console.error('loading ClickHouse');
  for (const [i, file] of events.entries()) {
    if (process.stderr.isTTY) process.stderr.write(`\r${i + 1} of ${events.length} files `);
    await pour(duck, house, `${EVENT_CSV}'${file}'))`, 'events_v2', pipe);
  }
  const visits = listOf(sealedFiles(folder, 'visit'));
  await pour(duck, house, `SELECT make_timestamp(start_sec * 1000000)::VARCHAR, 1, 1, user_id, session_id, entry_page, exit_page, pageviews, events, is_bounce,
    duration_ms // 1000, * EXCLUDE (day, start_sec, user_id, session_id, entry_page, exit_page, pageviews, events, is_bounce, duration_ms)
    FROM (SELECT ${SESSIONS} FROM read_parquet(${visits}))`, 'sessions_v2', pipe);
  console.error('and merging its parts');
  for (const table of ['events_v2', 'sessions_v2']) await house.send(`OPTIMIZE TABLE ${table} FINAL`);
  await duck.stop();
  rmSync(pipe);
}

/** undefined: it is not installed. */
export async function startClickHouse(folder: Folder): Promise<Rival | undefined> {
  if (!existsSync(CLICKHOUSE)) return undefined;
  const dir = join(BENCH_DATA, `${folder.name}.clickhouse`);
  const loaded = join(dir, 'loaded');
  const isThere = existsSync(loaded) && statSync(loaded).mtimeMs > statSync(`${folder.data}.json`).mtimeMs;
  if (!isThere) rmSync(dir, { recursive: true, force: true });
  for (const sub of ['data', 'tmp']) mkdirSync(join(dir, sub), { recursive: true });
  const ports = [await freePort(), await freePort()];
  const child = spawn(CLICKHOUSE, [`--config-file=${configFile(dir, ports)}`], { stdio: 'ignore', cwd: dir });
  process.on('exit', () => child.kill('SIGKILL')); // whatever happens, none is left behind
  const house = new ClickHouse(child, ports[0]!);
  await waitFor('ClickHouse', 30000, () => house.send('SELECT 1').then(() => true, () => undefined));
  if (!isThere) {
    await load(folder, house, dir);
    writeFileSync(loaded, '');
  }
  const seconds = (day: string, zone: string): number => midnight(day, zone) / 1000;
  return {
    name: 'ClickHouse, uniq()',
    dialect: ([from, to], zone) => ({
      events: 'events_v2',
      sessions: 'sessions_v2',
      uniq: (id) => `uniq(${id})`,
      countIf: (condition) => `countIf(${condition})`,
      visits: 'sum(sign)',
      sum: (column) => `sum(${column} * sign)`,
      day: `toDate(timestamp, '${zone}')`,
      inRange: (time) => `site_id = 1 AND ${time} >= toDateTime(${seconds(from, zone)}) AND ${time} < toDateTime(${seconds(addDays(to, 1), zone)})`,
    }),
    ask: (sql) => house.ask(sql),
    bytes: async () => Number((await house.ask("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'default'")).rows[0]?.[0]),
    stop: () => house.stop(),
  };
}
