/** The official OpenAI SDK against a real gateway, in Chat Completions and Embeddings: what its users see must not differ from the real API. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { chatUsage } from '../support/chat-answer.ts';
import { ClientScene, LIMITED_KEY, POOR_KEY, useOf } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { argumentsOf, longScript, SCRIPT, TOOL_SCRIPT, textOf } from '../support/model-script.ts';
import { sayScript } from '../support/scripted-plan.ts';

const QUESTION = { model: 'gpt-5', messages: [{ role: 'user' as const, content: 'hi' }] };
const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

let scene: ClientScene;
let client: OpenAI;

before(async () => {
  scene = await ClientScene.start();
  client = clientOf(KEY);
});
after(() => scene?.close());

function clientOf(apiKey: string, maxRetries = 0): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${scene.url}/v1`, maxRetries });
}

const tool = (name: string) => ({
  type: 'function' as const,
  function: { name, parameters: { type: 'object', properties: {} } },
});
const TOOLS = TOOL_SCRIPT.calls.map(({ name }) => tool(name));

test('create returns the completion of the account, with the usage that is billed', async () => {
  scene.upstream.plan = sayScript(SCRIPT);
  const { result, row } = await scene.billingOne(() => client.chat.completions.create(QUESTION));
  assert.equal(result.choices[0]?.message.content, textOf(SCRIPT));
  assert.equal(result.choices[0]?.finish_reason, 'stop');
  assert.deepEqual(result.usage, chatUsage(SCRIPT.use));
  assert.deepEqual([useOf(row), row.protocol, row.upstreamProtocol], [SCRIPT.use, 'chat', 'chat']);
});

test('a stream adds up to what is answered whole, with usage when it was asked for', async () => {
  for (const script of [SCRIPT, TOOL_SCRIPT]) {
    scene.upstream.plan = sayScript(script);
    const whole = await client.chat.completions.create({ ...QUESTION, tools: TOOLS });
    const { result, row } = await scene.billingOne(() => {
      const asked = { ...QUESTION, tools: TOOLS, stream_options: { include_usage: true } };
      return client.chat.completions.stream(asked).finalChatCompletion();
    });
    assert.equal(result.choices[0]?.message.content, whole.choices[0]?.message.content);
    const calls = result.choices[0]?.message.tool_calls?.map((call) => [
      call.id,
      call.type === 'function' ? call.function.arguments : '',
    ]);
    const told = script.calls.map((call) => [call.id, argumentsOf(call)]);
    assert.deepEqual(calls ?? [], told);
    assert.deepEqual([result.choices[0]?.finish_reason, result.usage], [whole.choices[0]?.finish_reason, whole.usage]);
    assert.deepEqual(useOf(row), script.use);
  }
});

test('a stream that did not ask for usage sees none, has a choice in every chunk, and is billed by it', async () => {
  scene.upstream.plan = sayScript(SCRIPT);
  const { result, row } = await scene.billingOne(async () => {
    const seen = [];
    for await (const chunk of await client.chat.completions.create({ ...QUESTION, stream: true })) seen.push(chunk);
    return seen;
  });
  assert.ok(result.every(({ choices, usage }) => choices.length === 1 && usage === undefined));
  assert.equal(result.map(({ choices }) => choices[0]!.delta.content ?? '').join(''), textOf(SCRIPT));
  assert.deepEqual([useOf(row), row.usageSource], [SCRIPT.use, 'reported']);
});

test('tools, their results and images reach the account as the SDK sends them', async () => {
  scene.upstream.plan = sayScript(TOOL_SCRIPT);
  const image = { type: 'image_url' as const, image_url: { url: PIXEL } };
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'user', content: [{ type: 'text', text: 'what is this?' }, image] },
    {
      role: 'assistant',
      tool_calls: [
        { id: 'call_0', type: 'function', function: { name: 'get_time', arguments: '{"n":12345678901234567890}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'call_0', content: '12:00' },
  ];
  const asked = { model: 'gpt-5', messages, tools: TOOLS, tool_choice: 'required' as const, parallel_tool_calls: true };
  const answer = await client.chat.completions.create(asked);
  assert.deepEqual(scene.sent(), asked);
  const calls = answer.choices[0]?.message.tool_calls ?? [];
  assert.deepEqual(
    calls.map((call) => (call.type === 'function' ? JSON.parse(call.function.arguments) : null)),
    [{ city: 'München' }, { zone: 'CET' }],
  );
});

test('an abort in the middle of a stream ends the work of the account, and is billed once', async () => {
  scene.upstream.plan = sayScript(longScript(3_000), { paceMs: 15, cutBytesMax: 400 });
  const row = await scene.abortIsBilledOnce(async () => {
    const stream = await client.chat.completions.create({ ...QUESTION, stream: true });
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 5) stream.controller.abort();
    assert.ok(chunks >= 5);
  });
  assert.equal(row.usageSource, 'estimated');
});

const ERROR_CLASSES = [
  [400, OpenAI.BadRequestError],
  [404, OpenAI.NotFoundError],
  [409, OpenAI.ConflictError],
  [422, OpenAI.UnprocessableEntityError],
] as const;

for (const [status, errorClass] of ERROR_CLASSES) {
  test(`an account's ${status} about the request is thrown as the SDK's own class with its text`, async () => {
    const error = { message: `scripted ${status}`, type: 'invalid_request_error', param: 'messages', code: 'odd' };
    scene.upstream.plan = () => ({ status, body: Buffer.from(JSON.stringify({ error })) });
    await assert.rejects(client.chat.completions.create(QUESTION), (thrown: unknown) => {
      assert.ok(thrown instanceof errorClass);
      assert.match(thrown.message, new RegExp(`scripted ${status}`));
      assert.deepEqual([thrown.status, thrown.code, thrown.param], [status, 'odd', 'messages']);
      return true;
    });
  });
}

test("refusals of the gateway itself are the SDK's own classes, and say which request it was", async () => {
  for (const [asked, errorClass, code] of [
    [() => clientOf('sk-ps-nobody').chat.completions.create(QUESTION), OpenAI.AuthenticationError, 'invalid_api_key'],
    [() => client.chat.completions.create({ ...QUESTION, model: 'nobody' }), OpenAI.NotFoundError, 'model_not_found'],
    [
      () => client.chat.completions.create({ ...QUESTION, messages: 7 as never }),
      OpenAI.BadRequestError,
      'field_invalid',
    ],
  ] as const) {
    await assert.rejects(asked(), (thrown: unknown) => {
      assert.ok(thrown instanceof errorClass);
      assert.equal(thrown.code, code);
      assert.match(thrown.requestID ?? '', /^[0-9a-f-]{36}$/);
      return true;
    });
  }
});

test('a failing account is 5xx, which the SDK tries again by itself', async () => {
  let failures = 1;
  scene.upstream.plan = (request) => (failures-- > 0 ? { status: 500 } : sayScript(SCRIPT)(request));
  await assert.rejects(client.chat.completions.create(QUESTION), OpenAI.InternalServerError);
  failures = 1;
  const answer = await clientOf(KEY, 2).chat.completions.create(QUESTION);
  assert.equal(answer.choices[0]?.message.content, textOf(SCRIPT));
});

test('a rate limited pool is a RateLimitError with retry-after, which the SDK waits out', async () => {
  let refusals = 1;
  scene.upstream.plan = (request) =>
    refusals-- > 0 ? { status: 429, headers: { 'retry-after': '1' } } : sayScript(SCRIPT)(request);
  const startedMs = performance.now();
  await assert.rejects(clientOf(LIMITED_KEY).chat.completions.create(QUESTION), (thrown: unknown) => {
    assert.ok(thrown instanceof OpenAI.RateLimitError);
    assert.deepEqual([thrown.headers.get('retry-after'), thrown.code], ['1', 'rate_limit_exceeded']);
    return true;
  });
  const answer = await clientOf(LIMITED_KEY, 2).chat.completions.create(QUESTION);
  assert.equal(answer.choices[0]?.message.content, textOf(SCRIPT));
  assert.ok(performance.now() - startedMs > 500, 'it waited as it was told');
});

test('models are listed and retrieved', async () => {
  const ids = (await client.models.list()).data.map(({ id }) => id);
  assert.ok(ids.includes('gpt-5') && ids.includes('text-embedding-3-small'), ids.join());
  assert.equal((await client.models.retrieve('gpt-5')).id, 'gpt-5');
  await assert.rejects(client.models.retrieve('gpt-nobody'), OpenAI.NotFoundError);
});

test('embeddings come through in the encoding that the SDK asks for, billed by their input', async () => {
  const floats = [0.5, -0.25, 1];
  const embedding = Buffer.from(new Float32Array(floats).buffer).toString('base64');
  const usage = { prompt_tokens: 9, total_tokens: 9 };
  const body = {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding }],
    model: 'text-embedding-3-small',
    usage,
  };
  scene.upstream.plan = () => ({ body: Buffer.from(JSON.stringify(body)) });
  const { result, row } = await scene.billingOne(() =>
    client.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] }),
  );
  assert.deepEqual(result.data[0]?.embedding, floats);
  assert.deepEqual(
    [result.usage.prompt_tokens, row.inputTokens, row.outputTokens, row.protocol],
    [9, 9, 0, 'embeddings'],
  );
  assert.equal(scene.sent()['encoding_format'], 'base64');
});

test('the older completions pass, whole and streamed, and are billed by their usage', async () => {
  const common = { id: 'cmpl_1', object: 'text_completion', created: 1_764_000_000, model: 'gpt-5' };
  const choice = (text: string, finish: string | null) => ({ index: 0, text, logprobs: null, finish_reason: finish });
  const usage = chatUsage(SCRIPT.use);
  const chunks = [choice('h', null), choice('é', 'stop')].map((one) => ({ ...common, choices: [one] }));
  const stream = [...chunks, { ...common, choices: [], usage }].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
  scene.upstream.plan = (request) =>
    request.stream
      ? { body: Buffer.from(`${stream.join('')}data: [DONE]\n\n`), headers: { 'content-type': 'text/event-stream' } }
      : { body: Buffer.from(JSON.stringify({ ...common, choices: [choice('hé', 'stop')], usage })) };
  const asked = { model: 'gpt-5', prompt: 'hi' };
  const whole = await scene.billingOne(() => client.completions.create(asked));
  assert.deepEqual([whole.result.choices[0]?.text, whole.result.usage], ['hé', usage]);
  const streamed = await scene.billingOne(async () => {
    const seen: unknown[] = [];
    const options = { ...asked, stream: true as const, stream_options: { include_usage: true } };
    for await (const chunk of await client.completions.create(options)) seen.push(chunk);
    return seen;
  });
  assert.deepEqual(streamed.result, [...chunks, { ...common, choices: [], usage }]);
  for (const { row } of [whole, streamed]) {
    assert.deepEqual([useOf(row), row.protocol, row.usageSource], [SCRIPT.use, 'completions', 'reported']);
  }
});

const EMBEDDING = { model: 'text-embedding-3-small', input: 'hi', encoding_format: 'float' as const };
const EMBEDDED = { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5] }], model: 'e', usage: {} };
const COMPLETION = { model: 'gpt-5', prompt: 'hi' };
const COMPLETED = { id: 'cmpl_1', object: 'text_completion', created: 1, model: 'gpt-5', choices: [] };

test('an abort of older completions in mid-stream ends the work of the account, and is billed once', async () => {
  const chunk = { ...COMPLETED, choices: [{ index: 0, text: 'some words ', logprobs: null, finish_reason: null }] };
  const pieces = Array<Buffer>(3_000).fill(Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`));
  scene.upstream.plan = () => ({ headers: { 'content-type': 'text/event-stream' }, pieces, paceMs: 15 });
  const row = await scene.abortIsBilledOnce(async () => {
    const stream = await client.completions.create({ ...COMPLETION, stream: true });
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 5) stream.controller.abort();
    assert.ok(chunks >= 5);
  });
  assert.equal(row.protocol, 'completions');
});

test('an abort of embeddings before their answer ends the work of the account, and is not billed', async () => {
  const thrown = await scene.abortIsFree((signal) => client.embeddings.create(EMBEDDING, { signal }));
  assert.ok(thrown instanceof OpenAI.APIUserAbortError);
});

for (const [name, ask, answer] of [
  [
    'embeddings',
    (asking: OpenAI, model?: string) => asking.embeddings.create({ ...EMBEDDING, ...(model && { model }) }),
    EMBEDDED,
  ],
  [
    'older completions',
    (asking: OpenAI, model?: string) => asking.completions.create({ ...COMPLETION, ...(model && { model }) }),
    COMPLETED,
  ],
] as const) {
  test(`${name}: errors are the SDK's own classes, and what may pass is tried again by itself`, async () => {
    const error = { message: 'scripted 400', type: 'invalid_request_error', param: 'input', code: 'odd' };
    scene.upstream.plan = () => ({ status: 400, body: Buffer.from(JSON.stringify({ error })) });
    const { rows } = await scene.billing(async () => {
      await assert.rejects(ask(client), (thrown: unknown) => {
        assert.ok(thrown instanceof OpenAI.BadRequestError);
        assert.deepEqual([thrown.code, thrown.param], ['odd', 'input']);
        return true;
      });
      await assert.rejects(ask(clientOf('sk-ps-nobody')), OpenAI.AuthenticationError);
      await assert.rejects(ask(client, 'nobody'), OpenAI.NotFoundError);
      await assert.rejects(ask(clientOf(POOR_KEY, 2)), (thrown: unknown) => {
        assert.ok(thrown instanceof OpenAI.RateLimitError);
        assert.equal(thrown.code, 'insufficient_quota');
        return true;
      });
    });
    assert.deepEqual(rows, []);
    let failures = 1;
    scene.upstream.plan = () => (failures-- > 0 ? { status: 500 } : { body: Buffer.from(JSON.stringify(answer)) });
    await assert.rejects(ask(client), OpenAI.InternalServerError);
    failures = 1;
    assert.equal(await scene.asked(() => ask(clientOf(KEY, 2))), 2);
  });
}
