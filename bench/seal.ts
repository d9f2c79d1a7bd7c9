// The seal part of ./dev bench: yesterday is sealed while another site's events come in.
//   --due N   events of yesterday (as --events)
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { addSite, startServer, waitFor, type Server } from '../tests/flow/lib';
import { BENCH_DATA, fill, zoneOfDay } from './folder';
import { metric, statusKb, wrk } from './load';
import { count, judge, row } from './report';

export interface SealOptions {
  events: number;
  pages: number;
  config: string;
}

interface Sealed {
  perSec: number;
  peakMb: number;
}

/** By the server's own count of the time from the beginning of the seal until the part is recorded. */
async function watch(server: Server): Promise<Sealed> {
  const events = await waitFor('the seal', 900000, async () => (await metric(server, 'tamis_events_sealed_total')) || (await pause(20)));
  const perSec = events / ((await metric(server, 'tamis_seal_milliseconds_total')) / 1000);
  return { perSec, peakMb: statusKb(server.child.pid!, 'VmHWM') / 1024 };
}

const pause = (time: number): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, time, undefined));

async function once(options: SealOptions, busy: boolean): Promise<void> {
  const data = join(BENCH_DATA, 'due');
  rmSync(data, { recursive: true, force: true });
  await fill(data, { domain: 'history.example', events: 0, due: options.events, pages: options.pages, zone: zoneOfDay() });
  addSite(data, 'example.com', '--profile', 'consented');
  const server = await startServer(data, { config: options.config });
  let over = false;
  const sealed = watch(server).finally(() => (over = true));
  const rounds = [];
  while (busy && !over) rounds.push(await wrk(`${server.url}/api/event`, 32, 1, 'event.lua', 2));
  const { perSec, peakMb } = await sealed;
  const what = `${count(options.events)} events of yesterday sealed by the server`;
  if (!busy) {
    row(`${what}, nothing else to do`, `${count(perSec)} events/s`, '≥ 1,000,000/s', judge(perSec >= 1e6));
  } else {
    const rate = rounds.reduce((sum, r) => sum + r.rate, 0) / rounds.length;
    const refused = rounds.reduce((sum, r) => sum + r.non2xx + r.socketErrors, 0);
    row(`${what}, while others come in`, `${count(perSec)} events/s`, '≥ 1,000,000/s', judge(perSec >= 1e6));
    row('  acknowledged meanwhile (drained and sealed)', `${count(rate)}/s, ${refused} refused`, '0 refused', judge(refused === 0));
  }
  row('  most memory (VmHWM)', `${count(peakMb)} MB`);
  await server.stop();
  rmSync(data, { recursive: true, force: true });
}

export async function benchSeal(options: SealOptions): Promise<void> {
  await once(options, false);
  await once(options, true);
}
