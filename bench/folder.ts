// Data folders with a history, made by build/bench/fill and kept for the rest of the day.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hourOf, today } from '../web/dashboard/data/day';
import { ROOT } from '../tests/flow/lib';

export const BENCH_DATA = join(ROOT, 'build/bench-data');

export interface Step {
  per_sec: number;
  cpu_us_each: number;
}

/** What fill prints. */
export interface Filled {
  domain: string;
  token: string;
  zone: string;
  today: string;
  events: number;
  days: number;
  parts: number;
  rows: Record<'event' | 'visit' | 'roll', number>;
  bytes: Record<'event' | 'visit' | 'roll', number>;
  making: Step;
  applying: Step;
  sealing: Step;
  peak_kb: number;
}

export interface Folder {
  name: string;
  data: string;
  filled: Filled;
}

/** A zone in which it is neither about to be midnight nor just after: today must have some length, and stay today. */
export function zoneOfDay(): string {
  const zones = ['Europe/Paris', 'America/New_York', 'Asia/Tokyo', 'America/Los_Angeles', 'Asia/Kolkata'];
  return zones.find((zone) => hourOf(zone) >= 5 && hourOf(zone) < 21) ?? 'UTC';
}

export function fill(data: string, options: Record<string, number | string>): Promise<Filled> {
  mkdirSync(BENCH_DATA, { recursive: true });
  const args = ['--data', data, ...Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)])];
  const child = spawn(join(ROOT, 'build/bench/fill'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(JSON.parse(out) as Filled) : reject(new Error(`fill ended with ${code}`))));
  });
}

/** The folder of that name, filled unless it was today; `fresh`: in any case. */
export async function folder(name: string, options: Record<string, number | string>, fresh: boolean): Promise<Folder> {
  const data = join(BENCH_DATA, name);
  const note = `${data}.json`;
  if (!fresh && existsSync(note) && existsSync(data)) {
    const filled = JSON.parse(readFileSync(note, 'utf8')) as Filled;
    if (filled.today === today(filled.zone)) return { name, data, filled };
  }
  rmSync(data, { recursive: true, force: true });
  rmSync(note, { force: true });
  const filled = await fill(data, { zone: zoneOfDay(), ...options });
  writeFileSync(note, JSON.stringify(filled));
  return { name, data, filled };
}

/** A copy to be changed. Sealed files are never edited, so they are shared. */
export function copyFolder(from: Folder, name: string): Folder {
  const data = join(BENCH_DATA, name);
  rmSync(data, { recursive: true, force: true });
  const run = (command: string, args: string[]): void => {
    if (spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0) throw new Error(`${command} failed`);
  };
  mkdirSync(data, { recursive: true });
  for (const part of ['control.db', 'journal', 'hot']) run('cp', ['-a', join(from.data, part), data]);
  run('cp', ['-al', join(from.data, 'sealed'), data]);
  return { name, data, filled: from.filled };
}
