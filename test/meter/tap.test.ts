import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ChatTap } from '#meter/chat-tap.ts';
import { GeminiTap } from '#meter/gemini-tap.ts';
import { ResponsesMessageTap } from '#meter/responses-message-tap.ts';
import { ResponsesTap } from '#meter/responses-tap.ts';
import type { Tap } from '#meter/tap.ts';
import { JsonArraySplitter } from '#wire/json-array-splitter.ts';
import { KeyScan } from '#wire/key-scan.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { deltaStream, type Protocol, type StreamForm } from '../support/delta-streams.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { tapped } from '../support/tap-fixtures.ts';

const CASES: readonly [Protocol, StreamForm, () => Tap][] = [
  ['chat', 'sse', () => new ChatTap()],
  ['responses', 'sse', () => new ResponsesTap()],
  ['gemini', 'sse', () => new GeminiTap()],
  ['gemini', 'array', () => new GeminiTap()],
];

function result(tap: Tap, form: string, pieces: readonly Uint8Array[]): object {
  return { ...tapped(tap, form, pieces), bill: tap.billable(100), torn: tap.torn };
}

/** How many frames were looked through key by key while `run` ran. */
function scansDuring(t: TestContext, run: () => void): number {
  const { mock } = t.mock.method(KeyScan.prototype, 'scan');
  run();
  const count = mock.callCount();
  mock.restore();
  return count;
}

const delta = (n: number): Record<Protocol, object> => ({
  chat: { model: 'm', choices: [{ index: 0, delta: { content: `a"${n}` }, finish_reason: null }], usage: null },
  responses: { type: 'response.output_text.delta', item_id: `i${n % 9}`, sequence_number: n, delta: `a"${n}` },
  gemini: {
    candidates: [{ content: { parts: [{ text: `a"${n}` }] } }],
    usageMetadata: { promptTokenCount: 7, candidatesTokenCount: n },
    modelVersion: 'm',
  },
});

for (const [protocol, form, makeTap] of CASES) {
  test(`${protocol}, ${form}: of plain deltas hardly one is read by itself, whole or torn, and all count`, (t) => {
    const texts = Array.from({ length: 500 }, (_, n) => JSON.stringify(delta(n)[protocol]));
    const bytes = Buffer.from(form === 'array' ? `[${texts.join(',\r\n')}` : `data: ${texts.join('\n\ndata: ')}\n\n`);
    // Escape, letter, quote and digits, as they stand.
    const outputTokens = Math.ceil(texts.reduce((sum, _text, n) => sum + 3 + String(n).length, 0) / 3);
    for (const pieceBytesMax of [bytes.length, 300]) {
      const tap = makeTap();
      const scans = scansDuring(t, () => tapped(tap, form, cutAnywhere(bytes, 2, pieceBytesMax)));
      assert.ok(scans <= 3, `${scans} were`);
      assert.equal(tap.estimatedOutputTokens, outputTokens);
      assert.equal(tap.usage.outputTokens, protocol === 'gemini' ? 499 : 0);
    }
  });

  test(`${protocol}, ${form}: frames known by their pattern say what they say when each is read by itself`, () => {
    for (let seed = 1; seed <= 1_200; seed++) {
      const random = seededRandom(seed);
      const { plain, marked } = deltaStream(random, protocol, form, seed % 2 === 0);
      const slowly = result(makeTap(), form, [marked]);
      const tap = makeTap();
      assert.deepEqual(result(tap, form, [plain]), slowly, `seed ${seed}`);
      assert.deepEqual(result(tap, form, [plain]), slowly, `seed ${seed}, the same tap again`);
      for (const pieceBytesMax of [1, 40, 700]) {
        assert.deepEqual(result(makeTap(), form, cutAnywhere(plain, seed, pieceBytesMax)), slowly, `seed ${seed}, cut`);
      }
    }
  });

  test(`${protocol}, ${form}: a stream that is cut at every border is read the same`, () => {
    for (let seed = 1; seed <= 3; seed++) {
      const { plain, marked } = deltaStream(seededRandom(9_000 + seed), protocol, form, false);
      const slowly = result(makeTap(), form, [marked]);
      const tap = makeTap();
      for (let cut = 1; cut < plain.length; cut++) {
        assert.deepEqual(result(tap, form, [plain.subarray(0, cut), plain.subarray(cut)]), slowly, `${seed}, ${cut}`);
      }
    }
  });
}

test('messages of a WebSocket that are known by their pattern say what the events say', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const { plain, marked } = deltaStream(seededRandom(seed), 'responses', 'array', false);
    const [slowly, tap] = [new ResponsesMessageTap(), new ResponsesMessageTap()];
    for (const [each, events] of [
      [slowly, messagesOf(marked)],
      [tap, messagesOf(plain)],
    ] as const) {
      each.start();
      for (const event of events) each.push(Buffer.from(event));
    }
    assert.deepEqual([tap.usage, tap.billable(9), tap.errorType], [slowly.usage, slowly.billable(9), slowly.errorType]);
    assert.deepEqual([tap.contentSeen, tap.handshakeOnly], [slowly.contentSeen, slowly.handshakeOnly], `seed ${seed}`);
  }
});

/** The elements of an array that are one line each. */
function messagesOf(stream: Buffer): string[] {
  const found: string[] = [];
  const splitter = new JsonArraySplitter(
    { element: (bytes, start, end) => void found.push(bytes.toString('utf8', start, end)) },
    65_536,
  );
  splitter.push(stream);
  return found.filter((json) => !json.includes('\n'));
}

test('a value that looks like the name of the type is not taken for what is fixed', () => {
  const tap = new ResponsesTap();
  tap.start(true);
  // Without an `event` line the type is what stands behind the first `"type"`, be it a value.
  const first = '{"item_id":"type ","type":"response.output_text.delta","delta":"abc"}';
  for (const json of [first, first, first.replace('type ', 'type')]) tap.push(Buffer.from(`data: ${json}\n\n`));
  const alone = new ResponsesTap();
  let frames = 0;
  alone.start(true);
  for (const json of [first, first, first.replace('type ', 'type')])
    alone.push(Buffer.from(`: ${frames++}\ndata: ${json}\n\n`));
  assert.deepEqual(tap.billable(9), alone.billable(9));
});
