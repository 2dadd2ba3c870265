/**
 * The taps of Chat, Responses and Gemini with what they read by, the filter of usage chunks, and the cutter of arrays: any bytes, under
 * any chunking, give one result, within bounds; what passes is what came.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { UsageChunkFilter } from '#edge/usage-chunk-filter.ts';
import { ChatTap } from '#meter/chat-tap.ts';
import { GeminiTap } from '#meter/gemini-tap.ts';
import { ResponsesTap } from '#meter/responses-tap.ts';
import type { Tap } from '#meter/tap.ts';
import { JsonArraySplitter } from '#wire/json-array-splitter.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { tapped } from '../support/tap-fixtures.ts';
import { seedOf, type Target, texts } from './target.ts';

const FIXTURES = new URL('../meter/fixtures/', import.meta.url);
const MARKS = [
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  '\n\r\n',
  '\r\r',
  'event: ',
  'data: ',
  'data:',
  ': ',
  '\xef\xbb\xbf',
  '\0',
  '\xff',
];
const JSON_MARKS = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '"',
  '\\',
  '\\"',
  ' ',
  'null',
  '-1',
  '1e400',
  '9'.repeat(25),
  '"usage":null',
];

function seedsOf(folder: string): Buffer[] {
  const url = new URL(`${folder}/`, FIXTURES);
  const names = readdirSync(url).filter((name) => !name.endsWith('.golden'));
  return names.map((name) => readFileSync(new URL(name, url)));
}

function tapTargetOf(folder: string, makeTap: () => Tap, words: string[]): Target {
  const tap = makeTap();
  return {
    name: `${folder}-tap`,
    seeds: seedsOf(folder),
    words: texts(...MARKS, ...JSON_MARKS, ...words),
    sources: new RegExp(
      `/src/(wire/(sse|key-scan|frame-pattern|known-frames|json-(fields|texts|string)|openai-usage|gemini-usage)|meter/${folder}-tap)`,
    ),
    check(bytes) {
      for (const form of ['sse', 'array', 'body']) {
        const whole = tapped(tap, form, [bytes]);
        const { counts } = tap.billable(100);
        for (const count of Object.values(counts)) assert.ok(Number.isSafeInteger(count) && count >= 0);
        assert.deepEqual(tapped(makeTap(), form, [bytes]), whole, 'what came before says nothing');
        assert.deepEqual(tapped(tap, form, cutAnywhere(bytes, 1, 1)), whole, 'a byte at a time');
        assert.deepEqual(tapped(tap, form, cutAnywhere(bytes, seedOf(bytes), 40)), whole, 'random chunks');
      }
    },
  };
}

const chatTarget = tapTargetOf('chat', () => new ChatTap(), [
  ...[
    '[DONE]',
    '"choices":[',
    '"choices":[]',
    '"delta":{"content":"',
    '"finish_reason":"stop"',
    '"finish_reason":null',
    '"model":"m"',
  ],
  ...[
    '"usage":{"prompt_tokens":5,"completion_tokens":',
    '"error":{"code":"x"}',
    '"error":{"code":502}',
    '"tool_calls":[{',
  ],
]);
const responsesTarget = tapTargetOf('responses', () => new ResponsesTap(), [
  ...[
    'response.created',
    'response.output_text.delta',
    'response.completed',
    'response.failed',
    'error',
    '"type":"',
    '"delta":"',
  ],
  ...[
    '"usage":{"input_tokens":5,"output_tokens":',
    '"error":{"code":"x"}',
    '"code":"y"',
    '"id":"resp"',
    '"service_tier":"flex"',
  ],
]);
const geminiTarget = tapTargetOf('gemini', () => new GeminiTap(), [
  ...[
    '"candidates":[{"content":{"parts":[{"text":"',
    '"finishReason":"STOP"',
    '"blockReason":"X"',
    '"modelVersion":"g"',
    '"functionCall":{',
  ],
  ...['"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":', '"error":{"status":"UNAVAILABLE"}'],
]);

function filtered(pieces: readonly Uint8Array[]): Buffer {
  const filter = new UsageChunkFilter();
  const out = pieces.map((piece) => filter.push(Buffer.from(piece)) ?? new Uint8Array());
  return Buffer.concat([...out, filter.end() ?? new Uint8Array()]);
}

const filterTarget: Target = {
  name: 'usage-filter',
  seeds: seedsOf('chat'),
  words: chatTarget.words,
  sources: /\/src\/edge\/usage-chunk-filter/,
  check(bytes) {
    const whole = filtered([bytes]);
    assert.ok(whole.length <= bytes.length);
    if (!bytes.includes('"usage"')) assert.deepEqual(whole, bytes, 'nothing but usage disappears');
    assert.deepEqual(filtered(cutAnywhere(bytes, 1, 1)), whole);
    assert.deepEqual(filtered(cutAnywhere(bytes, seedOf(bytes), 40)), whole);
  },
};

const ELEMENT_BYTES_MAX = 64;

function elementsOf(pieces: readonly Uint8Array[]): unknown[] {
  const found: unknown[] = [];
  const sink = {
    element(bytes: Buffer, start: number, end: number, elementBytes: number): void {
      assert.ok(end - start <= ELEMENT_BYTES_MAX && elementBytes >= end - start);
      found.push([bytes.toString('latin1', start, end), elementBytes]);
    },
  };
  const splitter = new JsonArraySplitter(sink, ELEMENT_BYTES_MAX);
  for (const piece of pieces) {
    splitter.push(piece);
    assert.ok(splitter.heldBytes <= Math.max(512, ELEMENT_BYTES_MAX));
  }
  return [...found, splitter.closed, splitter.unfinishedBytes];
}

const arrayTarget: Target = {
  name: 'array-splitter',
  seeds: seedsOf('gemini'),
  words: texts(...JSON_MARKS, '\n,\r\n', '[{', '}]', '\xef\xbb\xbf', '\0', '\xff'),
  sources: /\/src\/wire\/json-array-splitter/,
  check(bytes) {
    const whole = elementsOf([bytes]);
    assert.deepEqual(elementsOf(cutAnywhere(bytes, 1, 1)), whole);
    assert.deepEqual(elementsOf(cutAnywhere(bytes, seedOf(bytes), 40)), whole);
  },
};

export const TAP_TARGETS: readonly Target[] = [chatTarget, responsesTarget, geminiTarget, filterTarget, arrayTarget];
