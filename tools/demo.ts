// ./dev demo — a server on 127.0.0.1:8420 with a demo site: a month of history through the importer, live visitors
// through the HTTP pipeline, and the real access log of another site when it is there.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { join } from 'node:path';
import { addressOf, AGENTS, CAMPAIGNS, HOURS, PAGES, pick, REFERRERS, seeded, ZONES } from './traffic';

const [root = process.cwd(), ...flags] = process.argv.slice(2);
const BIN = join(root, 'build/tamis');
const DATA = join(root, 'build/demo-data');
const LOG = join(root, '../shared/data/access-apache.log');
const LISTEN = process.env.TAMIS_DEMO_LISTEN ?? '127.0.0.1:8420';
const SITE = 'bakery.example';
const LOG_SITE = 'semicomplete.com';
const DAYS = 62;
const shots = flags.includes('--screenshots');

const random = seeded(20260301);

function run(...args: string[]): string {
  const r = spawnSync(BIN, [...args, '--data', DATA], { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`tamis ${args[0]} failed: ${r.stderr || r.stdout}`);
  return r.stdout.trim();
}

/** A month of visits as an access log in combined format, ending an hour ago, in time order. */
function history(): string {
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const two = (n: number): string => String(n).padStart(2, '0');
  const lines: [number, string][] = [];
  const end = Date.now() - 3600_000;
  const peak = HOURS.reduce((a, b) => a + b, 0);
  let visitor = 0;
  for (let day = DAYS; day >= 0; day--) {
    const date = new Date(end - day * 86400_000);
    const weekend = date.getUTCDay() === 0 || date.getUTCDay() === 6;
    const visits = Math.round((weekend ? 230 : 160) * (1 + (DAYS - day) / 160) * (0.85 + random() * 0.3));
    for (let v = 0; v < visits; v++) {
      visitor++;
      let at = random() * peak;
      let hour = 0;
      while (at >= HOURS[hour]!) at -= HOURS[hour++]!;
      let t = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), hour, Math.floor(random() * 60), Math.floor(random() * 60));
      const agent = pick(random, AGENTS);
      let referrer = pick(random, REFERRERS) || '-';
      let query = pick(random, CAMPAIGNS);
      const pages = 1 + Math.floor(-Math.log(1 - random()) * 1.6);
      for (let p = 0; p < pages && t < end; p++) {
        const d = new Date(t);
        const page = p === 0 && random() < 0.5 ? '/' : pick(random, PAGES);
        const stamp = `${two(d.getUTCDate())}/${months[d.getUTCMonth()]}/${d.getUTCFullYear()}:${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} +0000`;
        lines.push([t, `${addressOf(visitor)} - - [${stamp}] "GET ${page}${query} HTTP/1.1" 200 5120 "${referrer}" "${agent}"`]);
        referrer = `https://${SITE}${page}`;
        query = '';
        t += 8000 + Math.floor(random() * 90_000);
      }
    }
  }
  lines.sort((a, b) => a[0] - b[0]);
  return lines.map(([, line]) => line).join('\n') + '\n';
}

function post(url: string, visitor: number, agent: string, event: unknown): Promise<number> {
  return new Promise((resolve) => {
    const req = http.request(`${url}/api/event`, { method: 'POST', headers: { 'content-type': 'text/plain', 'user-agent': agent, 'x-forwarded-for': addressOf(100000 + visitor) } }, (res) => {
      res.resume();
      res.on('end', () => resolve(res.statusCode ?? 0));
    });
    req.on('error', () => resolve(0));
    req.end(JSON.stringify(event));
  });
}

/** One page view or event of one of some forty visitors who are on the site now. */
function liveEvent(url: string): Promise<number> {
  const visitor = Math.floor(random() * 40) + 40 * Math.floor(Date.now() / 900_000) % 4000;
  const own = seeded(visitor);
  const agent = pick(own, AGENTS);
  const zone = pick(own, ZONES);
  const referrer = pick(own, REFERRERS);
  const u = `https://${SITE}${pick(random, PAGES)}`;
  const event = random() < 0.06 ? { n: 'Order', u: `https://${SITE}/order/thanks`, p: { size: pick(random, [['small', 3], ['large', 2]]) } } : { n: 'pageview', u, r: referrer };
  return post(url, visitor, agent, { ...event, d: SITE, z: zone, v: 1 });
}

function start(): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(BIN, ['serve', '--data', DATA, '--listen', shots ? '127.0.0.1:0' : LISTEN, '--config', `${DATA}.conf`], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the server ended with code ${code}`)));
    child.stdout!.on('data', (d: Buffer) => {
      const m = /listening on (\S+)/.exec(d.toString());
      if (m) resolve({ url: m[1]!, child });
    });
  });
}

async function main(): Promise<void> {
  rmSync(DATA, { recursive: true, force: true });
  mkdirSync(DATA, { recursive: true, mode: 0o700 });
  writeFileSync(`${DATA}.conf`, 'trusted_proxies = 127.0.0.1\nlog_level = warn\n');
  const { url, child } = await start();
  let stopping = false;
  const stop = (): void => {
    stopping = true;
    child.removeAllListeners('exit');
    child.on('exit', () => process.exit(0));
    child.kill('SIGTERM');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);

  run('site', 'add', SITE, '--timezone', 'Europe/Paris');
  const file = `${DATA}.log`;
  writeFileSync(file, history());
  run('import', '--site', SITE, '--format', 'combined', file);
  rmSync(file);
  let sites = `${SITE} (made-up)`;
  if (existsSync(LOG)) {
    run('site', 'add', LOG_SITE, '--timezone', 'UTC');
    run('import', '--site', LOG_SITE, '--format', 'combined', LOG);
    sites += `, ${LOG_SITE} (a real access log of May 2015)`;
  }
  const token = run('token', 'add');
  for (let i = 0; i < 120; i++) await liveEvent(url);

  if (shots) {
    const made = spawnSync(process.execPath, [join(root, 'build/ts/tools-screenshots.cjs'), join(root, 'docs/img'), url, token], { stdio: 'inherit', env: { ...process.env, NODE_PATH: join(root, 'node_modules') } });
    process.exitCode = made.status ?? 1;
    stop();
    return;
  }
  console.log(`\nTamis is running a demo: ${sites}\n\n  dashboard  ${url}/#token=${token}\n  token      ${token}\n  tracker    <script defer data-domain="${SITE}" src="${url}/t.js"></script>\n\nCtrl-C stops it; the data is in build/demo-data.`);
  while (!stopping) {
    await liveEvent(url);
    await new Promise((resolve) => setTimeout(resolve, 300 + random() * 1500));
  }
}

main().catch((e: unknown) => {
  console.error(e instanceof Error ? e.message : e);
  process.exit(3);
});
