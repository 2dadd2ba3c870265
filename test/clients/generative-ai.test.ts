/** Google's older SDK against a real gateway: it knows `/v1beta` alone, and reads streams more strictly than the newer one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type FunctionCall,
  GoogleGenerativeAI,
  GoogleGenerativeAIError,
  GoogleGenerativeAIFetchError,
} from '@google/generative-ai';
import { ClientScene, useOf } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { geminiError, geminiUsage } from '../support/gemini-answer.ts';
import { argumentsOf, longScript, type ModelScript, SCRIPT, TOOL_SCRIPT, textOf } from '../support/model-script.ts';
import { sayScript } from '../support/scripted-plan.ts';

const MODEL = 'gemini-2.5-pro';
const GEMINI: ModelScript = { ...SCRIPT, model: MODEL };
const GEMINI_TOOLS: ModelScript = { ...TOOL_SCRIPT, model: MODEL };

let scene: ClientScene;
before(async () => {
  scene = await ClientScene.start();
});
after(() => scene?.close());

function modelOf(apiKey = KEY, model = MODEL) {
  return new GoogleGenerativeAI(apiKey).getGenerativeModel({ model }, { baseUrl: scene.url });
}

test('an answer is that of the account, with the usage that is billed', async () => {
  scene.upstream.plan = sayScript(GEMINI);
  const { result, row } = await scene.billingOne(() => modelOf().generateContent('hi'));
  assert.equal(result.response.text(), textOf(GEMINI));
  assert.deepEqual(result.response.usageMetadata, geminiUsage(GEMINI.use));
  assert.deepEqual(useOf(row), GEMINI.use);
});

test('a stream adds up to what is answered whole, text and calls', async () => {
  for (const script of [GEMINI, GEMINI_TOOLS]) {
    scene.upstream.plan = sayScript(script);
    const { result, row } = await scene.billingOne(async () => {
      const { stream, response } = await modelOf().generateContentStream('hi');
      let text = '';
      const calls: FunctionCall[] = [];
      for await (const chunk of stream) {
        text += chunk.text();
        calls.push(...(chunk.functionCalls() ?? []));
      }
      return { text, calls, final: await response };
    });
    assert.equal(result.text, textOf(script));
    assert.equal(result.final.text(), textOf(script));
    // Of two calls in one chunk the SDK's own sum has the last one twice.
    assert.deepEqual(
      result.calls.map(({ name, args }) => [name, args]),
      script.calls.map((call) => [call.name, JSON.parse(argumentsOf(call))]),
    );
    assert.deepEqual(useOf(row), script.use);
  }
});

test('images and tools reach the account as the SDK sends them', async () => {
  scene.upstream.plan = sayScript(GEMINI_TOOLS);
  const image = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } };
  const tools = [{ functionDeclarations: [{ name: 'get_time', description: 'The time' }] }];
  await modelOf().generateContent({ contents: [{ role: 'user', parts: [{ text: 'what?' }, image] }], tools });
  const sent = scene.sent();
  assert.deepEqual([sent['contents'], sent['tools']], [[{ role: 'user', parts: [{ text: 'what?' }, image] }], tools]);
});

test('an abort in the middle of a stream ends the work of the account, and is billed once', async () => {
  scene.upstream.plan = sayScript(longScript(3_000), { paceMs: 15, cutBytesMax: 800 });
  await scene.abortIsBilledOnce(async () => {
    const leave = new AbortController();
    const { stream, response } = await modelOf().generateContentStream('hi', { signal: leave.signal });
    response.catch(() => {});
    let chunks = 0;
    const reading = async (): Promise<void> => {
      for await (const _ of stream) if (++chunks === 5) leave.abort();
    };
    await assert.rejects(reading(), GoogleGenerativeAIError);
    assert.ok(chunks >= 5);
  });
});

test("the account's errors and the gateway's refusals are fetch errors with their status and text", async () => {
  scene.upstream.plan = () => ({ status: 400, body: geminiError(400, 'INVALID_ARGUMENT', 'scripted 400') });
  for (const [asked, status, text] of [
    [() => modelOf().generateContent('hi'), 400, /scripted 400/],
    [() => modelOf('sk-ps-nobody').generateContent('hi'), 401, /not known.*API_KEY_INVALID/],
    [() => modelOf(KEY, 'nobody').generateContentStream('hi'), 404, /No account of this group serves this model/],
  ] as const) {
    await assert.rejects(asked(), (thrown: unknown) => {
      assert.ok(thrown instanceof GoogleGenerativeAIFetchError);
      assert.equal(thrown.status, status);
      assert.match(thrown.message, text);
      return true;
    });
  }
});

test('tokens are counted by the account, and text is embedded', async () => {
  scene.upstream.plan = () => ({ body: Buffer.from('{"totalTokens":12}') });
  assert.equal((await modelOf().countTokens('hi')).totalTokens, 12);
  assert.ok('generateContentRequest' in scene.sent(), 'in its longer form');
  scene.upstream.plan = () => ({ body: Buffer.from('{"embedding":{"values":[0.5]}}') });
  const { result, row } = await scene.billingOne(() => modelOf(KEY, 'gemini-embedding-001').embedContent('hi there'));
  assert.deepEqual(result.embedding.values, [0.5]);
  assert.ok(row.inputTokens > 0, 'its account tells no usage: it is estimated');
});
