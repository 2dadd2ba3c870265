/**
 * A front that crashes takes only its own exchanges with it, and those end in their protocol: the others go on, it is replaced, all
 * it held goes back, waiters of other fronts get its places, and the books hold every answer once.
 */
import assert from 'node:assert/strict';
import type { Agent, IncomingMessage } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { FAILURES } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { allFrontsListen, connectTo, crashFront } from '../support/front-faults.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, finish, open, question, readUntil, send } from '../support/http-client.ts';
import { Load } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { findRow, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const FRONTS = ['0', '1', '2'] as const;
/** Spread over the fronts, because the pause before a front is replaced grows with its failures. */
const CRASHES = 3;

let upstream: Upstream;
let gateway: TestGateway;
const agents: Agent[] = [];

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'wide' }, { name: 'two' }],
      accounts: [
        account('wide', upstream.url, { groups: ['wide'] }),
        account('two', upstream.url, { groups: ['two'], concurrency: 2 }),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: ['wide', 'two'].map((group) => ({ user: 'u1', group, key: `${KEY}-${group}` })),
    },
    test: { nameFront: true, crashHeader: true },
  });
});
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  await gateway.assertIdle();
  await allFrontsListen(gateway);
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

/** A stream on one front whose first text has come. */
async function stream(front: string, keyEnd: string, label: string): Promise<IncomingMessage> {
  const agent = await connectTo(gateway.url, front);
  agents.push(agent);
  const body = question(label, { stream: true });
  const response = await open(gateway.url, { key: `${KEY}-${keyEnd}`, body, agent });
  assert.equal(response.headers['x-penstock-front'], front);
  await readUntil(response, 'content_block_delta');
  return response;
}

/** A request on one front that has to queue; resolves when it does. */
async function enqueue(front: string, keyEnd: string, label: string): Promise<{ answer: Promise<Answer> }> {
  const waits = async () => metric(await gateway.metrics(), 'penstock_waits_total');
  const before = await waits();
  const agent = await connectTo(gateway.url, front);
  agents.push(agent);
  const answer = send(gateway.url, { key: `${KEY}-${keyEnd}`, body: question(label), agent });
  answer.catch(() => {});
  await waitFor(`${label} to queue`, async () => (await waits()) > before);
  return { answer };
}

async function rowOf(label: string) {
  const served = await upstream.served(label);
  return findRow(await usageOf(gateway), served.requestId);
}

test(`${CRASHES} crashes under load lose no finished answer, bill none twice, and no counter steps back`, async (t) => {
  upstream.plan = () => ({ events: 6, paceMs: 4 });
  const before = await usageOf(gateway);
  const since = upstream.ledger.length;
  const load = new Load(gateway.url, { clients: 16, label: 'storm', key: `${KEY}-wide`, freshConnections: true });
  const steps = watchCounters();
  for (let i = 0; i < CRASHES; i++) {
    const done = load.result.completed;
    await crashFront(gateway, FRONTS[i % FRONTS.length]!);
    await waitFor('service to go on', () => load.result.completed > done + 20);
  }
  const result = await load.stop();
  assert.deepEqual(await steps.stop(), [], 'counters that stepped back');
  await gateway.assertIdle();
  const usage = await usageOf(gateway, 10_000);
  const rows = usage.rows.slice(0, usage.requests - before.requests);
  const byId = new Map(rows.map((row) => [row.upstreamRequestId, row]));
  assert.equal(byId.size, rows.length, 'no answer is billed twice');
  const served = new Map(upstream.ledger.slice(since).map((entry) => [entry.requestId, entry]));
  for (const row of rows) {
    const entry = served.get(row.upstreamRequestId);
    assert.ok(entry !== undefined, `${row.upstreamRequestId} is billed and was never served`);
    if (row.status !== 'completed') assert.match(row.status, /^(interrupted|client_gone)$/);
    else assert.equal(row.outputTokens, entry.usage.outputTokens);
  }
  const completed = rows.filter(({ status }) => status === 'completed').length;
  assert.ok(completed >= result.completed, `${result.completed} answers were whole, ${completed} are billed as such`);
  assert.ok(result.completed > result.sent * 0.5, JSON.stringify(result.details.slice(0, 5)));
  const ends = `broken ${result.broken} | unanswered ${result.unanswered} | refused ${[...result.refused].join(' ')}`;
  t.diagnostic(`sent ${result.sent} | completed ${result.completed} | ${ends} | rows ${rows.length}`);
});

test('streams of a front that crashes end with an error event and a broken body; streams of the others go on', async () => {
  const crashed = new AbortController();
  upstream.plan = () => ({ events: 40, restAt: 20, restAfter: crashed.signal });
  const streams = new Map<string, IncomingMessage>();
  for (const front of FRONTS)
    for (const i of [1, 2]) streams.set(`crash-${front}-${i}`, await stream(front, 'wide', `crash-${front}-${i}`));
  const answers = [...streams].map(async ([label, response]) => [label, await finish(response)] as const);
  await crashFront(gateway, '2');
  crashed.abort();
  for (const [label, answer] of await Promise.all(answers)) {
    const isCrashed = label.startsWith('crash-2');
    assert.equal(answer.whole, !isCrashed, label);
    assert.equal(answer.events().at(-1)!.event, isCrashed ? 'error' : 'message_stop', label);
    assert.equal((await rowOf(label)).status, isCrashed ? 'interrupted' : 'completed', label);
  }
});

test('a request of a crashing front that had no answer yet is refused in its protocol', async () => {
  upstream.plan = () => ({ holdUntil: new AbortController().signal });
  const agent = await connectTo(gateway.url, '2');
  agents.push(agent);
  const start = upstream.received.length;
  const answer = send(gateway.url, { key: `${KEY}-wide`, body: question('unanswered'), agent });
  await waitFor('the upstream to have it', () => upstream.received.length > start);
  await crashFront(gateway, '2');
  assert.equal((await answer).status, 503);
  assert.ok((await answer).json().error.message.startsWith(FAILURES.draining.text));
});

for (const [fault, front, others] of [
  ['crash-front', '0', ['1', '2', '1', '2']],
  ['leak-front', '1', ['0', '2', '0', '2']],
] as const) {
  test(`places that a front holds at its end go to waiters on other fronts, in their order (${fault})`, async () => {
    const gate = new AbortController();
    upstream.plan = ({ label }) =>
      label.startsWith('holder') ? { events: 2_000, paceMs: 20 } : { holdUntil: gate.signal };
    for (const i of [1, 2]) (await stream(front, 'two', `holder-${fault}-${i}`)).on('error', () => {});
    const start = upstream.received.length;
    const head = await enqueue(front, 'two', `at-the-head-${fault}`);
    const waiting: Promise<Answer>[] = [];
    for (const other of others) waiting.push((await enqueue(other, 'two', `behind-${fault}-${waiting.length}`)).answer);
    const logged = gateway.log.length;
    await crashFront(gateway, front, fault);
    await waitFor('two places to be handed over', () => upstream.received.length >= start + 2);
    const first = upstream.received.slice(start).map(({ label }) => label);
    gate.abort();
    const answers = await Promise.all(waiting);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    const firstTwo = [0, 1].map((i) => `behind-${fault}-${i}`);
    assert.deepEqual(first.sort(), firstTwo, 'the first two that waited, and not more, got the two places');
    const served = upstream.received.slice(start).map(({ label }) => label);
    assert.ok(!served.includes(`at-the-head-${fault}`));
    const atHead = await head.answer.catch(() => null);
    assert.ok(fault === 'leak-front' ? atHead === null : atHead?.status === 503);
    const wasLeft = (): boolean => gateway.log.includes('what a front left behind was given back', logged);
    if (fault === 'leak-front') await waitFor('the word of it', wasLeft);
    else assert.equal(wasLeft(), false);
  });
}

/** Reads the metrics again and again; `stop` tells which counters ever fell. */
function watchCounters(): { stop(): Promise<string[]> } {
  let stopped = false;
  const fell: string[] = [];
  const watching = (async () => {
    let last = new Map<string, number>();
    while (!stopped) {
      const now = await gateway.metrics();
      for (const [name, value] of now)
        if (/^penstock_.*_total/.test(name) && value < (last.get(name) ?? 0)) fell.push(name);
      last = now;
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await watching;
      return fell;
    },
  };
}
