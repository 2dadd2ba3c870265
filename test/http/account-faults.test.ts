/**
 * Errors of which only the body tells whether they concern the account or the request: a bad key is 400 in Gemini's words, a balance that is
 * used up in Anthropic's, and a 403 may be about a file of the request. Accounts rest for themselves, so each case has a group of its own.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, open, type PinnedAgent, pinToFronts, question, send } from '../support/http-client.ts';
import { type Plan, type Received, Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

type Platform = 'anthropic' | 'openai' | 'gemini';

interface Case {
  name: string;
  platform: Platform;
  status: number;
  error: object;
}

const google = (code: number, status: string, message: string, reason = ''): object => ({
  error: {
    code,
    message,
    status,
    ...(reason === ''
      ? {}
      : { details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com' }] }),
  },
});
const anthropic = (type: string, message: string): object => ({ type: 'error', error: { type, message } });
const openai = (code: string | null, message: string, type = 'invalid_request_error'): object => ({
  error: { message, type, param: null, code },
});

const SECRET = 'sk-secret-of-the-account';
const BAD_KEY = google(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', 'API_KEY_INVALID');

/** They rest the account for as long as a 401 does. */
const OF_ACCOUNT: Case[] = [
  { name: 'gemini-key', platform: 'gemini', status: 400, error: BAD_KEY },
  {
    name: 'gemini-expired',
    platform: 'gemini',
    status: 400,
    error: google(400, 'INVALID_ARGUMENT', `API key expired: ${SECRET}`),
  },
  {
    name: 'gemini-place',
    platform: 'gemini',
    status: 400,
    error: google(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.'),
  },
  {
    name: 'gemini-disabled',
    platform: 'gemini',
    status: 403,
    error: google(403, 'PERMISSION_DENIED', 'The API is disabled in project 123.', 'SERVICE_DISABLED'),
  },
  {
    name: 'gemini-suspended',
    platform: 'gemini',
    status: 403,
    error: google(
      403,
      'PERMISSION_DENIED',
      `Permission denied: Consumer 'api_key:${SECRET}' has been suspended.`,
      'CONSUMER_SUSPENDED',
    ),
  },
  {
    name: 'gemini-bill',
    platform: 'gemini',
    status: 403,
    error: google(403, 'PERMISSION_DENIED', 'This API method requires billing to be enabled.', 'BILLING_DISABLED'),
  },
  {
    name: 'gemini-denied',
    platform: 'gemini',
    status: 403,
    error: google(403, 'PERMISSION_DENIED', 'The caller does not have permission.'),
  },
  {
    name: 'anthropic-credit',
    platform: 'anthropic',
    status: 400,
    error: anthropic('invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
  },
  {
    name: 'anthropic-disabled',
    platform: 'anthropic',
    status: 400,
    error: anthropic('invalid_request_error', 'This organization has been disabled.'),
  },
  {
    name: 'anthropic-bill',
    platform: 'anthropic',
    status: 402,
    error: anthropic('billing_error', 'There is an issue with your billing.'),
  },
  {
    name: 'openai-bill',
    platform: 'openai',
    status: 400,
    error: openai('billing_hard_limit_reached', 'Billing hard limit has been reached', 'billing_limit_user_error'),
  },
  {
    name: 'openai-key',
    platform: 'openai',
    status: 401,
    error: openai('invalid_api_key', `Incorrect API key provided: ${SECRET}.`),
  },
  {
    name: 'openai-country',
    platform: 'openai',
    status: 403,
    error: openai('unsupported_country_region_territory', 'Country, region, or territory not supported'),
  },
  {
    name: 'openai-quota',
    platform: 'openai',
    status: 429,
    error: openai('insufficient_quota', 'You exceeded your current quota.', 'insufficient_quota'),
  },
];

/** They are relayed as they are, and no account is the worse for them. */
const OF_CALLER: Case[] = [
  {
    name: 'gemini-argument',
    platform: 'gemini',
    status: 400,
    error: google(400, 'INVALID_ARGUMENT', 'Invalid value at contents[0]: "API key not valid"', 'FIELD_INVALID'),
  },
  {
    name: 'gemini-file',
    platform: 'gemini',
    status: 403,
    error: google(403, 'PERMISSION_DENIED', 'You do not have permission to access the File x or it may not exist.'),
  },
  {
    name: 'anthropic-argument',
    platform: 'anthropic',
    status: 400,
    error: anthropic('invalid_request_error', 'messages.0: "Your credit balance is too low" is not a role'),
  },
  {
    name: 'openai-context',
    platform: 'openai',
    status: 400,
    error: openai('context_length_exceeded', "This model's maximum context length is 9 tokens."),
  },
  {
    name: 'openai-long',
    platform: 'openai',
    status: 400,
    error: openai('string_above_max_length', 'x'.repeat(20_000)),
  },
];
const NO_MODEL = openai('model_not_found', 'Project `proj_1` does not have access to model `gpt-5`.');

const CALLS: Record<Platform, { path: string; body: object; models: [string, string] }> = {
  anthropic: { path: '/v1/messages', body: question('x'), models: ['claude-haiku-4-5', 'claude-sonnet-4-6'] },
  openai: {
    path: '/v1/chat/completions',
    body: { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] },
    models: ['gpt-5', 'gpt-5-mini'],
  },
  gemini: {
    path: '/v1beta/models/gemini-2.5-pro:generateContent',
    body: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
    models: ['gemini-2.5-pro', 'gemini-2.5-flash'],
  },
};
const WELL: Record<Platform, object> = {
  anthropic: { id: 'm', type: 'message', model: 'm', content: [], usage: { input_tokens: 1, output_tokens: 1 } },
  openai: { id: 'c', model: 'm', choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } },
  gemini: { candidates: [{ finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1 } },
};
const FORMS = ['', '-alone'];
const SLOW: Case = { name: 'slow', platform: 'gemini', status: 400, error: BAD_KEY };
const TORN: Case = { name: 'torn', platform: 'gemini', status: 403, error: BAD_KEY };
const MODEL: Case = { name: 'openai-model', platform: 'openai', status: 403, error: NO_MODEL };
const CASES = [...OF_ACCOUNT, ...OF_CALLER, SLOW, TORN, MODEL];
const ERROR_BODY_MS = 1_000;

let upstream: Upstream;
let gateway: TestGateway;
let pins: PinnedAgent[] = [];
/** How the first account of a group answers. */
const plans = new Map<string, Plan>();

before(async () => {
  upstream = await Upstream.start();
  upstream.plan = (request) => {
    const [, name, index] = /^sk-up-(.*)-(\d)$/.exec(credentialOf(request))!;
    const { platform } = CASES.find((each) => name === each.name || name === `${each.name}-alone`)!;
    if (index === '1') return plans.get(name!)!;
    return { headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(WELL[platform])) };
  };
  for (const each of CASES) for (const form of FORMS) plans.set(each.name + form, planOf(each));
  plans.set('slow', { ...planOf(SLOW), breakAt: 1, breakHow: 'stall', cutBytesMax: 20 });
  plans.set('torn', { ...planOf(TORN), breakAt: 1, breakHow: 'reset', cutBytesMax: 20 });
  const groups = CASES.flatMap(({ name, platform }) => FORMS.map((form) => ({ name: name + form, platform })));
  gateway = await TestGateway.start({
    catalog: {
      groups,
      accounts: groups.flatMap(({ name, platform }) => accountsOf(name, platform)),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: groups.map(({ name }) => ({ user: 'u1', group: name, key: `${KEY}-${name}` })),
    },
    relay: { errorBodyMs: ERROR_BODY_MS },
    rest: { authMs: 60_000, rateLimitMs: 100, errorsBeforeRest: 100 },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
  });
  pins = await pinToFronts(gateway.url, 3);
});
after(async () => {
  for (const { agent } of pins) agent.destroy();
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function planOf({ status, error }: Case): Plan {
  const body = Buffer.from(JSON.stringify(error));
  return { status, headers: { 'content-type': 'application/json' }, body, cutBytesMax: 4096 };
}

function accountsOf(group: string, platform: Platform): object[] {
  const of = (index: number): object =>
    account(`${group}-${index}`, upstream.url, { platform, groups: [group], priority: index });
  return group.endsWith('-alone') ? [of(1)] : [of(1), of(2)];
}

function credentialOf({ apiKey, headers }: Received): string {
  const key = apiKey || String(headers['x-goog-api-key'] ?? headers.authorization);
  return key.replace('Bearer ', '');
}

const asked = (name: string): number =>
  upstream.received.filter((request) => credentialOf(request) === `sk-up-${name}`).length;

function ask({ name, platform }: Case, form = '', more: object = {}): Promise<Answer> {
  const { path, body } = CALLS[platform];
  return send(gateway.url, { path, body, key: `${KEY}-${name}${form}`, ...more });
}

async function rowsOf({ requestId }: Answer): Promise<number> {
  return (await usageOf(gateway)).rows.filter((row) => row.requestId === requestId).length;
}

for (const each of OF_ACCOUNT) {
  const { name, platform, status } = each;
  test(`${name}, ${status}: another account answers, and no front asks this one again`, async () => {
    const answer = await ask(each);
    assert.deepEqual([answer.status, answer.json()], [200, WELL[platform]]);
    // What the body of a 429 says is learnt before its place is given back.
    await gateway.assertIdle();
    for (const { agent } of pins) assert.equal((await ask(each, '', { agent })).status, 200);
    assert.deepEqual([asked(`${name}-1`), asked(`${name}-2`)], [1, 4]);
  });

  test(`${name}, ${status}: with no account left the fault is ours to tell, names nothing of the account and is not billed`, async () => {
    const answer = await ask(each, '-alone');
    assert.equal(answer.status, status === 429 ? 429 : 502, answer.body.toString());
    const text = answer.body.toString();
    assert.match(text, /The upstream (refused the credentials|is rate limiting) (of )?the account/);
    assert.doesNotMatch(text, new RegExp(`${SECRET}|API_KEY|balance|quota|sk-up`));
    assert.equal(await rowsOf(answer), 0);
  });
}

for (const each of OF_CALLER) {
  const { name, status } = each;
  test(`${name}, ${status}: an error about the request is relayed as it came, and the account serves on`, async () => {
    const body = Buffer.from(JSON.stringify(each.error));
    for (const times of [1, 2]) {
      const answer = await ask(each);
      assert.deepEqual([answer.status, answer.body.equals(body)], [status, true], answer.body.toString());
      assert.deepEqual([asked(`${name}-1`), asked(`${name}-2`)], [times, 0]);
    }
  });
}

test('an account without access to one model rests for that model alone', async () => {
  const [model, other] = CALLS.openai.models;
  for (const named of [model, model, other]) {
    assert.equal((await ask(MODEL, '', { body: { ...CALLS.openai.body, model: named } })).status, 200);
  }
  assert.equal(asked('openai-model-1'), 2, 'once for each model');
});

test('an error whose body does not end in time is relayed as far as it came', async () => {
  const { path, body } = CALLS.gemini;
  const startMs = performance.now();
  const response = await open(gateway.url, { path, body, key: `${KEY}-slow` });
  assert.equal(response.statusCode, 400);
  assert.ok(performance.now() - startMs > ERROR_BODY_MS);
  response.destroy();
  await waitFor('the account to be left', () => upstream.openNow() === 0);
  assert.equal(asked('slow-2'), 0);
});

test('a 403 whose body breaks off is judged by its status', async () => {
  assert.equal((await ask(TORN)).status, 200);
  assert.equal((await ask(TORN)).status, 200);
  assert.deepEqual([asked('torn-1'), asked('torn-2')], [1, 2]);
});
