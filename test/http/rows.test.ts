/** A small table of users serves many, one after another: rows that nobody uses are taken back, those in use never. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, TestGateway } from '../support/gateway.ts';
import { type Answer, open, question, readUntil, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { findRow, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const ROWS = 4;
const USERS = 12;
/** An answer of the second test costs 0.001005 USD: two of them leave 0.00009 of 0.0021. */
const INPUT_TOKENS = 1_000;

let upstream: Upstream;
let gateway: TestGateway;

const keyOf = (user: number): string => `sk-ps-test-rows-${String(user).padStart(32, '0')}`;

before(async () => {
  upstream = await Upstream.start();
  const users = Array.from({ length: USERS }, (_, i) => i);
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main' }],
      accounts: [account('a1', upstream.url)],
      users: users.map((i) => ({ name: `u${i}`, balanceUsd: i === 0 ? 0.0021 : 1, concurrency: 2 })),
      keys: users.map((i) => ({ user: `u${i}`, group: 'main', key: keyOf(i) })),
    },
    limits: { users: ROWS },
    budget: { outputReserveTokens: 0 },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

/** The answer once the table had room. Everything else than a full table is the caller's to judge. */
async function served(user: number, label: string): Promise<Answer> {
  return waitFor(`room for u${user}`, async () => {
    const answer = await send(gateway.url, { key: keyOf(user), body: question(label) });
    return answer.body.includes('table of active users') ? false : answer;
  });
}

test(`${USERS} users share ${ROWS} rows, an open stream keeps its own, and every answer is billed to its user`, async () => {
  upstream.plan = ({ label }) => (label === 'long' ? { events: 4_000, paceMs: 10 } : {});
  const long = await open(gateway.url, { key: keyOf(1), body: question('long', { stream: true }) });
  await readUntil(long, 'content_block_delta');
  for (let round = 0; round < 2; round++)
    for (let user = 2; user < USERS; user++) assert.equal((await served(user, `r${round}-u${user}`)).status, 200);
  const metrics = await gateway.metrics();
  assert.ok(metric(metrics, 'penstock_rows_used', 'users') <= ROWS);
  assert.equal(metric(metrics, 'penstock_slots_held', 'users'), 1, 'the place of the stream');
  long.destroy();
  await upstream.served('long');
  await gateway.assertIdle();
  const usage = await usageOf(gateway);
  for (let round = 0; round < 2; round++)
    for (let user = 2; user < USERS; user++) {
      const entry = await upstream.served(`r${round}-u${user}`);
      assert.equal(findRow(usage, entry.requestId).outputTokens, entry.usage.outputTokens);
    }
  const spent = (await gateway.cliJson<{ name: string; balanceNanoUsd: string }[]>('user', 'list')).filter(
    ({ name, balanceNanoUsd }) => name !== 'u0' && BigInt(balanceNanoUsd) < 10n ** 9n,
  );
  assert.equal(spent.length, USERS - 1, 'each of them paid for its own');
});

test('a user that comes back to another row has the balance that it left with', async () => {
  upstream.plan = () => ({ usage: { inputTokens: INPUT_TOKENS, outputTokens: 1 } });
  assert.equal((await served(0, 'first of u0')).status, 200);
  assert.equal((await served(0, 'second of u0')).status, 200);
  await gateway.flush();
  for (let user = 2; user < USERS; user++) await served(user, `between-u${user}`);
  assert.equal((await served(0, 'third of u0')).status, 200, 'a little is left');
  assert.equal((await served(0, 'fourth of u0')).status, 402);
});
