/** What clients say beside their bodies, and what they are told: paths, sessions, state of a turn, and nobody's quota but their own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { ClientScene } from '../support/client-scene.ts';
import { account, KEY } from '../support/gateway.ts';
import { send } from '../support/http-client.ts';
import { SCRIPT } from '../support/model-script.ts';
import { sayScript } from '../support/scripted-plan.ts';

const ACCOUNTS = ['one', 'two', 'three'];
const SESSION = '6f1c2a52-0d0e-4d0a-9a53-7a6a2f1d9a10';

let scene: ClientScene;

/** Three accounts a platform, so that a session has somewhere else to go. */
function catalogOf(url: string): Record<string, object[]> {
  const platforms = [
    ['anthropic', 'claude*'],
    ['openai', 'gpt*'],
    ['gemini', 'gemini*'],
  ] as const;
  return {
    groups: [{ name: 'main', platform: 'anthropic', rateMultiplier: 1 }],
    accounts: platforms.flatMap(([platform, models]) =>
      ACCOUNTS.map((name) => account(`${platform}-${name}`, url, { platform, models: [models] })),
    ),
    users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
    keys: [{ user: 'u1', group: 'main', key: KEY }],
  };
}

before(async () => {
  scene = await ClientScene.start({}, catalogOf);
});
after(() => scene?.close());

/** The accounts that served the work. */
async function servedBy(work: () => Promise<unknown>): Promise<Set<string>> {
  const before = scene.upstream.received.length;
  await work();
  return new Set(scene.upstream.received.slice(before).map(({ apiKey }) => apiKey));
}

const anthropic = (headers: Record<string, string> = {}): Anthropic =>
  new Anthropic({ apiKey: KEY, baseURL: scene.url, maxRetries: 0, defaultHeaders: headers });
const openai = (headers: Record<string, string> = {}): OpenAI =>
  new OpenAI({ apiKey: KEY, baseURL: `${scene.url}/v1`, maxRetries: 0, defaultHeaders: headers });

const QUESTION = { model: 'claude-haiku-4-5', max_tokens: 9, messages: [{ role: 'user' as const, content: 'hi' }] };

test('both forms of metadata.user_id and the header of one session lead to one account', async () => {
  scene.upstream.plan = sayScript({ ...SCRIPT, model: QUESTION.model });
  const json = JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: SESSION });
  const accounts = await servedBy(async () => {
    for (const userId of [json, `user_${'d'.repeat(64)}_account__session_${SESSION}`]) {
      for (let i = 0; i < 3; i++) await anthropic().messages.create({ ...QUESTION, metadata: { user_id: userId } });
    }
    for (let i = 0; i < 3; i++) await anthropic({ 'x-claude-code-session-id': SESSION }).messages.create(QUESTION);
  });
  assert.equal(accounts.size, 1);
});

for (const name of ['session_id', 'session-id', 'conversation_id', 'thread-id']) {
  test(`the header ${name} keeps a session on one account, and reaches it as it is`, async () => {
    scene.upstream.plan = sayScript(SCRIPT);
    const client = openai({ [name]: `session by ${name}` });
    const accounts = await servedBy(async () => {
      for (let i = 0; i < 6; i++) await client.responses.create({ model: 'gpt-5', input: 'hi' });
    });
    assert.equal(accounts.size, 1);
    assert.equal(scene.upstream.received.at(-1)!.headers[name], `session by ${name}`);
  });
}

test('requests of no session are spread', async () => {
  scene.upstream.plan = sayScript(SCRIPT);
  const accounts = await servedBy(async () => {
    for (let i = 0; i < 6; i++) await openai().responses.create({ model: 'gpt-5', input: 'hi' });
  });
  assert.equal(accounts.size, ACCOUNTS.length);
});

test('the state of a Codex turn comes back to its client, and goes out again with its next request', async () => {
  const state = 'opaque+/==';
  scene.upstream.plan = sayScript(SCRIPT, { headers: { 'x-codex-turn-state': state } });
  const { response } = await openai().responses.create({ model: 'gpt-5', input: 'hi' }).withResponse();
  assert.equal(response.headers.get('x-codex-turn-state'), state);
  await openai({ 'x-codex-turn-state': state }).responses.create({ model: 'gpt-5', input: 'more' });
  assert.equal(scene.upstream.received.at(-1)!.headers['x-codex-turn-state'], state);
});

const QUOTA = {
  'anthropic-ratelimit-requests-remaining': '1',
  'anthropic-ratelimit-unified-status': 'allowed',
  'anthropic-organization-id': 'org-of-the-account',
  'x-ratelimit-remaining-requests': '1',
  'x-ratelimit-reset-tokens': '6m0s',
  'x-codex-primary-used-percent': '99',
  'x-codex-credits-balance': '3',
  'openai-organization': 'org-of-the-account',
  'set-cookie': 'session=of-the-account',
};

test("an account's quota, owner and cookies are told to nobody, with answers and with errors", async () => {
  for (const status of [200, 400]) {
    scene.upstream.plan = (request) => {
      const plan = sayScript(SCRIPT)(request);
      return { ...plan, status, headers: { ...plan.headers, ...QUOTA } };
    };
    for (const [path, body] of [
      ['/v1/messages', { ...QUESTION, stream: true }],
      ['/v1/responses', { model: 'gpt-5', input: 'hi' }],
      ['/v1/chat/completions', { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] }],
      ['/v1beta/models/gemini-2.5-pro:generateContent', { contents: [{ parts: [{ text: 'hi' }] }] }],
    ] as const) {
      const answer = await send(scene.url, { path, body, key: KEY });
      assert.equal(answer.status, status);
      for (const name of Object.keys(QUOTA)) assert.equal(name in answer.headers, false, `${path} ${name}`);
    }
  }
});

test('a model is asked on the path on which another method reads about it, with %3A or with a colon', async () => {
  scene.upstream.plan = sayScript({ ...SCRIPT, model: 'gemini-2.5-pro' });
  const body = { contents: [{ parts: [{ text: 'hi' }] }] };
  const headers = { 'x-goog-api-key': KEY };
  for (const verb of [':generateContent', '%3AgenerateContent']) {
    const answer = await send(scene.url, { path: `/v1/models/gemini-2.5-pro${verb}`, body, headers });
    assert.equal(answer.status, 200);
    assert.ok('candidates' in answer.json());
    assert.equal(scene.upstream.received.at(-1)!.url, '/v1beta/models/gemini-2.5-pro:generateContent');
  }
  const about = await send(scene.url, { method: 'GET', path: '/v1/models/gpt-5', key: KEY });
  assert.deepEqual([about.status, about.json()['id']], [200, 'gpt-5']);
});

test('?beta=true is part of the address alone, and travels on', async () => {
  scene.upstream.plan = sayScript({ ...SCRIPT, model: QUESTION.model });
  for (const path of ['/v1/messages?beta=true', '/v1/messages/count_tokens?beta=true']) {
    assert.equal((await send(scene.url, { path, body: QUESTION, key: KEY })).status, 200);
    assert.equal(scene.upstream.received.at(-1)!.url, path);
  }
});
