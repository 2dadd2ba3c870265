/** `threads.fronts: 0`: one process and one thread serve, bill exactly once and end in order; what is not theirs to do is refused. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { question, send } from '../support/http-client.ts';
import { Load } from '../support/load.ts';
import { Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, ledgerNanoUsd, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: Upstream;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
  gateway = undefined;
});

function start(patch: object = {}): Promise<TestGateway> {
  return TestGateway.start({ catalog: standardCatalog(upstream.url), threads: { fronts: 0 }, ...patch });
}

async function logged(line: RegExp): Promise<void> {
  await waitFor(`${line} in the log`, () => line.test(gateway!.log));
}

test('the process that was started serves: requests are relayed, counted and billed once', async () => {
  upstream = await Upstream.start({ plan: () => ({ events: 3 }) });
  gateway = await start();
  assert.equal(gateway.gatewayPid, gateway.pid);
  await logged(/threads\.fronts: 0 runs everything on the main thread/);
  assert.equal((await send(gateway.url, { key: KEY, body: question('one') })).status, 200);
  const { status } = await send(gateway.url, { key: KEY, body: { ...question('two'), stream: true } });
  assert.equal(status, 200);
  assert.equal((await send(gateway.url, { key: `${KEY}x`, body: question('stranger') })).status, 401);
  const metrics = await gateway.metrics();
  assert.equal(metrics.get('penstock_fronts_alive'), 1);
  const usage = await usageOf(gateway);
  assert.equal(usage.requests, 2);
  assertBooksEqualLedger(usage, upstream);
  assert.equal(BigInt(usage.chargedNanoUsd), ledgerNanoUsd(upstream));
});

test('SIGTERM under load: every answer that began ends whole and is in the books at the next start, exit 0', async () => {
  upstream = await Upstream.start({ plan: () => ({ events: 20, paceMs: 25 }) });
  gateway = await start();
  const load = new Load(gateway.url, { clients: 20, label: 'here', streams: 0.8, endOnRefusedConnection: true });
  await waitFor('a load', () => upstream.ledger.length > 20 && upstream.openNow() > 10);
  assert.equal(await gateway.terminate(), 0);
  const result = await load.stop();
  assert.equal(result.broken, 0, result.details.join('\n'));
  await gateway.launch();
  const usage = await usageOf(gateway);
  assertBooksEqualLedger(usage, upstream);
  assert.equal(usage.requests, result.completed);
});

test('SIGHUP changes nothing, because no other process can take over', async () => {
  upstream = await Upstream.start({});
  gateway = await start();
  process.kill(gateway.pid, 'SIGHUP');
  await logged(/the gateway goes on as it is.*threads\.fronts: 0: cannot be changed by a reload/);
  assert.equal((await send(gateway.url, { key: KEY, body: question('after') })).status, 200);
});

test('an exception that nobody caught ends the process; the next start books what was answered', async () => {
  upstream = await Upstream.start({});
  gateway = await start({ test: { crashHeader: true }, usage: { durability: 'journaled' } });
  assert.equal((await send(gateway.url, { key: KEY, body: question('before') })).status, 200);
  const crash = send(gateway.url, { key: KEY, body: question('crash'), headers: { 'x-penstock-test': 'crash-front' } });
  await crash.catch(() => {});
  assert.notEqual(await gateway.ended(), 0);
  await logged(/a test asked for a crash/);
  await gateway.launch();
  const usage = await usageOf(gateway);
  assert.ok(usage.requests >= 1, `${usage.requests} rows`);
});
