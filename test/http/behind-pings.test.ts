/**
 * What an upstream says to a caller that has waited and got pings: until a byte of the answer itself has left, failures go to another account
 * as they do without pings, and what is no stream is told as an event. Error statuses: crossed-errors.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { finish, open, readUntil, send } from '../support/http-client.ts';
import { type Plan, type Received, Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const PING_AFTER_MS = 300;
/** Far above what a break behind an opening takes. */
const HOLD_BACK_MS = 1_000;
const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };
const WORDS = 'behind pings';
const GROUPS = ['overloaded', 'broken', 'document', 'whole', 'own', 'crossed', 'late'];

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: GROUPS.map((name) => ({ name, platform: 'openai' })),
      accounts: GROUPS.flatMap((group) =>
        [1, 2].map((priority) =>
          account(`${group}-${priority}`, upstream.url, {
            platform: 'openai',
            protocols: ['chat'],
            groups: [group],
            priority,
          }),
        ),
      ),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1 }],
      keys: GROUPS.map((group) => ({ user: 'u1', group, key: `${KEY}-${group}` })),
    },
    queue: { pingAfterMs: PING_AFTER_MS, pingEveryMs: 5_000 },
    relay: { holdBackMs: HOLD_BACK_MS },
    rest: { errorsBeforeRest: 1000, overloadedMs: 60_000 },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
const chunk = (delta: object, finish: string | null = null): string =>
  event({ id: 'c', model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] });
const OPENING = chunk({ role: 'assistant', content: '' });
const WELL = `${OPENING}${chunk({ content: 'well' }, 'stop')}${event({ choices: [], usage: { prompt_tokens: 2, completion_tokens: 5 } })}data: [DONE]\n\n`;
const DOCUMENT = {
  ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'well' } }],
  usage: { prompt_tokens: 11, completion_tokens: 22 },
};
const OVERLOADED = { error: { message: WORDS, type: 'server_error', code: 'server_is_overloaded' } };
const INVALID = { error: { message: WORDS, type: 'invalid_request_error', param: null, code: 'invalid_prompt' } };
const stream = (...texts: string[]): Plan => ({ headers: SSE, pieces: texts.map((text) => Buffer.from(text)) });
const document = (body: object): Plan => ({ headers: JSON_TYPE, body: Buffer.from(JSON.stringify(body)) });

type Client = 'chat' | 'messages';

function callOf(client: Client, group: string, streams = true) {
  const body = { model: 'm-x', stream: streams, max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
  const path = client === 'chat' ? '/v1/chat/completions' : '/v1/messages';
  return { path, headers: { authorization: `Bearer ${KEY}-${group}` }, body };
}

const isFirst = ({ apiKey }: Received): boolean => apiKey.endsWith('-1');
const asked = (name: string): number =>
  upstream.received.filter(({ apiKey, stream: streams }) => streams && apiKey.endsWith(name)).length;

/** The first account of the group answers so, once the caller has its pings, the second one well. `opened` tells that the opening has come. */
async function pinged(group: string, plan: Plan, client: Client = 'chat', opened?: AbortController) {
  const hold = new AbortController();
  upstream.plan = (request) => {
    if (!request.stream) return { holdUntil: hold.signal, ...document(DOCUMENT) };
    return isFirst(request) ? plan : stream(WELL);
  };
  const holder = send(gateway.url, callOf(client, group, false));
  await waitFor('the place to be taken', () => upstream.openNow() === 1);
  const response = await open(gateway.url, callOf(client, group));
  await readUntil(response, client === 'chat' ? ': keep-alive' : 'event: ping').finally(() => hold.abort());
  const opening = opened === undefined ? '' : await readUntil(response, OPENING);
  opened?.abort();
  const { body, whole } = await finish(response);
  await holder;
  const id = String(response.headers['x-penstock-request-id']);
  const { rows } = await usageOf(gateway);
  const billed = rows.filter(({ requestId }) => requestId === id).map(({ outputTokens }) => outputTokens);
  await gateway.assertIdle();
  return { text: opening + body.toString(), whole, billed };
}

test('an error in place of an answer is answered by another account, and its own account rests', async () => {
  const { text, whole, billed } = await pinged('overloaded', stream(OPENING, event(OVERLOADED)));
  assert.deepEqual([whole, billed], [true, [5]], text);
  assert.ok(text.includes('well') && !text.includes(WORDS), text);
  assert.equal(text.split('"role"').length, 2, `nothing of the first one: ${text}`);
  await send(gateway.url, callOf('chat', 'overloaded'));
  assert.deepEqual([asked('overloaded-1'), asked('overloaded-2')], [1, 2]);
});

test('a stream that breaks behind its opening is served by another account', async () => {
  const { text, whole, billed } = await pinged('broken', { ...stream(OPENING, ''), breakAt: 1, breakHow: 'reset' });
  assert.deepEqual([whole, billed, asked('broken-2')], [true, [5], 1], text);
  assert.equal(text.split('"role"').length, 2, text);
});

test('an error document in place of a stream is answered by another account', async () => {
  const { text, whole, billed } = await pinged('document', document(OVERLOADED));
  assert.deepEqual([whole, billed, asked('document-2')], [true, [5], 1], text);
});

test('an answer that is no stream cannot be told: the stream ends with an error, and nothing is billed', async () => {
  const { text, whole, billed } = await pinged('whole', document(DOCUMENT));
  assert.deepEqual([whole, billed, asked('whole-2')], [false, [], 0], text);
  const { error } = JSON.parse(/data: (\{.*\})/.exec(text)![1]!);
  assert.equal(error.code, 'upstream_broken');
});

test("the caller's own error is told as its account said it, as an event or a document", async () => {
  for (const plan of [stream(event(INVALID)), document(INVALID)]) {
    const { text } = await pinged('own', plan);
    assert.ok(text.endsWith(event(INVALID)), text);
  }
  assert.equal(asked('own-2'), 0);
});

test("crossed, the caller's own error is an event of its protocol, and what the account is to blame for goes to another one", async () => {
  for (const plan of [stream(event(INVALID)), stream(OPENING, event(INVALID)), document(INVALID)]) {
    const { text, whole, billed } = await pinged('crossed', plan, 'messages');
    const told = JSON.parse(/event: error\ndata: (\{.*\})/.exec(text)![1]!);
    assert.deepEqual([told.error.type, told.error.message], ['invalid_request_error', WORDS]);
    assert.deepEqual([whole, billed, text.includes('message_start')], [false, [], false], text);
  }
  assert.equal(asked('crossed-2'), 0);
  const { text, whole } = await pinged('crossed', document(OVERLOADED), 'messages');
  assert.deepEqual([whole, text.includes('well'), asked('crossed-2')], [true, true, 1], text);
});

test('once the opening has left, an error stays in the stream', async () => {
  const opened = new AbortController();
  const plan = { ...stream(OPENING, event(OVERLOADED)), restAt: 1, restAfter: opened.signal };
  const { text } = await pinged('late', plan, 'chat', opened);
  assert.ok(text.endsWith(OPENING + event(OVERLOADED)), text);
  assert.equal(asked('late-2'), 0);
});
