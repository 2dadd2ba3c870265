import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageChunkFilter } from '#edge/usage-chunk-filter.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';

function filtered(pieces: readonly Uint8Array[]): string {
  const filter = new UsageChunkFilter();
  const out = pieces.map((piece) => filter.push(piece) ?? Buffer.alloc(0));
  return Buffer.concat([...out, filter.end() ?? Buffer.alloc(0)]).toString('latin1');
}

function check(text: string, expected: string): void {
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(filtered([bytes]), expected);
  for (let cut = 1; cut < Math.min(bytes.length, 3000); cut++) {
    assert.equal(filtered([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `cut at ${cut}`);
  }
  for (let seed = 1; seed < 30; seed++) {
    assert.equal(filtered(cutAnywhere(bytes, seed, seed < 5 ? seed : 40)), expected, `seed ${seed}`);
  }
}

const A = '{"choices":[{"delta":{"content":"h\xe9 \\"usage\\":null"}}]}';
const USAGE = '{"id":"c","choices":[],"usage":{"prompt_tokens":1}}';

for (const [name, eol] of [
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
] as const) {
  const frames = (...data: string[]): string => data.map((each) => `data: ${each}${eol}${eol}`).join('');
  test(`${name}: the chunk of usage alone disappears, every other byte stays`, () => {
    check(frames(A, USAGE, '[DONE]'), frames(A, '[DONE]'));
    check(frames(USAGE, A), frames(A));
    check(frames(A, A), frames(A, A));
  });
  test(`${name}: the null that asking puts into the others disappears, and nothing else of them`, () => {
    const nulled = `${A.slice(0, -1)},"usage":null}`;
    check(frames(nulled, nulled, USAGE), frames(A, A));
  });
}

test('usage beside choices stays, and so do texts that only look like it', () => {
  const beside = '{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}';
  for (const text of [
    `data: ${beside}\n\n`,
    'data: {"choices":[],"usage":7}\n\n',
    'data: {"choices":[],"x":{"usage":{}}}\n\n',
    ': "usage" comment\n\n\n\n',
    'data: {"choices":[],"usage":{\n\n',
    '"usage"',
    '\0\xff\xfe\r\r\n"usage":null',
  ]) {
    check(text, text);
  }
});

test('a last chunk without its blank line is judged like the others', () => {
  check(`data: ${A}\n\ndata: ${USAGE}`, `data: ${A}\n\n`);
  check(`data: ${A}\n\ndata: [DO`, `data: ${A}\n\ndata: [DO`);
});

test('a frame beyond the bound leaves as it comes, and the next one is judged again', () => {
  const huge = `data: {"choices":[{"delta":{"content":"${'x'.repeat(100_000)}"}}]}\n\n`;
  const bytes = Buffer.from(`${huge}data: ${USAGE}\n\ndata: [DONE]\n\n`);
  for (const pieceBytesMax of [900, 20_000, 200_000]) {
    assert.equal(filtered(cutAnywhere(bytes, 3, pieceBytesMax)), `${huge}data: [DONE]\n\n`);
  }
});

test('whole frames leave with the chunk that ends them', () => {
  const filter = new UsageChunkFilter();
  assert.equal(filter.push(Buffer.from(`data: ${A}\n\ndata: {`))?.toString(), `data: ${Buffer.from(A)}\n\n`);
  assert.equal(filter.push(Buffer.from('}')), null);
  assert.equal(filter.push(Buffer.from('\n\n'))?.toString(), 'data: {}\n\n');
});
