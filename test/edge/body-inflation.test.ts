import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Coding, decoderBytes } from '#base/codings.ts';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { BodyInflation, type InflationOwner } from '#edge/body-inflation.ts';
import { BodyReader } from '#edge/body-reader.ts';
import { BodyRoom } from '#edge/body-room.ts';
import { InflateTurns } from '#edge/inflate-turns.ts';
import type { Refusal } from '#failure/registry.ts';
import { COMPRESS, COMPRESSIONS } from '../support/inflated.ts';
import { waitFor } from '../support/wait-for.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** What decoding gzip takes of the budget. */
const GZIP_BYTES = decoderBytes('gzip', new Uint8Array(0));
const TEXT = JSON.stringify({ words: Array.from({ length: 50_000 }, (_, i) => `word ${i}`) });

class Outcome implements InflationOwner {
  waits = 0;
  runs = 0;
  body: BodyReader | null = null;
  refusal: Refusal | null = null;

  onInflationWaits(): void {
    this.waits++;
  }

  onInflationRuns(): void {
    this.runs++;
  }

  onInflated(body: BodyReader): void {
    this.body = body;
  }

  onInflationRefused(refusal: Refusal): void {
    this.refusal = refusal;
  }
}

class Scene {
  readonly budget: ByteBudget;
  readonly room: BodyRoom;
  readonly turns: InflateTurns;

  constructor(bytesTotal = 64 * MIB, runningMax = 4) {
    this.budget = new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), bytesTotal, 0);
    this.room = new BodyRoom(this.budget, { bytesTotal, waitersMax: 8, heldBytesMax: MIB });
    this.turns = new InflateTurns(runningMax, 2);
  }

  receive(bytes: Uint8Array): BodyReader {
    const owner = { onBodyRoom: () => assert.fail('a received body waited') };
    const body = new BodyReader(this.room, owner, 64 * MIB, bytes.length);
    assert.equal(body.add(bytes, true), null);
    return body;
  }

  start(coding: Coding, received: BodyReader, bytesMax = 32 * MIB): [BodyInflation, Outcome] {
    const outcome = new Outcome();
    const { room, turns } = this;
    const inflation = new BodyInflation({ coding, received, room, turns, bytesMax }, outcome);
    inflation.start();
    return [inflation, outcome];
  }

  assertNothingIsHeld(): void {
    const { budget, room, turns } = this;
    assert.deepEqual([budget.usedBytes, room.waiting, turns.running, turns.waiting], [0, 0, 0, 0]);
  }
}

async function ended(outcome: Outcome): Promise<Outcome> {
  await waitFor('a decoded body or a refusal', () => outcome.body !== null || outcome.refusal !== null);
  return outcome;
}

for (const [name, coding, compress] of COMPRESSIONS) {
  test(`${name}: a body is decoded into room of the shared budget, and its turn is over`, async () => {
    const scene = new Scene();
    const received = scene.receive(compress(TEXT));
    const [, outcome] = scene.start(coding, received);
    const { body } = await ended(outcome);
    assert.equal(scene.turns.running, 0);
    assert.equal(scene.budget.usedBytes, received.heldBytes + body!.heldBytes);
    received.release(true);
    assert.equal(Buffer.from(body!.bytes).toString(), TEXT);
    body!.release(true);
    scene.assertNothingIsHeld();
  });
}

test('a body that decodes to more than it may ends as it passes its bound', async () => {
  for (const coding of ['gzip', 'deflate', 'br', 'zstd'] as const) {
    const scene = new Scene();
    const received = scene.receive(COMPRESS[coding](Buffer.alloc(50 * MIB)));
    const [, outcome] = scene.start(coding, received, MIB);
    let mostBytes = 0;
    await waitFor('the refusal', () => {
      mostBytes = Math.max(mostBytes, scene.budget.usedBytes);
      return outcome.refusal !== null;
    });
    assert.equal(outcome.refusal?.failure.code, 'body_too_large');
    assert.ok(
      mostBytes <= received.heldBytes + decoderBytes(coding, received.bytes) + 2 * MIB,
      `${mostBytes} bytes at most`,
    );
    received.release(true);
    scene.assertNothingIsHeld();
  }
});

test('exactly as many bytes as it may decode to are accepted', async () => {
  const scene = new Scene();
  const received = scene.receive(COMPRESS.gzip(Buffer.alloc(MIB)));
  const { body } = await ended(scene.start('gzip', received, MIB)[1]);
  assert.equal(body?.length, MIB);
  received.release(true);
  body?.release(true);
  scene.assertNothingIsHeld();
});

test('what cannot be decoded is refused with what is wrong, and holds nothing', async () => {
  const scene = new Scene();
  const whole = COMPRESS.gzip(TEXT);
  const faults: [Buffer, string][] = [
    [whole.subarray(0, -5), 'Its content-encoding is gzip, but it ends early.'],
    [Buffer.from(TEXT), 'Its content-encoding is gzip, but it is not valid.'],
    [Buffer.concat([whole, Buffer.alloc(3)]), 'Its content-encoding is gzip, but there are bytes behind its end.'],
  ];
  for (const [bytes, detail] of faults) {
    const received = scene.receive(bytes);
    const { refusal } = await ended(scene.start('gzip', received)[1]);
    assert.deepEqual([refusal?.failure.code, refusal?.detail], ['body_malformed', detail]);
    received.release(true);
    scene.assertNothingIsHeld();
  }
});

test('without room for what comes out it waits, and goes on when there is some', async () => {
  const scene = new Scene(4 * MIB);
  const received = scene.receive(COMPRESS.gzip(TEXT));
  const other = scene.receive(Buffer.alloc(4 * MIB - received.heldBytes - GZIP_BYTES - 64 * KIB));
  const [, outcome] = scene.start('gzip', received);
  await waitFor('a wait', () => outcome.waits > 0);
  assert.deepEqual([outcome.runs, outcome.body], [0, null]);
  other.release(true);
  const { body } = await ended(outcome);
  assert.equal(outcome.runs, outcome.waits);
  assert.equal(Buffer.from(body!.bytes).toString(), TEXT);
  received.release(true);
  body!.release(true);
  scene.assertNothingIsHeld();
});

test('without room for the decoder it waits, and goes on when there is some', async () => {
  const scene = new Scene(4 * MIB);
  const received = scene.receive(COMPRESS.gzip(TEXT));
  const other = scene.receive(Buffer.alloc(4 * MIB - received.heldBytes - GZIP_BYTES + KIB));
  const [inflation, outcome] = scene.start('gzip', received);
  assert.deepEqual([outcome.waits, inflation.heldBytes], [1, 0]);
  other.release(true);
  const { body } = await ended(outcome);
  assert.equal(Buffer.from(body!.bytes).toString(), TEXT);
  received.release(true);
  body!.release(true);
  scene.assertNothingIsHeld();
});

test('a decoder that can never have its room is refused at once', async () => {
  const scene = new Scene(2 * MIB);
  const received = scene.receive(COMPRESS.br(TEXT));
  const [, outcome] = scene.start('br', received);
  assert.equal(outcome.refusal?.failure.code, 'body_budget_exhausted');
  received.release(true);
  scene.assertNothingIsHeld();
});

test('dropped in whatever state, it gives back what it held and tells nothing more', async () => {
  const scene = new Scene(2 * MIB, 1);
  const received = scene.receive(COMPRESS.gzip(TEXT));
  const other = scene.receive(Buffer.alloc(2 * MIB - received.heldBytes - GZIP_BYTES - 64 * KIB));
  const [waitsForRoom, first] = scene.start('gzip', received);
  const [waitsForTurn, second] = scene.start('gzip', received);
  await waitFor('a wait for room', () => first.waits > 0);
  assert.deepEqual([second.waits, scene.turns.waiting], [1, 1]);
  waitsForTurn.drop();
  waitsForRoom.drop();
  waitsForRoom.drop();
  const [decodes, third] = scene.start('gzip', received);
  decodes.drop();
  received.release(true);
  other.release(true);
  scene.assertNothingIsHeld();
  for (const { body, refusal } of [first, second, third]) assert.deepEqual([body, refusal], [null, null]);
});

test('beyond those that may wait for a turn the next is refused at once', async () => {
  const scene = new Scene(64 * MIB, 1);
  const received = scene.receive(COMPRESS.gzip(TEXT));
  const all = [1, 2, 3, 4].map(() => scene.start('gzip', received));
  assert.equal(all[3]![1].refusal?.failure.code, 'body_budget_exhausted');
  for (const [, outcome] of all.slice(0, 3)) (await ended(outcome)).body!.release(true);
  received.release(true);
  scene.assertNothingIsHeld();
});
