// A source that suddenly makes more than half of a day's visits is told of.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addSite, cli, isoDay, logDay, mustRun, pastDay, removeFolder, request, startServer, tempFolder, type Server } from './lib';

const data = tempFolder('notes');
const site = 'example.com';
let server: Server;
let token: string;

/** Lines of visitors of one page each, who come from there. */
function visits(day: number, count: number, referrer: string): string {
  return Array.from({ length: count }, (_, i) =>
    `198.51.${referrer.length}.${i + 1} - - [${logDay(pastDay(day))}:12:00:${String(i % 60).padStart(2, '0')} +0000] "GET /p HTTP/1.1" 200 9 ` +
    `"${referrer}" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"\n`).join('');
}

const google = 'https://www.google.com/';
const burst = 'https://burst.example.org/';
const usual = 'https://usual-one.example/';

before(async () => {
  token = addSite(data, site);
  let log = '';
  for (let day = 0; day < 6; day++) log += visits(day, 20, google) + visits(day, 30, usual);
  log += visits(6, 40, google) + visits(6, 60, burst); // 60 %, after nothing
  log += visits(7, 90, usual) + visits(7, 20, google); // 82 %, after 180 of 400
  log += visits(8, 49, burst); // all of it, but few
  log += visits(9, 60, google) + visits(9, 60, usual); // half is not more than half
  mustRun(['import', '--site', site, '--data', data, '-'], log);
  server = await startServer(data);
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

async function notes(day: number, query = `site_id=${site}&date=${isoDay(pastDay(day))}`, bearer = token): Promise<{ status: number; results?: unknown[] }> {
  const r = await request(`${server.url}/api/v2/notes?${query}`, 'GET', undefined, { authorization: `Bearer ${bearer}` });
  return { status: r.status, ...JSON.parse(r.body) };
}

test('a burst is noted with what there was before', async () => {
  const note = { note: 'source', date: isoDay(pastDay(6)), source: 'burst.example.org', visits: 60, total_visits: 100, share: 60, share_before: 0 };
  assert.deepEqual((await notes(6)).results, [note]);
  assert.deepEqual(JSON.parse(mustRun(['notes', '--site', site, '--date', note.date, '--json', '--data', data])).results, [note]);
  assert.equal(mustRun(['notes', '--site', site, '--date', note.date, '--data', data]), `${note.date}  burst.example.org sent 60 of 100 visits: 60 %, after 0 % in the 28 days before`);
});

test('what is usual, few, half, or the first there is, is not', async () => {
  for (const day of [0, 1, 5, 7, 8, 9, 10]) assert.deepEqual((await notes(day)).results, [], `day ${day}`);
  assert.deepEqual((await notes(0, `site_id=${site}`)).results, []); // today
});

test('faults are told', async () => {
  assert.equal((await notes(0, `site_id=${site}&date=yesterday`)).status, 400);
  assert.equal((await notes(0, 'site_id=nobody.example')).status, 401);
  assert.equal((await notes(0, '')).status, 401);
  assert.equal((await notes(6, undefined, 'tamis_wrong')).status, 401);
  assert.equal(cli(['notes', '--data', data]).code, 2);
});
