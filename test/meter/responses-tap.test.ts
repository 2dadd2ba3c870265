import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponsesMessageTap } from '#meter/responses-message-tap.ts';
import { ResponsesTap } from '#meter/responses-tap.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { tapped, testFixtures } from '../support/tap-fixtures.ts';

testFixtures(new URL('fixtures/responses/', import.meta.url), () => new ResponsesTap());

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const DELTA = event('response.output_text.delta', { delta: 'hello' });
const usage = { input_tokens: 7, output_tokens: 3 };

test('a last event beyond what is held is read from its end, where the usage is', () => {
  const instructions = 'x'.repeat(200_000);
  const response = { id: 'resp_1', instructions, output: [{ text: 'y'.repeat(100_000) }], service_tier: 'flex', usage };
  const bytes = Buffer.from(
    event('response.created', { response: { id: 'resp_1', model: 'm', instructions } }) +
      DELTA +
      event('response.completed', { response: { ...response, user: null, metadata: {} } }),
  );
  const tap = new ResponsesTap();
  const whole = tapped(tap, 'sse', [bytes]);
  assert.deepEqual(
    [tap.usage.inputTokens, tap.usage.seen, tap.serviceTier, tap.answerId],
    [7, 'final', 'flex', 'resp_1'],
  );
  for (const pieceBytesMax of [700, 9_000, 66_000]) {
    assert.deepEqual(tapped(new ResponsesTap(), 'sse', cutAnywhere(bytes, 1, pieceBytesMax)), whole);
  }
});

test('an event of megabytes passes, and what follows it is read', () => {
  const image = event('response.image_generation_call.partial_image', { partial_image_b64: 'A'.repeat(3_000_000) });
  const bytes = Buffer.from(image + DELTA + event('response.completed', { response: { id: 'r', usage } }));
  const tap = new ResponsesTap();
  const whole = tapped(tap, 'sse', [bytes]);
  assert.deepEqual([tap.usage.outputTokens, tap.terminal], [3, true]);
  assert.deepEqual(tapped(new ResponsesTap(), 'sse', cutAnywhere(bytes, 1, 20_000)), whole);
});

test('content and handshake are told apart while a stream arrives', () => {
  const tap = new ResponsesTap();
  tap.start(true);
  const seen: boolean[][] = [];
  for (const type of ['response.created', 'response.in_progress', 'response.output_item.added']) {
    tap.push(Buffer.from(event(type, {})));
    seen.push([tap.handshakeOnly, tap.contentSeen]);
  }
  assert.deepEqual(seen, [
    [true, false],
    [true, false],
    [false, true],
  ]);
});

test('messages of a WebSocket are read like the data of events', () => {
  const tap = new ResponsesMessageTap();
  tap.start();
  for (const frame of [DELTA, event('response.completed', { response: { id: 'r', usage } })]) {
    tap.push(Buffer.from(frame.slice(frame.indexOf('{')).trimEnd()));
  }
  assert.deepEqual(
    [tap.usage.outputTokens, tap.usage.seen, tap.terminal, tap.estimatedOutputTokens],
    [3, 'final', true, 2],
  );
});

test('a whole response that failed is an error, wherever it says why, also when it says nothing', () => {
  const error = { code: 'invalid_prompt', message: 'no' };
  const documents: [document: object, type: string | null][] = [
    [{ status: 'failed', error }, 'invalid_prompt'],
    [{ error, status: 'failed' }, 'invalid_prompt'],
    [{ status: 'failed', error: null }, ''],
    [{ status: 'completed', error: null, usage }, null],
    [{ status: 'incomplete', output: [{ status: 'failed' }] }, null],
  ];
  for (const [document, type] of documents) {
    for (const pieces of [[JSON.stringify(document)], [...JSON.stringify(document)]]) {
      const tap = new ResponsesTap();
      tap.start(false);
      for (const piece of pieces) {
        tap.push(Buffer.from(piece));
        assert.ok(type === '' ? tap.errorType === null : tap.errorType !== '', 'no type is told before it is known');
      }
      tap.end();
      assert.equal(tap.errorType, type);
      tap.start(false);
      tap.end();
      assert.equal(tap.errorType, null, 'the next answer');
    }
  }
});
