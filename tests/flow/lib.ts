// What whole-server tests share: starting the real binary, calling its CLI, sending events, waiting for facts.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, readdirSync, readFileSync, statSync } from 'node:fs';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export const ROOT = process.env.TAMIS_ROOT ?? process.cwd();
export const BIN = process.env.TAMIS_BIN ?? join(ROOT, 'build/tamis');
export const BROWSER_UA =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36';

export function tempFolder(label: string): string {
  return mkdtempSync(join(tmpdir(), `tamis-${label}-`));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

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
  if (r.code !== 0) throw new Error(`tamis ${args.join(' ')} ended with ${r.code}: ${r.err}`);
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

// A failed test leaves its server behind; it must not keep the test process alive.
const running = new Set<ChildProcess>();
after(() => running.forEach((child) => child.kill('SIGKILL')));

/** Starts `tamis serve` on a free port and waits until it says that it listens. */
export function startServer(data: string, options: StartOptions = {}): Promise<Server> {
  const args = ['serve', '--data', data, '--listen', '127.0.0.1:0'];
  if (options.config) args.push('--config', options.config);
  const child = spawn(BIN, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  running.add(child);
  child.on('exit', () => running.delete(child));
  let out = '';
  let err = '';
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
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

/** Polls until `look` gives something other than undefined; fails after `ms`. */
export async function waitFor<T>(what: string, ms: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const got = await look();
    if (got !== undefined) return got;
    if (Date.now() > deadline) throw new Error(`no ${what} within ${ms} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function addSite(data: string, domain: string, ...more: string[]): string {
  mustRun(['site', 'add', domain, '--data', data, ...more]);
  return mustRun(['token', 'add', '--site', domain, '--data', data]);
}

/** Waits until the site's all-time count of page views and events is `count`. */
export function waitForEvents(server: string, token: string, site: string, count: number, ms = 10000): Promise<number> {
  return waitFor(`${count} events`, ms, async () => {
    const r = await query(server, token, { site_id: site, metrics: ['events'], date_range: 'all' });
    const events = r.results[0]?.metrics[0] ?? 0;
    return events >= count ? events : undefined;
  });
}

export function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const st = statSync(path, { throwIfNoEntry: false });
    if (!st) return [];
    return st.isDirectory() ? filesBelow(path) : st.isFile() ? [path] : [];
  });
}

/** Which of the needles stand in any file below the folder, as bytes, in either case. */
export function findBytes(folder: string, needles: string[]): string[] {
  const found: string[] = [];
  for (const file of filesBelow(folder)) {
    const text = readFileSync(file).toString('latin1').toLowerCase();
    for (const needle of needles) if (text.includes(Buffer.from(needle).toString('latin1').toLowerCase())) found.push(`${needle} in ${file}`);
  }
  return found;
}
