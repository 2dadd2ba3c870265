import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageChunkFilter } from '#edge/usage-chunk-filter.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Of copies: a filter may change what it is given. */
function filtered(pieces: readonly Uint8Array[]): string {
  const filter = new UsageChunkFilter();
  const out = pieces.map((piece) => filter.push(Buffer.from(piece)) ?? Buffer.alloc(0));
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

test('a chunk of whole frames without usage is not copied', () => {
  for (const eol of ['\n', '\r\n']) {
    const chunk = Buffer.from(`data: ${A}${eol}${eol}: comment${eol}${eol}data: [DONE]${eol}${eol}`);
    assert.equal(new UsageChunkFilter().push(chunk), chunk);
  }
});

/** What the filter must do, said over the whole text at once. */
function cutSlowly(text: string): string {
  const frames = text.match(/.*?(?:\n\n|\n\r\n|\r\r)|.+$/gs) ?? [];
  return frames.map(frameCutSlowly).join('');
}

function frameCutSlowly(frame: string): string {
  const [, blank] = /(\n\n|\n\r\n|\r\r)$/.exec(frame) ?? [];
  const last = /,"usage":null(?=\}[\r\n]*$)/.exec(frame)?.index ?? frame.indexOf(',"usage":null');
  if (last >= 0) return blank === undefined ? frame : frame.slice(0, last) + frame.slice(last + 13);
  try {
    const { choices, usage } = JSON.parse(Buffer.from(frame.slice(frame.indexOf('data:') + 5), 'latin1').toString());
    const isAlone = frame.includes('"usage"') && Array.isArray(choices) && choices.length === 0;
    return isAlone && typeof usage === 'object' && usage !== null ? '' : frame;
  } catch {
    return frame;
  }
}

const LINES = [
  `data: ${A}`,
  `data: ${A.slice(0, -1)},"usage":null}`,
  `data: ${A.slice(0, -1)},"usage":null,"obfuscation":"x"}`,
  `data: ${A.slice(0, -1)},"usage": null}`,
  'data: {"usage":null,"choices":[{"delta":{}}]}',
  'data: {"x":{"a":1,"usage":null},"choices":[],"usage":null}',
  `data: ${USAGE}`,
  'data: {"choices":[ ],"my_usage":1,"usage": {"a":1}}',
  'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}',
  'data: {"choices":[{"delta":{"content":"a \\"usage\\" \\"usage\\":null"}}]}',
  'event: x',
  ': "usage" in a comment',
  ',"usage":null',
  '"usage"',
  'usage"',
  'data: [DONE]',
  '',
];
const ENDS = ['\n\n', '\n\n', '\r\n\r\n', '\r\n\r\n', '\r\r', '\n', '\r', '\n\r\n', '\n\r', '\n\n\n', '\r\n\r\n\n', ''];

test('any frames behind any line ends, cut anywhere, are what the slow way makes of them', () => {
  for (let seed = 1; seed <= 1500; seed++) {
    const random = seededRandom(seed);
    const any = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!;
    const ends = seed % 3 === 0 ? ENDS : [ENDS[seed % 5]!];
    let text = '';
    for (let frames = 0; frames < 1 + (seed % 12); frames++) text += any(LINES) + any(ends);
    const bytes = Buffer.from(text, 'latin1');
    const expected = cutSlowly(text);
    for (const pieceBytesMax of [1, 3, 40, 400, bytes.length + 1]) {
      const pieces = pieceBytesMax > bytes.length ? [bytes] : cutAnywhere(bytes, seed, pieceBytesMax);
      assert.equal(filtered(pieces), expected, `seed ${seed}, up to ${pieceBytesMax} bytes`);
    }
    assert.equal(filtered(text.match(/.*?\n\n|.+$/gs)?.map((part) => Buffer.from(part, 'latin1')) ?? []), expected);
  }
});
