/**
 * The tap and its readers of event streams and JSON answers: they take any bytes, change none, hold no more than they may, and come
 * to the same result wherever the chunks end.
 */
import assert from 'node:assert/strict';
import { AnthropicTap } from '#meter/anthropic-tap.ts';
import { HELD_BYTES_MAX } from '#meter/tap.ts';
import { jsonMessage, streamFrames } from '../support/anthropic-answer.ts';
import { below } from '../support/request-generator.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { seedOf, type Target, texts } from './target.ts';

const usedTap = new AnthropicTap();

/** Everything that the tap has to tell of these chunks. */
function tapped(stream: boolean, chunks: readonly Uint8Array[], tap = usedTap): object {
  tap.start(stream);
  for (const chunk of chunks) {
    tap.push(chunk);
    assert.ok(tap.heldBytes <= HELD_BYTES_MAX);
  }
  tap.end();
  const { usage, terminal, errorType, model, contentSeen, handshakeOnly, estimatedOutputTokens } = tap;
  return {
    usage,
    terminal,
    errorType,
    model,
    contentSeen,
    handshakeOnly,
    estimatedOutputTokens,
    bill: tap.billable(100),
  };
}

function cut(bytes: Buffer, pieceBytes: () => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + pieceBytes());
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

function parsedObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function check(bytes: Buffer): void {
  const random = seededRandom(seedOf(bytes));
  for (const stream of [true, false]) {
    const whole = tapped(stream, [bytes]);
    assert.deepEqual(tapped(stream, [bytes], new AnthropicTap()), whole, 'what came before says nothing');
    assert.deepEqual(
      tapped(
        stream,
        cut(bytes, () => 1),
      ),
      whole,
      'a byte at a time',
    );
    assert.deepEqual(
      tapped(
        stream,
        cut(bytes, () => below(random, 40)),
      ),
      whole,
      'random chunks, empty ones among them',
    );
    for (const { inputTokens, outputTokens } of [usedTap.billable(0).counts]) {
      assert.ok(
        Number.isSafeInteger(inputTokens) &&
          inputTokens >= 0 &&
          Number.isSafeInteger(outputTokens) &&
          outputTokens >= 0,
      );
    }
  }
  if (parsedObject(bytes) !== null) assert.ok(usedTap.terminal, 'a whole JSON document is whole to the tap');
}

const usage = { inputTokens: 5, outputTokens: 7, cacheReadTokens: 1, cacheWrite5mTokens: 2, cacheWrite1hTokens: 3 };
const shape = { id: 'm', model: 'claude', usage, events: 3, eventChars: 12, thinking: true, tool: true };

export const tapTarget: Target = {
  name: 'tap',
  check,
  seeds: [
    Buffer.concat(streamFrames(shape)),
    Buffer.from(
      Buffer.concat(streamFrames({ ...shape, tool: false }))
        .toString()
        .replaceAll('\n', '\r\n'),
    ),
    jsonMessage(shape),
    ...texts(
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
      '{"type":"error","error":{"type":"a"}}',
    ),
    ...texts(
      ': ping\n\n',
      'data: {"type":"message_stop"}\n\n',
      'event: message_delta\ndata: {"usage":\ndata: {"output_tokens":5}}\n\n',
    ),
  ],
  words: texts(
    ...['\n', '\r', '\r\n', '\n\n', '\r\r', 'event: ', 'data: ', 'data:', 'event', ': ', 'id: 1', '\xef\xbb\xbf', ' '],
    ...[
      'message_start',
      'message_delta',
      'message_stop',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'ping',
      'error',
    ],
    ...[
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"',
      '"thinking":"',
      '"partial_json":"',
      '"}}',
    ],
    ...[
      '"usage":{',
      '"input_tokens":',
      '"output_tokens":9',
      '"model":"',
      '"stop_reason":"end_turn"',
      '"error":{"type":"x"}',
    ],
    ...[
      '"cache_creation":{"ephemeral_1h_input_tokens":1}',
      '"iterations":[{',
      '"server_tool_use":{"web_search_requests":1}',
    ],
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '\\',
      '\\"',
      '\\u0041',
      '\0',
      '\xff',
      '-1',
      '1e400',
      '1.5',
      'null',
      'true',
      '9'.repeat(25),
    ],
  ),
  sources: /\/src\/(wire\/(sse|json-fields|anthropic)|meter\/(tap|generated-text))/,
};
