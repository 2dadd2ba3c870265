/**
 * Accounts that say with `reportsUsage: false` that they report no usage: what their answers cost is counted here, by the vocabulary of the
 * model, and what cannot be counted in time is estimated by its bytes. Nothing waits for a count but the books.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { methodFor, scaleTokens, structureTokens } from '#tokenizer/count-method.ts';
import { loadVocabulary } from '#tokenizer/vocabulary.ts';
import { type Billed, ClientScene, platformCatalog } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { open, readUntil, send } from '../support/http-client.ts';
import type { Plan } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };
const PROMPT = 'How wet is "water", and why?\nSay it in one sentence.';
/** Cut inside words: only together do they count as the text that they are. */
const PIECES = ['Wat', 'er isn\'t "w', 'et": it w', 'ets, \\o/ étonn', 'amment.\n'];
const TEXT = PIECES.join('');
const THOUGHT = 'The user asks about the nature of wetness.';
const ARGS = { city: 'Oslo', days: [1, 2, 3] };

const LATE = { deadlineMs: 10 };

const vocabulary = await loadVocabulary('o200k_base');

function tokensOf(model: string, ...texts: string[]): number {
  return scaleTokens(
    methodFor(model),
    texts.reduce((sum, text) => sum + vocabulary.count(text), 0),
  );
}

function inputTokensOf(model: string, text = PROMPT): number {
  return tokensOf(model, text) + structureTokens(methodFor(model), 1, 0);
}

/** As the platform's catalog, of accounts that report no usage. */
function silentCatalog(url: string): Record<string, object[]> {
  const catalog = platformCatalog(url);
  const accounts = catalog['accounts']!.map((each) => ({ ...each, settings: { reportsUsage: false } }));
  return { ...catalog, accounts };
}

/** Of the tests that need no other bounds. */
let scene: ClientScene;
let rows = 0;

before(async () => {
  const relay = { clientGoneDrainMs: 300, clientGoneDrainBytes: 4_096 };
  scene = await ClientScene.start({ relay }, silentCatalog);
});
after(() => scene?.close());

async function rowsOf({ gateway }: ClientScene, count: number): Promise<Billed[]> {
  const rows = await waitFor(`${count} rows`, async () => {
    const { rows } = await usageOf(gateway);
    return rows.length >= count && rows;
  });
  await gateway.assertIdle();
  assert.equal((await usageOf(gateway)).rows.length, count);
  return rows as Billed[];
}

/** By the scene's fallback price of 1 $ a million input tokens and 2 $ a million output tokens. */
function assertBilled(row: Billed, inputTokens: number, outputTokens: number, status = 'completed'): void {
  assert.deepEqual(
    [row.inputTokens, row.outputTokens, row.usageSource, row.status, row.chargedNanoUsd],
    [inputTokens, outputTokens, 'estimated', status, String(inputTokens * 1_000 + outputTokens * 2_000)],
  );
}

const events = (...all: object[]): Buffer[] => all.map((each) => Buffer.from(`data: ${JSON.stringify(each)}\n\n`));
const json = (answer: object): Buffer[] => [Buffer.from(JSON.stringify(answer))];

interface Route {
  name: string;
  path: string;
  model: string;
  body: object;
  answer: Buffer[];
  headers: Record<string, string>;
  /** What was generated, text by text. */
  texts: string[];
}

const CHAT = { model: 'gpt-own', messages: [{ role: 'user', content: PROMPT }] };
const MESSAGES = { model: 'claude-own', max_tokens: 64, messages: [{ role: 'user', content: PROMPT }] };
const CONTENTS = { contents: [{ role: 'user', parts: [{ text: PROMPT }] }] };
const chatDelta = (delta: object, finish: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const blockDelta = (index: number, delta: object): object => ({ type: 'content_block_delta', index, delta });
const geminiChunk = (parts: object[], finish: object = {}): object => ({
  candidates: [{ content: { role: 'model', parts }, ...finish }],
});
const GEMINI_CHUNKS = PIECES.map((text) => geminiChunk([{ text }]));
const GEMINI_END = geminiChunk([], { finishReason: 'STOP' });

const ROUTES: readonly Route[] = [
  {
    name: 'Chat, streamed',
    path: '/v1/chat/completions',
    model: 'gpt-own',
    body: { ...CHAT, stream: true },
    answer: [
      ...events(
        chatDelta({ role: 'assistant', content: '' }),
        chatDelta({ reasoning_content: THOUGHT }),
        ...PIECES.map((content) => chatDelta({ content })),
        chatDelta({}, 'stop'),
      ),
      Buffer.from('data: [DONE]\n\n'),
    ],
    headers: SSE,
    texts: [THOUGHT, TEXT],
  },
  {
    name: 'Chat, JSON',
    path: '/v1/chat/completions',
    model: 'gpt-own',
    body: CHAT,
    answer: json({
      id: 'c',
      choices: [
        {
          message: { content: TEXT, tool_calls: [{ function: { name: 'w', arguments: JSON.stringify(ARGS) } }] },
          finish_reason: 'tool_calls',
        },
      ],
    }),
    headers: JSON_TYPE,
    texts: [TEXT, JSON.stringify(ARGS)],
  },
  {
    name: 'Messages, streamed',
    path: '/v1/messages',
    model: 'claude-own',
    body: { ...MESSAGES, stream: true },
    answer: events(
      { type: 'message_start', message: { id: 'm', type: 'message', role: 'assistant', model: 'x', content: [] } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ...PIECES.map((text) => blockDelta(0, { type: 'text_delta', text })),
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't', name: 'w', input: {} } },
      ...['{"city":"Os', 'lo"}'].map((text) => blockDelta(1, { type: 'input_json_delta', partial_json: text })),
      { type: 'content_block_stop', index: 1 },
      { type: 'message_stop' },
    ),
    headers: SSE,
    texts: [TEXT, '{"city":"Oslo"}'],
  },
  {
    name: 'Messages, JSON',
    path: '/v1/messages',
    model: 'claude-own',
    body: MESSAGES,
    answer: json({
      id: 'm',
      type: 'message',
      content: [
        { type: 'text', text: TEXT },
        { type: 'tool_use', id: 't', name: 'w', input: ARGS },
      ],
    }),
    headers: JSON_TYPE,
    texts: [TEXT, JSON.stringify(ARGS)],
  },
  {
    name: 'Responses, streamed',
    path: '/v1/responses',
    model: 'gpt-own',
    body: { model: 'gpt-own', input: PROMPT, stream: true },
    answer: events(
      { type: 'response.created', response: { id: 'resp_1', model: 'gpt-own' } },
      { type: 'response.output_item.added', item: {} },
      ...PIECES.map((delta) => ({ type: 'response.output_text.delta', delta })),
      { type: 'response.output_text.done', text: TEXT },
      ...['{"city":"Os', 'lo"}'].map((delta) => ({ type: 'response.function_call_arguments.delta', delta })),
      { type: 'response.completed', response: { id: 'resp_1', output: [{ content: [{ text: TEXT }] }] } },
    ),
    headers: SSE,
    texts: [TEXT, '{"city":"Oslo"}'],
  },
  {
    name: 'Responses, JSON',
    path: '/v1/responses',
    model: 'gpt-own',
    body: { model: 'gpt-own', input: PROMPT },
    answer: json({ id: 'resp_1', output: [{ type: 'message', content: [{ type: 'output_text', text: TEXT }] }] }),
    headers: JSON_TYPE,
    texts: [TEXT],
  },
  {
    name: 'Gemini, events',
    path: '/v1beta/models/gemini-x:streamGenerateContent?alt=sse',
    model: 'gemini-x',
    body: CONTENTS,
    answer: events(...GEMINI_CHUNKS, GEMINI_END),
    headers: SSE,
    texts: [TEXT],
  },
  {
    name: 'Gemini, an array',
    path: '/v1beta/models/gemini-x:streamGenerateContent',
    model: 'gemini-x',
    body: CONTENTS,
    answer: [Buffer.from(JSON.stringify([...GEMINI_CHUNKS, GEMINI_END]))],
    headers: JSON_TYPE,
    texts: [TEXT],
  },
  {
    name: 'Gemini, JSON',
    path: '/v1beta/models/gemini-x:generateContent',
    model: 'gemini-x',
    body: CONTENTS,
    answer: json(geminiChunk([{ text: TEXT }, { functionCall: { name: 'w', args: ARGS } }], { finishReason: 'STOP' })),
    headers: JSON_TYPE,
    texts: [TEXT, JSON.stringify(ARGS)],
  },
];

function say({ upstream }: ClientScene, pieces: Buffer[], headers: Record<string, string>, plan: Plan = {}): void {
  const bytes = Buffer.concat(pieces);
  const cut = Array.from({ length: Math.ceil(bytes.length / 41) }, (_, i) => bytes.subarray(i * 41, i * 41 + 41));
  upstream.plan = () => ({ headers, pieces: cut, ...plan });
}

test('what is said is counted, in every protocol and form, and a usage that is reported counts for more', async () => {
  for (const { name, path, model, body, answer, headers, texts } of ROUTES) {
    say(scene, answer, headers);
    const { status, body: got } = await send(scene.url, { path, key: KEY, body });
    assert.deepEqual([status, got.toString()], [200, Buffer.concat(answer).toString()], name);
    const [row] = await rowsOf(scene, ++rows);
    assert.equal(row!.model, model, name);
    assertBilled(row!, inputTokensOf(model), tokensOf(model, ...texts));
  }
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
  say(scene, json({ choices: [{ message: { content: TEXT } }], usage }), JSON_TYPE);
  await send(scene.url, { path: '/v1/chat/completions', key: KEY, body: CHAT });
  const [row] = await rowsOf(scene, ++rows);
  assert.deepEqual([row!.inputTokens, row!.outputTokens, row!.usageSource], [3, 4, 'reported']);
});

test('a client that leaves mid-stream is billed once, by the count of what had come', async () => {
  const word = 'some words of an answer ';
  const pieces = Array.from({ length: 4_000 }, () => events(chatDelta({ content: word }))[0]!);
  scene.upstream.plan = () => ({ headers: SSE, pieces, paceMs: 5 });
  const response = await open(scene.url, { path: '/v1/chat/completions', key: KEY, body: { ...CHAT, stream: true } });
  await readUntil(response, 'some words');
  response.socket.resetAndDestroy();
  const [row] = await rowsOf(scene, ++rows);
  const each = tokensOf('gpt-own', word.repeat(2)) - tokensOf('gpt-own', word);
  const words = 1 + (row!.outputTokens - tokensOf('gpt-own', word)) / each;
  assert.ok(Number.isInteger(words) && words < pieces.length / 2, `${row!.outputTokens} tokens of whole words`);
  assertBilled(row!, inputTokensOf('gpt-own'), row!.outputTokens, 'client_gone');
});

test('what the pool does not take, or not in time, or is too much for it, is estimated by its bytes', async (t) => {
  const long = 'wet '.repeat(700);
  const byBytes = [
    Math.ceil((Buffer.byteLength(JSON.stringify(PROMPT)) - 2) / 2.5),
    Math.ceil(long.length / 3),
  ] as const;
  for (const [tokenizer, input] of [
    [{ threads: 0 }, byBytes[0]],
    [LATE, byBytes[0]],
    [{ jobBytesMax: 1_024 }, inputTokensOf('gpt-own')],
  ] as const) {
    const scene = await ClientScene.start({ tokenizer }, silentCatalog);
    t.after(() => scene.close());
    for (const [pieces, headers, stream] of [
      [json({ choices: [{ message: { content: long } }] }), JSON_TYPE, false],
      [[...events(chatDelta({ content: long }, 'stop')), Buffer.from('data: [DONE]\n\n')], SSE, true],
    ] as const) {
      say(scene, [...pieces], headers);
      const { whole } = await send(scene.url, { path: '/v1/chat/completions', key: KEY, body: { ...CHAT, stream } });
      assert.equal(whole, true);
      const [row] = await rowsOf(scene, stream ? 2 : 1);
      // Once its vocabulary is there a worker may be in time.
      if (stream && tokenizer === LATE) continue;
      assertBilled(row!, input, byBytes[1]);
    }
  }
});

test('a count that waits holds up neither answers nor places, journaled ones neither; killed meanwhile, the estimate is billed once', async (t) => {
  const catalog = (url: string): Record<string, object[]> => {
    const { accounts, users, ...rest } = silentCatalog(url);
    const one = (each: object): object => ({ ...each, concurrency: 1 });
    return { ...rest, accounts: accounts!.map(one), users: users!.map(one) };
  };
  const scene = await ClientScene.start({ usage: { durability: 'journaled' } }, catalog);
  t.after(() => scene.close());
  const { gateway } = scene;
  // Random letters take a second a MiB and more: the only counting thread is busy with them.
  const letters = Buffer.from(
    Array.from({ length: 3_500_000 }, (_, i) => 97 + ((i * 7_919 + (i >> 3) * 104_729) % 26)),
  );
  say(scene, json({ choices: [{ message: { content: 'never counted' } }] }), JSON_TYPE);
  const blocked = { ...CHAT, messages: [{ role: 'user', content: letters.toString() }] };
  const call = { path: '/v1/chat/completions', key: KEY, body: CHAT };
  assert.equal((await send(scene.url, { ...call, body: blocked })).whole, true);
  say(scene, ROUTES[0]!.answer, SSE);
  for (let i = 0; i < 3; i++) {
    const answer = await send(scene.url, { ...call, body: ROUTES[0]!.body });
    assert.deepEqual([answer.status, answer.whole], [200, true]);
  }
  assert.deepEqual((await usageOf(gateway)).rows, [], 'nothing has been counted yet');
  await gateway.assertIdle();
  const { gatewayPid } = gateway;
  process.kill(gatewayPid, 'SIGKILL');
  await gateway.replaced();
  const rows = await rowsOf(scene, 4);
  assert.ok(rows.every(({ status, usageSource }) => status === 'interrupted' && usageSource === 'estimated'));
  const bytes = [THOUGHT, TEXT].reduce((sum, text) => sum + Buffer.byteLength(JSON.stringify(text)) - 2, 0);
  const input = Math.ceil((Buffer.byteLength(JSON.stringify(PROMPT)) - 2) / 2.5);
  for (const row of rows.slice(0, 3)) assertBilled(row, input, Math.ceil(bytes / 3), 'interrupted');
});
