/**
 * `kill -9` of the gateway process in the middle of streams, several times in each durability mode. What the upstream's own ledger says
 * was served is compared, request by request, with the books.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeAll } from '../support/close-all.ts';
import { KEY, type ReadyFile, standardCatalog, TestGateway } from '../support/gateway.ts';
import { finish, open, question } from '../support/http-client.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Upstream } from '../support/upstream.ts';
import { type UsageReport, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const KILLS = 3;
const CLIENTS = 24;

/** How each request ended for its client, by its label. */
type Seen = Map<string, 'complete' | 'broken'>;

/** Clients that send one request after the other until `stopped`, over new connections, so that all fronts are used. */
function startClients(gateway: TestGateway, seen: Seen, stopped: () => boolean): Promise<unknown> {
  const client = async (name: string): Promise<void> => {
    for (let i = 0; !stopped(); i++) {
      const label = `${name}-${i}`;
      const stream = i % 4 !== 0;
      const body = question(label, { stream });
      const answer = await open(gateway.url, { key: KEY, body })
        .then((response) => finish(response))
        .catch(() => null);
      const whole = answer?.status === 200 && answer.whole && (!stream || answer.body.includes('event: message_stop'));
      if (answer === null || answer.status === 200) seen.set(label, whole ? 'complete' : 'broken');
      if (answer === null) await sleep(20);
    }
  };
  return Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(`c${i}`)));
}

/** Kills the gateway process and waits for the next one. Resolves to the milliseconds between. */
async function killGateway(gateway: TestGateway): Promise<number> {
  const { gatewayPid } = gateway;
  const startedMs = performance.now();
  process.kill(gatewayPid, 'SIGKILL');
  gateway.ready = await waitFor(
    'the next gateway process',
    () => {
      const ready: ReadyFile = JSON.parse(readFileSync(join(gateway.dataDir, 'ready'), 'utf8'));
      return ready.gatewayPid !== gatewayPid && ready;
    },
    { boundMs: 60_000 },
  );
  return performance.now() - startedMs;
}

interface Outcome {
  upstream: Upstream;
  seen: Seen;
  usage: UsageReport;
}

async function surviveKills(t: TestContext, durability: string, seed: number): Promise<Outcome> {
  const upstream = await Upstream.start({
    plan: ({ index }) => ({ events: 10 + (index % 20), paceMs: 4 + (index % 5) }),
  });
  const gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    usage: { durability, openRenewMs: 250 },
    supervisor: { restartMinMs: 10, restartMaxMs: 50 },
  });
  t.after(() =>
    closeAll(
      () => gateway.stop(),
      () => upstream.close(),
    ),
  );
  const random = seededRandom(seed);
  const seen: Seen = new Map();
  let stopped = false;
  const clients = startClients(gateway, seen, () => stopped);
  const backMs: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    const since = upstream.ledger.length;
    await waitFor('answers', () => upstream.ledger.length > since + 20 && upstream.openNow() > 5);
    await sleep(random() * 150);
    backMs.push(Math.round(await killGateway(gateway)));
  }
  stopped = true;
  await clients;
  await gateway.assertIdle();
  const usage = await usageOf(gateway, 100_000);
  t.diagnostic(line(durability, { upstream, seen, usage }, backMs));
  return { upstream, seen, usage };
}

function line(name: string, { upstream, seen, usage }: Outcome, backMs: number[]): string {
  const complete = [...seen.values()].filter((ending) => ending === 'complete').length;
  const interrupted = usage.rows.filter((row) => row.status === 'interrupted').length;
  return `${name} | requests ${upstream.received.length} | complete ${complete} | rows ${usage.requests} | interrupted ${interrupted} | unbilled ${unbilled({ upstream, seen, usage }).length} | back after ${backMs.join(', ')} ms`;
}

/** Answers that their client saw complete and that are in no row. */
function unbilled({ upstream, seen, usage }: Outcome): string[] {
  const billed = new Set(usage.rows.map((row) => row.upstreamRequestId));
  const served = new Map(upstream.ledger.map((entry) => [entry.label, entry.requestId]));
  return [...seen].flatMap(([label, ending]) => {
    return ending === 'complete' && !billed.has(served.get(label) ?? '') ? [label] : [];
  });
}

/** What holds in every mode. */
function assertSound({ upstream, usage }: Outcome): void {
  const ids = usage.rows.map((row) => row.upstreamRequestId);
  assert.equal(new Set(ids).size, ids.length, 'a request is billed twice');
  const ledger = new Map(upstream.ledger.map((entry) => [entry.requestId, entry]));
  for (const row of usage.rows) {
    const served = ledger.get(row.upstreamRequestId);
    assert.ok(served, `a row for ${row.upstreamRequestId}, which was never asked for`);
    if (row.status !== 'completed') continue;
    assert.deepEqual([row.inputTokens, row.outputTokens], [served.usage.inputTokens, served.usage.outputTokens]);
  }
  const interrupted = usage.rows.filter((row) => row.status === 'interrupted');
  assert.ok(interrupted.length > 0, 'open records became rows');
  assert.ok(interrupted.every((row) => row.inputTokens > 0));
}

test('async: streams that a kill broke off become interrupted rows, once, and every row is true', async (t) => {
  const outcome = await surviveKills(t, 'async', 11);
  assertSound(outcome);
});

test('journaled: every answer that a client saw complete is in the books, whenever the process was killed', async (t) => {
  const outcome = await surviveKills(t, 'journaled', 12);
  assertSound(outcome);
  assert.deepEqual(unbilled(outcome), []);
});
