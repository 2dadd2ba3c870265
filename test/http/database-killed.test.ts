/** PostgreSQL killed while the catalog is being reloaded at a high rate: the gateway process stays, and service resumes each time. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { pinToFronts, question, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { connectDatabase, TestPostgres } from '../support/test-postgres.ts';
import { Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, usageOf } from '../support/usage.ts';
import { waitFor, within } from '../support/wait-for.ts';

const KILLS = 6;
const NOTIFICATION = JSON.stringify({ table: 'accounts', id: 1 });

let database: TestPostgres;
let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  database = await TestPostgres.start();
  upstream = await Upstream.start({ plan: () => ({ events: 1 }) });
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url), database: { url: database.url } });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
    () => database?.remove(),
  );
});

/** Notifies of changes and lists keys as fast as it can, until told to stop; PostgreSQL may come and go. */
function agitate(): { stop(): Promise<void> } {
  let stopped = false;
  const notify = async (): Promise<void> => {
    const db = connectDatabase(url);
    while (!stopped) await db`select pg_notify('penstock_catalog', ${NOTIFICATION})`.catch(() => setImmediate());
    await db.end();
  };
  const list = async (): Promise<void> => {
    while (!stopped) await gateway.admin('GET', '/keys').catch(() => setImmediate());
  };
  const { url } = database;
  const loops = [notify(), list(), list(), list()];
  return {
    async stop() {
      stopped = true;
      await within('an end of what was asked', 30_000, Promise.all(loops));
    },
  };
}

async function snapshotVersion(): Promise<number> {
  return metric(await gateway.metrics(), 'penstock_snapshot_version');
}

test('PostgreSQL killed again and again while the catalog is reloaded all the time: the process stays, and service resumes', async () => {
  const { gatewayPid } = gateway;
  for (const { agent } of await pinToFronts(gateway.url, 3)) {
    assert.equal((await send(gateway.url, { key: KEY, body: question('known'), agent })).status, 200);
    agent.destroy();
  }
  const agitation = agitate();
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const since = await snapshotVersion();
      await waitFor('reloads', async () => (await snapshotVersion()) > since + 3);
      await database.crash();
      assert.equal((await send(gateway.url, { key: KEY, body: question('away') })).status, 200, gateway.log);
      await database.start();
    }
    const since = await snapshotVersion();
    await waitFor('reloads after the last kill', async () => (await snapshotVersion()) > since + 3);
  } finally {
    await agitation.stop();
  }
  assert.equal((await send(gateway.url, { key: KEY, body: question('back') })).status, 200);
  assert.equal(gateway.log.includes('Cannot read properties'), false);
  gateway.readAgain();
  assert.equal(gateway.gatewayPid, gatewayPid);
  const usage = await usageOf(gateway);
  assertBooksEqualLedger(usage, upstream);
});
