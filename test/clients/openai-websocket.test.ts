/** The official SDK's WebSocket client for Responses, against the gateway over real sockets. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { responseEvents, SocketUpstream } from '../support/socket-upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: SocketUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await SocketUpstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai', rateMultiplier: 1 }],
      accounts: [account('a1', upstream.url, { platform: 'openai', models: ['gpt*'] })],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    },
    threads: { fronts: 2 },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

test('two turns, a refusal that is an error event, a third turn on the same connection, a close', async () => {
  upstream.plan = ({ index }) => ({ messages: responseEvents(`resp_${index}`, { input: 50, cached: 0, output: 5 }) });
  const socket = new ResponsesWS(new OpenAI({ apiKey: KEY, baseURL: `${gateway.url}/v1` }));
  const events: string[] = [];
  const errors: string[] = [];
  let closed = false;
  socket.on('event', ({ type }) => events.push(type));
  socket.on('error', ({ message }) => errors.push(message));
  socket.on('close', () => {
    closed = true;
  });
  const ask = async (model: string, count: number): Promise<void> => {
    socket.send({ type: 'response.create', model, input: 'hi' });
    await waitFor('an answer', () => events.filter((type) => type === 'response.completed').length === count);
  };
  await ask('gpt-5', 1);
  await ask('gpt-5', 2);
  socket.send({ type: 'response.create', model: 'claude-x', input: 'hi' });
  await waitFor('a refusal', () => errors.length > 0);
  assert.match(errors[0]!, /No account of this group serves this model/);
  await ask('gpt-5', 3);
  socket.close();
  await waitFor('the end', () => closed);
  await gateway.assertIdle();
  const { rows } = await usageOf(gateway);
  assert.deepEqual(
    rows.map(({ inputTokens, outputTokens }) => [inputTokens, outputTokens]),
    [
      [50, 5],
      [50, 5],
      [50, 5],
    ],
  );
});
