/** Ending and starting again: SIGTERM under load, a database that is away meanwhile, a killed gateway process. Nothing is lost. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, type ReadyFile, standardCatalog, TestGateway } from '../support/gateway.ts';
import { pinToFronts, question, send } from '../support/http-client.ts';
import { Load } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { TestPostgres } from '../support/test-postgres.ts';
import { Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, ledgerNanoUsd, resultLine, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: Upstream;
let gateway: TestGateway | undefined;
let database: TestPostgres | undefined;

afterEach(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
    () => database?.remove(),
  );
  gateway = undefined;
  database = undefined;
});

/** A request through each front, so that PostgreSQL is not needed to know the key. */
async function warmEveryFront(url: string): Promise<void> {
  for (const { agent } of await pinToFronts(url, 3)) {
    assert.equal((await send(url, { key: KEY, body: question('warm'), agent })).status, 200);
    agent.destroy();
  }
}

test('SIGTERM under load: every answer that began ends whole, every token is in the books, exit 0', async (t) => {
  upstream = await Upstream.start({ plan: () => ({ events: 40, paceMs: 25 }) });
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
  const load = new Load(gateway.url, { clients: 60, label: 'drain', streams: 0.8, endOnRefusedConnection: true });
  await waitFor('a load', () => upstream.ledger.length > 60 && upstream.openNow() > 30);
  assert.equal(await gateway.terminate(), 0);
  const result = await load.stop();
  assert.equal(result.broken, 0, result.details.join('\n'));
  assert.ok([...result.refused.keys()].every((status) => status === 503));
  await gateway.launch();
  const usage = await usageOf(gateway);
  t.diagnostic(resultLine('SIGTERM', result, usage, upstream));
  assert.equal(upstream.ledger.filter((entry) => entry.ending !== 'whole').length, 0);
  assertBooksEqualLedger(usage, upstream);
  assert.equal(BigInt(usage.chargedNanoUsd), ledgerNanoUsd(upstream));
  assert.equal(usage.requests, result.completed);
});

test('an upstream whose error body never ends does not hold up the end of the process', async () => {
  upstream = await Upstream.start({ plan: () => ({ status: 503, breakAt: 0, breakHow: 'stall' }) });
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
  assert.equal((await send(gateway.url, { key: KEY, body: question('stalled-error') })).status, 502);
  const startedMs = performance.now();
  assert.equal(await gateway.terminate(), 0);
  assert.ok(performance.now() - startedMs < 20_000, `${Math.round(performance.now() - startedMs)} ms`);
});

test('records that PostgreSQL did not take before the end are replayed from the journal at the next start', async (t) => {
  upstream = await Upstream.start();
  database = await TestPostgres.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    database: { url: database.url },
    shutdown: { drainMs: 2_000, flushMs: 500 },
  });
  await warmEveryFront(gateway.url);
  await database.stop();
  const load = await new Load(gateway.url, { clients: 10, requestsEach: 10, label: 'replay' }).finished();
  assert.equal(load.completed, 100, load.details.join('\n'));
  assert.equal(await gateway.terminate(), 0, gateway.log);
  await database.start();
  await gateway.launch();
  const usage = await usageOf(gateway);
  t.diagnostic(resultLine('replay', load, usage, upstream));
  assertBooksEqualLedger(usage, upstream);
  assert.equal(await gateway.terminate(), 0);
  await gateway.launch();
  assertBooksEqualLedger(await usageOf(gateway), upstream);
});

test('a gateway process that is killed is started again and bills what it had journaled, once', async () => {
  upstream = await Upstream.start();
  database = await TestPostgres.start();
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url), database: { url: database.url } });
  const { dataDir, gatewayPid, url } = gateway;
  const readySoFar = gateway.ready;
  await warmEveryFront(url);
  await gateway.flush();
  const thaw = database.freeze();
  const load = await new Load(url, { clients: 10, requestsEach: 5, label: 'killed' }).finished();
  assert.equal(load.completed, 50, load.details.join('\n'));
  await waitFor(
    'records in the journal',
    async () => metric(await gateway!.metrics(), 'penstock_journal_records_total') >= 53,
  );
  process.kill(gatewayPid, 'SIGKILL');
  thaw();
  gateway.ready = await waitFor(
    'the next gateway process',
    () => {
      const ready: ReadyFile = JSON.parse(readFileSync(join(dataDir, 'ready'), 'utf8'));
      return ready.gatewayPid !== gatewayPid && ready;
    },
    { boundMs: 60_000 },
  );
  assert.deepEqual(
    [gateway.ready.gateway, gateway.ready.control, gateway.ready.pid],
    [readySoFar.gateway, readySoFar.control, readySoFar.pid],
    'addresses and supervisor stay',
  );
  assertBooksEqualLedger(await usageOf(gateway), upstream);
  assert.equal((await send(gateway.url, { key: KEY, body: question('after') })).status, 200);
});

test('a second start on the same data folder is refused and names the holder', async () => {
  upstream = await Upstream.start();
  const first = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
  gateway = first;
  await assert.rejects(TestGateway.start({ catalog: {}, data: first.dataDir }), (error: Error) => {
    assert.match(error.message, new RegExp(String(first.pid)));
    return true;
  });
});
