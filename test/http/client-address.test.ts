/** IP rules look at the client behind a trusted proxy, and at the peer when it is none. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { question, send } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';

const PROXY = '127.0.0.2';
const CLIENT = '203.0.113.9';

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    log: { level: 'debug' },
    listen: { trustedProxies: [PROXY, '2001:db8:1::/48'] },
    catalog: {
      ...standardCatalog(upstream.url),
      keys: [{ user: 'u1', group: 'main', key: KEY, ipAllow: [`${CLIENT}/32`, '2001:db8:2::/48'] }],
    },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

const CASES: [what: string, peer: string, header: string | string[], status: number][] = [
  ['the client that a trusted proxy names is let in', PROXY, CLIENT, 200],
  ['an IPv6 client too', PROXY, '2001:db8:2::1', 200],
  ['another client is not', PROXY, '203.0.113.10', 403],
  ['a header that a stranger sends means nothing', '127.0.0.3', CLIENT, 403],
  ['what the client itself wrote into the header means nothing', PROXY, `${CLIENT}, 203.0.113.10`, 403],
  ['several headers are one list', PROXY, [CLIENT, '2001:db8:1::1'], 200],
  ['a header that cannot be read is the proxy itself', PROXY, 'unknown', 403],
];

for (const [what, localAddress, header, status] of CASES) {
  test(what, async () => {
    const headers = { 'x-forwarded-for': header };
    const answer = await send(gateway.url, { key: KEY, localAddress, headers, body: question('address') });
    assert.equal(answer.status, status, answer.body.toString());
  });
}

test('the start says what memory the process may need at worst, and of what it is made up', () => {
  assert.match(gateway.log, /"worstCaseBytes":\d{9,},.*"memory at worst"/);
  assert.match(gateway.log, /bodies waiting for room .*limits\.bodyWaitBytes/);
});

test('the header never travels on to an upstream', async () => {
  await send(gateway.url, {
    key: KEY,
    localAddress: PROXY,
    headers: { 'x-forwarded-for': CLIENT },
    body: question('travels'),
  });
  const { headers } = upstream.received.find(({ label }) => label === 'travels')!;
  assert.equal(headers['x-forwarded-for'], undefined);
});
