/** Places and queues across fronts: never above a limit, first come first served, bounded, with pings for those who wait long. */
import assert from 'node:assert/strict';
import { Agent, type IncomingMessage } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { FAILURES } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, finish, open, pinToFronts, question, readUntil, send } from '../support/http-client.ts';
import { Load } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const QUEUE = 16;
const WAIT_MS = 8_000;
const PING_AFTER_MS = 400;
const DRAIN_MS = 300;

let upstream: Upstream;
let gateway: TestGateway;
let release: () => void = () => {};

before(async () => {
  upstream = await Upstream.start();
  const names = ['one', 'three', 'wide'];
  const concurrency: Record<string, number> = { one: 1, three: 3, wide: 1000 };
  gateway = await TestGateway.start({
    catalog: {
      groups: names.map((name) => ({ name })),
      accounts: names.map((name) =>
        account(name, upstream.url, { groups: [name], concurrency: concurrency[name] as number }),
      ),
      users: [
        { name: 'u1', balanceUsd: 1000, concurrency: 1000 },
        { name: 'narrow', balanceUsd: 1000, concurrency: 4 },
        { name: 'single', balanceUsd: 1000, concurrency: 1 },
      ],
      keys: [
        ...names.map((name) => ({ user: 'u1', group: name, key: `${KEY}-${name}` })),
        { user: 'narrow', group: 'wide', key: `${KEY}-narrow` },
        { user: 'single', group: 'wide', key: `${KEY}-single` },
      ],
    },
    queue: { perUser: QUEUE, perAccount: QUEUE, waitMs: WAIT_MS, pingAfterMs: PING_AFTER_MS, pingEveryMs: 200 },
    relay: { clientGoneDrainMs: DRAIN_MS },
  });
});
afterEach(async () => {
  release();
  await gateway.assertIdle();
  upstream.openMax.clear();
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

/** The upstream holds requests whose label starts with `hold` until `release`, and answers others at once. */
function holdUntilReleased(): void {
  const gate = new AbortController();
  release = () => gate.abort();
  upstream.plan = ({ label }) => ({
    events: 2,
    ...(label.startsWith('hold') ? { holdUntil: gate.signal } : {}),
  });
}

async function waitsSoFar(): Promise<number> {
  return metric(await gateway.metrics(), 'penstock_waits_total');
}

/** Sends a request that has to queue; resolves when it does. */
async function enqueue(keyEnd: string, label: string, call: { agent?: Agent; stream?: boolean } = {}) {
  const before = await waitsSoFar();
  const body = question(label, { stream: call.stream ?? false });
  const abort = new Agent({ keepAlive: false });
  const answer: Promise<IncomingMessage> = open(gateway.url, {
    key: `${KEY}-${keyEnd}`,
    body,
    agent: call.agent ?? abort,
  });
  answer.catch(() => {});
  await waitFor(`${label} to queue`, async () => (await waitsSoFar()) > before);
  return { answer: answer.then((response) => finish(response)), leave: () => abort.destroy() };
}

/** A request that the upstream holds; its answer comes after `release`. */
async function holdPlace(keyEnd: string): Promise<{ answer: Promise<Answer> }> {
  const start = upstream.received.length;
  const answer = send(gateway.url, { key: `${KEY}-${keyEnd}`, body: question(`hold-${keyEnd}`) });
  await waitFor('the place to be held', () => upstream.received.length > start);
  return { answer };
}

for (const [keyEnd, limit] of [
  ['three', 3],
  ['narrow', 4],
] as const) {
  test(`the limit of ${limit} (${keyEnd}) holds exactly over all fronts, and everybody is served`, async () => {
    upstream.plan = () => ({ headersAfterMs: 20, events: 2 });
    const options = { clients: limit + QUEUE - 2, requestsEach: 8, label: keyEnd, key: `${KEY}-${keyEnd}` };
    const load = await new Load(gateway.url, { ...options, freshConnections: true }).finished();
    assert.equal(load.completed, load.sent, load.details.join('\n'));
    assert.equal(load.fronts.size, 3);
    assert.equal(Math.max(...upstream.openMax.values()), limit, 'reached and never exceeded');
  });
}

for (const keyEnd of ['one', 'single']) {
  test(`waiters of "${keyEnd}" are served first come, first served, whichever front they came to`, async () => {
    holdUntilReleased();
    const pins = await pinToFronts(gateway.url, 3);
    const holder = await holdPlace(keyEnd);
    const start = upstream.received.length;
    const labels = Array.from({ length: 9 }, (_, i) => `fifo-${keyEnd}-${i}`);
    const waiting = [];
    for (const [i, label] of labels.entries()) {
      const fresh = i < pins.length ? { agent: pins[i]!.agent } : {};
      waiting.push((await enqueue(keyEnd, label, fresh)).answer);
    }
    release();
    const answers = await Promise.all(waiting);
    assert.equal((await holder.answer).status, 200);
    assert.ok(new Set(answers.map(({ front }) => front)).size >= 2, 'waiters on at least two fronts');
    assert.deepEqual(
      upstream.received.slice(start).map(({ label }) => label),
      labels,
    );
    for (const { agent } of pins) agent.destroy();
  });
}

test('a waiter that leaves the head of the queue does not hold up or lose the place of the next', async () => {
  holdUntilReleased();
  const holder = await holdPlace('one');
  const leaver = await enqueue('one', 'leaver');
  const next = await enqueue('one', 'next');
  leaver.leave();
  await assert.rejects(leaver.answer);
  release();
  assert.equal((await next.answer).status, 200);
  assert.equal((await holder.answer).status, 200);
  assert.ok(!upstream.received.some(({ label }) => label === 'leaver'));
});

test('a full queue refuses at once and says when to come back', async () => {
  holdUntilReleased();
  const holder = await holdPlace('single');
  const waiting = [];
  for (let i = 0; i < QUEUE; i++) waiting.push((await enqueue('single', `full-${i}`)).answer);
  const refused = await send(gateway.url, { key: `${KEY}-single`, body: question('too-many') });
  assert.equal(refused.status, 429);
  assert.ok(refused.json().error.message.startsWith(FAILURES.user_busy.text));
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.ok(refused.ms < WAIT_MS / 2);
  release();
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200);
  await holder.answer;
});

test('a streaming caller that waits long gets pings, then its stream unchanged behind them', async () => {
  holdUntilReleased();
  const holder = await holdPlace('one');
  const response = await open(gateway.url, { key: `${KEY}-one`, body: question('pinged', { stream: true }) });
  assert.equal(response.statusCode, 200);
  assert.match(String(response.headers['content-type']), /^text\/event-stream/);
  await readUntil(response, 'event: ping');
  assert.ok(!upstream.received.some(({ label }) => label === 'pinged'), 'it is still waiting');
  release();
  const answer = await finish(response);
  const served = await upstream.served('pinged');
  assert.ok(answer.body.length >= served.bytes);
  assert.equal(answer.whole, true);
  assert.deepEqual(
    answer.events().filter(({ event }) => event === 'message_start' || event === 'message_stop').length,
    2,
  );
  await holder.answer;
});

test('an error after pings is told in the stream', async () => {
  holdUntilReleased();
  const holder = await holdPlace('one');
  const response = await open(gateway.url, { key: `${KEY}-one`, body: question('pinged-400', { stream: true }) });
  await readUntil(response, 'event: ping');
  const { plan } = upstream;
  upstream.plan = (request) => (request.label === 'pinged-400' ? { status: 400 } : plan(request));
  release();
  const answer = await finish(response);
  const last = answer.events().at(-1)!;
  assert.equal(last.event, 'error');
  assert.match(JSON.stringify(last.data), /scripted 400/);
  await holder.answer;
});

test('a caller that does not stream waits without an early answer', async () => {
  holdUntilReleased();
  const holder = await holdPlace('one');
  const waiter = await enqueue('one', 'patient');
  const startMs = performance.now();
  await waitFor('longer than the time of pings', () => performance.now() - startMs > PING_AFTER_MS * 2);
  release();
  const answer = await waiter.answer;
  assert.equal(answer.sha256, (await upstream.served('patient')).sha256);
  await holder.answer;
});

test('a place is held until the upstream has really ended, also when the client has left', async () => {
  upstream.plan = ({ label }) => (label === 'gone' ? { events: 1000, paceMs: 20 } : {});
  const gone = await open(gateway.url, { key: `${KEY}-one`, body: question('gone', { stream: true }) });
  await readUntil(gone, 'content_block_delta');
  gone.destroy();
  const next = await send(gateway.url, { key: `${KEY}-one`, body: question('next-after-gone') });
  assert.equal(next.status, 200);
  assert.ok(next.ms > DRAIN_MS * 0.8, `the next one came after ${next.ms} ms, in the middle of the drain`);
});
