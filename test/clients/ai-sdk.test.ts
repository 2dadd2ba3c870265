/** Vercel's AI SDK with its three providers against a real gateway. It holds every chunk of a stream against a schema: what is not of its protocol throws. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateText, jsonSchema, type LanguageModel, streamText, tool } from 'ai';
import { ClientScene, LIMITED_KEY, useOf } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { argumentsOf, longScript, type ModelScript, SCRIPT, TOOL_SCRIPT, textOf } from '../support/model-script.ts';
import { sayScript } from '../support/scripted-plan.ts';

interface Client {
  name: string;
  model: string;
  make(key: string, model?: string): LanguageModel;
}

const CLIENTS: readonly Client[] = [
  {
    name: 'anthropic',
    model: 'claude-haiku-4-5',
    make: (apiKey, model = 'claude-haiku-4-5') => createAnthropic({ apiKey, baseURL: `${scene.url}/v1` })(model),
  },
  {
    name: 'openai.chat',
    model: 'gpt-5',
    make: (apiKey, model = 'gpt-5') => createOpenAI({ apiKey, baseURL: `${scene.url}/v1` }).chat(model),
  },
  {
    name: 'openai.responses',
    model: 'gpt-5',
    make: (apiKey, model = 'gpt-5') => createOpenAI({ apiKey, baseURL: `${scene.url}/v1` }).responses(model),
  },
  {
    name: 'google',
    model: 'gemini-2.5-pro',
    make: (apiKey, model = 'gemini-2.5-pro') =>
      createGoogleGenerativeAI({ apiKey, baseURL: `${scene.url}/v1beta` })(model),
  },
];

let scene: ClientScene;
before(async () => {
  scene = await ClientScene.start();
});
after(() => scene?.close());

const inputSchema = jsonSchema({ type: 'object', properties: {} });
const TOOLS = Object.fromEntries(TOOL_SCRIPT.calls.map(({ name }) => [name, tool({ inputSchema })]));
/** What the SDK says of the tokens, as the books count them. */
const useSeen = (usage: {
  inputTokenDetails: { noCacheTokens?: number | undefined; cacheReadTokens?: number | undefined };
  outputTokens?: number | undefined;
}) => [usage.inputTokenDetails.noCacheTokens, usage.inputTokenDetails.cacheReadTokens, usage.outputTokens];

const told = (script: ModelScript) => script.calls.map((call) => [call.name, JSON.parse(argumentsOf(call))]);

for (const { name, model, make } of CLIENTS) {
  const script = { ...SCRIPT, model };
  const toolScript = { ...TOOL_SCRIPT, model };

  test(`${name}: generateText returns the text, the calls, and the usage that is billed`, async () => {
    for (const said of [script, toolScript]) {
      scene.upstream.plan = sayScript(said);
      const { result, row } = await scene.billingOne(() =>
        generateText({ model: make(KEY), prompt: 'hi', tools: TOOLS, maxRetries: 0 }),
      );
      assert.equal(result.text, textOf(said));
      assert.deepEqual(
        result.toolCalls.map(({ toolName, input }) => [toolName, input]),
        told(said),
      );
      assert.equal(result.finishReason, said.calls.length > 0 ? 'tool-calls' : 'stop');
      const { input, cached, output } = useOf(row);
      assert.deepEqual(useSeen(result.usage), [input, cached, output]);
      assert.deepEqual([input, cached, output], [said.use.input, said.use.cached, said.use.output]);
    }
  });

  test(`${name}: streamText adds up to the same`, async () => {
    for (const said of [script, toolScript]) {
      scene.upstream.plan = sayScript(said);
      const { result, row } = await scene.billingOne(async () => {
        const stream = streamText({ model: make(KEY), prompt: 'hi', tools: TOOLS, maxRetries: 0 });
        let text = '';
        for await (const piece of stream.textStream) text += piece;
        return { text, calls: await stream.toolCalls, usage: await stream.usage, finish: await stream.finishReason };
      });
      assert.equal(result.text, textOf(said));
      assert.deepEqual(
        result.calls.map(({ toolName, input }) => [toolName, input]),
        told(said),
      );
      assert.equal(result.finish, said.calls.length > 0 ? 'tool-calls' : 'stop');
      const { input, cached, output } = useOf(row);
      assert.deepEqual(useSeen(result.usage), [input, cached, output]);
      assert.equal(row.usageSource, 'reported');
    }
  });

  test(`${name}: an image reaches the account`, async () => {
    scene.upstream.plan = sayScript(script);
    const data = Buffer.from('89504e470d0a1a0a', 'hex');
    const content = [
      { type: 'text' as const, text: 'what?' },
      { type: 'file' as const, data, mediaType: 'image/png' },
    ];
    await generateText({ model: make(KEY), messages: [{ role: 'user', content }], maxRetries: 0 });
    assert.ok(scene.upstream.received.at(-1)!.body.includes(data.toString('base64')));
  });

  test(`${name}: an abort in the middle of a stream ends the work of the account, and is billed once`, async () => {
    scene.upstream.plan = sayScript({ ...longScript(3_000), model }, { paceMs: 15, cutBytesMax: 800 });
    const leave = new AbortController();
    await scene.abortIsBilledOnce(async () => {
      const stream = streamText({ model: make(KEY), prompt: 'hi', abortSignal: leave.signal, maxRetries: 0 });
      const types: string[] = [];
      for await (const { type } of stream.fullStream) {
        types.push(type);
        if (types.filter((seen) => seen === 'text-delta').length === 5) leave.abort();
      }
      assert.ok(types.includes('abort'), types.join());
    });
  });

  test(`${name}: errors are APICallErrors with their status and text; those of the caller are not tried again`, async () => {
    const error = { message: 'scripted 400', type: 'invalid_request_error', code: 400, status: 'INVALID_ARGUMENT' };
    scene.upstream.plan = () => ({ status: 400, body: Buffer.from(JSON.stringify({ type: 'error', error })) });
    for (const [chosen, status, text] of [
      [make(KEY), 400, /scripted 400/],
      [make('sk-ps-nobody'), 401, /not known/],
      [make(KEY, 'nobody'), 404, /No account of this group/],
    ] as const) {
      const asked = await scene.asked(async () => {
        await assert.rejects(generateText({ model: chosen, prompt: 'hi', maxRetries: 2 }), (thrown: unknown) => {
          assert.ok(APICallError.isInstance(thrown));
          assert.deepEqual([thrown.statusCode, thrown.isRetryable], [status, false]);
          assert.match(thrown.message, text);
          return true;
        });
      });
      assert.equal(asked, status === 400 ? 1 : 0);
    }
  });

  test(`${name}: a rate limited pool is tried again after the delay that it names`, async () => {
    let refusals = 1;
    scene.upstream.plan = (request) => (refusals-- > 0 ? { status: 429 } : sayScript(script)(request));
    const startedMs = performance.now();
    const { text } = await generateText({ model: make(LIMITED_KEY), prompt: 'hi', maxRetries: 2 });
    assert.equal(text, textOf(script));
    assert.ok(performance.now() - startedMs > 500, 'it waited');
  });

  test(`${name}: a stream that its account breaks is an error, never an end`, async () => {
    scene.upstream.plan = sayScript(script, { cutBytesMax: 200, breakAt: 4, breakHow: 'reset', paceMs: 5 });
    const stream = streamText({ model: make(KEY), prompt: 'hi', maxRetries: 0, onError: () => {} });
    const types: string[] = [];
    await assert.rejects(async () => {
      for await (const part of stream.fullStream) {
        types.push(part.type);
        if (part.type === 'error') throw part.error;
      }
    });
    assert.equal(types.includes('finish'), false, types.join());
  });
}
