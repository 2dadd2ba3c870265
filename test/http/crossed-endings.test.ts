/**
 * How a stream of an account of another protocol ends once a part of it has left: only what is whole in the client's protocol ends cleanly,
 * whatever the account's own last words were. Errors before anything has left: crossed-errors.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CROSSINGS } from '#edge/crossings.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, send } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';

type Side = 'messages' | 'chat' | 'responses' | 'gemini';
const SIDES: readonly Side[] = ['messages', 'chat', 'responses', 'gemini'];
const PLATFORMS = { messages: 'anthropic', chat: 'openai', responses: 'openai', gemini: 'gemini' } as const;
const SSE = { 'content-type': 'text/event-stream' };
const WORDS = 'gone in the middle';

let upstream: Upstream;
let gateway: TestGateway;
let begun = new AbortController();

function start(patch: Record<string, unknown> = {}): Promise<TestGateway> {
  return TestGateway.start({
    ...patch,
    catalog: {
      groups: SIDES.map((name) => ({ name, platform: PLATFORMS[name] })),
      accounts: SIDES.flatMap((side) =>
        [1, 2].map((priority) =>
          account(`${side}-${priority}`, upstream.url, {
            platform: PLATFORMS[side],
            protocols: [side],
            groups: [side],
            priority,
          }),
        ),
      ),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: SIDES.map((group) => ({ user: 'u1', group, key: `${KEY}-${group}` })),
    },
    rest: { errorsBeforeRest: 1000 },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
  });
}

before(async () => {
  upstream = await Upstream.start();
  gateway = await start();
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
const typed = (type: string, fields: object = {}): string => `event: ${type}\n${event({ type, ...fields })}`;
const chunk = (content: string, finish: string | null = null): string =>
  event({ id: 'c', model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: finish }] });

/** Half of an answer of each protocol, and an error in the middle of one. */
const HALF: Record<Side, string> = {
  messages: [
    typed('message_start', { message: { id: 'm', model: 'm', usage: { input_tokens: 9, output_tokens: 1 } } }),
    typed('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    typed('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'half' } }),
  ].join(''),
  chat: chunk('half'),
  responses: [
    typed('response.created', { response: { id: 'r', model: 'm' } }),
    typed('response.output_item.added', { output_index: 0, item: { type: 'message', id: 'm', content: [] } }),
    typed('response.output_text.delta', { item_id: 'm', output_index: 0, content_index: 0, delta: 'half' }),
  ].join(''),
  gemini: event({ candidates: [{ content: { role: 'model', parts: [{ text: 'half' }] }, index: 0 }] }),
};
const FAILS: Record<Side, string> = {
  messages: typed('error', { error: { type: 'api_error', message: WORDS } }),
  chat: event({ error: { message: WORDS, type: 'server_error', code: 'server_error' } }),
  responses: typed('error', { code: 'server_error', message: WORDS, param: null }),
  gemini: event({ error: { code: 500, message: WORDS, status: 'INTERNAL' } }),
};
const DONE = 'data: [DONE]\n\n';
/** What tells a client that its answer is whole. */
const ENDS: Record<Side, RegExp> = {
  messages: /message_stop/,
  chat: /\[DONE\]/,
  responses: /response\.completed/,
  gemini: /finishReason/,
};

function ask(client: Side, group: Side, { array = false, at = gateway } = {}): Promise<Answer> {
  const headers = { authorization: `Bearer ${KEY}-${group}` };
  const messages = [{ role: 'user', content: 'hi' }];
  if (client === 'gemini') {
    const path = `/v1beta/models/m-x:streamGenerateContent${array ? '' : '?alt=sse'}`;
    const body = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };
    return send(at.url, { begun, path, headers, body });
  }
  if (client === 'responses') {
    const body = { model: 'm-x', stream: true, store: false, input: 'hi' };
    return send(at.url, { begun, path: '/v1/responses', headers, body });
  }
  const path = client === 'chat' ? '/v1/chat/completions' : '/v1/messages';
  const body = { model: 'm-x', stream: true, max_tokens: 9, messages };
  return send(at.url, { begun, path, headers, body });
}

/** The account says the first text, and the others once something of it has arrived. */
function say(...texts: string[]): void {
  begun = new AbortController();
  const pieces = texts.map((text) => Buffer.from(text));
  upstream.plan = () => ({ pieces, headers: SSE, restAt: 1, restAfter: begun.signal });
}

async function statusesOf({ requestId }: Answer, at = gateway): Promise<string[]> {
  const { rows } = await usageOf(at);
  return rows.filter((row) => row.requestId === requestId).map(({ status }) => status);
}

async function assertBrokenOff(client: Side, served: Side, at = gateway): Promise<void> {
  say(HALF[served], FAILS[served]);
  const answer = await ask(client, served, { at });
  const text = answer.body.toString();
  assert.deepEqual([answer.status, answer.whole], [200, false], text);
  assert.ok(text.includes('half') && text.includes(WORDS) && !ENDS[client].test(text), text);
  assert.deepEqual(await statusesOf(answer, at), ['interrupted']);
}

for (const { client, upstream: served } of CROSSINGS as readonly { client: Side; upstream: Side }[]) {
  test(`${client} over ${served}: behind an error the stream does not end as if nothing had been`, () =>
    assertBrokenOff(client, served));
}

test('so it is where the ends of answers wait for the journal', async (t) => {
  const journaled = await start({ usage: { durability: 'journaled' } });
  t.after(() => journaled.stop());
  for (const { client, upstream: served } of CROSSINGS as readonly { client: Side; upstream: Side }[]) {
    await assertBrokenOff(client, served, journaled);
  }
  await journaled.assertIdle();
});

test("a Gemini client is told the account's error in Google's own form too, in a read of its own", async () => {
  say(HALF.chat, FAILS.chat);
  const frames = (await ask('gemini', 'chat')).body.toString().trimEnd().split('\r\n\r\n');
  const [said, last] = frames.slice(-2);
  assert.equal(said, `data: ${last}`);
  assert.equal(JSON.parse(last!).error.message, WORDS);
});

test('an array is left open behind an error', async () => {
  say(HALF.chat, FAILS.chat);
  const answer = await ask('gemini', 'chat', { array: true });
  const text = answer.body.toString();
  assert.equal(answer.whole, false);
  const [said, error] = JSON.parse(`${text}]`);
  assert.deepEqual([said.candidates[0].content.parts[0].text, error.error.message], ['half', WORDS]);
});

for (const client of ['messages', 'responses', 'gemini'] as const) {
  for (const finish of [null, '']) {
    test(`${client} over chat: a last word without a reason (${JSON.stringify(finish)}) is no end`, async () => {
      say(chunk('half', finish), DONE);
      const answer = await ask(client, 'chat');
      const text = answer.body.toString();
      assert.deepEqual([answer.status, answer.whole], [200, false], text);
      assert.ok(text.includes('half') && /error/.test(text) && !ENDS[client].test(text), text);
      assert.deepEqual(await statusesOf(answer), ['interrupted']);
    });
  }
}

test('where nothing of it has left, another account answers', async () => {
  const well = `${chunk('well', 'stop')}${DONE}`;
  const asked = upstream.received.length;
  upstream.plan = ({ index }) => ({ body: Buffer.from(index === asked ? chunk('half') + DONE : well), headers: SSE });
  const answer = await ask('messages', 'chat');
  assert.deepEqual([answer.status, answer.whole, upstream.received.length - asked], [200, true, 2]);
  assert.ok(answer.body.includes('well') && !answer.body.includes('half'));
  assert.deepEqual(await statusesOf(answer), ['completed']);
});

for (const client of ['chat', 'messages'] as const) {
  test(`${client} over chat: an error beside choices is an error`, async () => {
    const error = { code: 'server_error', message: WORDS };
    const fails = event({ id: 'c', error, choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }] });
    const asked = upstream.received.length;
    upstream.plan = ({ index }) => ({
      body: Buffer.from(index === asked ? fails + DONE : `${chunk('well', 'stop')}${DONE}`),
      headers: SSE,
    });
    const answer = await ask(client, 'chat');
    assert.deepEqual([answer.status, answer.whole, upstream.received.length - asked], [200, true, 2]);
    assert.ok(answer.body.includes('well') && !answer.body.includes(WORDS), answer.body.toString());
    assert.deepEqual(await statusesOf(answer), ['completed']);
  });
}
