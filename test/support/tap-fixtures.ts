/**
 * Golden files of a tap: `NAME.sse` is a stream of events, `NAME.array` a JSON array that comes in pieces, `NAME.body` one document, and
 * `NAME.golden` what the tap has to tell of it. Counts that a golden file does not name are 0.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { HELD_BYTES_MAX, type Tap } from '#meter/tap.ts';
import { zeroCounts } from '#wire/token-counts.ts';
import { cutAnywhere } from './anthropic-answer.ts';
import { seededRandom } from './seeded-random.ts';

/** What a tap keeps of the end of a long frame, beside its beginning. */
const TAIL_BYTES_MAX = 32 * 1024;
const FORMS = ['sse', 'array', 'body'];

export interface Fixture {
  readonly name: string;
  readonly form: string;
  readonly bytes: Buffer;
  readonly golden: object;
}

export function readFixtures(folder: URL): Fixture[] {
  const names = readdirSync(folder).filter((name) => FORMS.includes(formOf(name)));
  return names.map((name) => {
    const golden = JSON.parse(readFileSync(new URL(name.replace(/\.\w+$/, '.golden'), folder), 'utf8'));
    const usage = { ...zeroCounts(), ...golden.usage };
    return { name, form: formOf(name), bytes: readFileSync(new URL(name, folder)), golden: { ...golden, usage } };
  });
}

const formOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** Everything that the tap tells of these pieces of one answer. */
export function tapped(tap: Tap, form: string, pieces: Iterable<Uint8Array>): object {
  tap.start(form !== 'body', form === 'array');
  for (const piece of pieces) {
    tap.push(piece);
    assert.ok(tap.heldBytes <= HELD_BYTES_MAX + TAIL_BYTES_MAX);
  }
  tap.end();
  const {
    usage,
    terminal,
    errorType,
    model,
    contentSeen,
    handshakeOnly,
    estimatedOutputTokens,
    serviceTier,
    answerId,
  } = tap;
  assert.equal(tap.errorEvent, errorType !== null);
  return {
    usage,
    terminal,
    errorType,
    model,
    contentSeen,
    handshakeOnly,
    estimatedOutputTokens,
    serviceTier,
    answerId,
  };
}

/** What every tap promises, on every fixture of its folder. */
export function testFixtures(folder: URL, makeTap: () => Tap): void {
  const fixtures = readFixtures(folder);
  for (const { name, form, bytes, golden } of fixtures) {
    test(`${name} gives its golden result, whole, byte by byte, and cut at random`, () => {
      assert.deepEqual(tapped(makeTap(), form, [bytes]), golden);
      assert.deepEqual(tapped(makeTap(), form, cutAnywhere(bytes, 1, 1)), golden);
      for (let seed = 1; seed <= 40; seed++) {
        assert.deepEqual(tapped(makeTap(), form, cutAnywhere(bytes, seed, 40)), golden);
      }
      for (let cut = 1; cut < bytes.length; cut += 3) {
        assert.deepEqual(
          tapped(makeTap(), form, [bytes.subarray(0, cut), bytes.subarray(cut)]),
          golden,
          `cut at ${cut}`,
        );
      }
    });
  }

  test('one tap serves one answer after another and remembers nothing', () => {
    const tap = makeTap();
    for (const { form, bytes, golden } of [...fixtures, ...fixtures.toReversed()]) {
      assert.deepEqual(tapped(tap, form, [bytes]), golden);
    }
  });

  test('chunks are not changed and not kept', () => {
    for (const { form, bytes, golden } of fixtures) {
      const kept: Buffer[] = [];
      const tap = makeTap();
      // Each chunk is spoiled as soon as the next one is asked for.
      assert.deepEqual(tapped(tap, form, spoiling(bytes, kept)), golden);
      assert.deepEqual(Buffer.concat(kept), bytes);
    }
  });

  test('no bytes make the tap throw, lose its bounds, or depend on chunk borders', () => {
    const random = seededRandom(20261128);
    for (let round = 0; round < 1_500; round++) {
      const { bytes, form } = fixtures[Math.floor(random() * fixtures.length)]!;
      const mutated = mutate(bytes, random);
      const whole = tapped(makeTap(), form, [mutated]);
      const pieces = cutAnywhere(mutated, round + 1, 1 + (round % 60));
      assert.deepEqual(tapped(makeTap(), form, pieces), whole, `round ${round}`);
    }
  });

  test('bytes that are only noise report nothing', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 100; round++) {
      const noise = Buffer.from(Array.from({ length: 2_000 }, () => Math.floor(random() * 256)));
      for (const form of FORMS) {
        const whole = tapped(makeTap(), form, [noise]) as { usage: { seen: string } };
        assert.equal(whole.usage.seen, 'none');
        assert.deepEqual(tapped(makeTap(), form, cutAnywhere(noise, round, 9)), whole);
      }
    }
  });
}

function* spoiling(bytes: Buffer, kept: Buffer[]): Generator<Uint8Array> {
  for (const piece of cutAnywhere(bytes, 3, 50)) {
    const chunk = new Uint8Array(piece);
    yield chunk;
    kept.push(Buffer.from(chunk));
    chunk.fill(0x22);
  }
}

function mutate(bytes: Buffer, random: () => number): Buffer {
  const mutated = Buffer.from(bytes.subarray(0, 1 + Math.floor(random() * bytes.length)));
  for (let i = Math.floor(random() * 12); i > 0; i--) {
    const any = random() < 0.5;
    const byte = any ? Math.floor(random() * 256) : '\n\r{}[]":, \\\0'.charCodeAt(Math.floor(random() * 12));
    mutated[Math.floor(random() * mutated.length)] = byte;
  }
  return mutated;
}
