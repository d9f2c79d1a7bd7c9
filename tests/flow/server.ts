// Starts the real binary on a free port with a data folder of its own, for whole-server tests.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const START_MS = 10_000;
const run = promisify(execFile);

export interface Server {
  url: string;
  data: string;
  pid: number;
  /** Runs another tamis command on the same data folder; gives what it prints, trimmed. */
  cli(...args: string[]): Promise<string>;
  /** Ends it: SIGTERM and a clean stop, or SIGKILL. Its data stay until `discard`. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
  discard(): Promise<void>;
}

export interface Start {
  bin?: string; // default: $TAMIS_BIN
  data?: string; // default: a new folder
  args?: string[];
  env?: Record<string, string>;
}

export async function startServer(start: Start = {}): Promise<Server> {
  const bin = start.bin ?? process.env['TAMIS_BIN'];
  if (!bin) throw new Error('TAMIS_BIN is not set');
  const data = start.data ?? (await mkdtemp(join(tmpdir(), 'tamis-')));
  const child = spawn(bin, ['serve', '--data', data, '--listen', '127.0.0.1:0', ...(start.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...start.env },
  });
  const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  const url = await listening(child);
  return {
    url,
    data,
    pid: child.pid ?? 0,
    cli: async (...args) => (await run(bin, [...args, '--data', data])).stdout.trim(),
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
    discard: () => rm(data, { recursive: true, force: true }),
  };
}

/** The address, from the line the server prints once it can acknowledge. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let said = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`not listening after ${START_MS} ms: ${said}`));
    }, START_MS);
    const read = (line: string): void => {
      said += `${line}\n`;
      const url = /listening on (http:\/\/\S+)/.exec(line)?.[1];
      if (!url) return;
      clearTimeout(timer);
      done(url);
    };
    for (const stream of [child.stdout, child.stderr]) if (stream) createInterface(stream).on('line', read);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(new Error(`ended with ${code} before listening: ${said}`));
    });
    child.once('error', fail);
  });
}
