import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import type { Reply } from '#edge/reply.ts';
import { TerminalHold } from '#edge/terminal-hold.ts';
import { AnthropicTap } from '#meter/anthropic-tap.ts';
import { GeminiTap } from '#meter/gemini-tap.ts';
import { ResponsesTap } from '#meter/responses-tap.ts';
import type { Tap } from '#meter/tap.ts';
import { cutAnywhere, frame, streamFrames } from '../support/anthropic-answer.ts';

const USAGE = { inputTokens: 9, outputTokens: 4, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };
const SHAPE = { id: 'm', model: 'x', usage: USAGE, events: 30, eventChars: 40, thinking: true, tool: true };
const STOP = Buffer.from('event: message_stop');

function makeHold(stream: boolean, budgetBytes = 1 << 20, tap: Tap = new AnthropicTap(), isArray = false) {
  const budget = new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), budgetBytes, 0);
  tap.start(stream, isArray);
  const sent: Buffer[] = [];
  let tail: Buffer = Buffer.alloc(0);
  let stopped = false;
  const reply = {
    push(chunk: Uint8Array) {
      sent.push(Buffer.from(chunk));
      const joined = Buffer.concat([tail, chunk]);
      stopped ||= joined.includes(STOP);
      tail = joined.subarray(-STOP.length);
    },
  } as unknown as Reply;
  const hold = new TerminalHold(reply, stream ? tap : null, budget);
  const push = (chunk: Buffer): boolean => {
    tap.push(chunk);
    return hold.push(chunk);
  };
  return { budget, hold, push, sent: () => Buffer.concat(sent), stopped: () => stopped };
}

test('under any chunking no byte of the last frame leaves before it may, and all others have', () => {
  const whole = Buffer.concat(streamFrames(SHAPE));
  const end = whole.indexOf(STOP);
  for (let seed = 0; seed < 200; seed++) {
    const { budget, hold, push, sent, stopped } = makeHold(true);
    for (const piece of cutAnywhere(whole, seed, 1 + (seed % 50) * 9)) {
      assert.ok(push(piece));
      assert.ok(!stopped());
    }
    // A blank line that was cut in two may be kept with the end.
    const left = sent().length;
    assert.ok(left <= end && left >= end - 2, `seed ${seed}: ${left} of ${end} bytes`);
    hold.letGo();
    assert.ok(stopped());
    assert.ok(sent().equals(whole));
    assert.equal(budget.usedBytes, 0);
  }
});

test('a frame that cannot be the end passes though it is not whole', () => {
  const { push, sent } = makeHold(true);
  push(Buffer.from('event: content_block_del'));
  assert.equal(sent().length, 24);
  push(Buffer.from('ta\ndata: {"a":'));
  assert.equal(sent().length, 38);
});

test('a frame longer than any that is read passes, and does not end the answer', () => {
  const { push, sent } = makeHold(true);
  const long = `event: message_stop\ndata: {"type":"message_stop","x":"${'y'.repeat(200_000)}"}\n\n`;
  for (let at = 0; at < long.length; at += 10_000) assert.ok(push(Buffer.from(long.slice(at, at + 10_000))));
  assert.equal(sent().length, long.length);
});

test('of a JSON answer the newest chunk is kept', () => {
  const { hold, push, sent } = makeHold(false);
  push(Buffer.from('{"a":'));
  assert.equal(sent().length, 0);
  push(Buffer.from('1}'));
  assert.equal(sent().toString(), '{"a":');
  hold.letGo();
  assert.equal(sent().toString(), '{"a":1}');
});

test('without room in the budget nothing of the end is let through, and what was taken is given back', () => {
  const { budget, hold, push, sent } = makeHold(true, 1024);
  assert.equal(push(Buffer.concat([frame({ type: 'message_stop' }), Buffer.alloc(2000, 0x0a)])), false);
  assert.equal(sent().length, 0);
  hold.drop();
  assert.equal(budget.usedBytes, 0);
});

test('a last frame that is longer than any that is read keeps its end, and what little comes behind it', () => {
  const { hold, push, sent } = makeHold(true, 1 << 20, new ResponsesTap());
  const response = {
    id: 'r',
    status: 'completed',
    instructions: 'y'.repeat(90_000),
    usage: { input_tokens: 1, output_tokens: 2 },
  };
  const text = `event: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', response })}\n\n`;
  for (const piece of [text.slice(0, 50_000), text.slice(50_000), 'data: [DONE]\n\n', '\n']) {
    assert.ok(push(Buffer.from(piece)));
  }
  hold.letGo();
  assert.equal(sent().toString(), `${text}data: [DONE]\n\n\n`);
});

test('an upstream that goes on without end behind its last frame is not kept without bound', () => {
  const { push } = makeHold(true);
  push(frame({ type: 'message_stop' }));
  let kept = 0;
  while (push(Buffer.alloc(10_000, 0x20))) kept += 10_000;
  assert.ok(kept < 100_000, `${kept} bytes`);
});

test('what has left of an array whose end is dropped can go on with one more element, wherever it was cut', () => {
  const said = (text: string): object => ({ candidates: [{ content: { parts: [{ text }] }, finishReason: null }] });
  const last = { ...said('c'), usageMetadata: { promptTokenCount: 1 }, candidates: [{ finishReason: 'STOP' }] };
  const elements = [said('a } b'), said(' ] , '), last].map((one) => JSON.stringify(one, null, 1));
  const whole = Buffer.from(`[${elements.join('\n,\r\n')}\n]\r\n`);
  for (let seed = 0; seed < 300; seed++) {
    const { hold, push, sent } = makeHold(true, 1 << 20, new GeminiTap(), true);
    for (const piece of cutAnywhere(whole, seed, 1 + (seed % 50) * 9)) assert.ok(push(piece));
    hold.drop();
    if (sent().length === 0) continue;
    const ended = JSON.parse(`${sent()}${hold.awaitsComma ? ',' : ''}{"error":{}}]`) as object[];
    assert.deepEqual(ended.at(-1), { error: {} }, `seed ${seed}`);
    assert.ok(ended.length > 1 || !hold.awaitsComma);
  }
});
