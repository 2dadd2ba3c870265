import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GeminiTap } from '#meter/gemini-tap.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { tapped, testFixtures } from '../support/tap-fixtures.ts';

testFixtures(new URL('fixtures/gemini/', import.meta.url), () => new GeminiTap());

const usageMetadata = { promptTokenCount: 7, candidatesTokenCount: 3 };
const LAST = JSON.stringify({
  candidates: [{ content: { parts: [{ text: '.' }] }, finishReason: 'STOP' }],
  usageMetadata,
});

test('an image of megabytes passes as event and as element, and the usage behind it is read', () => {
  const data = 'A'.repeat(3_000_000);
  const image = JSON.stringify({
    candidates: [{ content: { parts: [{ inlineData: { mimeType: 'image/png', data } }] } }],
  });
  for (const [form, text] of [
    ['sse', `data: ${image}\r\n\r\ndata: ${LAST}\r\n\r\n`],
    ['array', `[${image},\r\n${LAST}]`],
  ]) {
    const tap = new GeminiTap();
    const whole = tapped(tap, form!, [Buffer.from(text!)]);
    assert.deepEqual(
      [tap.usage.inputTokens, tap.usage.outputTokens, tap.usage.seen, tap.terminal],
      [7, 3, 'final', true],
    );
    assert.deepEqual(tapped(new GeminiTap(), form!, cutAnywhere(Buffer.from(text!), 1, 20_000)), whole);
  }
});

test('text that was not held still counts where no usage comes', () => {
  const long = JSON.stringify({ candidates: [{ content: { parts: [{ text: 'B'.repeat(300_000) }] } }] });
  const tap = new GeminiTap();
  tapped(tap, 'sse', [Buffer.from(`data: ${long}\n\n`)]);
  assert.ok(tap.estimatedOutputTokens >= 100_000);
  tapped(tap, 'array', cutAnywhere(Buffer.from(`[${long}`), 1, 9_000));
  assert.ok(tap.estimatedOutputTokens >= 100_000);
});

test('the end of an array is its bracket, not the last element', () => {
  const tap = new GeminiTap();
  tap.start(true, true);
  tap.push(Buffer.from(`[${LAST}`));
  assert.equal(tap.terminal, false);
  tap.push(Buffer.from('\n]'));
  assert.equal(tap.terminal, true);
});
