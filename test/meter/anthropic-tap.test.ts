import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AnthropicTap } from '#meter/anthropic-tap.ts';
import { HELD_BYTES_MAX } from '#meter/tap.ts';
import { zeroCounts } from '#wire/token-counts.ts';
import { cutAnywhere, frame, streamFrames } from '../support/anthropic-answer.ts';
import { seededRandom } from '../support/seeded-random.ts';

const FOLDER = new URL('fixtures/', import.meta.url);
const FIXTURES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.sse') || name.endsWith('.body'))
  .map((name) => ({
    name,
    stream: name.endsWith('.sse'),
    bytes: readFileSync(new URL(name, FOLDER)),
    golden: goldenOf(name),
  }));

/** Counts that a golden file does not name are 0. */
function goldenOf(name: string): { usage: object } {
  const golden = JSON.parse(readFileSync(new URL(`${name.replace(/\.\w+$/, '')}.golden`, FOLDER), 'utf8'));
  return { ...golden, usage: { ...zeroCounts(), ...golden.usage } };
}

function result(tap: AnthropicTap): object {
  const { usage, terminal, errorType, model, contentSeen, handshakeOnly, estimatedOutputTokens } = tap;
  assert.equal(tap.errorEvent, errorType !== null);
  return { usage, terminal, errorType, model, contentSeen, handshakeOnly, estimatedOutputTokens };
}

function tapped(pieces: readonly Uint8Array[], stream: boolean, tap = new AnthropicTap()): object {
  tap.start(stream);
  for (const piece of pieces) {
    tap.push(piece);
    assert.ok(tap.heldBytes <= HELD_BYTES_MAX);
  }
  tap.end();
  return result(tap);
}

for (const { name, stream, bytes, golden } of FIXTURES) {
  test(`${name} gives its golden result, whole, byte by byte, and cut at random`, () => {
    assert.deepEqual(tapped([bytes], stream), golden);
    assert.deepEqual(tapped(cutAnywhere(bytes, 1, 1), stream), golden);
    for (let seed = 1; seed <= 50; seed++) assert.deepEqual(tapped(cutAnywhere(bytes, seed, 40), stream), golden);
    for (let cut = 1; cut < bytes.length; cut += 3) {
      assert.deepEqual(tapped([bytes.subarray(0, cut), bytes.subarray(cut)], stream), golden, `cut at ${cut}`);
    }
  });
}

test('one tap serves one answer after another and remembers nothing', () => {
  const tap = new AnthropicTap();
  for (const { stream, bytes, golden } of [...FIXTURES, ...FIXTURES.toReversed()]) {
    assert.deepEqual(tapped([bytes], stream, tap), golden);
  }
});

const SHAPE = {
  id: 'msg_1',
  model: 'claude-sonnet-4-5',
  usage: { inputTokens: 7, outputTokens: 900, cacheReadTokens: 3, cacheWrite5mTokens: 2, cacheWrite1hTokens: 1 },
  events: 40,
  eventChars: 30,
  thinking: true,
  tool: true,
};

test('a stream of every kind of block is metered to the token at any chunk size', () => {
  const bytes = Buffer.concat(streamFrames(SHAPE));
  for (let pieceBytesMax = 1; pieceBytesMax < 400; pieceBytesMax += 7) {
    const tap = new AnthropicTap();
    tapped(cutAnywhere(bytes, pieceBytesMax, pieceBytesMax), true, tap);
    assert.deepEqual(tap.usage, { ...zeroCounts(), ...SHAPE.usage, seen: 'final' });
    assert.equal(tap.terminal, true);
  }
});

test('huge events pass without being held, and what follows them is read', () => {
  const [start, ...rest] = streamFrames(SHAPE);
  const image = { type: 'image', source: { type: 'base64', data: 'A'.repeat(3_000_000) } };
  const huge = [
    frame({ type: 'content_block_start', index: 9, content_block: image }),
    frame({ type: 'content_block_delta', index: 9, delta: { type: 'text_delta', text: 'B'.repeat(300_000) } }),
    frame({ type: 'message_start', message: { model: 'lost', filler: 'C'.repeat(HELD_BYTES_MAX) } }),
  ];
  const bytes = Buffer.concat([start!, ...huge, ...rest]);
  const tap = new AnthropicTap();
  const whole = tapped([bytes], true, tap);
  assert.deepEqual(tap.usage, { ...zeroCounts(), ...SHAPE.usage, seen: 'final' });
  assert.equal(tap.model, SHAPE.model);
  assert.ok(tap.estimatedOutputTokens > 100_000, 'the text that was not held still counts');
  assert.deepEqual(tapped(cutAnywhere(bytes, 1, 20_000), true), whole);
});

test('the JSON usage behind a body of megabytes is found without holding the body', () => {
  const usage = { input_tokens: 1, output_tokens: 260_000 };
  const content = [{ type: 'text', text: 'é"\\'.repeat(500_000) }];
  const bytes = Buffer.from(JSON.stringify({ model: 'm', content, usage }));
  const tap = new AnthropicTap();
  tapped(cutAnywhere(bytes, 1, 60_000), false, tap);
  assert.equal(tap.usage.outputTokens, 260_000);
  assert.equal(tap.terminal, true);
});

test('content and handshake are told apart while a stream arrives', () => {
  const tap = new AnthropicTap();
  tap.start(true);
  const seen: boolean[][] = [[tap.handshakeOnly, tap.contentSeen]];
  for (const type of ['message_start', 'ping', 'content_block_start']) {
    tap.push(frame({ type }));
    seen.push([tap.handshakeOnly, tap.contentSeen]);
  }
  assert.deepEqual(seen, [
    [true, false],
    [true, false],
    [true, false],
    [false, true],
  ]);
});

function billableOf(name: string): object {
  const fixture = FIXTURES.find((each) => each.name === name);
  assert.ok(fixture, name);
  const tap = new AnthropicTap();
  tapped([fixture.bytes], fixture.stream, tap);
  const { counts, source } = tap.billable(333);
  return { input: counts.inputTokens, output: counts.outputTokens, source };
}

test('a whole answer is billed as reported, a broken one by the larger of reported and estimated output', () => {
  assert.deepEqual(billableOf('text.sse'), { input: 25, output: 15, source: 'reported' });
  assert.deepEqual(billableOf('error-mid-stream.sse'), { input: 25, output: 5, source: 'estimated' });
  assert.deepEqual(billableOf('truncated.sse'), { input: 25, output: 10, source: 'estimated' });
  assert.deepEqual(billableOf('unfinished-usage.sse'), { input: 25, output: 4, source: 'partial' });
  assert.deepEqual(billableOf('handshake.sse'), { input: 25, output: 1, source: 'partial' });
  assert.deepEqual(billableOf('message-truncated.body'), { input: 333, output: 38, source: 'estimated' });
});

test('an answer of which nothing came is not billed', () => {
  const tap = new AnthropicTap();
  tapped([], true, tap);
  assert.deepEqual(tap.billable(333).counts, zeroCounts());
});

test('no bytes make the tap throw, lose its bounds, or depend on chunk borders', () => {
  const random = seededRandom(20261122);
  for (let round = 0; round < 2_500; round++) {
    const { bytes, stream } = FIXTURES[Math.floor(random() * FIXTURES.length)]!;
    const mutated = Buffer.from(bytes.subarray(0, 1 + Math.floor(random() * bytes.length)));
    for (let i = Math.floor(random() * 12); i > 0; i--) {
      const at = Math.floor(random() * mutated.length);
      mutated[at] =
        random() < 0.5 ? Math.floor(random() * 256) : '\n\r{}[]":, \\'.charCodeAt(Math.floor(random() * 11));
    }
    const whole = tapped([mutated], stream);
    assert.deepEqual(tapped(cutAnywhere(mutated, round + 1, 1 + (round % 60)), stream), whole, `round ${round}`);
  }
});

test('bytes that are only noise give nothing', () => {
  const random = seededRandom(7);
  for (let round = 0; round < 200; round++) {
    const noise = Buffer.from(Array.from({ length: 2_000 }, () => Math.floor(random() * 256)));
    for (const stream of [true, false]) {
      const tap = new AnthropicTap();
      const whole = tapped([noise], stream, tap);
      assert.equal(tap.usage.seen, 'none');
      assert.deepEqual(tapped(cutAnywhere(noise, round, 9), stream), whole);
    }
  }
});

test('chunks are not changed and not kept', () => {
  for (const { bytes, stream, golden } of FIXTURES) {
    const tap = new AnthropicTap();
    tap.start(stream);
    for (const piece of cutAnywhere(bytes, 3, 50)) {
      const chunk = new Uint8Array(piece);
      tap.push(chunk);
      assert.deepEqual(Buffer.from(chunk), piece);
      chunk.fill(0);
    }
    tap.end();
    assert.deepEqual(result(tap), golden);
  }
});

/** Pushes one large chunk that ends inside a frame, and returns only a weak reference to it. */
function pushAndForget(tap: AnthropicTap, text: string): WeakRef<ArrayBuffer> {
  const chunk = new Uint8Array(1_000_000).fill(0x20);
  chunk.set(Buffer.from(text), 1_000_000 - text.length);
  chunk.set(Buffer.from(': '));
  tap.push(chunk);
  return new WeakRef(chunk.buffer);
}

test('a stream that waits between two events does not keep the chunk before', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  for (const text of ['\n\nevent: ping\ndata: {"type":"ping"}\n\n', '\n\ndata: {"type":"message_sto']) {
    const tap = new AnthropicTap();
    tap.start(true);
    const chunk = pushAndForget(tap, text);
    for (let tries = 0; tries < 50 && chunk.deref() !== undefined; tries++) {
      await pause(1);
      collectGarbage();
    }
    assert.equal(chunk.deref(), undefined);
    tap.end();
  }
});
