// Nothing personal reaches the disk, the log or the metrics.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addSite, clearOfMidnight, findBytes, filesBelow, mustRun, query, removeFolder, request, sendEvent, startServer, tempFolder, waitForEvents } from './lib';

const ADDRESSES = ['203.0.113.77', '198.51.100.23', '2001:db8:7e57::beef'];
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.205 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1',
];
const PERSONAL = ['jane.planted@example.org', '+33612345678', '4111111111111111', 'FR7630006000011234567890189', '123-45-6789'];
// In a path, an event's name, a property, every campaign parameter and two hosts.
const TOKENS = ['s3ss10nt0k3n9f8e7d6c5b4a', '1b4e28ba-2fa1-41d2-883f-0016d3cca427', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5MTcifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gF'];
const IN_QUERY = 'secretquery'; // as name and value of a parameter, and in the fragment

test('no address, agent, e-mail, token or query string is found in the data folder', async () => {
  await clearOfMidnight();
  const data = tempFolder('privacy');
  const config = join(data, '..', `${data.split('/').pop()}.conf`);
  writeFileSync(config, 'trusted_proxies = 127.0.0.1\n');
  const server = await startServer(data, { config });
  const token = addSite(data, 'example.com');
  let sent = 0;
  for (const address of ADDRESSES)
    for (const agent of AGENTS) {
      const headers = { 'x-forwarded-for': address, 'user-agent': agent };
      for (const [i, personal] of PERSONAL.entries()) {
        const e = encodeURIComponent(personal);
        const token = TOKENS[i % TOKENS.length]!;
        const utm = ['source', 'medium', 'campaign', 'content', 'term'].map((name) => `utm_${name}=x-${token}`).join('&');
        const r = await sendEvent(server.url, [
          { n: 'pageview', u: `https://example.com/u/${e}/x?mail=${e}&${IN_QUERY}=${IN_QUERY}&utm_campaign=${e}#${IN_QUERY}`, r: `https://friend.example/${e}?${IN_QUERY}=${e}`, d: 'example.com' },
          { n: `Signup ${personal}`, u: `https://example.com/reset/${token}`, d: 'example.com', p: { mail: personal, [personal]: 'x', plan: 'pro' } },
          { n: `Reset ${token}`, u: `https://${TOKENS[0]}.example.com/?${utm}`, r: `https://${TOKENS[1]}.friend.example/${token}`, d: 'example.com', p: { session: token, [token]: 'x', to: `https://friend.example/${token}` } },
        ], headers);
        assert.equal(r.status, 202);
        assert.equal(r.headers['x-plausible-dropped'], undefined);
        sent += 3;
      }
    }
  // things refused or broken must leave no trace either
  await sendEvent(server.url, { n: 'pageview', u: `https://example.com/${PERSONAL[0]}`, d: 'nobody.example' }, { 'x-forwarded-for': ADDRESSES[0]! });
  await request(`${server.url}/api/event`, 'POST', `{"n":"${PERSONAL[0]}`, { 'user-agent': AGENTS[0]! });
  await request(`${server.url}/${PERSONAL[0]}?${IN_QUERY}`, 'GET');
  await waitForEvents(server.url, token, 'example.com', sent);
  const needles = [...ADDRESSES, ...AGENTS, ...PERSONAL, ...TOKENS, IN_QUERY, '131.0.6778', '15E148'];
  assert.deepEqual(await findBytes(data, needles), []);
  const metrics = (await request(`${server.url}/metrics`, 'GET')).body;
  for (const n of needles) assert.ok(!metrics.includes(n) && !server.log().includes(n));
  const visitors = await query(server.url, token, { site_id: 'example.com', metrics: ['visitors'], date_range: 'day' });
  assert.equal(visitors.results[0]?.metrics[0], ADDRESSES.length * AGENTS.length);
  const pages = await query(server.url, token, { site_id: 'example.com', metrics: ['pageviews'], dimensions: ['event:page'], date_range: 'day' });
  assert.ok(pages.results.some((row) => row.dimensions[0] === '/u/:email/x'), JSON.stringify(pages.results));
  assert.equal(await server.stop(), 0);
  assert.deepEqual(await findBytes(data, needles), []);
  assert.ok(filesBelow(data).length >= 4, 'the search looked at real files');
  mustRun(['doctor', '--data', data]);
  removeFolder(data);
});

test('an address from an untrusted peer is not believed', async () => {
  await clearOfMidnight();
  const data = tempFolder('spoof');
  const server = await startServer(data);
  const token = addSite(data, 'example.com');
  for (const address of ADDRESSES)
    await sendEvent(server.url, { n: 'pageview', u: 'https://example.com/', d: 'example.com' }, { 'x-forwarded-for': address });
  await waitForEvents(server.url, token, 'example.com', 3);
  const q = await query(server.url, token, { site_id: 'example.com', metrics: ['visitors'], date_range: 'day' });
  assert.equal(q.results[0]?.metrics[0], 1);
  await server.stop();
  removeFolder(data);
});
