/** PostgreSQL frozen, stopped and started again under load: clients notice nothing, and nothing served is lost or doubled. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAILURES } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { pinToFronts, question, send } from '../support/http-client.ts';
import { Load, type LoadResult } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { TestPostgres } from '../support/test-postgres.ts';
import { Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, ledgerNanoUsd, resultLine, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

/** Longer than a batch may take. */
const OUTAGE_MS = 4_000;

let database: TestPostgres;
let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  database = await TestPostgres.start();
  upstream = await Upstream.start({ plan: () => ({ events: 10, paceMs: 10, headersAfterMs: 100 }) });
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    database: { url: database.url },
    usage: { journalBytesMax: 1_048_576, segmentBytes: 65_536, batchTimeoutMs: 3_000 },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
    () => database?.remove(),
  );
});

/** Runs a load around an outage; all of it must be answered as if nothing had happened. */
async function loadThrough(label: string, outage: () => Promise<void>): Promise<LoadResult> {
  const load = new Load(gateway.url, { clients: 8, label });
  const since = upstream.ledger.length;
  await waitFor('a load', () => upstream.ledger.length > since + 20);
  await outage();
  const during = upstream.ledger.length;
  await waitFor('load after the outage', () => upstream.ledger.length > during + 20);
  const result = await load.stop();
  assert.equal(result.completed, result.sent, result.details.join('\n'));
  return result;
}

test('PostgreSQL frozen for 4 s under load: all is answered, an alarm shows, all is billed after', async (t) => {
  const result = await loadThrough('frozen', async () => {
    const thaw = database.freeze();
    const end = sleep(OUTAGE_MS);
    await waitFor('the alarm', async () => metric(await gateway.metrics(), 'penstock_alarm', 'database_away') === 1);
    await end;
    thaw();
  });
  const usage = await usageOf(gateway);
  t.diagnostic(resultLine('frozen 4 s', result, usage, upstream));
  assertBooksEqualLedger(usage, upstream);
  assert.equal(BigInt(usage.chargedNanoUsd), ledgerNanoUsd(upstream));
  await waitFor(
    'the end of the alarm',
    async () => metric(await gateway.metrics(), 'penstock_alarm', 'database_away') === 0,
  );
});

test('PostgreSQL stopped for 4 s under load and started again: all is answered, all is billed after', async (t) => {
  const result = await loadThrough('stopped', async () => {
    await database.stop();
    await sleep(OUTAGE_MS);
    await database.start();
  });
  const usage = await usageOf(gateway);
  t.diagnostic(resultLine('stopped 4 s (and before)', result, usage, upstream));
  assertBooksEqualLedger(usage, upstream);
  assert.equal(BigInt(usage.chargedNanoUsd), ledgerNanoUsd(upstream));
});

test('at the bound of the journal new requests get 503 with retry-after; when PostgreSQL is back, service resumes and the books are whole', async () => {
  upstream.plan = () => ({ events: 1 });
  for (const { agent } of await pinToFronts(gateway.url, 3)) {
    assert.equal((await send(gateway.url, { key: KEY, body: question('known'), agent })).status, 200);
    agent.destroy();
  }
  const thaw = database.freeze();
  const load = new Load(gateway.url, { clients: 16, label: 'bound', streams: 0 });
  try {
    await waitFor('refusals', () => load.result.refused.get(503), { boundMs: 60_000 });
  } finally {
    thaw();
    await load.stop();
  }
  assert.equal(load.result.completed + load.result.refused.get(503)!, load.result.sent, load.result.details.join('\n'));
  assert.match(load.result.details.join('\n'), new RegExp(FAILURES.usage_backlog.text));
  await waitFor('service again', async () => {
    const answer = await send(gateway.url, { key: KEY, body: question('again') });
    if (answer.status !== 200) assert.ok(Number(answer.headers['retry-after']) >= 1);
    return answer.status === 200;
  });
  const usage = await usageOf(gateway);
  assertBooksEqualLedger(usage, upstream);
});
