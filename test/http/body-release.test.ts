/** A body is given up as soon as its answer has begun and its last byte has left the process: not before, and not much later. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { finish, MODEL, open, question, readUntil } from '../support/http-client.ts';
import { LateReader } from '../support/late-reader.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor, within } from '../support/wait-for.ts';

/** More than two sockets' buffers hold, so that a reader who does not read keeps the upload from leaving. */
const BODY_BYTES = 24 * 1024 * 1024;
const MAPPED = 'claude-of-another-name';
const CA = readFileSync(new URL('../support/self-signed.pem', import.meta.url), 'utf8').replace(
  /-----BEGIN (?:EC )?PRIVATE KEY-----[^-]+-----END (?:EC )?PRIVATE KEY-----\n?/,
  '',
);

let plain: LateReader;
let secure: LateReader;
let refusing: LateReader;
let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  [plain, secure, refusing, upstream] = await Promise.all([
    LateReader.start(false),
    LateReader.start(true),
    LateReader.start(false, 529),
    Upstream.start(),
  ]);
  const mapped = { modelMap: { [MODEL]: MAPPED } };
  const accounts: [string, string, object][] = [
    ['plain', plain.url, {}],
    ['plain-mapped', plain.url, mapped],
    ['tls', secure.url, { ca: CA }],
    ['tls-mapped', secure.url, { ca: CA, ...mapped }],
    ['ordinary', upstream.url, {}],
    ['refusing', refusing.url, { priority: 1 }],
  ];
  gateway = await TestGateway.start({
    catalog: {
      groups: accounts.map(([name]) => ({ name })),
      accounts: [
        ...accounts.map(([name, url, fields]) => account(name, url, { groups: [name], ...fields })),
        account('second', upstream.url, { groups: ['refusing'], priority: 9 }),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: accounts.map(([name]) => ({ user: 'u1', group: name, key: `${KEY}-${name}` })),
    },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => plain?.close(),
    () => secure?.close(),
    () => refusing?.close(),
    () => upstream?.close(),
  );
});

async function heldBytes(): Promise<number> {
  return metric(await gateway.metrics(), 'penstock_body_bytes_held');
}

function hashOf(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

for (const name of ['plain', 'plain-mapped', 'tls', 'tls-mapped']) {
  test(`an upload that its upstream reads late arrives unharmed and is held until it has left (${name})`, async () => {
    const server = name.startsWith('tls') ? secure : plain;
    const body = JSON.stringify(
      question(name, { stream: true, system: `${name} `.repeat(BODY_BYTES / (name.length + 1)) }),
    );
    const answer = await open(gateway.url, { key: `${KEY}-${name}`, body });
    await readUntil(answer, 'message_start');
    const call = server.calls.at(-1)!;
    // Several sweeps of the front see this stream meanwhile.
    for (let i = 0; i < 4; i++) {
      assert.ok((await heldBytes()) >= body.length, 'the body is held while a part of it is on its way');
      await sleep(200);
    }
    const received = await within('the upload', 20_000, call.readBody());
    const sent = name.endsWith('mapped') ? body.replace(`"model":"${MODEL}"`, `"model":"${MAPPED}"`) : body;
    assert.equal(received, hashOf(sent));
    await waitFor('the body to be released while its answer is open', async () => (await heldBytes()) === 0);
    assert.equal(metric(await gateway.metrics(), 'penstock_exchanges_open'), 1);
    call.finish();
    assert.equal((await finish(answer)).whole, true);
    await gateway.assertIdle();
  });
}

test('an account that refuses before it has read the upload harms neither the next account’s nor its own', async () => {
  const body = JSON.stringify(question('refused', { stream: true, system: 'y'.repeat(BODY_BYTES) }));
  const answer = await open(gateway.url, { key: `${KEY}-refusing`, body });
  assert.equal(answer.statusCode, 200);
  // The refused upload is still on its way when the answer of the second account is read to its end.
  const served = await finish(answer);
  assert.equal(served.whole, true);
  const second = upstream.received.find(({ label }) => label === 'refused')!;
  assert.equal(hashOf(second.body), hashOf(body));
  await gateway.assertIdle();
});

test('open streams hold no body', async () => {
  const streams = 40;
  upstream.plan = () => ({ events: 1_500, paceMs: 20 });
  const answers = await Promise.all(
    Array.from({ length: streams }, (_, i) =>
      open(gateway.url, {
        key: `${KEY}-ordinary`,
        body: question(`open-${i}`, { stream: true, system: 'x'.repeat(65_536) }),
      }),
    ),
  );
  for (const answer of answers) answer.resume();
  await waitFor('no body held', async () => (await heldBytes()) === 0);
  assert.equal(metric(await gateway.metrics(), 'penstock_exchanges_open'), streams);
  for (const answer of answers) answer.destroy();
  await gateway.assertIdle();
});
