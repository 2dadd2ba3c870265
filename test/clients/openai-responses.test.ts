/** The official OpenAI SDK against a real gateway, in Responses. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { ClientScene, LIMITED_KEY, platformCatalog, useOf } from '../support/client-scene.ts';
import { account, KEY } from '../support/gateway.ts';
import { argumentsOf, longScript, SCRIPT, TOOL_SCRIPT, textOf } from '../support/model-script.ts';
import { responsesUsage } from '../support/responses-answer.ts';
import { sayScript } from '../support/scripted-plan.ts';

const QUESTION = { model: 'gpt-5', input: 'hi' };

let scene: ClientScene;
let client: OpenAI;

before(async () => {
  scene = await ClientScene.start({}, (url) => {
    const catalog = platformCatalog(url);
    catalog['accounts']!.push(account('openai-second', url, { platform: 'openai', models: ['gpt*'] }));
    return catalog;
  });
  client = new OpenAI({ apiKey: KEY, baseURL: `${scene.url}/v1`, maxRetries: 0 });
});
after(() => scene?.close());

const TOOLS = TOOL_SCRIPT.calls.map(({ name }) => ({
  type: 'function' as const,
  name,
  strict: false,
  parameters: { type: 'object', properties: {} },
}));

test('create returns the response of the account, with the usage that is billed', async () => {
  scene.upstream.plan = sayScript(SCRIPT);
  const { result, row } = await scene.billingOne(() => client.responses.create(QUESTION));
  assert.deepEqual([result.status, result.output_text], ['completed', textOf(SCRIPT)]);
  assert.deepEqual(result.usage, responsesUsage(SCRIPT.use));
  assert.deepEqual([useOf(row), row.protocol, row.upstreamProtocol], [SCRIPT.use, 'responses', 'responses']);
});

test('a stream adds up to what is answered whole, events in their order', async () => {
  for (const script of [SCRIPT, TOOL_SCRIPT]) {
    scene.upstream.plan = sayScript(script);
    const whole = await client.responses.create({ ...QUESTION, tools: TOOLS });
    const numbers: number[] = [];
    const { result, row } = await scene.billingOne(async () => {
      const stream = client.responses.stream({ ...QUESTION, tools: TOOLS });
      for await (const event of stream) numbers.push(event.sequence_number);
      return stream.finalResponse();
    });
    assert.equal(result.output_text, whole.output_text);
    const calls = result.output.flatMap((item) =>
      item.type === 'function_call' ? [[item.call_id, item.arguments]] : [],
    );
    assert.deepEqual(
      calls,
      script.calls.map((call) => [call.id, argumentsOf(call)]),
    );
    assert.deepEqual(result.usage, whole.usage);
    assert.deepEqual(numbers, [...numbers.keys()]);
    assert.deepEqual(useOf(row), script.use);
  }
});

test('tools, their results and images reach the account as the SDK sends them', async () => {
  scene.upstream.plan = sayScript(TOOL_SCRIPT);
  const image = {
    type: 'input_image' as const,
    detail: 'low' as const,
    image_url: 'data:image/png;base64,iVBORw0KGgo=',
  };
  const asked = {
    model: 'gpt-5',
    input: [
      { role: 'user' as const, content: [{ type: 'input_text' as const, text: 'what is this?' }, image] },
      { type: 'function_call' as const, call_id: 'call_0', name: 'get_time', arguments: '{"n":1.0}' },
      { type: 'function_call_output' as const, call_id: 'call_0', output: '12:00' },
    ],
    tools: TOOLS,
    reasoning: { effort: 'low' as const },
    store: false,
    include: ['reasoning.encrypted_content' as const],
  };
  await client.responses.create(asked);
  assert.deepEqual(scene.sent(), asked);
});

test('an abort in the middle of a stream ends the work of the account, and is billed once', async () => {
  scene.upstream.plan = sayScript(longScript(3_000), { paceMs: 15, cutBytesMax: 400 });
  const row = await scene.abortIsBilledOnce(async () => {
    const stream = await client.responses.create({ ...QUESTION, stream: true });
    let deltas = 0;
    for await (const event of stream) {
      if (event.type === 'response.output_text.delta' && ++deltas === 5) stream.controller.abort();
    }
    assert.ok(deltas >= 5);
  });
  assert.equal(row.usageSource, 'estimated');
});

test('a response is retrieved, listed, cancelled and deleted at the account that made it, and followed up there', async () => {
  scene.upstream.plan = sayScript({ ...SCRIPT, id: 'resp_kept' });
  await client.responses.create(QUESTION);
  const home = scene.upstream.received.at(-1)!.apiKey;
  const item = { id: 'msg_1', type: 'message', role: 'user', content: [] };
  scene.upstream.plan = (request) => {
    if (!request.url.includes('/input_items')) return sayScript({ ...SCRIPT, id: 'resp_kept' })(request);
    return { body: Buffer.from(JSON.stringify({ object: 'list', data: [item], has_more: false })) };
  };
  const { rows } = await scene.billing(async () => {
    assert.equal((await client.responses.retrieve('resp_kept')).output_text, textOf(SCRIPT));
    assert.equal((await client.responses.cancel('resp_kept')).id, 'resp_kept');
    const items = await client.responses.inputItems.list('resp_kept');
    assert.deepEqual(items.data, [item]);
    await client.responses.delete('resp_kept');
  });
  assert.equal(rows.length, 0, 'nothing of it is billed again');
  await client.responses.create({ ...QUESTION, previous_response_id: 'resp_kept' });
  const asked = scene.upstream.received.slice(-5).map(({ method, url, apiKey }) => [method, url, apiKey]);
  assert.deepEqual(asked, [
    ['GET', '/v1/responses/resp_kept', home],
    ['POST', '/v1/responses/resp_kept/cancel', home],
    ['GET', '/v1/responses/resp_kept/input_items', home],
    ['DELETE', '/v1/responses/resp_kept', home],
    ['POST', '/v1/responses', home],
  ]);
  scene.upstream.plan = () => ({ status: 404 });
  await assert.rejects(client.responses.retrieve('resp_nobody'), OpenAI.NotFoundError);
});

test('input tokens are counted by the account, unbilled', async () => {
  scene.upstream.plan = () => ({ body: Buffer.from('{"object":"response.input_tokens","input_tokens":11}') });
  const { result, rows } = await scene.billing(() => client.responses.inputTokens.count(QUESTION));
  assert.deepEqual([result.input_tokens, rows.length], [11, 0]);
});

test('a response that failed or stopped early is what the account said, and billed by it', async () => {
  for (const [status, more] of [
    ['failed', { error: { code: 'server_error', message: 'it broke' } }],
    ['incomplete', { incomplete_details: { reason: 'max_output_tokens' } }],
  ] as const) {
    const response = { id: 'r', object: 'response', status, output: [], usage: responsesUsage(SCRIPT.use), ...more };
    // Behind a text: what fails before it began is served by another account.
    const delta = { type: 'response.output_text.delta', item_id: 'i', delta: 'h', sequence_number: 0 };
    const event = { type: `response.${status}`, sequence_number: 1, response };
    const frames = [delta, event].map((data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`);
    const body = Buffer.from(frames.join(''));
    scene.upstream.plan = () => ({ body, headers: { 'content-type': 'text/event-stream' } });
    const { result, row } = await scene.billingOne(async () => {
      const types: string[] = [];
      for await (const { type } of await client.responses.create({ ...QUESTION, stream: true })) types.push(type);
      return types;
    });
    assert.deepEqual(result, ['response.output_text.delta', `response.${status}`]);
    assert.deepEqual(useOf(row), SCRIPT.use);
  }
});

test("refusals and the account's errors are the SDK's own classes", async () => {
  const error = { message: 'too long', type: 'invalid_request_error', param: 'input', code: 'context_length_exceeded' };
  scene.upstream.plan = () => ({ status: 400, body: Buffer.from(JSON.stringify({ error })) });
  await assert.rejects(client.responses.create(QUESTION), (thrown: unknown) => {
    assert.ok(thrown instanceof OpenAI.BadRequestError);
    assert.deepEqual([thrown.code, thrown.param], ['context_length_exceeded', 'input']);
    return true;
  });
  await assert.rejects(client.responses.create({ ...QUESTION, model: 'nobody' }), OpenAI.NotFoundError);
  await assert.rejects(client.responses.create({ ...QUESTION, input: 7 as never }), OpenAI.BadRequestError);
});

test('a failing account is 5xx, which the SDK tries again by itself, whole and streamed', async () => {
  const alone = (maxRetries: number) => new OpenAI({ apiKey: LIMITED_KEY, baseURL: `${scene.url}/v1`, maxRetries });
  let failures = 1;
  scene.upstream.plan = (request) => (failures-- > 0 ? { status: 500 } : sayScript(SCRIPT)(request));
  await assert.rejects(alone(0).responses.create(QUESTION), OpenAI.InternalServerError);
  failures = 1;
  assert.equal((await alone(2).responses.create(QUESTION)).output_text, textOf(SCRIPT));
  failures = 1;
  assert.equal((await alone(2).responses.stream(QUESTION).finalResponse()).output_text, textOf(SCRIPT));
});
