import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GeminiTap } from '#meter/gemini-tap.ts';
import { GeminiUsage } from '#wire/gemini-usage.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { seededRandom } from '../support/seeded-random.ts';
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

const COUNTS = [
  'promptTokenCount',
  'cachedContentTokenCount',
  'toolUsePromptTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
  'totalTokenCount',
];

/** Chunks of a stream, in runs of those that have the same fields in their usage. */
function chunksOf(seed: number): { text: string; usageMetadata: object | undefined }[] {
  const random = seededRandom(seed);
  const chunks = [];
  for (let run = 0; run < 6; run++) {
    const fields = COUNTS.filter(() => random() < 0.5);
    const modalities = ['TEXT', 'AUDIO', 'IMAGE'].filter(() => random() < 0.4);
    const hasUsage = random() < 0.8;
    const name = random() < 0.5 ? 'promptTokensDetails' : 'candidatesTokensDetails';
    for (let i = 0; i < 1 + 4 * random(); i++) {
      const count = (): number => Math.floor(10_000 * random());
      const usage: Record<string, unknown> = Object.fromEntries(fields.map((field) => [field, count()]));
      if (modalities.length > 0) usage[name] = modalities.map((modality) => ({ modality, tokenCount: count() }));
      const usageMetadata = hasUsage ? usage : undefined;
      const finishReason = run === 5 ? 'STOP' : undefined;
      const candidates = [{ content: { parts: [{ text: 'a'.repeat(i) }] }, finishReason }];
      chunks.push({ text: JSON.stringify({ candidates, usageMetadata }), usageMetadata });
    }
  }
  return chunks;
}

test('each field of the usage is the latest that any chunk had, whenever it was asked for', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chunks = chunksOf(seed);
    const merged = new GeminiUsage();
    const random = seededRandom(seed);
    for (const form of ['sse', 'array']) {
      for (const asking of [0, 1, 0.3]) {
        const tap = new GeminiTap();
        tap.start(true, form === 'array');
        merged.reset();
        for (const [at, { text, usageMetadata }] of chunks.entries()) {
          tap.push(Buffer.from(form === 'sse' ? `data: ${text}\r\n\r\n` : `${at === 0 ? '[' : ',\r\n'}${text}`));
          merged.merge(usageMetadata);
          if (random() >= asking) continue;
          const { seen: _, ...counts } = tap.usage;
          assert.deepEqual(counts, merged.counts(), `seed ${seed}, ${form}, chunk ${at}`);
        }
        const { seen: _, ...counts } = tap.usage;
        assert.deepEqual(counts, merged.counts(), `seed ${seed}, ${form}, asked ${asking}`);
      }
    }
  }
});

test('what was cached and thought counts when only earlier chunks say it', () => {
  const chunks = [
    { cachedContentTokenCount: 5100, thoughtsTokenCount: 7 },
    { cachedContentTokenCount: 5100, thoughtsTokenCount: 40 },
    { promptTokenCount: 5105, candidatesTokenCount: 16, totalTokenCount: 5161 },
  ].map((usage) => JSON.stringify({ candidates: [{ content: { parts: [{ text: 'a' }] } }], usageMetadata: usage }));
  const tap = new GeminiTap();
  tapped(tap, 'sse', [Buffer.from(chunks.map((chunk) => `data: ${chunk}\n\n`).join(''))]);
  const { inputTokens, cacheReadTokens, outputTokens, reasoningTokens } = tap.usage;
  assert.deepEqual([inputTokens, cacheReadTokens, outputTokens, reasoningTokens], [5, 5100, 56, 40]);
});

/** What the model says in a call, in the words of the protocol. */
function called(args: object, more: object = {}): object {
  return { candidates: [{ content: { parts: [{ functionCall: { name: 'log', args } }] }, index: 0, ...more }] };
}
const formed = (form: string, chunks: readonly object[]): Buffer => {
  const texts = chunks.map((chunk) => JSON.stringify(chunk));
  return Buffer.from(form === 'sse' ? texts.map((text) => `data: ${text}\r\n\r\n`).join('') : `[${texts.join(',')}`);
};

test('what a call says is nothing that the protocol says', () => {
  const no = { promptTokenCount: 0, candidatesTokenCount: 0 };
  const args = {
    usageMetadata: no,
    modelVersion: 'm',
    error: {},
    promptFeedback: { blockReason: 'spam' },
    finishReason: 'x',
  };
  const usage = { promptTokenCount: 90_000, candidatesTokenCount: 5_000 };
  for (const form of ['sse', 'array']) {
    const tap = new GeminiTap();
    tap.start(true, form === 'array');
    // Often enough to be known without being read.
    tap.push(
      formed(
        form,
        Array.from({ length: 4 }, () => called({ ...args, blockReason: 'spam' })),
      ),
    );
    assert.deepEqual([tap.terminal, tap.usage.seen, tap.model, tap.contentSeen], [false, 'none', null, true], form);
    const last = { ...called(args, { finishReason: 'STOP' }), usageMetadata: usage, modelVersion: 'g' };
    tap.push(form === 'sse' ? formed(form, [last]) : Buffer.from(`,${JSON.stringify(last)}]`));
    const { inputTokens, outputTokens, seen } = tap.usage;
    assert.deepEqual([inputTokens, outputTokens, seen], [90_000, 5_000, 'final'], form);
    assert.deepEqual([tap.terminal, tap.model, tap.errorEvent], [true, 'g', false], form);
  }
});

test('a finish reason that is empty or unspecified is no end', () => {
  const saying = (text: string, finishReason: string): object => ({
    candidates: [{ content: { parts: [{ text }] }, finishReason, index: 0 }],
    usageMetadata,
  });
  for (const [candidates, unsaid] of [
    [1, ''],
    [2, ''],
    [1, 'FINISH_REASON_UNSPECIFIED'],
    [2, 'FINISH_REASON_UNSPECIFIED'],
  ] as const) {
    const tap = new GeminiTap();
    tap.start(true, false, candidates);
    for (const text of ['a', 'bc', 'def']) tap.push(formed('sse', [saying(text, unsaid)]));
    tap.end();
    assert.equal(tap.terminal, false);
    tap.start(true, false, candidates);
    tap.push(formed('sse', [saying('a', unsaid), saying('b', 'STOP')]));
    tap.end();
    assert.equal(tap.terminal, true);
  }
});

test('of several candidates the last one ends the stream, or the end of the answer does', () => {
  const ending = (index: number) => ({
    candidates: [{ content: { parts: [{ text: 'a' }] }, finishReason: 'STOP', index }],
    usageMetadata,
  });
  const tap = new GeminiTap();
  tap.start(true, false, 2);
  tap.push(formed('sse', [ending(0)]));
  assert.deepEqual([tap.terminal, tap.usage.seen], [false, 'partial']);
  tap.push(formed('sse', [ending(0)]));
  assert.equal(tap.terminal, false, 'that one has finished before');
  tap.push(formed('sse', [ending(1)]));
  assert.deepEqual([tap.terminal, tap.usage.seen], [true, 'final']);
  tap.start(true, false, 3);
  tap.push(formed('sse', [{ candidates: [ending(0), ending(1), ending(2)].flatMap(({ candidates }) => candidates) }]));
  assert.equal(tap.terminal, true, 'all in one chunk');
  tap.start(true, false, 2);
  tap.push(formed('sse', [ending(0)]));
  tap.end();
  assert.deepEqual([tap.terminal, tap.usage.seen], [true, 'final'], 'the model made one');
  tap.start(true, false, 8);
  tap.push(formed('sse', [{ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata }]));
  assert.equal(tap.terminal, true, 'a prompt that is blocked has none');
});

/** The one event of a picture, its end and usage behind it. */
const pictured = (dataBytes: number): object => ({
  candidates: [
    {
      content: { parts: [{ inlineData: { mimeType: 'image/png', data: 'A'.repeat(dataBytes) } }] },
      finishReason: 'STOP',
    },
  ],
  usageMetadata: { ...usageMetadata, candidatesTokenCount: 1290 },
  modelVersion: 'g',
});

test('an event beyond what is held says its end and its usage behind the picture', () => {
  // Just beyond the bound the fields lie in what is held, in what is not, and across.
  for (const dataBytes of [300_000, 65_000, ...Array.from({ length: 40 }, (_, i) => 65_250 + 8 * i)]) {
    for (const form of ['sse', 'array']) {
      const text = JSON.stringify(pictured(dataBytes));
      const bytes = Buffer.from(form === 'sse' ? `data: ${text}\r\n\r\n` : `[${text}\n]`);
      const tap = new GeminiTap();
      const whole = tapped(tap, form, [bytes]);
      const { inputTokens, outputTokens, seen } = tap.usage;
      assert.deepEqual(
        [inputTokens, outputTokens, seen, tap.terminal],
        [7, 1290, 'final', true],
        `${form} ${dataBytes}`,
      );
      assert.deepEqual([tap.contentSeen, tap.handshakeOnly, tap.model], [true, false, 'g']);
      for (const pieceBytesMax of [999, 20_000, 66_000]) {
        assert.deepEqual(tapped(new GeminiTap(), form, cutAnywhere(bytes, 1, pieceBytesMax)), whole);
      }
    }
  }
});

test('text beyond what is held counts, and what a long call says is still nothing of the protocol', () => {
  const args = {
    text: 'x'.repeat(100_000),
    usageMetadata: { promptTokenCount: 0 },
    finishReason: 'x',
    blockReason: 'x',
  };
  for (const form of ['sse', 'array']) {
    const tap = new GeminiTap();
    tap.start(true, form === 'array');
    tap.push(formed(form, [called({ args, finishReason: 'x' })]));
    assert.deepEqual([tap.terminal, tap.usage.seen, tap.contentSeen], [false, 'none', true], form);
  }
  const tap = new GeminiTap();
  tap.start(true);
  tap.push(
    formed('sse', [{ candidates: [{ content: { parts: [{ text: 'B'.repeat(100_000) }] }, finishReason: 'STOP' }] }]),
  );
  assert.ok(tap.terminal && tap.estimatedOutputTokens >= 33_000);
});

test('an event that broke off within its content has no end', () => {
  const bytes = formed('sse', [called({ text: `${'x'.repeat(70_000)}],"finishReason":"STOP"}]}` })]);
  const tap = new GeminiTap();
  tapped(tap, 'sse', [bytes.subarray(0, bytes.indexOf('}]}') + 3)]);
  assert.deepEqual([tap.terminal, tap.torn, tap.contentSeen], [false, true, true]);
});
