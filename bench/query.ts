// The query part of ./dev bench: a sealed history asked through the API, and the same rows and questions elsewhere.
//   --events N      in the last 30 days (3,000,000)      --pages P   different paths (10,000)
//   --year N        in the last 365 days (1,000,000): each of them is sealed, which takes minutes; 0: none
//   --hot N         of today on top (3,000,000, at most --events)
//   --no-rivals     without DuckDB and ClickHouse         --fresh     fill the folders again
import { rmSync, statSync } from 'node:fs';
import * as http from 'node:http';
import { join } from 'node:path';
import { addDays, firstOfMonth } from '../web/dashboard/data/day';
import type { Query } from '../web/dashboard/data/api';
import { request, startServer, type QueryReply, type Server } from '../tests/flow/lib';
import { copyFolder, fill, folder, type Folder, type Step } from './folder';
import { cpuTicks } from './load';
import { COUNTRY_AND_DEVICE, dashboard, FUNNEL, QUESTIONS, SOURCE_AND_PAGE, type Question, type Range } from './questions';
import { count, judge, median, millions, ms, row } from './report';
import { startClickHouse, startDuckDb, type Rival } from './rivals';

const WARM_UPS = 3;
const RUNS = 15;
const FUNNEL_RUNS = 5;

export interface QueryOptions {
  events: number;
  yearEvents: number;
  hot: number;
  pages: number;
  rivals: boolean;
  fresh: boolean;
  config: string;
}

// As a browser: a few connections that stay open.
const agent = new http.Agent({ keepAlive: true, maxSockets: 6 });

async function ask(server: Server, token: string, body: Query): Promise<QueryReply> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const r = await request(`${server.url}/api/v2/query`, 'POST', JSON.stringify(body), headers, agent);
  if (r.status !== 200) throw new Error(`query answered ${r.status}: ${r.body}\n${JSON.stringify(body)}`);
  return JSON.parse(r.body) as QueryReply;
}

/** Once what a start leaves to do is done: the drain, its checkpoint, the caches of sealed days. */
async function startQuiet(data: string, config: string): Promise<Server> {
  const server = await startServer(data, { config });
  let before = cpuTicks(server.child.pid!);
  for (let still = 0; still < 3; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = cpuTicks(server.child.pid!);
    still = now - before <= 2 ? still + 1 : 0;
    before = now;
  }
  return server;
}

interface Timed {
  ms: number;
  levels: string;
}

/** All of them sent at once; until the last reply is there. */
async function time(server: Server, token: string, asks: Query[]): Promise<Timed> {
  const times: number[] = [];
  const levels = new Set<string>();
  for (let i = -WARM_UPS; i < RUNS; i++) {
    const began = performance.now();
    const replies = await Promise.all(asks.map((each) => ask(server, token, each)));
    if (i >= 0) times.push(performance.now() - began);
    for (const { meta } of replies) for (const level of (meta.levels as string[] | undefined) ?? ['hot']) levels.add(level);
  }
  return { ms: median(times), levels: [...levels].sort().join(' + ') };
}

async function judged(what: string, bar: number | undefined, server: Server, token: string, asks: Query[]): Promise<void> {
  const t = await time(server, token, asks);
  row(what, `${ms(t.ms)} (${t.levels})`, bar === undefined ? '' : `≤ ${bar} ms`, bar === undefined ? '' : judge(t.ms <= bar));
}

/** Steps in order over the raw rows: fewer runs, of seconds each. */
async function funnel(bar: number, server: Server, token: string, domain: string, range: Range): Promise<void> {
  for (const within of ['visit', 'day']) {
    const times: number[] = [];
    const before = cpuTicks(server.child.pid!);
    for (let i = 0; i < FUNNEL_RUNS; i++) {
      const began = performance.now();
      const body = JSON.stringify({ site_id: domain, date_range: range, within, steps: FUNNEL });
      const r = await request(`${server.url}/api/v2/funnel`, 'POST', body, { authorization: `Bearer ${token}` }, agent);
      if (r.status !== 200) throw new Error(`funnel answered ${r.status}: ${r.body}`);
      times.push(performance.now() - began);
    }
    const cpuSec = (cpuTicks(server.child.pid!) - before) / 100 / FUNNEL_RUNS;
    const t = median(times);
    row(`  funnel of three steps within a ${within}`, `${ms(t)} (${cpuSec.toFixed(1)} s of CPU)`, `≤ ${bar} ms`, judge(t <= bar));
  }
}

/** The cell cache, which the server has built by now. */
function cellSize({ data, filled }: Folder): void {
  row('  bytes an event: cell cache beside them', (statSync(join(data, 'hot/cell.duckdb')).size / filled.events).toFixed(2));
}

/** Of small days the fixed costs would be judged, so they are only shown. */
const LEAST_DAY = 1_000_000;

function sizes({ filled }: Folder): void {
  const each = (bytes: number): string => (bytes / filled.events).toFixed(2);
  const verdict = (ok: boolean): string => (filled.events / filled.days >= LEAST_DAY ? judge(ok) : 'days too small');
  const { event, visit, roll } = filled.bytes;
  const busy = ({ per_sec, cpu_us_each }: Step): string => `${count(per_sec)} events/s, ${cpu_us_each.toFixed(2)} µs of CPU each`;
  row(`${millions(filled.events)} events in ${filled.days} days: applied`, busy(filled.applying));
  row('  sealed, and months compacted (the seal alone: below)', busy(filled.sealing));
  row('  bytes an event: event file', each(event), '≤ 8', verdict(event / filled.events <= 8));
  row('  with visit file and roll-ups', `${each(event + visit + roll)} (+ ${each(visit)} + ${each(roll)})`, '≤ 12', verdict((event + visit + roll) / filled.events <= 12));
}

async function month(options: QueryOptions): Promise<Folder> {
  const from = await folder(`month-${options.events}-${options.pages}`, { events: options.events, days: 30, pages: options.pages }, options.fresh);
  sizes(from);
  const { domain, token, today } = from.filled;
  const range: Range = [addDays(today, -30), addDays(today, -1)];
  const server = await startQuiet(from.data, options.config);
  cellSize(from);
  const n = millions(options.events);
  await judged(`dashboard of 30 days, ${n} sealed`, 50, server, token, dashboard(domain, range));
  for (const each of dashboard(domain, range)) {
    const what = [each.dimensions?.[0] ?? 'five figures', 'alone'].join(', ');
    await judged(`  ${what}`, undefined, server, token, [each]);
  }
  await judged('  filtered by country and device', 500, server, token, dashboard(domain, range, COUNTRY_AND_DEVICE));
  await judged('  filtered by source and page', 500, server, token, dashboard(domain, range, SOURCE_AND_PAGE));
  await funnel(2000, server, token, domain, range);
  await server.stop();
  return from;
}

async function year(options: QueryOptions): Promise<void> {
  const from = await folder(`year-${options.yearEvents}-${options.pages}`, { events: options.yearEvents, days: 365, pages: options.pages }, options.fresh);
  const { domain, token, today } = from.filled;
  const range: Range = [firstOfMonth(addDays(today, -365)), addDays(today, -1)];
  const server = await startQuiet(from.data, options.config);
  const asks = dashboard(domain, range, [], 'time:month');
  await judged(`12 months by month, ${millions(options.yearEvents)} sealed`, 50, server, token, asks.slice(1, 2));
  await judged('  the whole dashboard of them', undefined, server, token, asks);
  await server.stop();
}

async function hotOnTop(options: QueryOptions, sealed: Folder): Promise<void> {
  const { domain, zone, today } = sealed.filled;
  const from = copyFolder(sealed, `${sealed.name}-hot`);
  const { token } = await fill(from.data, { zone, events: 0, hot: options.hot, pages: options.pages });
  const server = await startQuiet(from.data, options.config);
  const drained = await ask(server, token, { site_id: domain, metrics: ['events'], date_range: [today, today] });
  if (!drained.results[0]?.metrics[0]) throw new Error('nothing of today has been drained');
  const range: Range = [addDays(today, -29), today];
  await judged(`dashboard of 30 days, ${millions(options.hot)} of today on top`, 150, server, token, dashboard(domain, range));
  await judged('  today alone', undefined, server, token, dashboard(domain, [today, today], [], 'time:hour'));
  await judged('  filtered by country and device', undefined, server, token, dashboard(domain, range, COUNTRY_AND_DEVICE));
  await server.stop();
  rmSync(from.data, { recursive: true, force: true });
}

// --- the others -------------------------------------------------------------------------------------

/** Up to five times, as long as that takes ten seconds. */
async function askRival(rival: Rival, statements: string[]): Promise<{ ms: number; rows: string[][] }> {
  const times: number[] = [];
  let rows: string[][] = [];
  const until = performance.now() + 10000;
  while (times.length === 0 || (times.length < 5 && performance.now() < until)) {
    const answers = [];
    for (const sql of statements) answers.push(await rival.ask(sql));
    times.push(answers.reduce((sum, a) => sum + a.ms, 0));
    rows = answers.length > 1 ? [answers.flatMap((a) => a.rows[0] ?? [])] : answers[0]!.rows;
  }
  return { ms: median(times), rows };
}

const rowsOf = (reply: QueryReply): string[][] => reply.results.map((r) => [...r.dimensions, ...r.metrics.map(String)]);

/** Equal to the last digit; 12.0 is 12. */
function sameRows(a: string[][], b: string[][]): boolean {
  const plain = (text: string): string => (text !== '' && Number.isFinite(Number(text)) ? String(Number(text)) : text.slice(0, 10) + text.slice(10).replace(/ 00:00:00$/, ''));
  return JSON.stringify(a.map((r) => r.map(plain))) === JSON.stringify(b.map((r) => r.map(plain)));
}

/** By how much visitors are off at most, in per cent. */
function deviation(question: Question, exact: string[][], other: string[][]): number {
  const at = question.ask.dimensions ? 1 : 0;
  const key = (r: string[]): string => (at ? r[0]!.slice(0, 200) : '');
  const truth = new Map(exact.map((r) => [key(r), Number(r[at])]));
  return Math.max(0, ...other.map((r) => {
    const is = truth.get(key(r));
    return is ? (100 * Math.abs(Number(r[at]) - is)) / is : 0;
  }));
}

interface Compared {
  question: Question;
  ours: Timed;
  exact: string[][];
}

async function compare(rival: Rival, from: Folder, range: Range, compared: Compared[], isExact: boolean): Promise<void> {
  const events = from.filled.events;
  row(`${rival.name}: bytes an event`, ((await rival.bytes()) / events).toFixed(1));
  const ratios: number[] = [];
  let worst = 0;
  let equal = 0;
  for (const { question, ours, exact } of compared) {
    const theirs = await askRival(rival, question.sql(rival.dialect(range, from.filled.zone)));
    const ratio = theirs.ms / ours.ms;
    if (question.breakdown) ratios.push(ratio);
    const off = deviation(question, exact, theirs.rows);
    const same = sameRows(exact, theirs.rows);
    worst = Math.max(worst, off);
    equal += same ? 1 : 0;
    if (isExact && !same) console.error(`${question.name}: ours ${JSON.stringify(exact)}, theirs ${JSON.stringify(theirs.rows)}`);
    const truth = isExact ? (same ? 'equal' : 'DIFFERENT') : `visitors off by ${off.toFixed(2)} %`;
    row(`  ${question.name}`, `${ms(ours.ms)} : ${ms(theirs.ms)} = 1 : ${ratio.toFixed(1)}, ${truth}`);
  }
  if (isExact) row('  answers equal to the last digit', `${equal} of ${compared.length}`, 'all', judge(equal === compared.length));
  else row('  uniq() is off by up to', `${worst.toFixed(2)} %`);
  const least = Math.min(...ratios);
  row('  least ratio of breakdowns with visitors', `${least.toFixed(1)} ×`, isExact ? '' : '≥ 20 ×', isExact ? '' : judge(least >= 20));
}

async function rivals(options: QueryOptions, from: Folder): Promise<void> {
  const { domain, token, today } = from.filled;
  const range: Range = [addDays(today, -30), addDays(today, -1)];
  const server = await startQuiet(from.data, options.config);
  const compared: Compared[] = [];
  for (const question of QUESTIONS) {
    const asked: Query = { site_id: domain, date_range: range, ...question.ask };
    compared.push({ question, ours: await time(server, token, [asked]), exact: rowsOf(await ask(server, token, asked)) });
  }
  await server.stop(); // each has the machine for itself
  for (const [start, isExact] of [[startDuckDb, true], [startClickHouse, false]] as const) {
    const rival = await start(from);
    if (!rival) {
      row('ClickHouse', 'skipped: clickhouse-server is not installed');
      continue;
    }
    await compare(rival, from, range, compared, isExact);
    await rival.stop();
  }
}

export async function benchQuery(options: QueryOptions): Promise<void> {
  const from = await month(options);
  await hotOnTop(options, from);
  if (options.yearEvents) await year(options);
  if (options.rivals) await rivals(options, from);
  agent.destroy();
}
