// What whole-server tests share: starting the real binary, calling its CLI, sending events, waiting for facts.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, writeSync, type Dirent } from 'node:fs';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export const ROOT = process.env.TAMIS_ROOT ?? process.cwd();
export const BIN = process.env.TAMIS_BIN ?? join(ROOT, 'build/tamis');
export const BROWSER_UA =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36';

/** What never comes within it does not come at all, however slow and busy the machine is. */
export const PATIENCE_MS = 120_000;

const temporary: string[] = [];

/** An empty folder in one of its own, which also holds what a test puts beside it, and goes after the tests. */
export function tempFolder(label: string): string {
  const around = mkdtempSync(join(tmpdir(), `tamis-${label}-`));
  temporary.push(around);
  const folder = join(around, 'data');
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

// --- time ---------------------------------------------------------------------------------------------------------------

const NEAR_MIDNIGHT_SEC = 180;

/** For tests that speak of today: when the site's day ends soon, lets it end first. */
export async function clearOfMidnight(zone = 'UTC'): Promise<void> {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'medium' });
  const [hours, minutes, seconds] = format.format(new Date()).split(':').map(Number) as [number, number, number];
  const left = 86400 - (hours * 3600 + minutes * 60 + seconds);
  if (left < NEAR_MIDNIGHT_SEC) await new Promise((resolve) => setTimeout(resolve, (left + 1) * 1000));
}

const begun = new Date();

/** A past day: 0 is the first of the month half a year ago, which is over, and whose rows are not old enough to go. */
export const pastDay = (day: number): Date => new Date(Date.UTC(begun.getUTCFullYear(), begun.getUTCMonth() - 6, 1 + day));

export const isoDay = (day: Date): string => day.toISOString().slice(0, 10);

/** As access logs write it: 05/May/2025. */
export function logDay(day: Date): string {
  const [, date, month, year] = day.toUTCString().split(' ');
  return `${date}/${month}/${year}`;
}

export interface ToldClock {
  env: NodeJS.ProcessEnv;
  tell(time: string): void;
}

/** A wall clock for a server, which stands still until it is told another time (tools/told_clock.c). */
export function toldClock(file: string, time: string): ToldClock {
  const library = join(ROOT, 'build/tools/libtold_clock.so');
  if (!existsSync(library)) throw new Error(`${library} is missing: ninja -C build tools/libtold_clock.so`);
  const bytesOf = (text: string): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(Date.parse(text)) * 1_000_000n);
    return bytes;
  };
  writeFileSync(file, bytesOf(time));
  return {
    env: { LD_PRELOAD: library, TOLD_CLOCK: file },
    tell: (text) => {
      const fd = openSync(file, 'r+'); // it is mapped: must not be cut
      writeSync(fd, bytesOf(text), 0, 8, 0);
      closeSync(fd);
    },
  };
}

// --- the program --------------------------------------------------------------------------------------------------------

export interface CliResult {
  code: number | null;
  out: string;
  err: string;
}

export function cli(args: string[], input?: string | Buffer): CliResult {
  const r = spawnSync(BIN, args, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  return { code: r.status, out: r.stdout, err: r.stderr };
}

/** Runs a command that must succeed and returns what it printed, trimmed. */
export function mustRun(args: string[], input?: string | Buffer): string {
  const r = cli(args, input);
  if (r.code !== 0) throw new Error(`tamis ${args.join(' ')} ended with ${r.code}: ${r.err}${r.out}`);
  return r.out.trim();
}

export interface Server {
  url: string;
  child: ChildProcess;
  log(): string;
  /** Resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface StartOptions {
  config?: string;
  env?: NodeJS.ProcessEnv;
}

// A failed test leaves its server behind; it must not keep the test process alive, nor its folder filled.
const running = new Map<ChildProcess, Promise<unknown>>();
after(async () => {
  running.forEach((_, child) => child.kill('SIGKILL'));
  await Promise.all(running.values());
  temporary.forEach(removeFolder);
});

/** Starts `tamis serve` on a free port and waits until it says that it listens. */
export function startServer(data: string, options: StartOptions = {}): Promise<Server> {
  const args = ['serve', '--data', data, '--listen', '127.0.0.1:0'];
  if (options.config) args.push('--config', options.config);
  const child = spawn(BIN, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let out = '';
  let err = '';
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  running.set(child, ended);
  void ended.then(() => running.delete(child));
  child.stderr!.on('data', (d: Buffer) => (err += d.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    void ended.then((code) => reject(new Error(`server ended with ${code}: ${err}`)));
    child.stdout!.on('data', (d: Buffer) => {
      out += d.toString();
      const m = /listening on (https?:\/\/\S+)/.exec(out);
      if (!m) return;
      resolve({
        url: m[1]!,
        child,
        log: () => out + err,
        stop: (signal = 'SIGTERM') => {
          child.kill(signal);
          return ended;
        },
      });
    });
  });
}

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export const keepAlive = new http.Agent({ keepAlive: true, maxSockets: 64 });

export function request(
  url: string,
  method: string,
  body?: string,
  headers: Record<string, string> = {},
  agent: http.Agent = keepAlive,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const req = http.request(url, { method, headers, agent }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (d: string) => (text += d));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

export type EventFields = Record<string, unknown>;

export function sendEvent(
  server: string,
  event: EventFields | EventFields[],
  headers: Record<string, string> = {},
  agent?: http.Agent,
): Promise<Reply> {
  return request(
    `${server}/api/event`,
    'POST',
    JSON.stringify(event),
    { 'content-type': 'text/plain', 'user-agent': BROWSER_UA, ...headers },
    agent,
  );
}

export interface QueryRow {
  metrics: number[];
  dimensions: string[];
}

export interface QueryReply {
  results: QueryRow[];
  meta: Record<string, unknown>;
  query: Record<string, unknown>;
}

export async function query(server: string, token: string, body: Record<string, unknown>): Promise<QueryReply> {
  const r = await request(`${server}/api/v2/query`, 'POST', JSON.stringify(body), {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
  });
  if (r.status !== 200) throw new Error(`query answered ${r.status}: ${r.body}`);
  return JSON.parse(r.body) as QueryReply;
}

const LOOK_EVERY_MS = 10;

/** Polls until `look` gives something other than undefined; fails after `ms`. */
export async function waitFor<T>(what: string, ms: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const got = await look();
    if (got !== undefined) return got;
    if (Date.now() > deadline) throw new Error(`no ${what} within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

export function addSite(data: string, domain: string, ...more: string[]): string {
  mustRun(['site', 'add', domain, '--data', data, ...more]);
  return mustRun(['token', 'add', '--site', domain, '--data', data]);
}

/** Waits until the site's all-time count of page views and events is `count`. */
export function waitForEvents(server: string, token: string, site: string, count: number, ms = PATIENCE_MS): Promise<number> {
  return waitFor(`${count} events`, ms, async () => {
    const r = await query(server, token, { site_id: site, metrics: ['events'], date_range: 'all' });
    const events = r.results[0]?.metrics[0] ?? 0;
    return events >= count ? events : undefined;
  });
}

/** What stands in a folder that a server may take away meanwhile. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (e) {
    if (hasGone(e)) return [];
    throw e;
  }
}

const hasGone = (e: unknown): boolean => (e as NodeJS.ErrnoException).code === 'ENOENT';

/** The files below a folder, which is there, at one of the moments at which a server moves them. */
export function filesBelow(folder: string): string[] {
  statSync(folder);
  const below = (at: string): string[] =>
    entriesOf(at).flatMap((e) => (e.isDirectory() ? below(join(at, e.name)) : e.isFile() ? [join(at, e.name)] : []));
  return below(folder);
}

/** When a name was last made, changed or removed in the folder and those below it; undefined: one is just going. */
function lastChanges(folder: string): string | undefined {
  const st = statSync(folder, { bigint: true, throwIfNoEntry: false });
  if (!st) return undefined;
  const below = entriesOf(folder).filter((e) => e.isDirectory()).map((e) => lastChanges(join(folder, e.name)));
  return below.includes(undefined) ? undefined : [`${folder} ${st.ino} ${st.mtimeNs}`, ...below.sort()].join('\n');
}

/** Which of the needles stand in a file, as bytes, in either case; undefined: the file has gone. */
function findInFile(file: string, needles: string[]): string[] | undefined {
  try {
    const text = readFileSync(file).toString('latin1').toLowerCase();
    return needles.filter((needle) => text.includes(Buffer.from(needle).toString('latin1').toLowerCase()));
  } catch (e) {
    if (hasGone(e)) return undefined;
    throw e;
  }
}

/**
 * Which of the needles stand in any file below the folder. A server may rename a file while it is looked for, so that its
 * bytes are met under neither name: looks until no name changed meanwhile. What was met on the way counts.
 */
export async function findBytes(folder: string, needles: string[]): Promise<string[]> {
  const found = new Set<string>();
  await waitFor('quiet moment to read all files', PATIENCE_MS, async () => {
    const before = lastChanges(folder);
    let all = before !== undefined;
    for (const file of filesBelow(folder)) {
      const here = findInFile(file, needles);
      all &&= here !== undefined;
      here?.forEach((needle) => found.add(`${needle} in ${file}`));
    }
    return all && lastChanges(folder) === before ? true : undefined;
  });
  return [...found];
}
