/** SQL on the request path: none when a key is warm, by PostgreSQL's own statistics. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { statementCalls, statementsBetween, watchStatements } from '../../native-bench/rig/request-statements.ts';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { pinToFronts, question, send } from '../support/http-client.ts';
import { Load } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { connectSql, type Sql, TestPostgres } from '../support/test-postgres.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const NEGATIVE_TTL_MS = 300;
const TRIES = 3;
const COLD_KEYS = Array.from({ length: TRIES }, (_, i) => [`cold-1-${i}`, `cold-2-${i}`]).flat();
/** What is learnt anew after notifications were lost. */
const RELEARNT_MS = 2_000;

let database: TestPostgres;
let sql: Sql;
let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  database = await TestPostgres.start();
  upstream = await Upstream.start({ plan: () => ({ events: 2 }) });
  const catalog = standardCatalog(upstream.url);
  catalog['keys']!.push(...COLD_KEYS.map((name) => ({ user: 'u1', group: 'main', key: `${KEY}-${name}` })));
  gateway = await TestGateway.start({
    catalog,
    database: { url: database.url },
    auth: { negativeTtlMs: NEGATIVE_TTL_MS },
  });
  sql = connectSql(database.url);
  await watchStatements(sql);
});
after(async () => {
  await closeAll(
    () => sql?.end(),
    () => gateway?.stop(),
    () => upstream?.close(),
    () => database?.remove(),
  );
});

/** Statements that ran meanwhile and are neither the writer's batches nor the heartbeat. */
async function foregroundStatements(work: () => Promise<unknown>): Promise<[string, number][]> {
  const before = await statementCalls(sql);
  await work();
  return statementsBetween(before, await statementCalls(sql)).ofRequests;
}

/**
 * Notifications that come a second late count as lost, and then keys are asked for again: what `check` finds is wrong then. On a machine that
 * stands still for a moment that can happen once.
 */
async function withNotifications(check: (attempt: number) => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await check(attempt);
    } catch (error) {
      const wereLost = gateway.log.includes('notifications of catalog changes are lost');
      if (!wereLost || attempt + 1 === TRIES) throw error;
      await sleep(RELEARNT_MS);
    }
  }
}

function ask(key: string, agent?: import('node:http').Agent) {
  return send(gateway.url, { key, body: question('warm'), ...(agent ? { agent } : {}) });
}

test('a thousand requests with a warm key run no statement, and the batches are far fewer than the requests', () =>
  withNotifications(async () => {
    const pins = await pinToFronts(gateway.url, 3);
    for (const { agent } of pins) {
      assert.equal((await ask(KEY, agent)).status, 200);
      agent.destroy();
    }
    await gateway.flush();
    const before = await statementCalls(sql);
    const statements = await foregroundStatements(async () => {
      const load = await new Load(gateway.url, { clients: 10, requestsEach: 100, label: 'warm' }).finished();
      assert.equal(load.completed, 1000, load.details.join('\n'));
    });
    assert.deepEqual(statements, []);
    const after = await statementCalls(sql);
    const most = Math.max(...[...after].map(([query, calls]) => calls - (before.get(query) ?? 0)));
    assert.ok(most < 500, `one statement ran ${most} times for 1000 requests`);
  }));

test('a cold key costs one statement, also for many requests at once; its second request none', () =>
  withNotifications(async (attempt) => {
    const [pinned] = await pinToFronts(gateway.url, 1);
    const first = await foregroundStatements(() => ask(`${KEY}-cold-1-${attempt}`, pinned!.agent));
    assert.equal(
      first.reduce((sum, [, calls]) => sum + calls, 0),
      1,
      JSON.stringify(first),
    );
    assert.deepEqual(await foregroundStatements(() => ask(`${KEY}-cold-1-${attempt}`, pinned!.agent)), []);
    pinned!.agent.destroy();
    const crowd = await foregroundStatements(() =>
      Promise.all(Array.from({ length: 60 }, () => ask(`${KEY}-cold-2-${attempt}`))),
    );
    const calls = crowd.reduce((sum, [, count]) => sum + count, 0);
    assert.equal(calls, 1, `${calls} statements for 60 requests on three fronts`);
  }));

test('an unknown key costs no statement, not even when its negative entry has expired', () =>
  withNotifications(async () => {
    const [pinned] = await pinToFronts(gateway.url, 1);
    const stranger = 'sk-ps-stranger';
    await ask(stranger, pinned!.agent);
    const lookups = async () => metric(await gateway.metrics(), 'penstock_key_lookups_total');
    const asked = await lookups();
    await waitFor('the negative entry to expire', async () => {
      await ask(stranger, pinned!.agent);
      return (await lookups()) > asked;
    });
    pinned!.agent.destroy();
    const again = await foregroundStatements(() => ask(stranger));
    assert.deepEqual(again, []);
  }));

test('with PostgreSQL frozen warm keys are served without it', async () => {
  const pins = await pinToFronts(gateway.url, 3);
  for (const { agent } of pins) assert.equal((await ask(KEY, agent)).status, 200);
  const thaw = database.freeze();
  try {
    for (const { agent } of pins) {
      for (let i = 0; i < 20; i++) {
        const answer = await ask(KEY, agent);
        assert.equal(answer.status, 200);
        assert.ok(answer.ms < 5_000, `${answer.ms} ms`);
      }
    }
  } finally {
    thaw();
    for (const { agent } of pins) agent.destroy();
  }
});
