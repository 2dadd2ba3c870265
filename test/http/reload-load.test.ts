/**
 * Reloads while clients come and go: no connection is refused, no answer breaks, every token is billed once; and what dies or ends
 * in the middle of one: the new process, the old one, the whole gateway.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { processStartTime } from '#base/process-identity.ts';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { type Answer, question, send } from '../support/http-client.ts';
import { isListening } from '../support/listening.ts';
import { Load, type LoadResult } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, ledgerNanoUsd, resultLine, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const RELOADS = 3;
/** Of the connects within the second of a switch; a connection that nobody accepted when its listener closes is reset. */
const RESET_SHARE_MAX = 0.001;

let upstream: Upstream;
let gateway: TestGateway | undefined;
let release: () => void = () => {};

afterEach(async () => {
  release();
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
  gateway = undefined;
});

async function gone(pid: number): Promise<void> {
  await waitFor('the end of a gateway process', () => processStartTime(pid) === null, { boundMs: 40_000 });
}

/** Streams that the upstream holds until `release`. */
async function openStreams(to: TestGateway, count: number): Promise<Promise<Answer>[]> {
  const gate = new AbortController();
  release = () => gate.abort();
  upstream.plan = ({ label }) => (label.startsWith('held') ? { holdUntil: gate.signal, events: 20, paceMs: 10 } : {});
  const start = upstream.received.length;
  const answers = Array.from({ length: count }, (_, i) => {
    const answer = send(to.url, { key: KEY, body: question(`held-${i}`, { stream: true }) });
    answer.catch(() => {});
    return answer;
  });
  await waitFor('the streams', () => upstream.received.length === start + count);
  return answers;
}

async function assertWhole(answers: Promise<Answer>[]): Promise<void> {
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.status, 200);
    assert.ok(answer.whole && answer.body.includes('event: message_stop'), answer.body.toString('utf8', 0, 500));
  }
}

function add(results: LoadResult[]): LoadResult {
  const sum = (name: 'sent' | 'completed' | 'unanswered' | 'broken'): number =>
    results.reduce((total, result) => total + result[name], 0);
  return {
    sent: sum('sent'),
    completed: sum('completed'),
    unanswered: sum('unanswered'),
    broken: sum('broken'),
    refused: new Map(results.flatMap(({ refused }) => [...refused])),
    fronts: new Map(),
    details: results.flatMap(({ details }) => details),
  };
}

test(`${RELOADS} reloads under clients that connect anew and clients that stay: none refused, none broken, billed once`, async (t) => {
  upstream = await Upstream.start({ plan: () => ({ events: 20, paceMs: 10 }) });
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url), log: { level: 'info' } });
  const load = [
    new Load(gateway.url, { clients: 16, label: 'fresh', freshConnections: true }),
    new Load(gateway.url, { clients: 16, label: 'kept' }),
  ];
  const pids = [gateway.gatewayPid];
  for (let i = 0; i < RELOADS; i++) {
    const before = upstream.ledger.length;
    await waitFor('some load', () => upstream.ledger.length > before + 50);
    await gateway.reload();
    pids.push(gateway.gatewayPid);
  }
  const total = add(await Promise.all(load.map((part) => part.stop())));
  for (const pid of pids.slice(0, -1)) await gone(pid);
  await gateway.assertIdle();
  assert.equal(new Set(pids).size, RELOADS + 1);
  const usage = await usageOf(gateway);
  t.diagnostic(resultLine(`${RELOADS} reloads`, total, usage, upstream));
  assert.deepEqual([...total.refused], [], total.details.join('\n'));
  assert.equal(total.broken, 0, total.details.join('\n'));
  assert.deepEqual(
    total.details.filter((detail) => !detail.includes('ECONNRESET')),
    [],
  );
  assert.ok(total.unanswered <= Math.ceil(total.sent * RESET_SHARE_MAX), total.details.join('\n'));
  assertBooksEqualLedger(usage, upstream);
  assert.equal(BigInt(usage.chargedNanoUsd), ledgerNanoUsd(upstream));
});

test('streams that run across a reload end whole and are billed once', async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
  const streams = await openStreams(gateway, 6);
  const old = gateway.gatewayPid;
  await gateway.reload();
  assert.notEqual(processStartTime(old), null);
  release();
  await assertWhole(streams);
  await gone(old);
  await gateway.assertIdle();
  assertBooksEqualLedger(await usageOf(gateway), upstream);
});

test('the new process is killed while the old one still has streams: a third takes over from the old one, nothing is lost', async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
  const streams = await openStreams(gateway, 4);
  const old = gateway.gatewayPid;
  await gateway.reload();
  assert.equal((await send(gateway.url, { key: KEY, body: question('in the second') })).status, 200);
  await waitFor('its settling', async () => metric(await gateway!.metrics(), 'penstock_exchanges_open') === 0);
  await gateway.flush();
  process.kill(gateway.gatewayPid, 'SIGKILL');
  await gateway.replaced();
  assert.notEqual(processStartTime(old), null);
  assert.equal((await send(gateway.url, { key: KEY, body: question('in the third') })).status, 200);
  release();
  await assertWhole(streams);
  await gone(old);
  await gateway.assertIdle();
  assertBooksEqualLedger(await usageOf(gateway), upstream);
});

test('the old process is killed while it still has streams: its places and money come back, what it had journaled is billed', async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
  assert.equal((await send(gateway.url, { key: KEY, body: question('before') })).status, 200);
  await gateway.assertIdle();
  await gateway.flush();
  const streams = await openStreams(gateway, 4);
  const old = gateway.gatewayPid;
  await gateway.reload();
  process.kill(old, 'SIGKILL');
  for (const broken of await Promise.allSettled(streams)) assert.equal(broken.status, 'rejected');
  release();
  await gateway.assertIdle();
  const served = await send(gateway.url, { key: KEY, body: question('after') });
  assert.equal(served.status, 200);
  await gateway.assertIdle();
  const usage = await usageOf(gateway);
  const rows = usage.rows.filter(({ status }) => status === 'completed');
  assert.equal(rows.length, 2);
});

test('SIGTERM during a reload lets both processes finish, exit 0, everything in the books', async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
  const before = await openStreams(gateway, 3);
  const old = gateway.gatewayPid;
  await gateway.reload();
  const start = upstream.received.length;
  const after = [0, 1, 2].map((i) =>
    send(gateway!.url, { key: KEY, body: question(`held-new-${i}`, { stream: true }) }),
  );
  await waitFor('streams in the new process', () => upstream.received.length === start + 3);
  const ended = gateway.terminate();
  const { gatewayPid, url } = gateway;
  await waitFor('nobody to listen any more', () => !isListening(gatewayPid, Number(new URL(url).port)));
  release();
  await assertWhole([...before, ...after]);
  assert.equal(await ended, 0);
  for (const pid of [old, gateway.gatewayPid]) assert.equal(processStartTime(pid), null);
  await gateway.launch();
  assertBooksEqualLedger(await usageOf(gateway), upstream);
});

test('a reload that is wanted while one is under way comes after it, and several wishes are one', async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url), log: { level: 'info' } });
  const streams = await openStreams(gateway, 1);
  const first = gateway.gatewayPid;
  await gateway.reload();
  const second = gateway.gatewayPid;
  for (let i = 0; i < 3; i++) {
    const said = gateway.log.split('SIGHUP: another').length;
    process.kill(gateway.pid, 'SIGHUP');
    await waitFor('the signal to be taken', () => gateway!.log.split('SIGHUP: another').length > said);
  }
  assert.equal(gateway.readReady().gatewayPid, second);
  release();
  await assertWhole(streams);
  await gone(first);
  await gateway.replaced();
  await gone(second);
  assert.equal(gateway.log.split('was replaced').length - 1, 2, 'two reloads in all');
});
