// The one table that ./dev bench prints.
import { cpus, totalmem } from 'node:os';

const rows: [what: string, figure: string, bar: string, verdict: string][] = [];

export function row(what: string, figure: string, bar = '', verdict = ''): void {
  rows.push([what, figure, bar, verdict]);
  console.error(`${what}: ${figure}`);
}

export const judge = (ok: boolean): string => (ok ? 'met' : 'MISSED');

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

export const count = (n: number): string => Math.round(n).toLocaleString('en');

/** Three digits are enough to compare. */
export const ms = (n: number): string => `${n < 100 ? n.toFixed(1) : count(n)} ms`;

export const millions = (n: number): string => `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} M`;

export function printReport(): void {
  const width = Math.max(...rows.map(([what]) => what.length));
  const figures = Math.max(30, ...rows.map(([, figure]) => figure.length));
  console.log(`\n${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; what generates the load runs on the same cores\n`);
  for (const [what, figure, bar, verdict] of rows)
    console.log(`${what.padEnd(width)}  ${figure.padEnd(figures)}  ${bar.padEnd(14)}${verdict}`.trimEnd());
}
