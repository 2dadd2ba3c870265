import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Facts, isScanError, type ScanError } from '#wire/facts.ts';
import { Scanner, scan } from '#wire/scan.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { below, damage, type Random, randomRequest } from './request-generator.ts';

const DEPTH_MAX = 64;
const SEED = Number(process.env['PENSTOCK_SEED'] ?? Date.now() % 1_000_000_007);

type Verdict = { readonly value: unknown } | { readonly faultAt: number | null };

/** What the scan must agree with: the value, or the offset of the fault where the engine's message names one. */
function oracle(bytes: Uint8Array): Verdict {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch (error) {
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    // It counts characters: they are bytes in ASCII only.
    return { faultAt: position !== undefined && bytes.every((byte) => byte < 0x80) ? Number(position) : null };
  }
}

interface Expected {
  model: string | null;
  stream: boolean;
  maxTokens: number | null;
  userId: string | null;
  systemTexts: string[];
  messageTexts: string[];
  cacheMarkers: number;
  toolsCount: number;
  messagesCount: number;
  wrongField: string | null;
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Texts and cache markers of a section's blocks, from the parsed value. */
function gather(value: unknown, texts: string[], count: { markers: number }): void {
  if (Array.isArray(value)) for (const element of value) gather(element, texts, count);
  if (!isObject(value)) return;
  if (isObject(own(value, 'cache_control'))) count.markers++;
  for (const name of ['text', 'content']) {
    const inner = own(value, name);
    if (typeof inner === 'string') {
      if (inner !== '') texts.push(inner);
    } else if (name === 'content') gather(inner, texts, count);
  }
}

/** The facts by the plain way: from the object tree. */
function expectedFacts(top: unknown): Expected {
  const model = own(top, 'model');
  const named = typeof model === 'string' && model !== '' && !model.includes('\0') && Buffer.byteLength(model) <= 128;
  const [messages, system, tools] = [own(top, 'messages'), own(top, 'system'), own(top, 'tools')];
  const [maxTokens, stream] = [own(top, 'max_tokens'), own(top, 'stream')];
  const userId = own(own(top, 'metadata'), 'user_id') ?? null;
  const positive = typeof maxTokens === 'number' && Number.isSafeInteger(maxTokens) && maxTokens > 0;
  const count = { markers: 0 };
  const systemTexts: string[] = typeof system === 'string' && system !== '' ? [system] : [];
  const messageTexts: string[] = [];
  if (Array.isArray(system)) gather(system, systemTexts, count);
  if (Array.isArray(messages)) gather(messages, messageTexts, count);
  for (const tool of Array.isArray(tools) ? tools.flat(Number.POSITIVE_INFINITY) : []) {
    if (isObject(own(tool, 'cache_control'))) count.markers++;
  }
  const wrong = [
    ['body', !isObject(top)],
    ['model', !named],
    ['messages', !Array.isArray(messages)],
    ['max_tokens', maxTokens !== undefined && !positive],
    ['stream', stream !== undefined && typeof stream !== 'boolean'],
    ['metadata.user_id', userId !== null && typeof userId !== 'string'],
  ] as const;
  return {
    model: named ? model : null,
    stream: stream === true,
    maxTokens: positive ? maxTokens : null,
    userId: typeof userId === 'string' ? userId : null,
    systemTexts: systemTexts.sort(),
    messageTexts: messageTexts.sort(),
    cacheMarkers: count.markers,
    toolsCount: Array.isArray(tools) ? tools.length : 0,
    messagesCount: Array.isArray(messages) ? messages.length : 0,
    wrongField: wrong.find(([, isWrong]) => isWrong)?.[0] ?? null,
  };
}

/** The texts that the spans point at, decoded one by one. */
function textsAt(bytes: Uint8Array, spans: Int32Array): string[] {
  const texts: string[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const raw = Buffer.from(bytes.subarray(spans[i]!, spans[i + 1]!)).toString('utf8');
    texts.push(JSON.parse(`"${raw}"`));
  }
  return texts;
}

function spanBytes(spans: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < spans.length; i += 2) sum += spans[i + 1]! - spans[i]!;
  return sum;
}

function readable(bytes: Uint8Array, facts: Facts): Expected {
  const { model, stream, maxTokens, userId, cacheMarkers, toolsCount, messagesCount } = facts;
  return {
    ...{ model, stream, maxTokens, userId, cacheMarkers, toolsCount, messagesCount },
    systemTexts: textsAt(bytes, facts.systemSpans).sort(),
    messageTexts: textsAt(bytes, facts.messageSpans).sort(),
    wrongField: facts.fieldError?.path ?? null,
  };
}

/** The scan in random slices, on a copy that begins at a random offset of its memory. */
function scanInSlices(random: Random, bytes: Uint8Array): Facts | ScanError {
  const offset = below(random, 8);
  const copy = new Uint8Array(new ArrayBuffer(bytes.length + offset + 5), offset, bytes.length);
  copy.set(bytes);
  const sliceMax = 1 + below(random, 2 + bytes.length / 2);
  const scanner = new Scanner(copy, DEPTH_MAX);
  // A step may do no more than find that a number has ended, hence twice.
  for (let steps = 0; steps <= 2 * bytes.length; steps++) {
    const result = scanner.step(1 + below(random, sliceMax));
    if (result === 'more') continue;
    if (!isScanError(result)) assert.equal(scanner.scannedBytes, bytes.length);
    return result;
  }
  return assert.fail('the slices come to no end');
}

function compare(random: Random, bytes: Buffer): 'accepted' | 'refused' {
  const expected = oracle(bytes);
  const result = scan(bytes, DEPTH_MAX);
  assert.deepEqual(scanInSlices(random, bytes), result, 'slices give the same answer');
  if (isScanError(result)) {
    assert.ok('faultAt' in expected, `refused: ${result.reason} at ${result.offset}`);
    assert.equal(result.offset, expected.faultAt ?? result.offset);
    assert.ok(result.offset >= 0 && result.offset <= bytes.length);
    return 'refused';
  }
  assert.ok('value' in expected, 'the oracle refuses it');
  assert.deepEqual(readable(bytes, result), expectedFacts(expected.value));
  assert.equal(result.textBytes, spanBytes(result.systemSpans) + spanBytes(result.messageSpans));
  if (result.model !== null) {
    assert.equal(JSON.parse(bytes.toString('utf8', result.modelStart, result.modelEnd)), result.model);
  }
  return 'accepted';
}

/** Names the seed and the bytes when a comparison fails. */
function compareNamed(seed: number, random: Random, bytes: Buffer): 'accepted' | 'refused' {
  try {
    return compare(random, bytes);
  } catch (error) {
    const shown = JSON.stringify(bytes.toString('latin1'));
    throw new Error(`PENSTOCK_SEED=${seed}, bytes ${shown}: ${(error as Error).message}`, { cause: error });
  }
}

test('the scan takes every valid request as its oracle does and finds the same facts', () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < 1_500; round++) {
    assert.equal(compareNamed(SEED, random, Buffer.from(randomRequest(random))), 'accepted');
  }
});

test('the scan refuses exactly those damaged requests that its oracle refuses', () => {
  const random = seededRandom(SEED + 1);
  const seen = { accepted: 0, refused: 0 };
  for (let round = 0; round < 800; round++) {
    const whole = Buffer.from(randomRequest(random));
    for (let copy = 0; copy < 8; copy++) {
      let bytes: Buffer = whole;
      for (let hits = 1 + below(random, 2); hits > 0; hits--) bytes = damage(random, bytes);
      seen[compareNamed(SEED, random, bytes)]++;
    }
  }
  assert.ok(seen.accepted > 300 && seen.refused > 2_000, JSON.stringify(seen));
});

test('short texts over the bytes of the grammar are judged as the oracle judges them', () => {
  const random = seededRandom(SEED + 2);
  const alphabet = [
    '0',
    '1',
    '-',
    '.',
    'e',
    '+',
    '"',
    '\\',
    'u',
    'n',
    '[',
    ']',
    '{',
    '}',
    ':',
    ',',
    ' ',
    'true',
    'null',
    '\ufeff',
    'é',
  ];
  for (let round = 0; round < 12_000; round++) {
    let text = '';
    for (let count = 1 + below(random, 7); count > 0; count--) text += alphabet[below(random, alphabet.length)];
    compareNamed(SEED, random, Buffer.from(text));
  }
});

test('sequences of one to four arbitrary bytes in a string are UTF-8 to the scan when they are to the oracle', () => {
  const random = seededRandom(SEED + 3);
  const edges = [
    0x22, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xee, 0xef, 0xf0,
    0xf1, 0xf4, 0xf5, 0xff,
  ];
  for (let round = 0; round < 6_000; round++) {
    const bytes = [0x22, ...Array.from({ length: below(random, 9) }, () => 0x61)];
    for (let count = 1 + below(random, 4); count > 0; count--) bytes.push(edges[below(random, edges.length)]!);
    compareNamed(SEED, random, Buffer.from([...bytes, 0x22]));
  }
});
