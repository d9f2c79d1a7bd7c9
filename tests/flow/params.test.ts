// What an address of the API does not know is refused, not ignored: a slip in a name must not change the question.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, addSite, removeFolder, request, startServer, tempFolder } from './lib';

interface Operation { security?: unknown[]; parameters?: { name: string; required?: boolean; examples?: Record<string, { value: unknown }> }[]; responses: Record<string, unknown> }

/** As in Plausible, which takes anything there. */
const LENIENT = ['/api/v1/stats/realtime/visitors', '/api/v1/sites'];

test('unknown parameters are refused', async () => {
  const doc = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as { paths: Record<string, Record<string, Operation>> };
  const data = tempFolder('params');
  const server = await startServer(data);
  const headers = { authorization: `Bearer ${addSite(data, 'example.com')}` };
  let tried = 0;
  for (const [path, { get }] of Object.entries(doc.paths)) {
    if (!get?.security || LENIENT.includes(path)) continue;
    const given = (get.parameters ?? []).filter((p) => p.required).map((p) => [p.name, p.name === 'site_id' ? 'example.com' : String(Object.values(p.examples ?? {})[0]?.value)]);
    for (const [wrong, error] of [['zebra=anna%40example.org', 'query: unknown parameter'], ['Site_id=7', 'query: unknown parameter']]) {
      const r = await request(`${server.url}${path}?${new URLSearchParams(given).toString()}&${wrong!}`, 'GET', undefined, headers);
      assert.equal(r.status, 400, `${path} ${r.body}`);
      assert.deepEqual(JSON.parse(r.body), { error }, path);
    }
    assert.ok('400' in get.responses, path);
    tried++;
  }
  assert.ok(tried >= 9, String(tried));
  assert.equal(await server.stop(), 0);
  removeFolder(data);
});
