import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatTap } from '#meter/chat-tap.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { tapped, testFixtures } from '../support/tap-fixtures.ts';

testFixtures(new URL('fixtures/chat/', import.meta.url), () => new ChatTap());

const chunk = (delta: object, more: object = {}): string =>
  `data: ${JSON.stringify({ model: 'm', choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
const USAGE = `data: {"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n`;

test('a chunk of megabytes passes without being held, its text counts, and the usage behind it is read', () => {
  const bytes = Buffer.from(`${chunk({ content: 'B'.repeat(3_000_000) })}${USAGE}data: [DONE]\n\n`);
  const tap = new ChatTap();
  const whole = tapped(tap, 'sse', [bytes]);
  assert.deepEqual(
    [tap.usage.inputTokens, tap.usage.outputTokens, tap.usage.seen, tap.terminal],
    [7, 3, 'final', true],
  );
  assert.ok(tap.estimatedOutputTokens > 999_000);
  assert.deepEqual(tapped(new ChatTap(), 'sse', cutAnywhere(bytes, 1, 20_000)), whole);
});

test('the JSON usage behind a body of megabytes is found', () => {
  const content = 'é"\\'.repeat(500_000);
  const usage = { prompt_tokens: 1, completion_tokens: 260_000 };
  const bytes = Buffer.from(JSON.stringify({ choices: [{ message: { content } }], usage }));
  const tap = new ChatTap();
  tapped(tap, 'body', cutAnywhere(bytes, 1, 60_000));
  assert.deepEqual([tap.usage.outputTokens, tap.terminal], [260_000, true]);
});

test('an empty finish reason in every chunk is no end: the one that says something is', () => {
  const said = (content: string, reason: string): Buffer =>
    Buffer.from(`data: {"model":"m","choices":[{"delta":{"content":"${content}"},"finish_reason":"${reason}"}]}\n\n`);
  const begun = ['a', 'bc', 'def', 'ghij'].map((content) => said(content, ''));
  const tap = new ChatTap();
  tapped(tap, 'sse', begun);
  assert.deepEqual([tap.terminal, tap.billable(9).source], [false, 'estimated']);
  tapped(tap, 'sse', [...begun, said('', 'stop')]);
  assert.equal(tap.terminal, true);
  tapped(tap, 'sse', [...begun, Buffer.from('data: [DONE]\n\n')]);
  assert.equal(tap.terminal, true);
});

test('content and handshake are told apart while a stream arrives', () => {
  const tap = new ChatTap();
  tap.start(true);
  const seen: boolean[][] = [];
  for (const delta of [{ role: 'assistant', content: '' }, {}, { content: 'a' }]) {
    tap.push(Buffer.from(chunk(delta)));
    seen.push([tap.handshakeOnly, tap.contentSeen]);
  }
  assert.deepEqual(seen, [
    [true, false],
    [true, false],
    [false, true],
  ]);
});

test('an error in place of an answer is not billed; an answer that broke is, by its text', () => {
  const tap = new ChatTap();
  for (const [form, text] of [
    ['sse', 'data: {"error":{"code":"server_error"}}\n\n'],
    ['body', '{"error":{"code":"server_error"}}'],
  ]) {
    tapped(tap, form!, [Buffer.from(text!)]);
    const { inputTokens, outputTokens } = tap.billable(100).counts;
    assert.deepEqual([inputTokens, outputTokens], [0, 0]);
  }
  tapped(tap, 'sse', [Buffer.from(`${chunk({ content: 'abcdef' })}data: {"error":{"code":"server_error"}}\n\n`)]);
  const { counts, source } = tap.billable(100);
  assert.deepEqual([counts.inputTokens, counts.outputTokens, source], [100, 2, 'estimated']);
});

test('an error beside choices is one, null is none, and neither is an object of that name within them', () => {
  const beside = (error: unknown, choice: object = {}): string =>
    `data: ${JSON.stringify({ error, choices: [{ delta: { content: '' }, finish_reason: 'error', ...choice }] })}\n\n`;
  const tap = new ChatTap();
  for (const [text, type, content] of [
    [beside({ code: 'server_error' }), 'server_error', false],
    [beside(null), null, true],
    [beside(undefined, { error: { code: 502 } }), null, true],
  ] as const) {
    tap.start(true);
    tap.push(Buffer.from(text));
    assert.deepEqual([tap.errorType, tap.contentSeen], [type, content], text);
    assert.equal(tap.handshakeOnly, false);
  }
});

test('an error may be a text alone', () => {
  for (const [error, type] of [
    ['the model is loading', ''],
    ['', null],
    [null, null],
  ] as const) {
    const tap = new ChatTap();
    tap.start(false);
    tap.push(Buffer.from(JSON.stringify({ error })));
    tap.end();
    assert.equal(tap.errorType, type);
  }
});

test('what the model says in the words of the protocol neither ends a stream nor bills it', () => {
  const said = {
    usage: { prompt_tokens: 0, completion_tokens: 0 },
    finish_reason: 'x',
    service_tier: 'flex',
    error: {},
  };
  const delta = { tool_calls: [{ function: { name: 'f', arguments: { ...said, said } } }] };
  const tap = new ChatTap();
  tap.start(true);
  tap.push(Buffer.from(chunk(delta).repeat(3)));
  tap.end();
  assert.deepEqual([tap.terminal, tap.usage.seen, tap.serviceTier, tap.errorEvent], [false, 'none', '', false]);
  const own = { usage: { prompt_tokens: 7, completion_tokens: 3 }, service_tier: 'default' };
  tapped(tap, 'sse', [Buffer.from(`${chunk(delta, own)}data: [DONE]\n\n`)]);
  assert.deepEqual([tap.usage.inputTokens, tap.usage.outputTokens, tap.serviceTier], [7, 3, 'default']);
});

test('a usage within the choice, or in an object of its own, is read', () => {
  const usage = { prompt_tokens: 7, completion_tokens: 3 };
  for (const last of [
    { choices: [{ delta: {}, finish_reason: 'stop', usage }] },
    { choices: [{ delta: {}, finish_reason: 'stop' }], x_own: { usage } },
  ]) {
    const tap = new ChatTap();
    tapped(tap, 'sse', [Buffer.from(`${chunk({ content: 'a' })}data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`)]);
    assert.deepEqual([tap.usage.outputTokens, tap.usage.seen], [3, 'final']);
  }
});

test('an answer in one chunk beyond what is held says its end and its usage behind the content', () => {
  const usage = { prompt_tokens: 7, completion_tokens: 3 };
  for (const imageBytes of [300_000, 65_300, 65_400, 65_450]) {
    const images = [{ image_url: { url: 'A'.repeat(imageBytes) } }];
    const last = { choices: [{ delta: { images }, finish_reason: 'stop' }], usage, service_tier: 'priority' };
    const bytes = Buffer.from(`data: ${JSON.stringify(last)}\n\n`);
    const tap = new ChatTap();
    const whole = tapped(tap, 'sse', [bytes]);
    assert.deepEqual(
      [tap.usage.outputTokens, tap.usage.seen, tap.terminal, tap.serviceTier, tap.handshakeOnly],
      [3, 'final', true, 'priority', false],
    );
    assert.deepEqual(tapped(new ChatTap(), 'sse', cutAnywhere(bytes, 1, 9_000)), whole);
  }
});
