/** Upstream certificates are always verified: against the public authorities, or against the account's own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { FAILURES } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { question, send } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const CA = readFileSync(new URL('../support/private-ca.pem', import.meta.url), 'utf8');
const OTHER = readFileSync(new URL('../support/self-signed.pem', import.meta.url), 'utf8').split(
  /(?<=END CERTIFICATE-----)/,
)[0]!;

let upstream: Upstream;
let selfSigned: Upstream;
let gateway: TestGateway;

before(async () => {
  [upstream, selfSigned] = await Promise.all([
    Upstream.start({ tls: 'ca-signed.pem' }),
    Upstream.start({ tls: 'self-signed.pem' }),
  ]);
  const accounts = [
    account('own', upstream.url, { groups: ['own'], ca: CA }),
    account('public', upstream.url, { groups: ['public'] }),
    account('other', upstream.url, { groups: ['other'], ca: OTHER }),
    account('self', selfSigned.url, { groups: ['self'] }),
  ];
  const names = ['own', 'public', 'other', 'self'];
  gateway = await TestGateway.start({
    catalog: {
      groups: names.map((name) => ({ name })),
      accounts,
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: names.map((name) => ({ user: 'u1', group: name, key: `${KEY}-${name}` })),
    },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
    () => selfSigned?.close(),
  );
});

test('an account with the private authority of its upstream is served, whole and streamed', async () => {
  for (const stream of [false, true]) {
    const answer = await send(gateway.url, { key: `${KEY}-own`, body: question(`own-${stream}`, { stream }) });
    assert.deepEqual([answer.status, answer.whole], [200, true]);
    assert.equal(answer.sha256, (await upstream.served(`own-${stream}`)).sha256);
  }
});

const REFUSED: [what: string, name: string, reason: RegExp][] = [
  ['the same upstream without that authority', 'public', /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/],
  ['the same upstream with another authority', 'other', /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/],
  ['a self-signed upstream', 'self', /DEPTH_ZERO_SELF_SIGNED_CERT/],
];

for (const [what, name, reason] of REFUSED) {
  test(`${what} is refused, and the log names the reason`, async () => {
    const before = upstream.received.length + selfSigned.received.length;
    const answer = await send(gateway.url, { key: `${KEY}-${name}`, body: question(name) });
    assert.equal(answer.status, FAILURES.upstream_tls.status);
    assert.ok(answer.json().error.message.startsWith(FAILURES.upstream_tls.text), answer.json().error.message);
    const isSaid = (text: string): boolean => text.includes(`"account":"${name}"`) && reason.test(text);
    await waitFor('the reason in the log', () => gateway.log.split('\n').some(isSaid));
    assert.equal(upstream.received.length + selfSigned.received.length, before, 'nothing was sent');
  });
}

test('trying an account verifies against its own authority too', async () => {
  const { stdout } = await gateway.cli('account', 'test', 'public', '--json');
  assert.match(stdout, /could not be reached \((UNABLE_TO_VERIFY|SELF_SIGNED)/);
  const own = await gateway.cli('account', 'test', 'own', '--json');
  assert.match(own.stdout, /"httpStatus":(200|404)/);
});

test('a certificate authority that is none is refused where it is entered', async () => {
  const body = {
    ...account('bad', upstream.url),
    ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  };
  await assert.rejects(gateway.admin('POST', '/accounts', body), /400 .*ca/);
});
