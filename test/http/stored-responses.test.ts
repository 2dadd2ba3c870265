/** What a response that an upstream keeps is asked for, or gone on with: by one account of several, which may fail or be forgotten. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, open, readUntil, send } from '../support/http-client.ts';
import { responseFrames, wholeResponse } from '../support/responses-answer.ts';
import { type Plan, type Received, Upstream } from '../support/upstream.ts';

const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };
const ACCOUNTS = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'];
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
