/** API keys: who may come in, how soon that ends, and what a stranger costs. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { type Answer, MODEL, type PinnedAgent, pinToFronts, question, send, sendRaw } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { connectEmbedded } from '../support/test-postgres.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const FRONTS = 3;
const REVOKED_WITHIN_MS = 1_000;
const EXPIRES_AFTER_MS = 4_000;
/** A machine that stands still for a moment lets one of them come too late, not each. */
const TRIES = 3;
const tried = (name: string): string[] => Array.from({ length: TRIES }, (_, i) => `${name}-${i}`);
const NAMES = [...tried('cli'), ...tried('sql'), ...tried('user'), 'deny', 'allow', 'models'];
const keyOf = (name: string): string => `${KEY}-${name}`;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const rules: Record<string, object> = {
    deny: { ipDeny: ['127.0.0.2/32', '127.1.0.0/16'] },
    allow: { ipAllow: ['127.0.0.3'], ipDeny: ['127.0.0.4'] },
    models: { allowedModels: [MODEL, 'claude-opus-*'] },
  };
  const catalog = standardCatalog(upstream.url);
  catalog['users']!.push(...tried('user').map((name) => ({ name, balanceUsd: 10, concurrency: 10 })));
  catalog['keys']!.push(
    ...NAMES.map((name) => ({
      user: name.startsWith('user') ? name : 'u1',
      group: 'main',
      key: keyOf(name),
      ...rules[name],
    })),
  );
  gateway = await TestGateway.start({ catalog, auth: { negativeTtlMs: 400 } });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function ask(key: string, call: object = {}): Promise<Answer> {
  return send(gateway.url, { key, body: question('key'), ...call });
}

/** Uses the key on every front, so that each has it cached. */
async function warmOnAllFronts(key: string): Promise<PinnedAgent[]> {
  const pins = await pinToFronts(gateway.url, FRONTS);
  for (const { agent, front } of pins) {
    const answer = await ask(key, { agent });
    assert.deepEqual([answer.status, answer.front], [200, front], answer.body.toString());
  }
  return pins;
}

/** Every front must refuse within the bound, counted from what `stop` resolves to. */
async function assertStopsOnAllFronts(name: string, stop: (key: string, name: string) => Promise<number>) {
  const tookMs: number[] = [];
  for (const each of tried(name)) {
    const key = keyOf(each);
    const pins = await warmOnAllFronts(key);
    const startMs = await stop(key, each);
    for (const { agent, front } of pins) {
      await waitFor(`front ${front} to refuse`, async () => (await ask(key, { agent })).status !== 200);
      agent.destroy();
    }
    tookMs.push(performance.now() - startMs);
    if (tookMs.at(-1)! < REVOKED_WITHIN_MS + 200) return;
  }
  assert.fail(`stopped after ${tookMs.join(', ')} ms`);
}

test('a cached key ends when it expires', async () => {
  const expiresAtMs = Date.now() + EXPIRES_AFTER_MS;
  const wish = { user: 'u1', group: 'main', expiresAt: new Date(expiresAtMs).toISOString() };
  const { key } = await gateway.admin<{ key: string }>('POST', '/keys', wish);
  assert.equal((await ask(key)).status, 200, 'the test came too late');
  await waitFor(
    'the expiry',
    async () => {
      const askedAtMs = Date.now();
      const { status } = await ask(key);
      assert.ok(status === 401 || askedAtMs < expiresAtMs, 'served after it had expired');
      return status === 401;
    },
    { everyMs: 100 },
  );
  assert.ok(Date.now() >= expiresAtMs);
});

test('a key revoked by the command stops on every front within a second', async () => {
  await assertStopsOnAllFronts('cli', async (key) => {
    const { code, stderr } = await gateway.cli('key', 'revoke', key);
    assert.equal(code, 0, stderr);
    return performance.now();
  });
  assert.equal((await ask(keyOf('cli-0'))).status, 401);
});

test('a key revoked behind our back in the database stops on every front within a second', async () => {
  await assertStopsOnAllFronts('sql', async (key) => {
    const sql = connectEmbedded(gateway.dataDir);
    const hash = createHash('sha256').update(key).digest('hex');
    const changed = await sql`update keys set status = 'revoked' where key_hash = ${hash} returning id`;
    const startMs = performance.now();
    await sql.end();
    assert.equal(changed.length, 1);
    return startMs;
  });
});

test('a user disabled in the database stops with all keys on every front within a second', async () => {
  await assertStopsOnAllFronts('user', async (_key, name) => {
    const sql = connectEmbedded(gateway.dataDir);
    const changed = await sql`update users set status = 'disabled' where name = ${name} returning id`;
    const startMs = performance.now();
    await sql.end();
    assert.equal(changed.length, 1);
    return startMs;
  });
  assert.equal((await ask(keyOf('user-0'))).status, 403);
});

test('a new key works at once, also where it was unknown a moment ago', async () => {
  const created = await gateway.cliJson<{ key: string }>('key', 'create', '--user', 'u1', '--group', 'main');
  assert.match(created.key, /^sk-ps-/);
  assert.equal((await ask(created.key)).status, 200);
  const listed = await gateway.cli('key', 'list', '--json');
  assert.doesNotMatch(listed.stdout, new RegExp(created.key), 'a key is shown once');
});

test('a stranger is answered before sending a body, and reaches neither upstream nor, when repeated, the database', async () => {
  const [pinned] = await pinToFronts(gateway.url, 1);
  const stranger = 'sk-ps-stranger';
  await ask(stranger, { agent: pinned!.agent });
  const received = upstream.received.length;
  const lookups = async () => metric(await gateway.metrics(), 'penstock_key_lookups_total');
  const before = await lookups();
  const startMs = performance.now();
  for (let i = 0; i < 50; i++) assert.equal((await ask(stranger, { agent: pinned!.agent })).status, 401);
  const askedMs = performance.now() - startMs;
  assert.ok((await lookups()) - before <= 1 + askedMs / 400, 'one look-up per negative TTL');
  assert.equal(upstream.received.length, received);
  pinned!.agent.destroy();
  const head = `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${stranger}-2\r\ncontent-length: 1000000\r\n\r\n`;
  const answer = await sendRaw(gateway.url, [head]);
  assert.equal(answer.status, 401);
  assert.ok(answer.ms < 5_000);
});

test('hundreds of strangers at once do not disturb the others', async () => {
  const strangers = Array.from({ length: 300 }, (_, i) => ask(`sk-ps-guess-${i}`));
  const friends = Array.from({ length: 20 }, () => ask(KEY));
  assert.ok((await Promise.all(strangers)).every(({ status }) => status === 401));
  assert.ok((await Promise.all(friends)).every(({ status }) => status === 200));
});

test('IP rules hold by the address of the connection, whatever headers say', async () => {
  const from = async (name: string, localAddress: string) =>
    (await ask(keyOf(name), { localAddress, headers: { 'x-forwarded-for': '127.0.0.3' } })).status;
  assert.deepEqual(
    [await from('deny', '127.0.0.1'), await from('deny', '127.0.0.2'), await from('deny', '127.1.9.9')],
    [200, 403, 403],
  );
  assert.deepEqual(
    [await from('allow', '127.0.0.3'), await from('allow', '127.0.0.4'), await from('allow', '127.0.0.1')],
    [200, 403, 403],
  );
});

test('a key with a list of models serves those and refuses others', async () => {
  const withModel = (model: string) => ask(keyOf('models'), { body: question('m', { model }) });
  assert.equal((await withModel(MODEL)).status, 200);
  assert.equal((await withModel('claude-opus-4-6')).status, 200);
  const refused = await withModel('claude-sonnet-4-6');
  assert.deepEqual([refused.status, refused.json().error.type], [403, 'permission_error']);
});

test('keys are compared whole: a prefix, another case, a suffix and white space are strangers', async () => {
  for (const key of [KEY.slice(0, -1), KEY.toUpperCase(), `${KEY}x`]) {
    assert.equal((await ask(key)).status, 401, key);
  }
});
