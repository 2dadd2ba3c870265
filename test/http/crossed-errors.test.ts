/**
 * Errors that an account of another protocol says inside a 200, in place of an answer: the client's own reach it as errors of its protocol,
 * with the status that is meant; those that the account is to blame for are answered by another account. Neither is billed, nothing of
 * what came before them leaves. Where both speak one protocol: hidden-errors.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CROSSINGS } from '#edge/crossings.ts';
import { FAILURES } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, finish, open, readUntil, send } from '../support/http-client.ts';
import { type Plan, type Received, Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

type Side = 'messages' | 'chat' | 'responses' | 'gemini';
const SIDES: readonly Side[] = ['messages', 'chat', 'responses', 'gemini'];
const PLATFORMS = { messages: 'anthropic', chat: 'openai', responses: 'openai', gemini: 'gemini' } as const;

const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };
const WORDS = 'hidden in a 200';
const PACE_MS = 5;
const PING_AFTER_MS = 1_000;
const MIB = 1_048_576;
/** As long as may be: what a test sends behind an opening has to come within it. */
const HOLD_BACK_MS = 1_000;
/** What one request sets aside is a tenth of it: a reservation that stayed would soon be missed. */
const BALANCE_USD = 0.1;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const groups = SIDES.flatMap((side) => [side, `${side}-alone`, `${side}-unpaid`]);
  gateway = await TestGateway.start({
    catalog: {
      groups: groups.map((name) => ({ name, platform: PLATFORMS[sideOf(name)], rateMultiplier: 1 })),
      accounts: groups.flatMap((group) => {
        const side = sideOf(group);
        const fields = { platform: PLATFORMS[side], protocols: [side], groups: [group], concurrency: 2 };
        const first = account(`${group}-1`, upstream.url, { ...fields, priority: 1 });
        return group.endsWith('-alone')
          ? [first]
          : [first, account(`${group}-2`, upstream.url, { ...fields, priority: 2 })];
      }),
      users: [{ name: 'u1', balanceUsd: BALANCE_USD, concurrency: 1 }],
      keys: groups.map((group) => ({ user: 'u1', group, key: `${KEY}-${group}` })),
    },
    limits: { streamBytesTotal: MIB },
    queue: { pingAfterMs: PING_AFTER_MS, pingEveryMs: PING_AFTER_MS },
    relay: { holdBackMs: HOLD_BACK_MS },
    rest: { errorsBeforeRest: 1000 },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function sideOf(group: string): Side {
  return group.split('-')[0] as Side;
}

/** Each call asks for a model of its own: what rests for an overload rests for one model. */
let models = 0;

function callOf(client: Side, group: string, stream: boolean): { path: string; key: string; body: object } {
  const key = `${KEY}-${group}`;
  const model = `m-${models++}`;
  const content = 'hi';
  if (client === 'gemini') {
    const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
    const body = { contents: [{ role: 'user', parts: [{ text: content }] }] };
    return { path: `/v1beta/models/${model}:${verb}`, key, body };
  }
  if (client === 'responses') {
    return { path: '/v1/responses', key, body: { model, stream, store: false, input: content } };
  }
  const body = { model, stream, max_tokens: 4096, messages: [{ role: 'user', content }] };
  return { path: client === 'chat' ? '/v1/chat/completions' : '/v1/messages', key, body };
}

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
const typed = (data: { type: string } & object): string => `event: ${data.type}\n${event(data)}`;

/** The events that an account of each protocol may say before it says anything. */
const OPENINGS: Record<Side, string> = {
  messages: typed({
    type: 'message_start',
    message: { id: 'm', type: 'message', role: 'assistant', content: [], model: 'm', usage: { input_tokens: 9 } },
  } as never),
  chat: event({ id: 'c', model: 'm', choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }),
  responses: typed({ type: 'response.created', response: { id: 'r', model: 'm', status: 'in_progress' } } as never),
  gemini: '',
};

/** A whole answer of two tokens in and five out. */
const WELL: Record<Side, object> = {
  messages: {
    ...{ id: 'm', type: 'message', role: 'assistant', model: 'm', stop_reason: 'end_turn' },
    content: [{ type: 'text', text: 'well' }],
    usage: { input_tokens: 2, output_tokens: 5 },
  },
  chat: {
    ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'well' } }],
    usage: { prompt_tokens: 2, completion_tokens: 5 },
  },
  responses: {
    ...{ id: 'r', object: 'response', created_at: 1, status: 'completed', model: 'm', error: null },
    output: [{ type: 'message', id: 'm', role: 'assistant', content: [{ type: 'output_text', text: 'well' }] }],
    usage: { input_tokens: 2, output_tokens: 5 },
  },
  gemini: {
    candidates: [{ content: { role: 'model', parts: [{ text: 'well' }] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 2, candidatesTokenCount: 5 },
  },
};

function wellStreamOf(side: Side): string {
  if (side === 'gemini') return event(WELL.gemini);
  if (side === 'chat') {
    const { choices: _, ...rest } = WELL.chat as Record<string, unknown>;
    const choices = [{ index: 0, delta: { content: 'well' }, finish_reason: 'stop' }];
    return `${OPENINGS.chat}${event({ ...rest, choices })}data: [DONE]\n\n`;
  }
  if (side === 'responses') {
    const delta = {
      type: 'response.output_text.delta',
      item_id: 'm',
      output_index: 0,
      content_index: 0,
      delta: 'well',
    };
    return OPENINGS.responses + typed(delta) + typed({ type: 'response.completed', response: WELL.responses } as never);
  }
  const delta = { type: 'text_delta', text: 'well' };
  return [
    OPENINGS.messages,
    typed({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } } as never),
    typed({ type: 'content_block_delta', index: 0, delta } as never),
    typed({ type: 'content_block_stop', index: 0 } as never),
    typed({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } } as never),
    typed({ type: 'message_stop' }),
  ].join('');
}

/** How an account says each kind: Messages' type, OpenAI's code, Google's status. */
type Kind = readonly [status: number, messages: string, openai: string, google: string];
const INVALID: Kind = [400, 'invalid_request_error', 'invalid_prompt', 'INVALID_ARGUMENT'];
const UNKNOWN: Kind = [404, 'not_found_error', 'model_not_found', 'NOT_FOUND'];
const TOO_LARGE: Kind = [413, 'request_too_large', 'request_too_large', 'INVALID_ARGUMENT'];
const LIMITED: Kind = [429, 'rate_limit_error', 'rate_limit_exceeded', 'RESOURCE_EXHAUSTED'];
const OVERLOADED: Kind = [529, 'overloaded_error', 'server_is_overloaded', 'UNAVAILABLE'];
const FAILED: Kind = [502, 'api_error', 'server_error', 'INTERNAL'];

function errorOf(side: Side, [status, messages, code, google]: Kind, message = WORDS): object {
  if (side === 'messages') return { type: messages, message };
  if (side === 'gemini') return { code: status, message, status: google };
  return side === 'chat' ? { message, type: 'invalid_request_error', param: null, code } : { code, message };
}

function wholeError(side: Side, kind: Kind): object {
  const error = errorOf(side, kind);
  if (side === 'messages') return { type: 'error', error };
  return side === 'responses'
    ? { id: 'r', object: 'response', status: 'failed', error, output: [], usage: { input_tokens: 9, output_tokens: 9 } }
    : { error };
}

/** As the first event that says anything, in each form that the protocol has. */
function errorEvents(side: Side, kind: Kind): [name: string, text: string][] {
  const error = errorOf(side, kind);
  if (side === 'messages') return [['error', typed({ type: 'error', error } as never)]];
  if (side === 'chat') return [['chunk', event({ error })]];
  if (side === 'gemini') {
    return [
      ['chunk', event({ error })],
      ['bare', `${JSON.stringify({ error }, null, 2)}\r\n\r\n`],
      ['last-line-missing', event({ error }).trimEnd()],
    ];
  }
  return [
    ['error', typed({ type: 'error', param: null, ...error } as never)],
    ['nested', typed({ type: 'error', error } as never)],
    [
      'failed',
      typed({ type: 'response.failed', response: { id: 'r', status: 'failed', error, usage: null } } as never),
    ],
  ];
}

interface Case {
  readonly name: string;
  readonly stream: boolean;
  readonly plan: Plan;
}

/** Everywhere in a 200 where an account can say it. */
function casesOf(side: Side, kind: Kind): Case[] {
  const whole = Buffer.from(JSON.stringify(wholeError(side, kind)));
  const opening = OPENINGS[side];
  return [
    { name: 'whole', stream: false, plan: { body: whole, headers: JSON_TYPE, cutBytesMax: 11 } },
    { name: 'whole in place of a stream', stream: true, plan: { body: whole, headers: JSON_TYPE } },
    ...errorEvents(side, kind).flatMap(([name, text]) => [
      { name: `first event (${name})`, stream: true, plan: { body: Buffer.from(text), headers: SSE, cutBytesMax: 13 } },
      {
        name: `behind the opening (${name})`,
        stream: true,
        plan: {
          pieces: [opening, text].filter((one) => one !== '').map((one) => Buffer.from(one)),
          headers: SSE,
          paceMs: PACE_MS,
        },
      },
    ]),
  ];
}

function credentialOf({ apiKey, headers }: Received): string {
  return apiKey || String(headers['x-goog-api-key'] ?? headers.authorization);
}

const isFirst = (request: Received): boolean => credentialOf(request).endsWith('-1');

/** The rows of these answers, as tokens of output. */
async function billedOf(answers: readonly Answer[]): Promise<number[]> {
  const ids = new Set(answers.map(({ requestId }) => requestId));
  const { rows } = await usageOf(gateway);
  return rows.filter(({ requestId }) => ids.has(requestId)).map(({ outputTokens }) => outputTokens);
}

/** What a client of the protocol reads from an error: its kind in the protocol's own words, and the text. */
function readError(client: Side, answer: Answer): [kind: unknown, message: string] {
  // biome-ignore lint/suspicious/noExplicitAny: documents of four protocols, read as a client would
  const body = answer.json() as any;
  assert.match(String(answer.headers['content-type']), /^application\/json/);
  if (client === 'messages') {
    assert.deepEqual([body.type, typeof body.request_id], ['error', 'string']);
    return [body.error.type, body.error.message];
  }
  if (client === 'gemini') {
    assert.equal(body.error.code, answer.status);
    return [body.error.status, body.error.message];
  }
  return [body.error.code ?? body.error.type, body.error.message];
}

/** How an answer begins, streamed, where its protocol has a beginning. */
const BEGINS: Record<Side, RegExp> = {
  messages: /event: message_start/,
  chat: /"role": ?"assistant"/,
  responses: /event: response\.created/,
  gemini: /^\b$/,
};

/** In which words the client is told. */
const TOLD: Record<Side, (kind: Kind, served: Side) => RegExp> = {
  messages: ([, type]) => new RegExp(`^${type}$`),
  chat: ([status, , code]) => (status === 400 ? /^invalid_(request_error|prompt)$/ : new RegExp(`^${code}$`)),
  responses: ([status, , code]) => (status === 400 ? /^invalid_(request_error|prompt)$/ : new RegExp(`^${code}$`)),
  gemini: ([, , , google]) => new RegExp(`^${google}$`),
};

for (const { client, upstream: served } of CROSSINGS as readonly { client: Side; upstream: Side }[]) {
  const kinds = served === 'gemini' ? [INVALID, UNKNOWN] : [INVALID, UNKNOWN, TOO_LARGE];
  test(`${client} over ${served}: the client's own errors have their status and no more, whole and streamed`, async () => {
    const asked = upstream.received.length;
    const answers: Answer[] = [];
    for (const kind of kinds) {
      for (const { name, stream, plan } of casesOf(served, kind)) {
        upstream.plan = () => plan;
        const answer = await send(gateway.url, callOf(client, served, stream));
        const about = `${kind[0]}, ${name}: ${answer.body}`;
        assert.equal(answer.status, kind[0], about);
        const [told, message] = readError(client, answer);
        assert.match(String(told), TOLD[client](kind, served), about);
        assert.ok(message.includes(WORDS), about);
        assert.equal(answer.headers['x-penstock-request-id'], answer.requestId);
        answers.push(answer);
      }
    }
    assert.equal(upstream.received.length - asked, answers.length, 'no other account was asked');
    assert.deepEqual(await billedOf(answers), []);
    await gateway.assertIdle();
  });

  test(`${client} over ${served}: what its account is to blame for is answered by another account, and only that is billed`, async () => {
    const answers: Answer[] = [];
    for (const kind of [LIMITED, OVERLOADED, FAILED]) {
      for (const { name, stream, plan } of casesOf(served, kind)) {
        const well = stream ? wellStreamOf(served) : JSON.stringify(WELL[served]);
        upstream.plan = (request) =>
          isFirst(request) ? plan : { body: Buffer.from(well), headers: stream ? SSE : JSON_TYPE };
        const answer = await send(gateway.url, callOf(client, served, stream));
        const about = `${kind[0]}, ${name}: ${answer.body}`;
        assert.equal(answer.status, 200, about);
        const text = answer.body.toString();
        assert.ok(text.includes('well') && !text.includes(WORDS), about);
        assert.ok(text.split(BEGINS[client]).length <= 2, `nothing of the first one: ${about}`);
        answers.push(answer);
      }
    }
    assert.deepEqual(
      await billedOf(answers),
      answers.map(() => 5),
    );
    await gateway.assertIdle();
  });

  test(`${client} over ${served}: with no account left it is a refusal of the same status, and nothing is billed`, async () => {
    const answers: Answer[] = [];
    for (const kind of [LIMITED, OVERLOADED, FAILED]) {
      const [status] = kind;
      for (const { name, stream, plan } of casesOf(served, kind)) {
        upstream.plan = () => plan;
        const answer = await send(gateway.url, callOf(client, `${served}-alone`, stream));
        const about = `${status}, ${name}: ${answer.body}`;
        // 529 is Anthropic's own; the other protocols say 503.
        assert.equal(answer.status, status === 529 && client !== 'messages' ? 503 : status, about);
        assert.match(String(answer.headers['content-type']), /^application\/json/, about);
        assert.ok(!answer.body.includes(WORDS), about);
        answers.push(answer);
      }
    }
    assert.deepEqual(await billedOf(answers), []);
    await gateway.assertIdle();
  });
}

/** Only its words tell that an error is the account's; its kind is that of the client's own. */
const OF_ACCOUNT: Record<Side, string> = {
  messages: 'Your credit balance is too low to access the API.',
  chat: 'API key expired.',
  responses: 'This organization has been disabled.',
  gemini: 'API key not valid. Please pass a valid API key.',
};

for (const served of SIDES) {
  const { client } = CROSSINGS.find((crossing) => crossing.upstream === served)! as { client: Side };
  test(`${client} over ${served}: an error of the account's is told by its words too, and the account rests`, async () => {
    const group = `${served}-unpaid`;
    const error = errorOf(served, INVALID, OF_ACCOUNT[served]);
    const hidden = JSON.stringify(served === 'responses' ? { status: 'failed', error } : { error });
    upstream.plan = (request) => ({
      body: Buffer.from(isFirst(request) ? hidden : JSON.stringify(WELL[served])),
      headers: JSON_TYPE,
    });
    const asked = upstream.received.length;
    const answers = [
      await send(gateway.url, callOf(client, group, false)),
      await send(gateway.url, callOf(client, group, false)),
    ];
    for (const { status, body } of answers) assert.deepEqual([status, body.includes('well')], [200, true]);
    assert.equal(upstream.received.slice(asked).filter(isFirst).length, 1);
    assert.deepEqual(await billedOf(answers), [5, 5]);
  });
}

test("once the opening has left, an error stays in the stream, as one of the client's protocol", async () => {
  const pieces = [OPENINGS.chat, errorEvents('chat', INVALID)[0]![1]].map((text) => Buffer.from(text));
  const begun = new AbortController();
  upstream.plan = () => ({ pieces, headers: SSE, restAt: 1, restAfter: begun.signal });
  const answer = await send(gateway.url, { ...callOf('messages', 'chat', true), begun });
  const events = answer.events();
  assert.deepEqual([answer.status, events.at(0)?.event, events.at(-1)?.event], [200, 'message_start', 'error']);
  assert.ok(answer.body.includes(WORDS));
});

test('a Gemini client that did not ask for events gets it as a document too', async () => {
  for (const { name, plan } of casesOf('chat', UNKNOWN).filter(({ stream }) => stream)) {
    upstream.plan = () => plan;
    const call = callOf('gemini', 'chat', true);
    const answer = await send(gateway.url, { ...call, path: call.path.replace('?alt=sse', '') });
    assert.equal(answer.status, 404, name);
    assert.deepEqual(readError('gemini', answer), ['NOT_FOUND', WORDS]);
  }
});

test('an answer that there is no room to turn is our 503, and no fault of its account', async () => {
  const body = Buffer.from(JSON.stringify({ ...WELL.chat, filler: 'x'.repeat(2 * MIB) }));
  upstream.plan = () => ({ body, headers: JSON_TYPE, cutBytesMax: 60_000 });
  const asked = upstream.received.length;
  const answer = await send(gateway.url, callOf('messages', 'chat', false));
  assert.equal(answer.status, 503, answer.body.toString());
  assert.ok(answer.body.includes(FAILURES.answer_budget_exhausted.text));
  assert.equal(upstream.received.length - asked, 1);
  assert.deepEqual(await billedOf([answer]), []);
  await gateway.assertIdle();
});

test('in the middle of a stream it is the event of that error, and what was said is billed', async () => {
  const said = event({ id: 'c', model: 'm', choices: [{ index: 0, delta: { content: 'well' } }] });
  const long = `data: {"id":"c","filler":"${'x'.repeat(2 * MIB)}`;
  const pieces = [said, long].map((text) => Buffer.from(text));
  const begun = new AbortController();
  upstream.plan = () => ({ pieces, headers: SSE, restAt: 1, restAfter: begun.signal });
  const answer = await send(gateway.url, { ...callOf('messages', 'chat', true), begun });
  assert.deepEqual([answer.status, answer.whole, answer.events().at(-1)?.event], [200, false, 'error']);
  assert.ok(answer.body.includes('well') && answer.body.includes(FAILURES.answer_budget_exhausted.text));
  assert.deepEqual(await billedOf([answer]), [2]);
  await gateway.assertIdle();
});

test("an error status behind the pings of a wait is an event of the client's protocol, too", async () => {
  for (const [client, served, ping] of [
    ['messages', 'chat', 'event: ping'],
    ['chat', 'messages', ': keep-alive'],
  ] as const) {
    const hold = new AbortController();
    const error = { error: errorOf(served, INVALID) };
    upstream.plan = ({ stream }) =>
      stream
        ? { status: 400, body: Buffer.from(JSON.stringify(error)), headers: JSON_TYPE }
        : { holdUntil: hold.signal, body: Buffer.from(JSON.stringify(WELL[served])), headers: JSON_TYPE };
    const holder = send(gateway.url, callOf(client, served, false));
    await waitFor('the place to be taken', () => upstream.openNow() === 1);
    const pinged = await open(gateway.url, callOf(client, served, true));
    await readUntil(pinged, ping).finally(() => hold.abort());
    const { body } = await finish(pinged);
    const told = JSON.parse(/data: (\{.*"error".*\})/.exec(body.toString())![1]!);
    assert.deepEqual([told.error.message, told.error.type], [WORDS, 'invalid_request_error']);
    assert.equal(told.type, client === 'messages' ? 'error' : undefined);
    assert.equal((await holder).status, 200);
  }
});
