// ./dev demo — a server on 127.0.0.1:8420 with a demo site that has lived for two months, live visitors, and the real
// access log of another site when it is there.
//
// The two months pass through the HTTP pipeline too, event by event, under a clock that is told the time
// (told_clock.c): log lines would know page views only, and no country.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressOf, life, seeded, visit, type Act } from './traffic';

const [root = process.cwd(), ...flags] = process.argv.slice(2);
const BIN = join(root, 'build/tamis');
const DATA = join(root, 'build/demo-data');
const CLOCK = join(root, 'build/tools/libtold_clock.so');
const CONFIG = `${DATA}.conf`;
const LOG = join(root, '../shared/data/access-apache.log');
const LISTEN = process.env.TAMIS_DEMO_LISTEN ?? '127.0.0.1:8420';
const SITE = 'bakery.example';
const LOG_SITE = 'semicomplete.com';
const DAYS = 62;
const shots = flags.includes('--screenshots');

const random = seeded(20260301);
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

function run(data: string, ...args: string[]): string {
  const r = spawnSync(BIN, [...args, '--data', data], { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`tamis ${args[0]} failed: ${r.stderr || r.stdout}`);
  return r.stdout.trim();
}

interface Server {
  url: string;
  child: ChildProcess;
}

function start(data: string, listen: string, env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const child = spawn(BIN, ['serve', '--data', data, '--listen', listen, '--config', CONFIG], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the server ended with code ${code}`)));
    child.stdout!.on('data', (d: Buffer) => {
      const m = /listening on (\S+)/.exec(d.toString());
      if (m) resolve({ url: m[1]!, child });
    });
  });
}

function stop({ child }: Server): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.on('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

function send(url: string, act: Act): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'text/plain', 'user-agent': act.agent, 'x-forwarded-for': addressOf(act.visitor) };
    const req = http.request(`${url}/api/event`, { method: 'POST', headers, agent }, (res) => {
      res.resume();
      res.on('end', () => resolve(res.statusCode ?? 0));
    });
    req.on('error', () => resolve(0));
    req.end(JSON.stringify({ ...act.event, d: SITE }));
  });
}

/** Lets the acts happen, each at its time. In memory first: every event is synced to the disk before the next. */
async function relive(acts: Act[]): Promise<void> {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tamis-demo-'));
  const data = join(folder, 'data');
  const clock = join(folder, 'clock');
  const time = Buffer.alloc(8);
  const fd = openSync(clock, 'w');
  const setClock = (ms: number): void => {
    time.writeBigInt64LE(BigInt(Math.floor(ms)) * 1_000_000n);
    writeSync(fd, time, 0, 8, 0);
  };
  try {
    setClock(acts[0]!.at);
    const server = await start(data, '127.0.0.1:0', { LD_PRELOAD: CLOCK, TOLD_CLOCK: clock });
    run(data, 'site', 'add', SITE, '--timezone', 'Europe/Paris');
    for (const act of acts) {
      setClock(act.at);
      const status = await send(server.url, act);
      if (status !== 202) throw new Error(`an event was answered ${status}`);
    }
    await stop(server);
    if (spawnSync('cp', ['-a', data, DATA]).status !== 0) throw new Error(`cannot copy ${data}`);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Visitors who come and go while the demo runs, some twenty within five minutes. */
function* live(): Generator<Act> {
  for (let n = 1_000_000; ; n++) yield* visit(random, SITE, Date.now(), n);
}

async function main(): Promise<void> {
  rmSync(DATA, { recursive: true, force: true });
  writeFileSync(CONFIG, 'trusted_proxies = 127.0.0.1\nlog_level = warn\n');
  await relive(life(random, SITE, DAYS, Date.now() - 60_000));

  const server = await start(DATA, shots ? '127.0.0.1:0' : LISTEN);
  let stopping = false;
  const end = (): void => {
    stopping = true;
    void stop(server).then(() => process.exit());
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  let sites = `${SITE} (made-up)`;
  if (existsSync(LOG)) {
    run(DATA, 'site', 'add', LOG_SITE, '--timezone', 'UTC');
    run(DATA, 'import', '--site', LOG_SITE, '--format', 'combined', LOG);
    sites += `, ${LOG_SITE} (a real access log of May 2015)`;
  }
  const token = run(DATA, 'token', 'add');
  const visitors = live();
  for (let i = 0; i < 60; i++) await send(server.url, visitors.next().value as Act);

  if (shots) {
    const made = spawnSync(process.execPath, [join(root, 'build/ts/tools-screenshots.cjs'), join(root, 'docs/img'), server.url, token], { stdio: 'inherit', env: { ...process.env, NODE_PATH: join(root, 'node_modules') } });
    process.exitCode = made.status ?? 1;
    end();
    return;
  }
  const { url } = server;
  console.log(`\nTamis is running a demo: ${sites}\n\n  dashboard  ${url}/#token=${token}\n  token      ${token}\n  tracker    <script defer data-domain="${SITE}" src="${url}/t.js"></script>\n\nCtrl-C stops it; the data is in build/demo-data.`);
  while (!stopping) {
    await send(url, visitors.next().value as Act);
    await new Promise((resolve) => setTimeout(resolve, 2000 + random() * 9000));
  }
}

main().catch((e: unknown) => {
  console.error(e instanceof Error ? e.message : e);
  process.exit(3);
});
