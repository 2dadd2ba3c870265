/** More bodies than the shared budget holds: they wait, in bounds, and are served or refused; none hangs, nothing is left. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { FAILURES } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { type Answer, pinToFronts, question, send, sendRaw } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1_048_576;
const TOTAL = 4 * MIB;
const WAIT_MS = 4_000;
/** Below the wait, far above the pauses of a busy machine: held requests send something ten times as often. */
const STALL_MS = 3_000;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      ...standardCatalog(upstream.url),
      accounts: [account('a1', upstream.url, { modelMap: { 'claude-haiku-4-5': 'claude-haiku-4-5' } })],
    },
    limits: { bodyBytesTotal: TOTAL, bodyBytesMax: 2 * MIB, bodyWaiters: 4 },
    edge: { bodyWaitMs: WAIT_MS, bodyStallMs: STALL_MS },
  });
  // The length that a request declares takes room only once its key is known.
  for (const { agent } of await pinToFronts(gateway.url, 3)) {
    assert.equal((await send(gateway.url, { key: KEY, agent, body: question('warm') })).status, 200);
    agent.destroy();
  }
});
afterEach(async () => {
  letGo();
  upstream.plan = () => ({});
  await gateway.assertIdle();
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function large(label: string, bytes: number): object {
  return question(label, { system: 'x'.repeat(bytes) });
}

/** Opens a request that declares `bytes` and sends only the beginning: it holds room for all of them. */
async function holdRoom(bytes: number): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nhost: g\r\nx-api-key: ${KEY}\r\ncontent-length: ${bytes}\r\n\r\n{"model"`,
  );
  return socket;
}

/** Held requests, with the timers that keep them from looking stalled. */
const holders = new Map<Socket, NodeJS.Timeout>();

function letGo(): void {
  for (const [socket, timer] of holders) {
    clearInterval(timer);
    socket.destroy();
  }
  holders.clear();
}

async function heldBytes(): Promise<number> {
  return metric(await gateway.metrics(), 'penstock_body_bytes_held');
}

/** Fills the budget up to less than a MiB. */
async function fillBudget(): Promise<void> {
  for (const socket of await Promise.all([holdRoom(2 * MIB - 4096), holdRoom(2 * MIB - 4096)])) {
    holders.set(
      socket,
      setInterval(() => socket.write(' '), STALL_MS / 15),
    );
  }
  await waitFor('the budget to be full', async () => (await heldBytes()) > TOTAL - MIB);
}

test('a body that finds no room waits until there is, on whatever front the room becomes free', async () => {
  await fillBudget();
  const waitsBefore = metric(await gateway.metrics(), 'penstock_body_waits_total');
  const pinned = await pinToFronts(gateway.url, 3);
  const answers = pinned.map(({ agent }, i) => send(gateway.url, { key: KEY, agent, body: large(`waits-${i}`, MIB) }));
  await waitFor('three waiting bodies', async () => {
    return metric(await gateway.metrics(), 'penstock_body_waits_total') - waitsBefore === 3;
  });
  letGo();
  for (const [i, answer] of (await Promise.all(answers)).entries()) {
    assert.equal(answer.status, 200);
    assert.equal((await upstream.served(`waits-${i}`)).status, 200);
    assert.equal(upstream.received.find(({ label }) => label === `waits-${i}`)!.body.length, bodyLength(`waits-${i}`));
  }
  for (const { agent } of pinned) agent.destroy();
});

function bodyLength(label: string): number {
  return JSON.stringify(large(label, MIB)).length;
}

test('a body that waited in vain is a 503 at its bound, never a 408, and its connection lives on', async () => {
  await fillBudget();
  const [{ agent } = assert.fail()] = await pinToFronts(gateway.url, 1);
  const answer = await send(gateway.url, { key: KEY, agent, body: large('in-vain', MIB) });
  assert.equal(answer.status, FAILURES.body_budget_exhausted.status);
  assert.ok(answer.ms > WAIT_MS * 0.9 && answer.ms < WAIT_MS + 5_000, `${answer.ms} ms`);
  assert.ok(answer.json().error.message.startsWith(FAILURES.body_budget_exhausted.text));
  letGo();
  await waitFor('room', async () => (await heldBytes()) === 0);
  const again = await send(gateway.url, { key: KEY, agent, body: large('again', MIB) });
  assert.deepEqual([again.status, again.front], [200, answer.front]);
  agent.destroy();
});

test('beyond the bound on waiting bodies the next one is refused at once', async () => {
  await fillBudget();
  const waits = async () => metric(await gateway.metrics(), 'penstock_body_waits_total');
  const before = await waits();
  // One connection each: at least one of three fronts gets more than its four.
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => send(gateway.url, { key: KEY, body: large(`many-${i}`, MIB) })),
  );
  letGo();
  assert.ok(answers.every(({ status }) => status === 503));
  const waited = (await waits()) - before;
  assert.ok(waited <= 3 * 4, `${waited} of 30 waited`);
});

test('a waiting body whose client leaves takes no room from the others', async () => {
  await fillBudget();
  const waitsBefore = metric(await gateway.metrics(), 'penstock_body_waits_total');
  const leaver = await holdRoom(MIB);
  await waitFor('a waiting body', async () => {
    return metric(await gateway.metrics(), 'penstock_body_waits_total') > waitsBefore;
  });
  leaver.destroy();
  letGo();
  const answer = await send(gateway.url, { key: KEY, body: large('behind', MIB) });
  assert.equal(answer.status, 200);
});

test('a stranger with a large body is answered and takes no room', async () => {
  const requests = Array.from({ length: 8 }, (_, i) =>
    send(gateway.url, { key: `sk-ps-nobody-${i}`, body: large('stranger', MIB / 5) }),
  );
  let most = 0;
  const watch = waitFor('all strangers answered', async () => {
    most = Math.max(most, await heldBytes());
    return isDone;
  });
  let isDone = false;
  const answers: Answer[] = await Promise.all(requests);
  isDone = true;
  await watch;
  assert.ok(answers.every(({ status }) => status === 401));
  // The second time their keys are known to be unknown: not even the look-up's wait takes room.
  const again = await sendRaw(gateway.url, [
    `POST /v1/messages HTTP/1.1\r\nhost: g\r\nx-api-key: sk-ps-nobody-0\r\ncontent-length: ${2 * MIB}\r\n\r\n`,
    'x'.repeat(1000),
  ]);
  assert.equal(again.status, 401);
  assert.ok(most <= TOTAL);
});
