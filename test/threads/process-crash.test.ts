/**
 * Processes that die: the gateway process by an abort, by SIGKILL or out of memory, the supervisor, both in either order, during a
 * reload too. Service comes back without an operator, or with the next start; the books stay right. One data folder for all of it.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { processStartTime } from '#base/process-identity.ts';
import { closeAll } from '../support/close-all.ts';
import { askForFault } from '../support/front-faults.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { type Answer, question, send } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

/** Goal: 2 s. Tests share their machine, so the bound is wider and the figure is printed. */
/** Loosely: a start shares its cores with other tests. */
const BACK_MS_MAX = 20_000;

let upstream: Upstream;
let gateway: TestGateway;
let release: () => void = () => {};

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    test: { nameFront: true, crashHeader: true },
  });
});
after(async () => {
  release();
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

async function ask(label: string): Promise<Answer> {
  const answer = await send(gateway.url, { key: KEY, body: question(label) });
  assert.equal(answer.status, 200, answer.body.toString());
  return answer;
}

/** Until a request is served again, tried anew all the time. */
async function untilServed(label: string): Promise<void> {
  const url = gateway.url;
  await waitFor(
    'service',
    async () => {
      const answer = await send(url, { key: KEY, body: question(label) }).catch(() => null);
      return answer?.status === 200;
    },
    { boundMs: 30_000 },
  );
}

async function gone(...pids: number[]): Promise<void> {
  await waitFor('the end of processes', () => pids.every((pid) => processStartTime(pid) === null), { boundMs: 40_000 });
}

async function openStream(label: string): Promise<{ answer: Promise<Answer> }> {
  const gate = new AbortController();
  release = () => gate.abort();
  upstream.plan = (request) => (request.label === label ? { holdUntil: gate.signal } : {});
  const answer = send(gateway.url, { key: KEY, body: question(label, { stream: true }) });
  answer.catch(() => {});
  await waitFor('the stream', () => upstream.received.some((request) => request.label === label));
  return { answer };
}

/** The client has its answer a moment before its exchange is settled; what dies in between may lose it (usage.durability: async). */
async function intoTheBooks(): Promise<void> {
  await gateway.assertIdle();
  await gateway.flush();
}

/** Everything asked so far was let into the books before whatever died, so that nothing may be missing. */
async function assertBooks(): Promise<void> {
  await gateway.assertIdle();
  assertBooksEqualLedger(await usageOf(gateway), upstream);
}

for (const signal of ['SIGABRT', 'SIGKILL', 'SIGSEGV'] as const) {
  test(`a gateway process that ends by ${signal} is replaced without an operator within seconds, on the same port`, async (t) => {
    await ask(`before-${signal}`);
    await intoTheBooks();
    const { gatewayPid } = gateway;
    const startMs = performance.now();
    process.kill(gatewayPid, signal);
    // A process that takes its time to die may still have a request answered that it then cannot bill.
    await gone(gatewayPid);
    await untilServed(`after-${signal}`);
    const ms = performance.now() - startMs;
    t.diagnostic(`${signal}: service back after ${Math.round(ms)} ms`);
    assert.ok(ms < BACK_MS_MAX, `${Math.round(ms)} ms`);
    await gateway.replaced();
    await assertBooks();
  });
}

test('a front whose heap is full takes its process along, and service is back', async (t) => {
  await ask('before the full heap');
  await intoTheBooks();
  const { gatewayPid } = gateway;
  const startMs = performance.now();
  void askForFault(gateway.url, '1', 'fill-heap');
  await gone(gatewayPid);
  await untilServed('after the full heap');
  t.diagnostic(`service back ${Math.round(performance.now() - startMs)} ms after the heap began to fill`);
  await gateway.replaced();
  await assertBooks();
});

test('after kill -9 of the supervisor a start waits for the open answer of its gateway process, and says so', async () => {
  const { pid, gatewayPid } = gateway;
  const stream = await openStream('orphaned');
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  gateway.log = '';
  const started = gateway.launch();
  const said = new RegExp(`Waiting for gateway process ${gatewayPid}, .* open answers .*at most \\d+ s`);
  await waitFor('the line that says what is waited for', () => said.test(gateway.log), { boundMs: 30_000 });
  assert.equal(existsSync(join(gateway.dataDir, 'ready')), false, 'a second one beside it would exceed limits');
  release();
  const answer = await stream.answer;
  assert.equal(answer.status, 200);
  assert.ok(answer.whole && answer.body.includes('event: message_stop'));
  await started;
  await gone(gatewayPid);
  await ask('after the orphan');
  await assertBooks();
});

for (const first of ['supervisor', 'gateway process'] as const) {
  test(`after kill -9 of both, the ${first} first, the next start finds a stale lock and a running PostgreSQL, and serves`, async () => {
    await ask(`both-${first}`);
    await intoTheBooks();
    const { pid, gatewayPid } = gateway;
    const postmaster = readFileSync(join(gateway.dataDir, 'pg/postmaster.pid'), 'utf8').split('\n', 1)[0];
    for (const victim of first === 'supervisor' ? [pid, gatewayPid] : [gatewayPid, pid])
      process.kill(victim, 'SIGKILL');
    await gone(pid, gatewayPid);
    await gateway.launch();
    assert.notEqual(gateway.pid, pid);
    assert.equal(gateway.readReady().gatewayPid, gateway.gatewayPid);
    assert.equal(readFileSync(join(gateway.dataDir, 'pg/postmaster.pid'), 'utf8').split('\n', 1)[0], postmaster);
    await ask(`both-again-${first}`);
    await assertBooks();
  });
}

test('after kill -9 of the supervisor during a reload a start waits for both gateway processes', async () => {
  const stream = await openStream('orphaned-twice');
  const { pid, gatewayPid: old } = gateway;
  await gateway.reload();
  const next = gateway.gatewayPid;
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  gateway.log = '';
  const started = gateway.launch();
  await waitFor('the line', () => new RegExp(`Waiting for gateway process [\\d and]*${old}`).test(gateway.log), {
    boundMs: 30_000,
  });
  release();
  assert.ok((await stream.answer).whole);
  await started;
  await gone(old, next);
  await ask('after both orphans');
  await assertBooks();
});
