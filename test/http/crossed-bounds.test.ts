/** A crossing that has to repeat an answer at its end keeps it within bounds: what is longer is broken off, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, open, readUntil, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const KEPT_MAX = 262_144;
const PIECE = 'x'.repeat(1_000);
const BODY = { model: 'gpt-5', stream: true, store: false, input: 'hi' };

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai' }],
      accounts: [account('chat', upstream.url, { platform: 'openai', protocols: ['chat'] })],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
    limits: { crossingBytesMax: KEPT_MAX },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

const chunk = (choice: object): string =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, ...choice }] })}\n\n`;
const text = (pieces: number): string => chunk({ delta: { content: PIECE } }).repeat(pieces);
const END = `${chunk({ delta: {}, finish_reason: 'stop' })}data: [DONE]\n\n`;

function ask(pieces: number): Promise<Answer> {
  upstream.plan = () => ({
    body: Buffer.from(text(pieces) + END),
    headers: { 'content-type': 'text/event-stream' },
    cutBytesMax: 4_096,
  });
  return send(gateway.url, { path: '/v1/responses', key: KEY, body: BODY });
}

test('an answer within the bound is repeated whole', async () => {
  const answer = await ask(200);
  const last = answer.events().at(-1)!;
  assert.equal(last.event, 'response.completed');
  const { output } = last.data['response'] as { output: { content: { text: string }[] }[] };
  assert.equal(output[0]!.content[0]!.text, PIECE.repeat(200));
});

test('one beyond it ends with an error and no end', async () => {
  const answer = await ask(400);
  const names = answer.events().map(({ event }) => event);
  assert.ok(!names.includes('response.completed'));
  assert.deepEqual([names.at(-1), names.filter((name) => name === 'error').length], ['error', 1]);
  assert.match(answer.body.toString(), /upstream_broken/);
  await gateway.assertIdle();
});

test('what is kept is seen in the budget of answers that wait, and given back when the client leaves', async () => {
  upstream.plan = () => ({ pieces: [Buffer.from(text(200)), Buffer.from(END)], paceMs: 60_000 });
  const client = await open(gateway.url, { path: '/v1/responses', key: KEY, body: BODY });
  await readUntil(client, PIECE);
  await waitFor('the budget to be drawn on', async () => {
    return metric(await gateway.metrics(), 'penstock_stream_bytes_held') >= 200_000;
  });
  client.destroy();
  await waitFor('the budget to be given back', async () => {
    return metric(await gateway.metrics(), 'penstock_stream_bytes_held') === 0;
  });
});
