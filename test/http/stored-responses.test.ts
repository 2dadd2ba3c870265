/** What a response that an upstream keeps is asked for, or gone on with: by one account of several, which may fail or be forgotten. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, open, readUntil, send } from '../support/http-client.ts';
import { responseFrames, wholeResponse } from '../support/responses-answer.ts';
import { type Plan, type Received, Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };
const ACCOUNTS = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'];
const REST_SECONDS = 2;
const SCRIPT = {
  model: 'gpt-5',
  texts: ['hi'],
  calls: [],
  use: { input: 1, cached: 0, output: 1, reasoning: 0 },
};

let upstream: Upstream;
let gateway: TestGateway;
/** Credential of the account that made it, by the id of a response. */
const owners = new Map<string, string>();
let made = 0;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai', rateMultiplier: 1 }],
      accounts: ACCOUNTS.map((name) => account(name, upstream.url, { platform: 'openai', models: ['gpt*'] })),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    },
    pricing: { fallback: FALLBACK },
    rest: { errorsBeforeRest: 1000 },
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

const credential = (name: string): string => `Bearer sk-up-${name}`;
const script = (id: string) => ({ ...SCRIPT, id });
const namedIn = ({ body }: Received): string | undefined => JSON.parse(body.toString()).previous_response_id;

/** Each account knows the responses that it made, and no other. */
function keeps(request: Received): Plan {
  const { apiKey, url, method } = request;
  const stored = /\/responses\/(resp_\w+)/.exec(url)?.[1];
  if (stored !== undefined) return owners.get(stored) === apiKey ? { body: wholeResponse(script(stored)) } : NO_SUCH;
  assert.equal(method, 'POST');
  const before = namedIn(request);
  if (before !== undefined && owners.get(before) !== apiKey) return notFound(before);
  const id = `resp_${made++}`;
  owners.set(id, apiKey);
  return request.stream ? { pieces: [Buffer.concat(responseFrames(script(id)))] } : { body: wholeResponse(script(id)) };
}

const NO_SUCH: Plan = { status: 404, body: Buffer.from('{"error":{"message":"No.","type":"invalid_request_error"}}') };

function notFound(id: string): Plan {
  const error = {
    message: `Previous response with id '${id}' not found.`,
    type: 'invalid_request_error',
    param: 'previous_response_id',
    code: 'previous_response_not_found',
  };
  return { status: 400, body: Buffer.from(JSON.stringify({ error })) };
}

const respond = (fields: object = {}): Promise<Answer> =>
  send(gateway.url, { path: '/v1/responses', body: { model: 'gpt-5', input: 'hi', ...fields }, key: KEY });

test('the next turn finds the account of a response as soon as its client can name it, before the upstream has ended it', async () => {
  for (let i = 0; i < 6; i++) {
    upstream.plan = (request) => {
      const plan = keeps(request);
      return namedIn(request) === undefined ? { ...plan, breakAt: 1, breakHow: 'stall' } : plan;
    };
    const body = { model: 'gpt-5', input: 'hi', stream: true };
    const first = await open(gateway.url, { path: '/v1/responses', body, key: KEY });
    await readUntil(first, 'response.completed');
    const next = await respond({ previous_response_id: `resp_${made - 1}` });
    assert.equal(next.status, 200, `turn ${i}`);
    first.destroy();
  }
});

const retrieve = (id: string): Promise<Answer> =>
  send(gateway.url, { method: 'GET', path: `/v1/responses/${id}`, key: KEY });

/** A response, and who made it. */
async function begun(): Promise<{ id: string; home: string }> {
  const { status, json } = await respond();
  assert.equal(status, 200);
  const id = String(json()['id']);
  return { id, home: owners.get(id)! };
}

/** One that the gateway has never heard of. */
function forgotten(account: string): string {
  const id = `resp_${made++}`;
  owners.set(id, credential(account));
  return id;
}

const codeOf = (answer: Answer): unknown => (answer.json().error as { code?: string }).code;

/** Credentials of the accounts that were asked meanwhile. */
async function asked(work: () => Promise<Answer>): Promise<[answer: Answer, keys: string[]]> {
  const first = upstream.received.length;
  const answer = await work();
  return [answer, upstream.received.slice(first).map(({ apiKey }) => apiKey)];
}

for (const [status, headers, told, code] of [
  [500, {}, 502, 'upstream_error'],
  [503, {}, 502, 'upstream_error'],
  [429, { 'retry-after': String(REST_SECONDS) }, 429, 'rate_limit_exceeded'],
] as const) {
  test(`the account of a response that says ${status} is not failed over: the client is told to come again, and finds it`, async () => {
    const { id, home } = await begun();
    for (const work of [() => respond({ previous_response_id: id }), () => retrieve(id)]) {
      upstream.plan = (request) => (request.apiKey === home ? { status, headers } : keeps(request));
      const sinceMs = performance.now();
      const [answer, keys] = await asked(work);
      assert.deepEqual([answer.status, codeOf(answer), keys], [told, code, [home]]);
      assert.equal(answer.headers['x-should-retry'], undefined);
      upstream.plan = keeps;
      if (status === 429) {
        assert.equal(answer.headers['retry-after'], String(REST_SECONDS));
        const [resting, none] = await asked(work);
        // A machine that stood still until its rest was over shows nothing of it.
        if (performance.now() - sinceMs < REST_SECONDS * 1_000) {
          assert.deepEqual([resting.status, none], [429, []], 'it rests, and nobody else is asked');
          assert.match(String(resting.headers['retry-after']), /^[12]$/);
        }
        await waitFor('the end of its rest', async () => (await work()).status === 200);
      } else assert.equal((await work()).status, 200);
    }
  });
}

test('an account of a response that breaks off before it answers is not failed over either', async () => {
  const { id, home } = await begun();
  upstream.plan = (request) => (request.apiKey === home ? { breakAt: 'headers', breakHow: 'reset' } : keeps(request));
  const answer = await respond({ previous_response_id: id });
  assert.deepEqual([answer.status, codeOf(answer)], [502, 'upstream_broken']);
});

test('what the known account of a response says of it is the answer: nobody else is asked', async () => {
  const { id, home } = await begun();
  owners.delete(id);
  const [next, keys] = await asked(() => respond({ previous_response_id: id }));
  assert.deepEqual([next.status, codeOf(next), keys], [400, 'previous_response_not_found', [home]]);
  const [got, again] = await asked(() => retrieve(id));
  assert.deepEqual([got.status, again], [404, [home]]);
});

test('a response whose account was forgotten is gone on with wherever it is, and known from then on', async () => {
  const { requests } = await usageOf(gateway);
  for (const stream of [false, true]) {
    for (const name of ACCOUNTS) {
      const id = forgotten(name);
      const [answer, keys] = await asked(() => respond({ previous_response_id: id, stream }));
      assert.equal(answer.status, 200, name);
      assert.equal(new Set(keys).size, keys.length, 'each account at most once');
      const [again, one] = await asked(() => respond({ previous_response_id: id, stream }));
      assert.deepEqual([again.status, one], [200, [credential(name)]]);
    }
  }
  const rows = ACCOUNTS.length * 4;
  await waitFor('a row for each answer', async () => (await usageOf(gateway)).requests >= requests + rows);
  assert.equal((await usageOf(gateway)).requests, requests + rows, 'who did not know it is not billed');
  const [, served] = await asked(async () => {
    for (let i = 1; i < ACCOUNTS.length; i++) await respond();
    return respond();
  });
  assert.equal(new Set(served).size, ACCOUNTS.length, 'no account rests');
});

test('a response whose account was forgotten is retrieved wherever it is', async () => {
  for (const name of [...ACCOUNTS, ...ACCOUNTS].reverse())
    assert.equal((await retrieve(forgotten(name))).status, 200, name);
});

test('an account that says inside a 200 that it does not know the response is passed over as well', async () => {
  const error = { code: 'previous_response_not_found', message: 'No.' };
  for (const last of [
    { type: 'error', ...error, param: null, sequence_number: 2 },
    { type: 'response.failed', response: { id: 'resp_none', status: 'failed', error } },
  ]) {
    for (const name of ACCOUNTS) {
      const id = forgotten(name);
      upstream.plan = (request) => {
        const plan = keeps(request);
        if (plan.status !== 400) return plan;
        const [created] = responseFrames(script('resp_none'));
        return { pieces: [created!, Buffer.from(`event: ${last.type}\ndata: ${JSON.stringify(last)}\n\n`)] };
      };
      const answer = await respond({ previous_response_id: id, stream: true });
      assert.deepEqual([answer.status, answer.events().at(-1)?.event], [200, 'response.completed'], name);
    }
  }
});

test('a response that nobody has is told in the words of the account that was asked last', async () => {
  for (const stream of [false, true]) {
    const [answer, keys] = await asked(() => respond({ previous_response_id: 'resp_nobody', stream }));
    assert.deepEqual([answer.status, codeOf(answer)], [400, 'previous_response_not_found']);
    assert.match(answer.json().error.message, /Previous response with id 'resp_nobody' not found/);
    assert.deepEqual(keys.sort(), ACCOUNTS.map(credential), 'each account once');
  }
});

test('that nobody has a response is not said while an account that may have it fails or rests', async () => {
  for (const [status, told] of [
    [500, 502],
    [429, 429],
  ] as const) {
    for (const work of [() => respond({ previous_response_id: forgotten('a4') }), () => retrieve(forgotten('a4'))]) {
      upstream.plan = (request) =>
        request.apiKey === credential('a4') ? { status, headers: { 'retry-after': '1' } } : keeps(request);
      const [answer, keys] = await asked(work);
      assert.equal(answer.status, told);
      assert.deepEqual(keys.sort(), ACCOUNTS.map(credential), 'the others are asked');
      const resting = status === 429 ? await work() : null;
      assert.equal(resting?.status ?? 429, 429);
      upstream.plan = keeps;
      await waitFor('the account to serve again', async () => (await work()).status === 200);
    }
  }
});
