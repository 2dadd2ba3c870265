/** Gemini's streams: what the model or the client says in the words of the protocol neither ends a stream nor changes its bill. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ClientScene } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { send } from '../support/http-client.ts';
import type { Plan } from '../support/upstream.ts';

const SSE = { 'content-type': 'text/event-stream' };
const GRACE_MS = 200;
const PATH = '/v1beta/models/gemini-x:streamGenerateContent';
const CONTENTS = [{ role: 'user', parts: [{ text: 'hi' }] }];

let scene: ClientScene;
before(async () => {
  scene = await ClientScene.start({ relay: { terminalGraceMs: GRACE_MS } });
});
after(() => scene?.close());

function say(chunks: readonly object[], plan: Plan = {}): void {
  const pieces = chunks.map((chunk) => Buffer.from(`data: ${JSON.stringify(chunk)}\r\n\r\n`));
  scene.upstream.plan = () => ({ pieces, headers: SSE, ...plan });
}
const usageMetadata = { promptTokenCount: 9, candidatesTokenCount: 500 };
const chunk = (part: object, more: object = {}): object => ({ candidates: [{ content: { parts: [part] }, ...more }] });

test('the arguments of a call neither end the stream nor say its usage', async () => {
  const said = {
    blockReason: 'spam',
    finishReason: 'x',
    usageMetadata: { promptTokenCount: 0, candidatesTokenCount: 0 },
  };
  const call = { functionCall: { name: 'log', args: { ...said, promptFeedback: said } } };
  const last = { ...chunk(call, { finishReason: 'STOP' }), usageMetadata };
  say([chunk(call), last], { paceMs: 5 * GRACE_MS });
  const { result, row } = await scene.billingOne(() =>
    send(scene.url, { path: `${PATH}?alt=sse`, key: KEY, body: { contents: CONTENTS } }),
  );
  assert.deepEqual([result.whole, result.body.toString().split('functionCall').length], [true, 3]);
  assert.deepEqual([row.status, row.inputTokens, row.outputTokens, row.usageSource], ['completed', 9, 500, 'reported']);
});

test('a candidate that has finished does not cut off the one that has not', async () => {
  const of = (index: number): object => ({
    ...chunk({ text: `candidate ${index}` }, { finishReason: 'STOP', index }),
    usageMetadata: { ...usageMetadata, candidatesTokenCount: index === 0 ? 1 : 500 },
  });
  say([of(0), of(1)], { paceMs: 5 * GRACE_MS });
  const body = { contents: CONTENTS, generationConfig: { candidateCount: 2 } };
  const { result, row } = await scene.billingOne(() => send(scene.url, { path: `${PATH}?alt=sse`, key: KEY, body }));
  assert.match(result.body.toString(), /candidate 1/);
  assert.deepEqual([result.whole, row.status, row.outputTokens], [true, 'completed', 500]);
});

test('a query that would hide the usage is refused, and nobody is asked', async () => {
  const asked = scene.upstream.received.length;
  for (const query of ['alt=sse&fields=candidates(content)', 'alt=proto', '$alt=json']) {
    for (const path of [PATH, PATH.replace('gemini-x', 'gpt-x'), PATH.replace('stream', '').replace('G', 'g')]) {
      const { status, body } = await send(scene.url, {
        path: `${path}?${query}`,
        key: KEY,
        body: { contents: CONTENTS },
      });
      const { error } = JSON.parse(body.toString());
      assert.deepEqual([status, error.code, error.status], [400, 400, 'INVALID_ARGUMENT'], query);
      assert.match(error.message, /fields: not a|alt: expected sse|\$alt: not a/);
    }
  }
  assert.equal(scene.upstream.received.length, asked);
});

test('an answer whose one event is a picture is whole, and billed by the usage behind it', async () => {
  const image = { inlineData: { mimeType: 'image/png', data: 'A'.repeat(300_000) } };
  const last = { ...chunk(image, { finishReason: 'STOP' }), usageMetadata };
  for (const [path, contentType, body] of [
    [`${PATH}?alt=sse`, 'text/event-stream', `data: ${JSON.stringify(last)}\r\n\r\n`],
    [PATH, 'application/json', `[${JSON.stringify(last)}\n]`],
  ] as const) {
    scene.upstream.plan = () => ({
      body: Buffer.from(body),
      cutBytesMax: 50_000,
      headers: { 'content-type': contentType },
    });
    const asked = scene.upstream.received.length;
    const { result, row } = await scene.billingOne(() =>
      send(scene.url, { path, key: KEY, body: { contents: CONTENTS } }),
    );
    assert.deepEqual([result.status, result.whole, result.body.toString() === body], [200, true, true], path);
    assert.deepEqual(
      [row.status, row.inputTokens, row.outputTokens, row.usageSource],
      ['completed', 9, 500, 'reported'],
    );
    assert.equal(scene.upstream.received.length, asked + 1);
  }
});

test('a long last chunk is turned whole for a client of another protocol', async () => {
  say([{ ...chunk({ text: 'b'.repeat(100_000) }, { finishReason: 'STOP' }), usageMetadata }]);
  const body = { model: 'gemini-x', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'hi' }] };
  const { result, row } = await scene.billingOne(() => send(scene.url, { path: '/v1/messages', key: KEY, body }));
  assert.equal(result.events().at(-1)?.event, 'message_stop');
  assert.deepEqual(
    [row.status, row.outputTokens, row.usageSource, row.upstreamProtocol],
    ['completed', 500, 'reported', 'gemini'],
  );
});
