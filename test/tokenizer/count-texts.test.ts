/** Counts are those of the whole text, however it is cut, as far as the header of the file promises. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import { countTexts } from '#tokenizer/count-texts.ts';
import { loadVocabulary } from '#tokenizer/vocabulary.ts';
import { CHINESE, ENGLISH, GERMAN } from '../../native-bench/micro/prose.ts';
import { type JobOptions, jobOf } from '../support/counting.ts';
import { seededRandom } from '../support/seeded-random.ts';

const vocabulary = await loadVocabulary('o200k_base');

function tokensOf(text: string, options?: JobOptions): number | 'late' {
  return countTexts(jobOf(text, options), vocabulary);
}

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

test('known counts of OpenAI: "tiktoken is great!" is 6 tokens', () => {
  assert.equal(tokensOf('tiktoken is great!'), 6);
});

const KINDS: Record<string, string> = {
  English: ENGLISH.repeat(60),
  German: GERMAN.repeat(60),
  Chinese: CHINESE.repeat(200),
  code: read('src/edge/lifecycle.ts').repeat(6),
  JSON: read('config/prices.json').repeat(20),
  mixed: `${ENGLISH}${CHINESE}don’t we’ll 👩‍👩‍👧 naïve\r\n\r\n\t${GERMAN}`.repeat(40),
};

for (const [kind, text] of Object.entries(KINDS)) {
  test(`${kind}: slices give the count of the whole`, () => {
    assert.ok(text.length > 65_536);
    assert.equal(tokensOf(text), vocabulary.count(text));
  });
}

test('a text without any place to cut is at most a token a cut off', () => {
  const random = seededRandom(7);
  const letters = Array.from({ length: 3_000 }, () => 'abcdefghijklmnop'[Math.floor(random() * 16)]).join('');
  for (const text of ['a'.repeat(3_000), ' '.repeat(3_000), '=-'.repeat(1_500), '读'.repeat(3_000), letters]) {
    const whole = vocabulary.count(text);
    const counted = Number(tokensOf(text));
    assert.ok(Math.abs(counted - whole) <= 3_000 / 256 + 1, `${text.slice(0, 3)}: ${counted}, whole ${whole}`);
  }
});

test('no text takes longer than its size allows: a MiB of one letter, of spaces, of pairs', () => {
  for (const text of ['a', ' ', '-', '𝒳'].map((sign) => sign.repeat(1_048_576 / Buffer.byteLength(sign)))) {
    const start = nowMs();
    assert.ok(Number(tokensOf(text)) > 0);
    // Uncut it would be many minutes.
    assert.ok(nowMs() - start < 20_000, `${text.slice(0, 2)}: ${nowMs() - start} ms`);
  }
});

test('escapes of JSON strings are decoded, where the text is the content of one', () => {
  const text = 'She said "no"\nand\t“ja” – 你好 👋';
  const content = JSON.stringify(text).slice(1, -1);
  assert.equal(tokensOf(content, { escaped: true }), vocabulary.count(text));
  assert.equal(tokensOf(content), vocabulary.count(content));
  assert.equal(tokensOf('\\ud83d', { escaped: true }), vocabulary.count('\ud83d'));
});

test('an escape that is none is an error', () => {
  assert.throws(() => tokensOf('\\x', { escaped: true }), SyntaxError);
});

test('names of special tokens are text like any other', () => {
  assert.ok(Number(tokensOf('<|endoftext|>')) > 1);
});

test('several texts of one job are added up, and what lies between them is not counted', () => {
  const job = jobOf('Hello, world! and not this Hello, world!');
  job.ranges = new Int32Array([0, 13, 27, 40]);
  assert.equal(countTexts(job, vocabulary), 2 * vocabulary.count('Hello, world!'));
});

test('whose time is over is late', () => {
  assert.equal(tokensOf('Hello', { untilMs: nowMs() - 1 }), 'late');
});
