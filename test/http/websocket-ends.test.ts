/** How turns and WebSockets end when something breaks: what was seen is billed once, places come back, the client is told. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { refusedHandshake, type SocketCall, SocketClient } from '../support/socket-client.ts';
import { responseEvents, SocketUpstream } from '../support/socket-upstream.ts';
import { type UsageRow, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const PAIR_KEY = `${KEY}-pair`;
const NONE_KEY = `${KEY}-none`;
const ONE_KEY = `${KEY}-one`;
const FAULTS = ['key', 'poor', 'closed', 'limited'] as const;

let upstream: SocketUpstream;
let gateway: TestGateway;
const clients: SocketClient[] = [];

before(async () => {
  upstream = await SocketUpstream.start();
  const openai = (name: string, groups: string[], fields: object = {}) =>
    account(name, upstream.url, { platform: 'openai', models: ['gpt*'], groups, ...fields });
  gateway = await TestGateway.start({
    catalog: {
      groups: ['main', 'pair', 'none', 'one', ...FAULTS].map((name) => ({
        name,
        platform: 'openai',
        rateMultiplier: 1,
      })),
      accounts: [
        openai('a1', ['main']),
        openai('p1', ['pair'], { priority: 1, baseUrl: `${upstream.url}/first` }),
        openai('p2', ['pair'], { priority: 2, baseUrl: `${upstream.url}/second` }),
        openai('n1', ['none'], { baseUrl: `${upstream.url}/none` }),
        openai('o1', ['one'], { concurrency: 1 }),
        ...FAULTS.flatMap((fault) => [
          openai(`${fault}-1`, [fault], { priority: 1, baseUrl: `${upstream.url}/first` }),
          openai(`${fault}-2`, [fault], { priority: 2, baseUrl: `${upstream.url}/second` }),
        ]),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [
        { user: 'u1', group: 'main', key: KEY },
        { user: 'u1', group: 'pair', key: PAIR_KEY },
        { user: 'u1', group: 'none', key: NONE_KEY },
        { user: 'u1', group: 'one', key: ONE_KEY },
        ...FAULTS.map((fault) => ({ user: 'u1', group: fault, key: `${KEY}-${fault}` })),
      ],
    },
    relay: { idleTimeoutMs: 3_000, clientGoneDrainMs: 2_500, errorBodyMs: 60_000 },
    rest: { errorsBeforeRest: 1_000 },
    websocket: { messageBytesMax: 16 * 1024 * 1024 },
    threads: { fronts: 2 },
  });
});
afterEach(async () => {
  upstream.plan = () => ({});
  upstream.refuse = () => null;
  await closeAll(...clients.splice(0).map((client) => () => client.close()));
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

async function open(call: SocketCall = {}): Promise<SocketClient> {
  const client = await SocketClient.open(gateway.url, call);
  clients.push(client);
  return client;
}

/** Rows that `work` adds, once nothing is open any more. */
async function rowsOf(work: () => Promise<void>): Promise<UsageRow[]> {
  const before = (await usageOf(gateway)).rows.length;
  await work();
  await gateway.assertIdle();
  const { rows } = await usageOf(gateway);
  return rows.slice(0, rows.length - before);
}

const USAGE = { input: 100, cached: 0, output: 7 };
const LONG = Array.from({ length: 40 }, () => 'some words of an answer ');
/** More than sockets take for a reader that reads nothing. */
const LARGE = 'x'.repeat(12 * 1024 * 1024);

for (const how of ['cut', 'close', 'stall'] as const) {
  test(`an upstream that ends in the middle (${how}): an error, then 1011, and what was seen is billed once`, async () => {
    upstream.plan = () => ({ messages: responseEvents('resp_broken', USAGE, LONG), breakAt: 20, breakHow: how });
    const rows = await rowsOf(async () => {
      const client = await open();
      const last = await client.turn();
      assert.deepEqual([last.type, client.messages.length], ['error', 21]);
      const code = how === 'stall' ? 'upstream_idle_timeout' : 'upstream_broken';
      assert.deepEqual([last.status, last.error?.code], [how === 'stall' ? 504 : 502, code]);
      assert.equal((await client.end()).code, 1011);
    });
    assert.equal(rows.length, 1);
    assert.deepEqual([rows[0]!.status, rows[0]!.usageSource], ['interrupted', 'estimated']);
    assert.ok(rows[0]!.outputTokens > 50 && rows[0]!.inputTokens > 0);
  });
}

test('an upstream that breaks before its first event: another account serves, and the client notices nothing', async () => {
  upstream.plan = ({ url }) => (url.startsWith('/first') ? { breakAt: 0 } : {});
  const rows = await rowsOf(async () => {
    const client = await open({ key: PAIR_KEY });
    assert.equal((await client.turn()).type, 'response.completed');
  });
  assert.equal(rows.length, 1);
  assert.match(upstream.received.at(-1)!.url, /^\/second/);
});

test('with no other account the turn is refused, the connection stays, and the next turn is served anew', async () => {
  upstream.plan = ({ index }) => (index === first ? { breakAt: 0 } : {});
  const first = upstream.received.length;
  const rows = await rowsOf(async () => {
    const client = await open();
    const refused = await client.turn();
    assert.deepEqual([refused.type, refused.status], ['error', 502]);
    assert.equal((await client.turn()).type, 'response.completed');
  });
  assert.equal(rows.length, 1);
  const [one, two] = upstream.received.slice(first);
  assert.notEqual(one!.connection, two!.connection);
});

test('an account that is rate limited rests, another one serves; its quota reaches nobody', async () => {
  const limited = {
    type: 'error',
    status: 429,
    error: { code: 'rate_limit_exceeded' },
    headers: { 'retry-after': '60' },
  };
  const quota = '{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":99}}}';
  upstream.plan = ({ url, index }) => {
    if (url.startsWith('/first')) return { messages: [quota, JSON.stringify(limited)] };
    return { messages: [quota, ...responseEvents(`resp_${index}`, USAGE)] };
  };
  const rows = await rowsOf(async () => {
    const client = await open({ key: `${KEY}-limited` });
    assert.equal((await client.turn()).type, 'response.completed');
    assert.ok(client.texts.every((text) => !text.includes('rate_limits')));
    const before = upstream.received.length;
    assert.equal((await client.turn()).type, 'response.completed');
    assert.match(upstream.received[before]!.url, /^\/second/, 'the first one rests');
  });
  assert.equal(rows.length, 2);
});

for (const [fault, status, code] of [
  ['key', 400, 'invalid_api_key'],
  ['poor', 429, 'insufficient_quota'],
] as const) {
  test(`an error of status ${status} that blames the account (${code}): it rests for long, another one serves`, async () => {
    const error = { type: 'error', status, error: { code, message: 'no' }, headers: { 'retry-after-ms': '1' } };
    upstream.plan = ({ url }) => (url.startsWith('/first') ? { messages: [JSON.stringify(error)] } : {});
    const before = upstream.received.length;
    const client = await open({ key: `${KEY}-${fault}` });
    for (let i = 0; i < 3; i++) assert.equal((await client.turn()).type, 'response.completed');
    const paths = upstream.received.slice(before).map(({ url }) => url.split('/')[1]);
    assert.deepEqual(paths, ['first', 'second', 'second', 'second']);
  });
}

test('a handshake that an upstream refuses with 403 is decided at once: the account rests, another one serves', async () => {
  upstream.refuse = (url) => (url.startsWith('/first') ? { status: 403 } : null);
  const client = await open({ key: `${KEY}-closed` });
  const startMs = performance.now();
  assert.equal((await client.turn()).type, 'response.completed');
  assert.ok(performance.now() - startMs < 30_000, 'long before an error body would be given up');
});

test('an error that concerns the request passes as it is, costs nothing, and the connection goes on', async () => {
  const error =
    '{"type":"error","status":404,"error":{"type":"invalid_request_error","code":"previous_response_not_found","message":"No.","param":null}}';
  upstream.plan = ({ turnOfConnection }) => (turnOfConnection === 0 ? { messages: [error] } : {});
  const rows = await rowsOf(async () => {
    const client = await open();
    client.create({ previous_response_id: 'resp_gone' });
    await client.sees('error');
    assert.deepEqual(client.texts, [error]);
    assert.equal((await client.turn()).type, 'response.completed');
  });
  assert.equal(rows.length, 1);
});

test('a response that failed is billed by the usage that it says, and the connection goes on', async () => {
  const events = responseEvents('resp_failed', USAGE);
  const failed = events
    .at(-1)!
    .replace('response.completed', 'response.failed')
    .replace('"status":"completed"', '"status":"failed","error":{"code":"server_error"}');
  upstream.plan = ({ turnOfConnection }) =>
    turnOfConnection === 0 ? { messages: [...events.slice(0, -1), failed] } : {};
  const rows = await rowsOf(async () => {
    const client = await open();
    assert.equal((await client.turn()).type, 'response.failed');
    assert.equal(client.texts.at(-1), failed);
    assert.equal((await client.turn()).type, 'response.completed');
  });
  assert.equal(rows.length, 2);
  const row = rows.find(({ status }) => status === 'interrupted');
  assert.deepEqual([row?.inputTokens, row?.outputTokens], [100, 7]);
});

test('an upstream that closes between turns takes the WebSocket of the client with it: 1012', async () => {
  const client = await open();
  await client.turn();
  const { connection } = upstream.received.at(-1)!;
  upstream.sockets[connection]!.close(1000);
  assert.equal((await client.end()).code, 1012);
});

test('an upstream that closes right behind its answer: a reader that is behind gets all of it, then 1012', async () => {
  const messages = responseEvents('resp_behind', USAGE, [LARGE]);
  upstream.plan = () => ({ messages, breakAt: messages.length, breakHow: 'close' });
  const before = (await usageOf(gateway)).rows.length;
  const client = await open();
  client.socket.pause();
  client.create();
  const row = await waitFor('its row', async () => {
    const { rows } = await usageOf(gateway);
    return rows.length > before ? rows[0] : null;
  });
  assert.equal(row.status, 'completed');
  client.socket.resume();
  assert.equal((await client.end()).code, 1012);
  assert.deepEqual(
    client.messages.map(({ type }) => type),
    messages.map((text) => JSON.parse(text).type),
  );
});

test('an upstream that takes no WebSocket: the turn is sent to POST, and from then on handshakes get 426', async () => {
  upstream.refuse = (url) => (url.startsWith('/none') ? { status: 404 } : null);
  const refused: number[] = [];
  await waitFor('a 426', async () => {
    const client = await open({ key: NONE_KEY }).catch(() => null);
    if (client === null) return true;
    const { type, status, error } = await client.turn();
    assert.deepEqual([type, status, error?.code], ['error', 426, 'websocket_connection_limit_reached']);
    assert.equal((await client.end()).code, 1012);
    refused.push(status!);
    return false;
  });
  assert.ok(refused.length >= 1 && refused.length <= 2, 'at most one a front');
  assert.equal((await send(gateway.url, { method: 'GET', path: '/healthz' })).status, 200);
});

test('an upstream that refuses the credential: the account rests, the client learns nothing of it', async () => {
  upstream.refuse = (url) => (url.startsWith('/first') ? { status: 401 } : null);
  const rows = await rowsOf(async () => {
    const client = await open({ key: PAIR_KEY });
    assert.equal((await client.turn()).type, 'response.completed');
  });
  assert.equal(rows.length, 1);
});

test('a client that vanishes in a turn: the upstream is read on, billed once, then closed', async () => {
  const left = new AbortController();
  upstream.plan = () => ({ messages: responseEvents('resp_left', USAGE, LONG), restAt: 20, restAfter: left.signal });
  const closed = async () => metric(await gateway.metrics(), 'penstock_websockets_closed_total');
  const rows = await rowsOf(async () => {
    const client = await open();
    client.create();
    await client.sees('response.output_text.delta');
    const before = await closed();
    client.terminate();
    await waitFor('the gateway to see it leave', async () => (await closed()) > before);
    left.abort();
    await waitFor('its upstream closed', () => upstream.open === 0);
  });
  assert.deepEqual(
    rows.map((row) => [row.status, row.usageSource, row.inputTokens, row.outputTokens]),
    [['client_gone', 'reported', 100, 7]],
  );
});

test('a client that vanishes in an endless turn: what was seen is billed, nothing is left', async () => {
  upstream.plan = () => ({ messages: responseEvents('resp_endless', USAGE, LONG), breakAt: 30, breakHow: 'stall' });
  const rows = await rowsOf(async () => {
    const client = await open();
    client.create();
    await client.sees('response.output_text.delta', 20);
    client.terminate();
  });
  assert.deepEqual(
    rows.map((row) => [row.status, row.usageSource]),
    [['client_gone', 'estimated']],
  );
  await waitFor('its upstream closed', () => upstream.open === 0);
});

test('turns wait for the place of an account; one that leaves the queue costs nothing, and places are not lost', async () => {
  const held = new AbortController();
  upstream.plan = ({ body }) => (body['input'] === 'hold' ? { holdUntil: held.signal } : {});
  const rows = await rowsOf(async () => {
    const [one, two, three] = [
      await open({ key: ONE_KEY }),
      await open({ key: ONE_KEY }),
      await open({ key: ONE_KEY }),
    ];
    one.create({ input: 'hold' });
    await waitFor('the first turn', () => upstream.received.at(-1)?.body['input'] === 'hold');
    two.create({ input: 'leaves' });
    await waitFor('one that waits', async () => metric(await gateway.metrics(), 'penstock_queue_waiting') === 1);
    three.create({ input: 'stays' });
    await waitFor('two that wait', async () => metric(await gateway.metrics(), 'penstock_queue_waiting') === 2);
    two.terminate();
    await waitFor('one that waits', async () => metric(await gateway.metrics(), 'penstock_queue_waiting') === 1);
    held.abort();
    await one.sees('response.completed');
    await three.sees('response.completed');
  });
  assert.equal(rows.length, 2);
  assert.ok(upstream.received.every(({ body }) => body['input'] !== 'leaves'));
});

test('many clients over both fronts, some of which leave: every whole answer is billed to the token, once', async () => {
  const first = upstream.received.length;
  upstream.plan = ({ index }) => ({
    messages: responseEvents(`resp_${index}`, { input: 1000 + index, cached: 0, output: 1 + index }),
    paceMs: index % 3,
  });
  const fronts = new Set<string>();
  let completed = 0;
  const rows = await rowsOf(async () => {
    const work = Array.from({ length: 12 }, async (_, at) => {
      const client = await open();
      fronts.add(client.front);
      for (let turn = 0; turn < 8; turn++) {
        if (at % 4 === 0 && turn === 6) {
          client.create();
          await client.sees('response.created', turn + 1);
          return client.terminate();
        }
        assert.equal((await client.turn()).type, 'response.completed');
        completed++;
      }
    });
    await Promise.all(work);
  });
  assert.equal(fronts.size, 2);
  assert.equal(completed, 9 * 8 + 3 * 6);
  assert.equal(rows.length, completed + 3);
  assert.equal(new Set(rows.map(({ requestId }) => requestId)).size, rows.length);
  const inputs = upstream.received.slice(first).map(({ index }) => 1000 + index);
  const whole = rows.filter(({ usageSource }) => usageSource === 'reported').map((row) => row.inputTokens);
  assert.deepEqual(whole.sort(), inputs.sort(), 'also those that were read on for a client that had left');
});

test('handshakes are refused by the same rules on both paths', async () => {
  assert.equal((await refusedHandshake(gateway.url, { path: '/responses', key: 'sk-ps-nobody' })).status, 401);
});
