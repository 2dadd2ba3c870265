import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { type MockUpstream, startMockUpstream } from '#demo/mock-upstream.ts';

let mock: MockUpstream;
let client: Anthropic;

before(async () => {
  mock = await startMockUpstream();
  client = new Anthropic({ apiKey: 'any', baseURL: mock.url, maxRetries: 0 });
});
after(() => mock.close());

const QUESTION = { model: 'claude-haiku-4-5', max_tokens: 100, messages: [{ role: 'user' as const, content: 'hi' }] };

test('the mock answers a message that the official SDK understands and says that it is the mock', async () => {
  const message = await client.messages.create(QUESTION);
  assert.equal(message.model, 'claude-haiku-4-5');
  assert.match(message.content[0]?.type === 'text' ? message.content[0].text : '', /mock upstream/);
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  assert.equal(message.stop_reason, 'end_turn');
});

test('the mock streams the same text and the same usage as it answers whole', async () => {
  const whole = await client.messages.create(QUESTION);
  const streamed = await client.messages.stream(QUESTION).finalMessage();
  assert.deepEqual(
    streamed.content.map((block) => (block.type === 'text' ? block.text : '')),
    [whole.content[0]?.type === 'text' ? whole.content[0].text : ''],
  );
  assert.equal(streamed.usage.output_tokens, whole.usage.output_tokens);
});

test('the mock stops at max_tokens', async () => {
  const message = await client.messages.create({ ...QUESTION, max_tokens: 3 });
  assert.equal(message.usage.output_tokens, 3);
  assert.equal(message.stop_reason, 'max_tokens');
});

test('the mock answers bad input with errors in the shape of the API', async () => {
  await assert.rejects(client.messages.create({ ...QUESTION, messages: [] }), Anthropic.BadRequestError);
  await assert.rejects(client.messages.create({ ...QUESTION, model: '' }), /model: Field required/);
  const malformed = await fetch(`${mock.url}/v1/messages`, { method: 'POST', body: '{"model":' });
  assert.equal(malformed.status, 400);
  const unknown = await fetch(`${mock.url}/nothing`);
  assert.equal(unknown.status, 404);
  assert.equal(((await unknown.json()) as { type: string }).type, 'error');
});

test('the mock lists its models', async () => {
  const page = await client.messages.create(QUESTION).then(() => client.models.list());
  assert.ok(page.data.every((model) => model.type === 'model' && model.id.startsWith('claude-')));
});
