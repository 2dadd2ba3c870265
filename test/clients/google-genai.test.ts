/** The official Google Gen AI SDK against a real gateway: whole and streamed, on the paths of its own choice (`/v1`) and of older ones. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiError, type Content, type GenerateContentResponse, GoogleGenAI } from '@google/genai';
import { ClientScene, LIMITED_KEY, useOf } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { geminiError, geminiUsage } from '../support/gemini-answer.ts';
import { argumentsOf, longScript, type ModelScript, SCRIPT, TOOL_SCRIPT, textOf } from '../support/model-script.ts';
import { sayScript } from '../support/scripted-plan.ts';

const MODEL = 'gemini-2.5-pro';
const QUESTION = { model: MODEL, contents: 'hi' };
const GEMINI: ModelScript = { ...SCRIPT, model: MODEL };
const GEMINI_TOOLS: ModelScript = { ...TOOL_SCRIPT, model: MODEL };

let scene: ClientScene;
let client: GoogleGenAI;

before(async () => {
  scene = await ClientScene.start();
  client = clientOf(KEY);
});
after(() => scene?.close());

function clientOf(apiKey: string, attempts = 0, apiVersion?: string): GoogleGenAI {
  const retryOptions = attempts === 0 ? {} : { retryOptions: { attempts, initialDelay: 0.1 } };
  const version = apiVersion === undefined ? {} : { apiVersion };
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: scene.url, ...retryOptions, ...version } });
}

const declarations = GEMINI_TOOLS.calls.map(({ name }) => ({ name, parametersJsonSchema: { type: 'object' } }));
const config = { tools: [{ functionDeclarations: declarations }] };

async function collect(stream: AsyncGenerator<GenerateContentResponse>): Promise<GenerateContentResponse[]> {
  const chunks: GenerateContentResponse[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const partsOf = ({ candidates }: GenerateContentResponse) => candidates?.[0]?.content?.parts ?? [];
const textIn = (answer: GenerateContentResponse): string =>
  partsOf(answer)
    .map(({ text }) => text ?? '')
    .join('');

test('an answer is that of the account, with the usage that is billed, on every version of the path', async () => {
  for (const apiVersion of [undefined, 'v1beta', 'v1alpha']) {
    scene.upstream.plan = sayScript(GEMINI);
    const { result, row } = await scene.billingOne(() => clientOf(KEY, 0, apiVersion).models.generateContent(QUESTION));
    assert.deepEqual([result.text, result.candidates?.[0]?.finishReason], [textOf(GEMINI), 'STOP']);
    assert.deepEqual(result.usageMetadata, geminiUsage(GEMINI.use));
    assert.deepEqual([useOf(row), row.model, row.protocol], [GEMINI.use, MODEL, 'gemini']);
    const { url, headers } = scene.upstream.received.at(-1)!;
    assert.equal(url, `/v1beta/models/${MODEL}:generateContent`);
    assert.equal(headers['x-goog-api-key'], 'sk-up-gemini-main', "the account's key, not the client's");
  }
});

test('a stream adds up to what is answered whole', async () => {
  for (const script of [GEMINI, GEMINI_TOOLS]) {
    scene.upstream.plan = sayScript(script);
    const { result, row } = await scene.billingOne(async () =>
      collect(await client.models.generateContentStream({ ...QUESTION, config })),
    );
    assert.equal(result.map(textIn).join(''), textOf(script));
    const calls = result.flatMap((chunk) => chunk.functionCalls ?? []);
    assert.deepEqual(
      calls.map(({ id, args }) => [id, args]),
      script.calls.map((call) => [call.id, JSON.parse(argumentsOf(call))]),
    );
    assert.equal(result.at(-1)?.candidates?.[0]?.finishReason, 'STOP');
    assert.deepEqual(result.at(-1)?.usageMetadata, geminiUsage(script.use));
    assert.deepEqual([useOf(row), row.usageSource], [script.use, 'reported']);
  }
});

test('tools, their results and images reach the account as the SDK sends them', async () => {
  scene.upstream.plan = sayScript(GEMINI_TOOLS);
  const contents: Content[] = [
    { role: 'user', parts: [{ text: 'what?' }, { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }] },
    { role: 'model', parts: [{ functionCall: { name: 'get_time', args: { n: 1 } }, thoughtSignature: 'c2ln' }] },
    { role: 'user', parts: [{ functionResponse: { name: 'get_time', response: { output: '12:00' } } }] },
  ];
  const answer = await client.models.generateContent({ model: MODEL, contents, config });
  const sent = scene.sent();
  assert.deepEqual([sent['contents'], sent['tools']], [contents, config.tools]);
  assert.deepEqual(
    answer.functionCalls?.map(({ args }) => args),
    [{ city: 'München' }, { zone: 'CET' }],
  );
});

test('an abort in the middle of a stream ends the work of the account, and is billed once', async () => {
  scene.upstream.plan = sayScript(longScript(3_000), { paceMs: 15, cutBytesMax: 800 });
  const leave = new AbortController();
  const row = await scene.abortIsBilledOnce(async () => {
    const asked = { ...QUESTION, config: { abortSignal: leave.signal } };
    const stream = await client.models.generateContentStream(asked);
    let chunks = 0;
    const reading = async (): Promise<void> => {
      for await (const _ of stream) if (++chunks === 5) leave.abort();
    };
    await assert.rejects(reading(), { name: 'AbortError' });
    assert.ok(chunks >= 5);
  });
  assert.equal(row.inputTokens, SCRIPT.use.input, 'every chunk tells the input');
});

test("errors are ApiErrors with the account's status and text", async () => {
  for (const [status, name] of [
    [400, 'INVALID_ARGUMENT'],
    [404, 'NOT_FOUND'],
  ] as const) {
    scene.upstream.plan = () => ({ status, body: geminiError(status, name, `scripted ${status}`) });
    await assert.rejects(client.models.generateContent(QUESTION), (thrown: unknown) => {
      assert.ok(thrown instanceof ApiError);
      assert.equal(thrown.status, status);
      assert.match(thrown.message, new RegExp(`scripted ${status}.*${name}`));
      return true;
    });
  }
});

test('refusals of the gateway are ApiErrors that say the reason as Google does', async () => {
  for (const [asked, status, reason] of [
    [() => clientOf('sk-ps-nobody').models.generateContent(QUESTION), 401, /API_KEY_INVALID/],
    [() => client.models.generateContent({ ...QUESTION, model: 'nobody' }), 404, /NOT_FOUND/],
    [() => client.models.generateContentStream({ ...QUESTION, model: 'nobody' }), 404, /NOT_FOUND/],
  ] as const) {
    await assert.rejects(asked(), (thrown: unknown) => {
      assert.ok(thrown instanceof ApiError);
      assert.equal(thrown.status, status);
      assert.match(thrown.message, reason);
      return true;
    });
  }
});

test('a rate limited pool is 429 RESOURCE_EXHAUSTED with its delay; with retries the SDK gets its answer', async () => {
  let refusals = 1;
  const limited = geminiError(429, 'RESOURCE_EXHAUSTED', 'slow down');
  scene.upstream.plan = (request) => (refusals-- > 0 ? { status: 429, body: limited } : sayScript(GEMINI)(request));
  await assert.rejects(clientOf(LIMITED_KEY).models.generateContent(QUESTION), (thrown: unknown) => {
    assert.ok(thrown instanceof ApiError);
    assert.equal(thrown.status, 429);
    assert.match(thrown.message, /RESOURCE_EXHAUSTED.*RetryInfo.*"retryDelay":"1s"/);
    return true;
  });
  const answer = await clientOf(LIMITED_KEY, 6).models.generateContent(QUESTION);
  assert.equal(answer.text, textOf(GEMINI));
});

test('tokens are counted by the account, unbilled; text is embedded, billed by its input', async () => {
  scene.upstream.plan = () => ({ body: Buffer.from('{"totalTokens":12}') });
  const counted = await scene.billing(() => client.models.countTokens(QUESTION));
  assert.deepEqual([counted.result.totalTokens, counted.rows.length], [12, 0]);
  const body = { embeddings: [{ values: [0.5, 0.25] }], usageMetadata: { promptTokenCount: 6 } };
  scene.upstream.plan = () => ({ body: Buffer.from(JSON.stringify(body)) });
  const { result, row } = await scene.billingOne(() =>
    client.models.embedContent({ model: 'gemini-embedding-001', contents: ['six tokens, it says'] }),
  );
  assert.deepEqual(result.embeddings?.[0]?.values, [0.5, 0.25]);
  assert.deepEqual([row.inputTokens, row.outputTokens, row.usageSource], [6, 0, 'reported']);
});

test('models are listed and retrieved', async () => {
  const names: string[] = [];
  for await (const { name } of await client.models.list()) names.push(name ?? '');
  assert.ok(names.includes(`models/${MODEL}`), names.join());
  assert.equal((await client.models.get({ model: MODEL })).name, `models/${MODEL}`);
});

const EMBEDDING = { model: 'gemini-embedding-001', contents: ['hi'] };

test('an abort of embeddings before their answer ends the work of the account, and is not billed', async () => {
  const thrown = await scene.abortIsFree((abortSignal) =>
    client.models.embedContent({ ...EMBEDDING, config: { abortSignal } }),
  );
  assert.equal((thrown as Error).name, 'AbortError');
});

test("embeddings: the account's errors and the refusals of the gateway are ApiErrors, and what may pass is tried again", async () => {
  scene.upstream.plan = () => ({ status: 400, body: geminiError(400, 'INVALID_ARGUMENT', 'scripted 400') });
  const { rows } = await scene.billing(async () => {
    for (const [asked, status, words] of [
      [() => client.models.embedContent(EMBEDDING), 400, /scripted 400.*INVALID_ARGUMENT/],
      [() => clientOf('sk-ps-nobody').models.embedContent(EMBEDDING), 401, /API_KEY_INVALID/],
      [() => client.models.embedContent({ ...EMBEDDING, model: 'nobody' }), 404, /NOT_FOUND/],
    ] as const) {
      await assert.rejects(asked(), (thrown: unknown) => {
        assert.ok(thrown instanceof ApiError);
        assert.equal(thrown.status, status);
        assert.match(thrown.message, words);
        return true;
      });
    }
  });
  assert.deepEqual(rows, []);
  let failures = 1;
  const body = Buffer.from('{"embeddings":[{"values":[0.5]}]}');
  scene.upstream.plan = () => (failures-- > 0 ? { status: 500 } : { body });
  const { embeddings } = await clientOf(KEY, 3).models.embedContent(EMBEDDING);
  assert.deepEqual(embeddings?.[0]?.values, [0.5]);
});
