/** A handshake names no model: turns for one that no account serves over a WebSocket, though one would over POST. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, send } from '../support/http-client.ts';
import { refusedHandshake, SocketClient } from '../support/socket-client.ts';
import { SocketUpstream } from '../support/socket-upstream.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const OTHER_KEY = `${KEY}-other`;

let sockets: SocketUpstream | undefined;
let plain: Upstream | undefined;
let gateway: TestGateway | undefined;
const clients: SocketClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await closeAll(
    () => gateway?.stop(),
    () => sockets?.close(),
    () => plain?.close(),
  );
  gateway = sockets = plain = undefined;
});

/** `accounts`: of the upstream with WebSockets, which are refused at paths that begin with /none, and of the one without. */
async function start(accounts: (sockets: string, plain: string) => object[], patch: object = {}) {
  sockets = await SocketUpstream.start();
  sockets.refuse = (url) => (url.startsWith('/none') ? { status: 404 } : null);
  plain = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai', rateMultiplier: 1 }],
      accounts: accounts(sockets.url, plain.url),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [KEY, OTHER_KEY].map((key) => ({ user: 'u1', group: 'main', key })),
    },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
    threads: { fronts: 2 },
    ...patch,
  });
  return { gateway, sockets };
}

async function open(key = KEY): Promise<SocketClient> {
  const client = await SocketClient.open(gateway!.url, { key });
  clients.push(client);
  return client;
}

function openai(name: string, baseUrl: string, models: string[], fields: object = {}): object {
  return account(name, baseUrl, { platform: 'openai', models, ...fields });
}

/** Handshakes reach either front, and one front is told by the other. */
async function getsOnly426(key = KEY): Promise<void> {
  let refusedInARow = 0;
  await waitFor('both fronts to know', async () => {
    const client = await open(key).catch(() => null);
    client?.terminate();
    refusedInARow = client === null ? refusedInARow + 1 : 0;
    return refusedInARow === 12;
  });
  for (let i = 0; i < 12; i++) assert.equal((await refusedHandshake(gateway!.url, { key })).status, 426);
}

test('a model of an account without WebSockets: the turn is sent to POST, which serves it; other keys are none the worse', async () => {
  const scene = await start((ws, http) => [openai('o1', ws, ['gpt*']), account('d1', http, { models: ['deepseek*'] })]);
  const client = await open();
  assert.equal((await client.turn()).type, 'response.completed');
  const refused = await client.turn({ model: 'deepseek-chat' });
  assert.deepEqual(
    [refused.status, refused.error?.code],
    [426, 'websocket_connection_limit_reached'],
    'by which Codex comes again at once',
  );
  assert.match(refused.error!.message, /send the request with POST/);
  assert.equal((refused['headers'] as Record<string, string>)['x-should-retry'], undefined);
  assert.equal((await client.end()).code, 1012);
  await getsOnly426();
  const posted = await send(scene.gateway.url, {
    path: '/v1/responses',
    key: KEY,
    body: { model: 'deepseek-chat', input: 'hi' },
  });
  assert.equal(posted.status, 200);
  assert.equal((await (await open(OTHER_KEY)).turn()).type, 'response.completed');
});

test('a model that nobody serves stays unknown, and the connection stays', async () => {
  await start((ws, http) => [openai('o1', ws, ['gpt*']), account('d1', http, { models: ['deepseek*'] })]);
  const client = await open();
  const { status, error } = await client.turn({ model: 'nobody-knows' });
  assert.deepEqual([status, error?.code], [404, 'model_not_found']);
  assert.equal((await client.turn()).type, 'response.completed');
  assert.equal(client.closed, null);
});

test('the only account of a model refuses WebSockets, another model has one: its client is sent to POST at once', async () => {
  await start((ws) => [openai('o1', `${ws}/none`, ['gpt-5*']), openai('o2', ws, ['gpt-4*'])]);
  const client = await open();
  assert.equal((await client.turn()).status, 426);
  assert.equal((await client.end()).code, 1012);
  await getsOnly426();
  const other = await open(OTHER_KEY);
  assert.equal((await other.turn({ model: 'gpt-4' })).type, 'response.completed');
  assert.equal((await other.turn()).status, 426, 'what is known is not tried again');
  assert.equal((await other.end()).code, 1012);
  await getsOnly426(OTHER_KEY);
});

test('accounts that are known to have no WebSockets are passed over, and cost a turn no attempt', async () => {
  const scene = await start(
    (ws) => [
      openai('n1', `${ws}/none/1`, ['gpt*'], { priority: 1 }),
      openai('n2', `${ws}/none/2`, ['gpt*'], { priority: 2 }),
      openai('o1', ws, ['gpt*'], { priority: 3 }),
    ],
    { relay: { attempts: 2 }, rest: { errorsBeforeRest: 1_000 } },
  );
  assert.equal((await (await open()).turn()).status, 502, 'both attempts are spent on them');
  const servedBy = new Set<string>();
  await waitFor('a turn that is served by each front', async () => {
    const client = await open();
    if ((await client.turn()).type === 'response.completed') servedBy.add(client.front);
    client.terminate();
    return servedBy.size === 2;
  });
  let asked = 0;
  const { refuse } = scene.sockets;
  scene.sockets.refuse = (url) => {
    if (url.startsWith('/none')) asked++;
    return refuse(url);
  };
  for (let i = 0; i < 4; i++) assert.equal((await (await open()).turn()).type, 'response.completed');
  assert.equal(asked, 0);
});

/** The account without WebSockets is the first, and holds a response. Returns how POST is asked. */
async function keepsResponse(): Promise<(body: object) => Promise<Answer>> {
  const scene = await start((ws, http) => [
    openai('n1', http, ['gpt*'], { priority: 1 }),
    openai('o1', ws, ['gpt*'], { priority: 2 }),
  ]);
  const usage = { input_tokens: 9, output_tokens: 2, total_tokens: 11 };
  const whole = { id: 'resp_kept', object: 'response', status: 'completed', model: 'gpt-5', output: [], usage };
  plain!.plan = () => ({ body: Buffer.from(JSON.stringify(whole)) });
  const post = (body: object) =>
    send(scene.gateway.url, { path: '/v1/responses', key: OTHER_KEY, body: { model: 'gpt-5', input: 'hi', ...body } });
  assert.equal((await post({})).json()['id'], 'resp_kept');
  return post;
}

test('the account that holds what a turn goes on with refuses its WebSocket: the turn is sent to POST, where it is served', async () => {
  const post = await keepsResponse();
  const client = await open();
  const { status, error } = await client.turn({ previous_response_id: 'resp_kept' });
  assert.deepEqual([status, error?.code], [426, 'websocket_connection_limit_reached']);
  assert.equal((await client.end()).code, 1012);
  await getsOnly426();
  assert.equal((await post({ previous_response_id: 'resp_kept' })).json()['id'], 'resp_kept');
});

test('one that is known to have none costs such a turn no attempt', async () => {
  const post = await keepsResponse();
  await waitFor('a front that knows', async () => {
    const client = await open();
    if ((await client.turn()).type !== 'response.completed') return false;
    const { status } = await client.turn({ previous_response_id: 'resp_kept' });
    if (status !== 426) return false;
    assert.equal((await client.end()).code, 1012);
    return true;
  });
  assert.equal((await post({ previous_response_id: 'resp_kept' })).json()['id'], 'resp_kept');
});
