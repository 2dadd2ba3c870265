import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateOutputTokens, generatedBytes } from '#meter/generated-text.ts';

function bytesOf(delta: object, index = 0, missingBytes = 0): number {
  const data = Buffer.from(`..${JSON.stringify({ type: 'content_block_delta', index, delta })}`);
  return generatedBytes(data, 2, data.length, missingBytes);
}

test('text, thinking and tool input count by their bytes in the JSON, at any index', () => {
  for (const index of [0, 9, 10, 123]) {
    for (const text of ['', 'a', 'naïve 🚰', 'text_delta"', '\\"\n}}', ' ', '}} }', 'x'.repeat(5_000)]) {
      const expected = Buffer.byteLength(JSON.stringify(text)) - 2;
      assert.equal(bytesOf({ type: 'text_delta', text }, index), expected, text);
      assert.equal(bytesOf({ type: 'thinking_delta', thinking: text }, index), expected, text);
      assert.equal(bytesOf({ type: 'input_json_delta', partial_json: text }, index), expected, text);
    }
  }
});

test('signatures, citations and unknown deltas count nothing', () => {
  const signature = 'x'.repeat(500);
  assert.equal(bytesOf({ type: 'signature_delta', signature }), 0);
  assert.equal(bytesOf({ type: 'citations_delta', citation: { cited_text: signature } }), 0);
  assert.equal(bytesOf({ type: 'later_delta', later: signature }), 0);
  assert.equal(bytesOf({}), 0);
});

test('padding between the closing brackets counts nothing', () => {
  const data = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}          } \n\n';
  assert.equal(generatedBytes(Buffer.from(data), 0, data.length, 0), 5);
});

test('what was cut off a frame counts as text', () => {
  const data = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello';
  assert.equal(generatedBytes(Buffer.from(data), 0, data.length, 1_000), 1_005);
});

test('any bytes give a number that is not below zero', () => {
  for (let length = 0; length < 200; length++) {
    const data = Buffer.from(
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}'.repeat(3),
    );
    assert.ok(generatedBytes(data, 0, Math.min(length, data.length), 0) >= 0);
  }
});

test('three bytes are taken for a token, rounded up', () => {
  assert.deepEqual([0, 1, 3, 4, 3_000].map(estimateOutputTokens), [0, 1, 1, 2, 1_000]);
});
