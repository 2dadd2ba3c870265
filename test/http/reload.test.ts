/**
 * SIGHUP: another gateway process takes over while the old one finishes what it has open. Limits and balances hold over both
 * together, nothing is lost, and a reload that fails changes nothing. One gateway for all of it: each test is one reload more.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { processStartTime } from '#base/process-identity.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, pinToFronts, question, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { type Received, Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const LIMIT = 5;
/** Haiku: 256 output tokens at 5 USD a million, and a few of input: a question reserves 0.0013 USD, so two fit and three do not. */
const POOR_USD = 0.003;

let upstream: Upstream;
let gateway: TestGateway;
let release: () => void = () => {};

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main' }, { name: 'narrow' }, { name: 'ill' }],
      accounts: [
        account('a1', upstream.url, { groups: ['main'] }),
        account('narrow', upstream.url, { groups: ['narrow'], concurrency: LIMIT }),
        account('ill', upstream.url, { groups: ['ill'] }),
      ],
      users: [
        { name: 'u1', balanceUsd: 1000, concurrency: 1000 },
        { name: 'five', balanceUsd: 1000, concurrency: LIMIT },
        { name: 'late', balanceUsd: 1, concurrency: 2 },
        { name: 'poor', balanceUsd: POOR_USD, concurrency: 1000 },
      ],
      keys: [
        { user: 'u1', group: 'main', key: KEY },
        { user: 'u1', group: 'narrow', key: `${KEY}-narrow` },
        { user: 'five', group: 'main', key: `${KEY}-five` },
        { user: 'poor', group: 'main', key: `${KEY}-poor` },
        { user: 'late', group: 'main', key: `${KEY}-late` },
        { user: 'u1', group: 'ill', key: `${KEY}-ill` },
      ],
    },
    log: { level: 'info' },
    queue: { waitMs: 20_000 },
  });
});
afterEach(async () => {
  release();
  await gateway.assertIdle();
  upstream.plan = () => ({});
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

/** Requests whose label starts with `hold` are answered one by one, in the order in which they are let go. */
function holdAll(): { letGo(label: string): void } {
  const gates = new Map<string, AbortController>();
  const gateOf = (label: string): AbortController => {
    const gate = gates.get(label) ?? new AbortController();
    gates.set(label, gate);
    return gate;
  };
  upstream.plan = ({ label }: Received) => (label.startsWith('hold') ? { holdUntil: gateOf(label).signal } : {});
  release = () => {
    for (const gate of gates.values()) gate.abort();
  };
  return { letGo: (label) => gateOf(label).abort() };
}

async function holdPlaces(count: number, key: string, prefix: string): Promise<Promise<Answer>[]> {
  const answers = Array.from({ length: count }, (_, i) => {
    const answer = send(gateway.url, { key, body: question(`hold-${prefix}-${i}`, { stream: i % 2 === 0 }) });
    answer.catch(() => {});
    return answer;
  });
  await waitFor('the places to be held', () => seen(`hold-${prefix}-`) === count);
  return answers;
}

function seen(prefix: string): number {
  return upstream.received.filter(({ label }) => label.startsWith(prefix)).length;
}

async function gone(pid: number): Promise<void> {
  await waitFor('the end of the old process', () => processStartTime(pid) === null, { boundMs: 30_000 });
}

for (const [name, key] of [
  ['a user', `${KEY}-five`],
  ['an account', `${KEY}-narrow`],
] as const) {
  test(`with all ${LIMIT} places of ${name} in use in the old process, the next request waits in the new one for the first that ends`, async () => {
    const held = holdAll();
    const label = name.replace(' ', '-');
    const five = await holdPlaces(LIMIT, key, label);
    const old = gateway.gatewayPid;
    await gateway.reload();
    const sixth = send(gateway.url, { key, body: question(`sixth-${label}`) });
    await waitFor('the sixth to wait', async () => metric(await gateway.metrics(), 'penstock_queue_waiting') === 1);
    assert.equal(seen(`sixth-${label}`), 0);
    assert.notEqual(processStartTime(old), null, 'the old process has its answers to finish');
    held.letGo(`hold-${label}-3`);
    assert.equal((await sixth).status, 200);
    release();
    for (const answer of await Promise.all(five)) {
      assert.equal(answer.status, 200);
      assert.ok(answer.whole);
    }
    await gone(old);
  });
}

test('a balance that open requests of the old process cover exactly is refused in the new one, and served once they cost less', async () => {
  holdAll();
  const key = `${KEY}-poor`;
  const first = await holdPlaces(1, key, 'poor-first');
  const second = await holdPlaces(1, key, 'poor-second');
  const old = gateway.gatewayPid;
  await gateway.reload();
  const refused = await send(gateway.url, { key, body: question('poor-third') });
  assert.equal(refused.status, 402, refused.body.toString());
  assert.equal(refused.json().error.type, 'billing_error');
  release();
  for (const answer of await Promise.all([...first, ...second])) assert.equal(answer.status, 200);
  await waitFor('money that was not needed', async () => {
    return (await send(gateway.url, { key, body: question('poor-again') })).status === 200;
  });
  await gone(old);
});

test('an account that rests for a rate limit rests on in the new process', async () => {
  upstream.plan = () => ({ status: 429, headers: { 'retry-after': '600' } });
  const key = `${KEY}-ill`;
  assert.equal((await send(gateway.url, { key, body: question('rest') })).status, 429);
  upstream.plan = () => ({});
  const received = upstream.received.length;
  await gateway.reload();
  const refused = await send(gateway.url, { key, body: question('still-resting') });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['retry-after']) > 500, String(refused.headers['retry-after']));
  assert.equal(upstream.received.length, received, 'the upstream is left alone');
});

test('connections of the old process are served by it, one answer each, with places and money asked of the new one', async () => {
  const held = holdAll();
  const pins = await pinToFronts(gateway.url, 3);
  const before = upstream.received.length;
  const [place] = await holdPlaces(1, `${KEY}-five`, 'keeper');
  const old = gateway.gatewayPid;
  await gateway.reload();
  const keys = [`${KEY}-five`, `${KEY}-late`, KEY];
  const answers = await Promise.all(
    pins.map(({ agent }, i) => send(gateway.url, { key: keys[i]!, body: question(`kept-${i}`), agent })),
  );
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.status, 200, answer.body.toString());
    assert.equal(answer.headers.connection, 'close');
    assert.equal(answer.front, pins[i]!.front);
  }
  assert.equal(upstream.received.length, before + 4);
  held.letGo('hold-keeper-0');
  assert.equal((await place)?.status, 200);
  await gone(old);
  const next = await send(gateway.url, { key: `${KEY}-late`, body: question('late-again') });
  assert.equal(next.status, 200);
});

test('a configuration that is not valid changes nothing, and the log names the key', async () => {
  const { gatewayPid } = gateway;
  gateway.configure({ queue: { waitMs: 20_000, perUsr: 4 } });
  process.kill(gateway.pid, 'SIGHUP');
  await waitFor('the log line', () => /goes on as it is.*queue\.perUsr/.test(gateway.log));
  gateway.configure({ data: `${gateway.dataDir}-elsewhere` });
  process.kill(gateway.pid, 'SIGHUP');
  await waitFor('the log line', () => /goes on as it is.*data: cannot be changed by a reload/.test(gateway.log));
  assert.equal((await send(gateway.url, { key: KEY, body: question('unchanged') })).status, 200);
  assert.equal(gateway.readReady().gatewayPid, gatewayPid);
});

test('a next process that cannot start leaves the old one serving', async () => {
  const { gatewayPid } = gateway;
  gateway.configure({ pricing: { file: '/nowhere/prices.json' } });
  process.kill(gateway.pid, 'SIGHUP');
  await waitFor('the log line', () => /did not start:.*prices\.json/.test(gateway.log), { boundMs: 30_000 });
  assert.equal((await send(gateway.url, { key: KEY, body: question('still-there') })).status, 200);
  assert.equal(gateway.readReady().gatewayPid, gatewayPid);
});

test('a next process that fails once it has been handed everything gives it back: the old one resumes, control port included', async () => {
  holdAll();
  const { gatewayPid } = gateway;
  const open = [...(await holdPlaces(4, `${KEY}-five`, 'resumed')), ...(await holdPlaces(1, KEY, 'resumed-too'))];
  gateway.configure({ limits: { users: 1 } });
  process.kill(gateway.pid, 'SIGHUP');
  await waitFor('the log line', () => /limits\.users: smaller than/.test(gateway.log), { boundMs: 30_000 });
  await waitFor('the old one to serve on', () => gateway.log.includes(`Gateway process ${gatewayPid} serves on`));
  await waitFor('the control port', () => gateway.metrics().catch(() => false));
  // The place that was frozen, and money that was capped.
  const fifth = await send(gateway.url, { key: `${KEY}-five`, body: question('fifth') });
  assert.equal(fifth.status, 200);
  assert.equal(fifth.headers.connection, undefined);
  release();
  for (const answer of await Promise.all(open)) assert.equal(answer.status, 200);
  assert.equal(gateway.readReady().gatewayPid, gatewayPid);
});

test('what the configuration says now holds in the new process, at the same addresses', async () => {
  const { gateway: url, control, pid } = gateway.ready;
  await gateway.reload({ limits: { bodyBytesMax: 2048 } });
  assert.deepEqual([gateway.url, gateway.controlUrl, gateway.pid], [url, control, pid]);
  const large = question('large', { system: 'x'.repeat(4096) });
  assert.equal((await send(gateway.url, { key: KEY, body: large })).status, 413);
  await gateway.reload();
  assert.equal((await send(gateway.url, { key: KEY, body: large })).status, 200);
});
