/**
 * A conversation that one account answered through a crossing goes on with an account of the client's own protocol: that one gets the history
 * without the thinking that only the crossing could read, and the client is told.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, send } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';

const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };
const SIGNED = { type: 'thinking', thinking: 'own', signature: 'EqQB' };

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'anthropic' }],
      accounts: [
        account('claude', upstream.url, { models: ['claude*'], modelMap: { 'claude-named': 'claude-real' } }),
        account('chat', upstream.url, { platform: 'openai', models: ['thinker*'], protocols: ['chat'] }),
        account('gpt', upstream.url, { platform: 'openai', models: ['gpt*'], protocols: ['responses'] }),
        account('google', upstream.url, { platform: 'gemini', models: ['gemini*'] }),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    },
    pricing: { fallback: FALLBACK },
    limits: { crossingBytesMax: 65_536 },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

type Json = Record<string, unknown>;
const sent = (): Json => JSON.parse(upstream.received.at(-1)!.body.toString());

function ask(path: string, body: object, answer: object): Promise<Answer> {
  upstream.plan = () => ({ body: Buffer.from(JSON.stringify(answer)) });
  return send(gateway.url, { path, key: KEY, body });
}

const CALL = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"n":12345678901234567890}' } };
const CHAT_ANSWER = {
  id: 'c1',
  choices: [
    {
      index: 0,
      finish_reason: 'tool_calls',
      message: { role: 'assistant', reasoning_content: 'hm', content: 'a', tool_calls: [CALL] },
    },
  ],
  usage: { prompt_tokens: 5, completion_tokens: 2 },
};
const MESSAGES_ANSWER = {
  ...{ id: 'm1', type: 'message', role: 'assistant', model: 'm', stop_reason: 'tool_use' },
  content: [
    { type: 'thinking', thinking: 'hm', signature: 'EqQB' },
    { type: 'text', text: 'a' },
    { type: 'tool_use', id: 'call_1', name: 'f', input: {} },
  ],
  usage: { input_tokens: 5, output_tokens: 2 },
};
const GEMINI_ANSWER = {
  candidates: [{ index: 0, finishReason: 'STOP', content: { role: 'model', parts: [{ text: 'b' }] } }],
  usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 2 },
};
const RESPONSES_ANSWER = {
  ...{ id: 'r1', object: 'response', status: 'completed', output: [] },
  usage: { input_tokens: 5, output_tokens: 2, total_tokens: 7 },
};

test('Messages: from a Chat account to one of Anthropic', async () => {
  const user = { role: 'user', content: 'q' };
  const first = await ask('/v1/messages', { model: 'thinker', max_tokens: 9, messages: [user] }, CHAT_ANSWER);
  const content = first.json()['content'] as Json[];
  assert.match(String(content[0]!['signature']), /^penstock-/);
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'r' }] };
  const messages = [user, { role: 'assistant', content: [SIGNED] }, user, { role: 'assistant', content }, result];
  const next = { model: 'claude-named', max_tokens: 9, thinking: { type: 'adaptive' }, messages };
  const second = await ask('/v1/messages', next, MESSAGES_ANSWER);
  assert.equal(second.status, 200);
  assert.equal(second.headers['x-penstock-dropped'], 'messages.content.thinking');
  messages[3] = { role: 'assistant', content: content.slice(1) };
  assert.deepEqual(sent(), { ...next, model: 'claude-real', messages });
  assert.equal(upstream.received.at(-1)!.url, '/v1/messages');
});

test('numbers of such a history stay as they were written', async () => {
  const body = `{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"penstock-unsigned"},{"type":"tool_use","id":"t","name":"f","input":{"n":12345678901234567890}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}]}`;
  upstream.plan = () => ({ body: Buffer.from(JSON.stringify(MESSAGES_ANSWER)) });
  const answer = await send(gateway.url, { key: KEY, body });
  assert.equal(answer.status, 200);
  assert.match(upstream.received.at(-1)!.body.toString(), /"input":\{"n":12345678901234567890\}/);
});

test('Responses: from an account of Anthropic to one of OpenAI', async () => {
  const question = { type: 'message', role: 'user', content: 'q' };
  const body = { model: 'claude-x', store: false, input: [question] };
  const first = await ask('/v1/responses', body, MESSAGES_ANSWER);
  const output = first.json()['output'] as Json[];
  assert.match(String(output[0]!['encrypted_content']), /^penstock-/);
  const result = { type: 'function_call_output', call_id: 'call_1', output: 'r' };
  const own = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA' };
  const next = { model: 'gpt-5', store: false, input: [question, own, ...output, result] };
  const second = await ask('/v1/responses', next, RESPONSES_ANSWER);
  assert.equal(second.headers['x-penstock-dropped'], 'input.reasoning');
  assert.deepEqual(sent(), { ...next, input: [question, own, ...output.slice(1), result] });
  assert.equal(upstream.received.at(-1)!.url, '/v1/responses');
});

test('Gemini: from an account of Anthropic to one of Google, which wants calls signed', async () => {
  const question = { role: 'user', parts: [{ text: 'q' }] };
  const path = (model: string): string => `/v1beta/models/${model}:generateContent`;
  const first = await ask(path('claude-x'), { contents: [question] }, MESSAGES_ANSWER);
  const [{ content }] = first.json()['candidates'] as [{ content: { parts: Json[] } }];
  assert.ok(content.parts[0]!['thoughtSignature'] !== undefined);
  const result = {
    role: 'user',
    parts: [{ functionResponse: { id: 'call_1', name: 'f', response: { output: 'r' } } }],
  };
  const next = { contents: [question, content, result] };
  const second = await ask(path('gemini-3'), next, GEMINI_ANSWER);
  assert.equal(second.headers['x-penstock-dropped'], 'contents.parts.thought');
  const parts = content.parts.slice(1);
  assert.deepEqual(sent(), { contents: [question, { ...content, parts }, result] });
  assert.equal(parts.at(-1)!['thoughtSignature'], 'skip_thought_signature_validator');
  // And back to where the signature for Google's calls means nothing, without a word about it.
  const third = await ask(path('claude-x'), next, MESSAGES_ANSWER);
  assert.equal(third.headers['x-penstock-dropped'], undefined);
  const [, answered] = sent()['messages'] as [Json, { content: Json[] }];
  assert.deepEqual(answered.content[0], MESSAGES_ANSWER.content[0], 'its own thinking comes back');
});

test('a history without such thinking passes byte by byte', async () => {
  const messages = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: [SIGNED] },
    { role: 'user', content: 'q' },
  ];
  const body = { model: 'claude-x', max_tokens: 9, messages };
  const answer = await ask('/v1/messages', body, MESSAGES_ANSWER);
  assert.equal(answer.headers['x-penstock-dropped'], undefined);
  assert.equal(upstream.received.at(-1)!.body.toString(), JSON.stringify(body));
});

test('a history that is too long to be read as a whole is refused, and nothing is sent', async () => {
  const asked = upstream.received.length;
  const carried = { type: 'thinking', thinking: 'x'.repeat(70_000), signature: 'penstock-unsigned' };
  const messages = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: [carried] },
    { role: 'user', content: 'q' },
  ];
  const answer = await ask('/v1/messages', { model: 'claude-x', max_tokens: 9, messages }, MESSAGES_ANSWER);
  assert.deepEqual([answer.status, upstream.received.length], [413, asked]);
});
