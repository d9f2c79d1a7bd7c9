// Every shell example of docs/api.md runs as it is printed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, addSite, removeFolder, startServer, tempFolder } from './lib';

function run(script: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; out: string }> {
  const child = spawn('sh', ['-euc', script], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (d: Buffer) => (out += d.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out })));
}

test('the examples of docs/api.md', async () => {
  const text = readFileSync(join(ROOT, 'docs/api.md'), 'utf8');
  const [setting, ...examples] = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((m) => m[1]!);
  assert.match(setting!, /^TAMIS=.*\nTOKEN=/);
  assert.ok(examples.length >= 9);
  const data = tempFolder('docs');
  const server = await startServer(data);
  const env = { TAMIS: server.url, TOKEN: addSite(data, 'example.com', '--profile', 'consented', '--visitor-cookie', 'on') };
  for (const example of examples) {
    const { code, out } = await run(example.replace(/^curl/gm, 'curl -sS --fail-with-body'), env);
    assert.equal(code, 0, `${example}\n${out}`);
    assert.doesNotMatch(out, /x-plausible-dropped|"errors?":/, example);
  }
  assert.equal(await server.stop(), 0);
  removeFolder(data);
});
