// Queries that are wrong in one place, made systematically: 400, and the error begins with the key of that place.
// The JSON schema that the server hands out says the same of them, and takes what the server takes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT, addSite, removeFolder, request, startServer, tempFolder, type Server } from './lib';
import { faults, type Json, type Schema } from './schema';

const data = tempFolder('malformed');
let server: Server;
let token: string;
let schema: Schema;

before(async () => {
  server = await startServer(data);
  token = addSite(data, 'example.com', '--profile', 'consented', '--visitor-cookie', 'on');
  const r = await request(`${server.url}/api/v2/query/schema.json`, 'GET');
  assert.equal(r.status, 200);
  assert.equal(r.headers['content-type'], 'application/schema+json');
  schema = JSON.parse(r.body) as Schema;
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

const base = { site_id: 'example.com', metrics: ['visitors'], date_range: 'day' };
const anything: Json[] = [null, true, false, 7, -1, 1.5, '', 'zebra', [], {}, [[]], [null], [7], ['zebra'], { zebra: 1 }];
const but = (...fine: Json[]): Json[] => anything.filter((v) => !fine.some((f) => JSON.stringify(f) === JSON.stringify(v)));

/** The value of each key, and what else it may be of the above. */
const keys: Record<string, Json[]> = {
  metrics: but(),
  date_range: but(),
  date: but(),
  dimensions: but([]),
  filters: but([]),
  order_by: but([]),
  include: but({}),
  pagination: but({}),
};
const inner: Record<string, Record<string, Json[]>> = {
  include: {
    imports: but(true, false),
    time_labels: but(true, false),
    total_rows: but(true, false),
    compare: but(null),
    compare_match_day_of_week: but(true, false),
    zebra: [1],
  },
  pagination: { limit: [0, 10001, ...but(7)], offset: [100000001, ...but(7)], zebra: [1] },
};
const fine = ['is', 'visit:os', ['x']];
function wrongFilters(): Json[] {
  const list: Json[] = [];
  for (const op of ['is', 'is_not', 'contains', 'contains_not', 'matches', 'matches_not'])
    list.push([op], [op, 'visit:os'], [op, 'time:day', ['x']], [op, 'visit:zebra', ['x']], [op, 7, ['x']], [op, 'visit:os', 'x'], [op, 'visit:os', []], [op, 'visit:os', [7]], [op, 'visit:os', ['x'], { zebra: true }], [op, 'visit:os', ['x'], {}, 1], [op, 'visit:os', ['x'.repeat(2001)]], [op, 'event:props:', ['x']], [op, `event:props:${'x'.repeat(301)}`, ['x']]);
  for (const op of ['and', 'or']) list.push([op], [op, []], [op, fine], [op, [fine], 1], [op, [7]], [op, {}]);
  for (const op of ['not', 'has_done', 'has_not_done']) list.push([op], [op, 7], [op, [fine]], [op, fine, 1], [op, []], [op, ['zebra', 'visit:os', ['x']]]);
  list.push(['IS', 'visit:os', ['x']], ['zebra', fine], fine[0]!, ['matches', 'visit:os', ['x'], { case_sensitive: false }]);
  return list;
}

function wrongQueries(): [string, Record<string, Json>][] {
  const list: [string, Record<string, Json>][] = [];
  for (const [key, values] of Object.entries(keys)) for (const v of values) list.push([key, { ...base, [key]: v }]);
  for (const [key, members] of Object.entries(inner))
    for (const [member, values] of Object.entries(members)) for (const v of values) list.push([key, { ...base, [key]: { [member]: v } }]);
  for (const filter of wrongFilters()) list.push(['filters', { ...base, filters: [filter] }], ['filters', { ...base, filters: [fine, ['not', filter]] }]);
  for (const dimension of ['event:props', 'event:props:', 'event:props:' + 'x'.repeat(301)]) list.push(['dimensions', { ...base, dimensions: [dimension] }]);
  for (const order of [['event:props:', 'asc'], ['visitors'], ['visitors', 'up'], ['zebra', 'asc'], [7, 'asc'], ['visitors', 'asc', 'asc'], 'visitors']) list.push(['order_by', { ...base, order_by: [order] }]);
  for (const name of ['zebra', 'Metrics', 'metrics ', '']) list.push(['query', { ...base, [name]: 1 }]);
  for (const required of ['site_id', 'metrics', 'date_range']) list.push([required, Object.fromEntries(Object.entries(base).filter(([k]) => k !== required))]);
  for (const v of [null, true, [], {}]) list.push(['site_id', { ...base, site_id: v }]);
  return list;
}

const ask = (body: string) => request(`${server.url}/api/v2/query`, 'POST', body, { authorization: `Bearer ${token}` });

test('what is wrong in one place is refused by its key', async () => {
  const wrong = wrongQueries();
  assert.ok(wrong.length >= 200, String(wrong.length));
  for (const [key, body] of wrong) {
    const text = JSON.stringify(body);
    const r = await ask(text);
    assert.equal(r.status, 400, text);
    const { error } = JSON.parse(r.body) as { error: string };
    assert.ok(error.startsWith(`${key}:`), `${text}\n${error}`);
    assert.doesNotMatch(error, /zebra|xxx/, text);
    assert.notDeepEqual(faults(body, schema), [], `the schema takes ${text}`);
  }
});

test('what only the meaning forbids is refused too', async () => {
  const wrong: [string, Record<string, Json>][] = [
    ['metrics', { metrics: ['scroll_depth'] }],
    ['date_range', { date_range: ['2026-01-02', '2026-01-01'] }],
    ['date_range', { date_range: ['2026-02-30', '2026-03-01'] }],
    ['date', { date_range: '24h', date: '2026-01-01' }],
    ['dimensions', { dimensions: ['time', 'time:day'] }],
    ['filters', { filters: [['matches', 'visit:os', ['(']]] }],
    ['filters', { filters: [['has_done', ['has_done', fine]]] }],
    ['order_by', { order_by: [['visits', 'asc']] }],
    ['include', { include: { time_labels: true } }],
  ];
  for (const [key, part] of wrong) {
    const r = await ask(JSON.stringify({ ...base, ...part }));
    assert.equal(r.status, 400);
    assert.ok((JSON.parse(r.body) as { error: string }).error.startsWith(`${key}:`), r.body);
  }
});

test('the schema takes every query of docs/api.md', async () => {
  const text = readFileSync(join(ROOT, 'docs/api.md'), 'utf8');
  const all = [...text.matchAll(/-d '(\{"site_id"[\s\S]*?\})'\n/g)].map((m) => m[1]!);
  assert.ok(all.length >= 8, String(all.length));
  for (const body of all) {
    assert.deepEqual(faults(JSON.parse(body) as Json, schema), [], body);
    assert.equal((await ask(body)).status, 200, body);
  }
  const every = { ...base, dimensions: ['time', 'event:page', 'event:props:a/b c'], filters: [fine, ['or', [fine, ['not', ['has_not_done', ['matches', 'event:page', ['^/']]]]]], ['contains', 'event:name', ['x'], { case_sensitive: true }]], order_by: [['visitors', 'asc'], ['event:props:a/b c', 'desc']], include: { compare: ['2026-01-01T00:00:00Z', '2026-01-01T01:00:00.5+01:00'] }, pagination: { limit: 1, offset: 0 } };
  assert.deepEqual(faults(every, schema), []);
  assert.equal((await ask(JSON.stringify(every))).status, 200);
});
