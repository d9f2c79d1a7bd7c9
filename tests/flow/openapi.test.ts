// docs/openapi.json is true: it has every route and no other, and each of its examples is answered as it says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BROWSER_UA, ROOT, addSite, removeFolder, request, startServer, tempFolder, type Reply, type Server } from './lib';
import { faults, type Json, type Schema } from './schema';

interface Example { value: Json; 'x-answer'?: number }
interface Media { schema: Schema; examples?: Record<string, Example> }
interface Answer { $ref?: string; content?: Record<string, Media> }
interface Operation {
  security?: unknown[];
  parameters?: { name: string; required: boolean; schema: Schema; examples?: Record<string, Example> }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, Answer>;
}

const doc = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as Schema & { paths: Record<string, Record<string, Operation>>; components: { responses: Record<string, Answer> } };
const operations = Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, o]) => ({ path, method: method.toUpperCase(), o })));
/** Files of web/ that are part of the interface; no route has them. */
const FILES = ['GET /t.js', 'GET /t.cookie.js', 'GET /t.vitals.js', 'GET /t.forms.js'];

const data = tempFolder('openapi');
let server: Server;
let token: string;
before(async () => {
  server = await startServer(data);
  token = addSite(data, 'example.com', '--profile', 'consented', '--visitor-cookie', 'on');
});
after(async () => {
  await server.stop();
  removeFolder(data);
});

const isStream = (o: Operation): boolean => 'text/event-stream' in (o.responses['200']?.content ?? {});

/** A stream has no end: what it begins with. */
function firstMessage(url: string, headers: Record<string, string>): Promise<Reply> {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false, headers }, (res) => {
      let body = '';
      res.setEncoding('utf8');
      res.on('data', (d: string) => {
        body += d;
        if (!body.includes('\n\n')) return;
        res.destroy();
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body });
      });
    }).on('error', reject);
  });
}

function send(path: string, method: string, o: Operation, body?: string, type?: string): Promise<Reply> {
  const headers: Record<string, string> = { 'user-agent': BROWSER_UA };
  if (o.security) headers.authorization = `Bearer ${token}`;
  if (type) headers['content-type'] = type;
  if (isStream(o)) return firstMessage(server.url + path, headers);
  return request(server.url + path, method, body, headers);
}

function answerOf(o: Operation, status: number): Answer | undefined {
  const a = o.responses[String(status)];
  return a?.$ref ? doc.components.responses[a.$ref.split('/').pop()!] : a;
}

function check(what: string, o: Operation, r: Reply, status: number): void {
  assert.equal(r.status, status, `${what}: ${r.body}`);
  const answer = answerOf(o, status);
  assert.ok(answer, `${what}: ${status} is not documented`);
  if (!answer.content) return;
  const type = String(r.headers['content-type']).split(';')[0]!;
  const media = answer.content[type];
  assert.ok(media, `${what}: ${type} is not documented`);
  const value = type.endsWith('json') ? (JSON.parse(r.body) as Json) : r.body;
  assert.deepEqual(faults(value, media.schema, doc), [], `${what}: ${r.body}`);
}

const usual = (o: Operation): number => Math.min(...Object.keys(o.responses).map(Number).filter((s) => s < 400));

test('every route is documented, and nothing else', () => {
  const source = readFileSync(join(ROOT, 'src/http/routes.c'), 'utf8');
  const routes = [...source.matchAll(/ROUTE\("([A-Z]+)", "([^"]+)"/g)].map((m) => `${m[1]!} ${m[2]!}`);
  assert.ok(routes.length >= 14);
  assert.deepEqual(operations.map((x) => `${x.method} ${x.path}`).sort(), [...routes, ...FILES].sort());
});

test('every example of a body is answered as documented', async () => {
  let count = 0;
  for (const { path, method, o } of operations)
    for (const [type, media] of Object.entries(o.requestBody?.content ?? {}))
      for (const [name, example] of Object.entries(media.examples ?? {})) {
        const body = typeof example.value === 'string' ? example.value : JSON.stringify(example.value);
        check(`${method} ${path} (${name})`, o, await send(path, method, o, body, type), example['x-answer'] ?? usual(o));
        count++;
      }
  assert.ok(count >= 14, String(count));
});

test('every example of parameters is answered as documented', async () => {
  for (const { path, method, o } of operations) {
    if (o.requestBody) continue;
    const names = new Set((o.parameters ?? []).flatMap((p) => Object.keys(p.examples ?? {})));
    if (names.size === 0) check(`${method} ${path}`, o, await send(path, method, o), usual(o));
    for (const name of names) {
      const given = (o.parameters ?? []).filter((p) => p.examples?.[name]);
      const search = new URLSearchParams(given.map((p) => [p.name, String(p.examples![name]!.value)]));
      // Named bad: something is wrong or missing.
      const r = await send(`${path}?${search.toString()}`, method, o);
      check(`${method} ${path} (${name})`, o, r, name === 'bad' ? 400 : usual(o));
    }
  }
});

test('what needs a token is denied without', async () => {
  for (const { path, method, o } of operations) {
    if (!o.security) continue;
    const body = o.requestBody && JSON.stringify(Object.values(o.requestBody.content['application/json']!.examples!)[0]!.value);
    const r = await request(`${server.url}${path}?site_id=example.com`, method, body);
    check(`${method} ${path}`, o, r, 401);
  }
});
