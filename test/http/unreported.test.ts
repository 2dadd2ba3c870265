/**
 * Answers whose account reports no usage: they are charged by what was said, marked as an estimate, whatever stands around it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Billed, ClientScene } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { send } from '../support/http-client.ts';

const WORDS = 'Ol\u00e9! "Water" is wet. ';
const CALL = { city: 'Oslo', days: [1, 2] };
/** Names, ids, signatures: far longer than what is said. */
const ENVELOPE = 'e'.repeat(3_000);
const JSON_TYPE = { 'content-type': 'application/json' };
const PROMPT = 'How wet is water?';

interface Route {
  name: string;
  path: string;
  body: object;
  answer: object;
  /** What counts of it, as it stands in JSON. */
  said: string[];
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
const ROUTES: readonly Route[] = [
  {
    name: 'Chat Completions',
    path: '/v1/chat/completions',
    body: { model: 'gpt-own', messages: [{ role: 'user', content: PROMPT }] },
    answer: {
      id: ENVELOPE,
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: WORDS,
            tool_calls: [{ id: ENVELOPE, type: 'function', function: { name: 'w', arguments: JSON.stringify(CALL) } }],
          },
          logprobs: { content: [{ token: ENVELOPE }] },
          finish_reason: 'stop',
        },
      ],
    },
    said: [inJson(WORDS), inJson(JSON.stringify(CALL))],
  },
  {
    name: 'completions',
    path: '/v1/completions',
    body: { model: 'gpt-own', prompt: PROMPT },
    answer: { id: ENVELOPE, choices: [{ text: WORDS, finish_reason: 'stop' }] },
    said: [inJson(WORDS)],
  },
  {
    name: 'Responses',
    path: '/v1/responses',
    body: { model: 'gpt-own', input: PROMPT },
    answer: {
      id: 'resp_1',
      instructions: ENVELOPE,
      text: { format: { type: 'text' } },
      output: [
        {
          type: 'reasoning',
          id: ENVELOPE,
          encrypted_content: ENVELOPE,
          summary: [{ type: 'summary_text', text: WORDS }],
        },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: WORDS, annotations: [] }] },
        { type: 'function_call', name: 'w', arguments: JSON.stringify(CALL) },
      ],
      tools: [{ type: 'function', name: 'w', parameters: { description: ENVELOPE } }],
    },
    said: [inJson(WORDS), inJson(WORDS), inJson(JSON.stringify(CALL))],
  },
  {
    name: 'Messages',
    path: '/v1/messages',
    body: { model: 'claude-own', max_tokens: 64, messages: [{ role: 'user', content: PROMPT }] },
    answer: {
      id: ENVELOPE,
      type: 'message',
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: WORDS, signature: ENVELOPE },
        { type: 'text', text: WORDS },
        { type: 'tool_use', id: ENVELOPE, name: 'w', input: CALL },
      ],
      stop_reason: 'tool_use',
    },
    said: [inJson(WORDS), inJson(WORDS), JSON.stringify(CALL)],
  },
  {
    name: 'Gemini',
    path: '/v1beta/models/gemini-x:generateContent',
    body: { contents: [{ role: 'user', parts: [{ text: PROMPT }] }] },
    answer: {
      candidates: [
        {
          content: {
            role: 'model',
            parts: [{ text: WORDS, thoughtSignature: ENVELOPE }, { functionCall: { name: 'w', args: CALL } }],
          },
          finishReason: 'STOP',
          groundingMetadata: { searchEntryPoint: ENVELOPE },
        },
      ],
      responseId: ENVELOPE,
    },
    said: [inJson(WORDS), JSON.stringify(CALL)],
  },
];

let scene: ClientScene;

before(async () => {
  scene = await ClientScene.start();
});
after(() => scene?.close());

/** By the fallback price of the scene, of 1 $ a million input tokens and 2 $ a million output tokens. */
function chargeOf({ inputTokens, outputTokens }: Billed): string {
  return String(inputTokens * 1_000 + outputTokens * 2_000);
}

for (const { name, path, body, answer, said } of ROUTES) {
  test(`${name}: a whole answer without usage costs what its texts say, never what stands around them`, async () => {
    const text = JSON.stringify(answer, null, 4);
    scene.upstream.plan = () => ({ headers: JSON_TYPE, body: Buffer.from(text), cutBytesMax: 700 });
    const { result, row } = await scene.billingOne(() => send(scene.url, { path, key: KEY, body }));
    assert.equal(result.body.toString(), text);
    const bytes = said.reduce((sum, each) => sum + Buffer.byteLength(each), 0);
    assert.deepEqual(
      [row.usageSource, row.status, row.inputTokens, row.outputTokens],
      ['estimated', 'completed', Math.ceil((PROMPT.length * 2) / 5), Math.ceil(bytes / 3)],
    );
    assert.equal(row.chargedNanoUsd, chargeOf(row));
  });
}
