/** Turns over WebSockets that go on with a response which one account of several keeps. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Message, SocketClient } from '../support/socket-client.ts';
import { responseEvents, SocketUpstream, type Turn, type TurnPlan } from '../support/socket-upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const ACCOUNTS = ['a1', 'a2', 'a3', 'a4', 'a5'];
const USAGE = { input: 100, cached: 0, output: 7 };

let upstream: SocketUpstream;
let gateway: TestGateway;
/** The account that made it, by the id of a response. */
const owners = new Map<string, string>();
let made = 0;

before(async () => {
  upstream = await SocketUpstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai', rateMultiplier: 1 }],
      accounts: ACCOUNTS.map((name) =>
        account(name, upstream.url, { platform: 'openai', models: ['gpt*'], baseUrl: `${upstream.url}/${name}` }),
      ),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    },
    rest: { errorsBeforeRest: 1_000 },
    threads: { fronts: 2 },
  });
});
beforeEach(() => {
  upstream.plan = keeps;
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

/** The last event of a turn, and the accounts that were asked. */
interface Turned {
  last: Message;
  asked: string[];
}

const accountOf = ({ url }: Turn): string => url.split('/')[1]!;

/** Each account knows the responses that it made, and no other. */
function keeps(turn: Turn): TurnPlan {
  const before = turn.body['previous_response_id'];
  if (before !== undefined && owners.get(String(before)) !== accountOf(turn)) {
    const error = { type: 'invalid_request_error', code: 'previous_response_not_found', message: `No ${before}.` };
    return { messages: [JSON.stringify({ type: 'error', status: made % 2 === 0 ? 400 : 404, error })] };
  }
  const id = `resp_${made++}`;
  owners.set(id, accountOf(turn));
  return { messages: responseEvents(id, USAGE) };
}

/** A turn on a connection of its own. */
async function turn(fields: object): Promise<Turned> {
  const client = await SocketClient.open(gateway.url, {});
  return turnOf(client, fields).finally(() => client.close());
}

async function turnOf(client: SocketClient, fields: object): Promise<Turned> {
  const first = upstream.received.length;
  const last = await client.turn(fields);
  return { last, asked: upstream.received.slice(first).map(accountOf) };
}

test('a response whose account was forgotten is gone on with wherever it is, and known from then on', async () => {
  const { requests } = await usageOf(gateway);
  for (const name of ACCOUNTS) {
    const id = `resp_${made++}`;
    owners.set(id, name);
    const { last, asked } = await turn({ previous_response_id: id });
    assert.deepEqual([last.type, new Set(asked).size], ['response.completed', asked.length], name);
    const again = await turn({ previous_response_id: id });
    assert.deepEqual([again.last.type, again.asked], ['response.completed', [name]]);
  }
  await gateway.assertIdle();
  assert.equal((await usageOf(gateway)).requests, requests + 2 * ACCOUNTS.length, 'who did not know it is not billed');
});

test('a turn goes to the account of the response that it names, though its connection has gone to another one', async () => {
  const elsewhere = `resp_${made++}`;
  owners.set(elsewhere, 'a5');
  await turn({ previous_response_id: elsewhere });
  const client = await SocketClient.open(gateway.url, {});
  const other = `resp_${made++}`;
  owners.set(other, 'a1');
  await turnOf(client, { previous_response_id: other });
  const { last, asked } = await turnOf(client, { previous_response_id: elsewhere });
  assert.deepEqual([last.type, asked], ['response.completed', ['a5']]);
  await client.close();
});

test('an account that fails is not failed over by a turn that goes on with its response: the client is told to come again', async () => {
  for (const [status, told] of [
    [500, 502],
    [429, 429],
  ] as const) {
    const client = await SocketClient.open(gateway.url, {});
    const { asked: home } = await turnOf(client, {});
    const id = `resp_${made - 1}`;
    upstream.plan = () => ({
      messages: [JSON.stringify({ type: 'error', status, error: {}, headers: { 'retry-after-ms': '1' } })],
    });
    const { last, asked } = await turnOf(client, { previous_response_id: id });
    assert.deepEqual([last.type, last.status, asked], ['error', told, home]);
    upstream.plan = keeps;
    await waitFor('the end of its rest', async () => {
      const next = await turnOf(client, { previous_response_id: id });
      if (next.last.type === 'error') return false;
      assert.deepEqual(next.asked, home);
      return true;
    });
    await client.close();
  }
});

test('a response that nobody has is told in the words of the account that was asked last', async () => {
  const { last, asked } = await turn({ previous_response_id: 'resp_nobody' });
  assert.deepEqual(
    [last.type, last.error],
    ['error', { type: 'invalid_request_error', code: 'previous_response_not_found', message: 'No resp_nobody.' }],
  );
  assert.deepEqual(asked.sort(), ACCOUNTS);
});
