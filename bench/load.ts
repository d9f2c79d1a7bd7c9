// Load, and what a server says about itself.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { request, ROOT, type Server } from '../tests/flow/lib';

export interface WrkResult {
  rate: number;
  p50: number;
  p99: number;
  non2xx: number;
  socketErrors: number;
}

function milliseconds(text: string): number {
  const m = /^([\d.]+)(us|ms|s)$/.exec(text);
  if (!m) return NaN;
  return Number(m[1]) * (m[2] === 'us' ? 0.001 : m[2] === 's' ? 1000 : 1);
}

function socketErrors(out: string): number {
  const m = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(out);
  return m ? m.slice(1).reduce((sum, n) => sum + Number(n), 0) : 0;
}

/** Does not block, so that this process could serve meanwhile; wrk is a process of its own. */
export function wrk(url: string, connections: number, threads: number, script: string, time: number): Promise<WrkResult> {
  const args = [`-t${threads}`, `-c${connections}`, `-d${time}s`, '--latency', '-s', join(ROOT, 'bench', script), url];
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (d: Buffer) => (out += d.toString()));
  return new Promise((resolve, reject) =>
    child.on('exit', (code) => {
      const rate = /Requests\/sec:\s+([\d.]+)/.exec(out);
      const p50 = /^\s+50%\s+(\S+)/m.exec(out);
      const p99 = /^\s+99%\s+(\S+)/m.exec(out);
      if (code !== 0 || !rate) return reject(new Error(`wrk failed: ${out}`));
      resolve({ rate: Number(rate[1]), p50: milliseconds(p50?.[1] ?? ''), p99: milliseconds(p99?.[1] ?? ''), non2xx: Number(/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0),
        socketErrors: socketErrors(out) });
    }),
  );
}

/** A figure of /proc/PID/status. */
export function statusKb(pid: number, key: string): number {
  const m = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(m?.[1] ?? NaN);
}

/** Hundredths of a second that a process has computed. */
export function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

export async function metric(server: Server, name: string): Promise<number> {
  const text = (await request(`${server.url}/metrics`, 'GET')).body;
  return Number(new RegExp(`^${name} ([\\d.]+)`, 'm').exec(text)?.[1] ?? NaN);
}
