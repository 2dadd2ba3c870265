/** What the gateway answers by itself: lists of models, counts of tokens, places where clients want to hear that all is well, CORS. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, send } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';

const LIMITED_KEY = `${KEY}-limited`;
const COUNTLESS_KEY = `${KEY}-countless`;
const ORIGIN = 'https://app.example';

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const group = (name: string): object => ({ name, platform: 'anthropic', rateMultiplier: 1 });
  gateway = await TestGateway.start({
    listen: { host: '127.0.0.1', port: 0, corsOrigins: [ORIGIN] },
    catalog: {
      groups: [group('main'), group('countless')],
      accounts: [
        account('claude', upstream.url, {
          models: ['claude-haiku-4-5', 'claude-opus*'],
          modelMap: { house: 'claude-x' },
        }),
        account('gpt', upstream.url, { platform: 'openai', models: ['gpt-5', 'text-embedding-3-small'] }),
        account('gem', upstream.url, { platform: 'gemini', models: ['gemini-2.5-pro'] }),
        account('deaf', upstream.url, { groups: ['countless'], models: ['claude*'], protocols: ['messages'] }),
        account('dumb', upstream.url, {
          platform: 'openai',
          groups: ['countless'],
          models: ['gpt-4o'],
          protocols: ['chat'],
        }),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [
        { user: 'u1', group: 'main', key: KEY },
        { user: 'u1', group: 'main', key: LIMITED_KEY, allowedModels: ['gpt*'] },
        { user: 'u1', group: 'countless', key: COUNTLESS_KEY },
      ],
    },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function get(path: string, headers: Record<string, string> = {}, key = KEY): Promise<Answer> {
  return send(gateway.url, { method: 'GET', path, headers: { authorization: `Bearer ${key}`, ...headers } });
}

/** `send` names a version of the Anthropic API with every request; OpenAI's clients do not. */
async function openai(path: string, key = KEY): Promise<Answer> {
  const response = await fetch(new URL(path, gateway.url), { headers: { authorization: `Bearer ${key}` } });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, json: () => JSON.parse(body.toString()) } as Answer;
}

const idsOf = (answer: Answer): string[] => (answer.json()['data'] as { id: string }[]).map(({ id }) => id);

test('Anthropic clients get their list, page by page', async () => {
  const whole = await get('/v1/models?limit=1000');
  const ids = idsOf(whole);
  assert.ok(ids.includes('claude-haiku-4-5') && ids.some((id) => id.startsWith('claude-opus')), 'names and patterns');
  assert.equal(ids.includes('claude-sonnet-4-5'), false, 'no account serves it');
  assert.deepEqual(
    [whole.json()['has_more'], whole.json()['first_id'], whole.json()['last_id']],
    [false, ids[0], ids.at(-1)],
  );
  const paged: string[] = [];
  for (let more = true; more; ) {
    const after = paged.length === 0 ? '' : `&after_id=${paged.at(-1)}`;
    const page = await get(`/v1/models?limit=2${after}`);
    paged.push(...idsOf(page));
    more = page.json()['has_more'] === true;
  }
  assert.deepEqual(paged, ids);
  const [first] = whole.json()['data'] as Record<string, unknown>[];
  assert.deepEqual(Object.keys(first!), ['type', 'id', 'display_name', 'created_at']);
});

test('OpenAI clients get theirs on the same path', async () => {
  const list = await openai('/v1/models');
  assert.equal(list.json()['object'], 'list');
  assert.ok(idsOf(list).includes('gpt-5') && idsOf(list).includes('text-embedding-3-small'));
  const one = await openai('/v1/models/gpt-5');
  assert.deepEqual([one.status, one.json()['object'], one.json()['id']], [200, 'model', 'gpt-5']);
  const none = await openai('/v1/models/gpt-none');
  assert.deepEqual([none.status, (none.json().error as { code?: string }).code], [404, 'model_not_found']);
});

test('Gemini clients get theirs, by the path or by how they send their key', async () => {
  for (const [path, headers] of [
    ['/v1beta/models', {}],
    ['/v1/models', { 'x-goog-api-key': KEY }],
  ] as const) {
    const answer = await send(gateway.url, { method: 'GET', path, headers: { 'x-goog-api-key': KEY, ...headers } });
    const names = (answer.json()['models'] as { name: string }[]).map(({ name }) => name);
    assert.ok(names.includes('models/gemini-2.5-pro'), path);
  }
  const one = await send(gateway.url, { method: 'GET', path: `/v1beta/models/gemini-2.5-pro?key=${KEY}` });
  assert.equal(one.json()['name'], 'models/gemini-2.5-pro');
});

test('a key with a list of models sees no others, and a stranger sees nothing', async () => {
  assert.deepEqual(idsOf(await openai('/v1/models', LIMITED_KEY)), ['gpt-5']);
  assert.equal((await openai('/v1/models/text-embedding-3-small', LIMITED_KEY)).status, 404);
  assert.equal((await get('/v1/models', {}, 'sk-ps-nobody')).status, 401);
});

const QUESTION = {
  model: 'claude-haiku-4-5',
  system: 'Be brief.',
  tools: [{ name: 'get_weather', description: 'Weather of a city', input_schema: { type: 'object' } }],
  messages: [{ role: 'user', content: 'What does a penstock do, and why?' }],
};

function count(key: string): Promise<Answer> {
  return send(gateway.url, { path: '/v1/messages/count_tokens?beta=true', key, body: QUESTION });
}

test('count_tokens is relayed to an account that can, and costs nothing', async () => {
  upstream.plan = () => ({ body: Buffer.from('{"input_tokens":2095}') });
  const answer = await count(KEY);
  assert.deepEqual([answer.status, answer.json()['input_tokens']], [200, 2095]);
  assert.equal(upstream.received.at(-1)!.url, '/v1/messages/count_tokens?beta=true');
  assert.equal(answer.headers['x-penstock-token-count'], undefined);
  assert.equal((await usageOf(gateway)).requests, 0);
});

test('where no account can it is counted here, tools included, and marked as an estimate', async () => {
  const asked = upstream.received.length;
  const answer = await count(COUNTLESS_KEY);
  const tokens = Number(answer.json()['input_tokens']);
  assert.equal(answer.status, 200);
  assert.ok(tokens > 40 && tokens < 600, `${tokens} tokens`);
  assert.match(String(answer.headers['x-penstock-token-count']), /^estimate \(/);
  assert.equal(upstream.received.length, asked);
  assert.equal((await usageOf(gateway)).requests, 0);
});

test('a count by the vendor’s own vocabulary is an estimate too: pictures are in no text', async () => {
  const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(4_000) } };
  const messages = [{ role: 'user', content: [picture, { type: 'text', text: 'What is this?' }] }];
  const body = { model: 'gpt-4o', messages };
  const answer = await send(gateway.url, { path: '/v1/messages/count_tokens', key: COUNTLESS_KEY, body });
  assert.equal(answer.headers['x-penstock-token-count'], 'estimate (o200k_base)');
  assert.ok(Number(answer.json()['input_tokens']) < 40);
});

test('Gemini’s countTokens counts a whole request like its parts', async () => {
  const contents = [{ role: 'user', parts: [{ text: 'What does a penstock do? '.repeat(200) }] }];
  const systemInstruction = { parts: [{ text: 'Be brief. '.repeat(50) }] };
  const path = '/v1beta/models/gpt-4o:countTokens';
  const counts = [];
  for (const body of [
    { contents, systemInstruction },
    { generateContentRequest: { model: 'models/gpt-4o', contents, systemInstruction } },
  ]) {
    const answer = await send(gateway.url, { path, key: COUNTLESS_KEY, body });
    assert.match(String(answer.headers['x-penstock-token-count']), /^estimate/);
    counts.push(Number(answer.json()['totalTokens']));
  }
  assert.ok(counts[0]! > 1_000 && Math.abs(counts[0]! - counts[1]!) < 10, counts.join(', '));
});

test('an account that answers that it cannot count is no fault of the client', async () => {
  upstream.plan = () => ({ status: 404 });
  const answer = await count(KEY);
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers['x-penstock-token-count']), /^estimate \(/);
  assert.ok(Number(answer.json()['input_tokens']) > 40);
});

test('a count for a model that nobody serves is refused', async () => {
  const body = { ...QUESTION, model: 'nobody' };
  const answer = await send(gateway.url, { path: '/v1/messages/count_tokens', key: COUNTLESS_KEY, body });
  assert.equal(answer.status, 404);
});

test('clients that look whether anybody is there, or tell how they are used, are told that all is well', async () => {
  const head = await send(gateway.url, { method: 'HEAD', path: '/api/hello' });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  const events = await send(gateway.url, { path: '/api/event_logging/batch', body: { events: [] } });
  assert.deepEqual([events.status, events.body.toString()], [200, '{}']);
});

test('a page of an allowed origin may ask and read, one of another may not', async () => {
  const ask = (origin: string): Promise<Answer> =>
    send(gateway.url, {
      method: 'OPTIONS',
      path: '/v1/messages',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-api-key,content-type',
      },
    });
  const allowed = await ask(ORIGIN);
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers['access-control-allow-origin'], ORIGIN);
  assert.equal(allowed.headers['access-control-allow-headers'], 'x-api-key,content-type');
  const stranger = await ask('https://elsewhere.example');
  assert.deepEqual([stranger.status, stranger.headers['access-control-allow-origin']], [405, undefined]);
  upstream.plan = () => ({});
  const body = { ...QUESTION, max_tokens: 9 };
  const answer = await send(gateway.url, { key: KEY, body, headers: { origin: ORIGIN } });
  assert.deepEqual([answer.status, answer.headers['access-control-allow-origin']], [200, ORIGIN]);
  const refused = await send(gateway.url, { key: 'nobody', body, headers: { origin: ORIGIN } });
  assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [401, ORIGIN]);
});
