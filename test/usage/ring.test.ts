import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { pressureBytes, UsagePressure } from '#usage/pressure.ts';
import { KIND, RECORD_BYTES_MAX } from '#usage/record.ts';
import { decodeRecord } from '#usage/record-codec.ts';
import { startRingAt, UsageRingConsumer, UsageRingProducer, usageRingBytes } from '#usage/ring.ts';
import { makeRecord } from '../support/usage-records.ts';
import { within } from '../support/wait-for.ts';

const CAPACITY = 8192;

function makeRing(startIndex = 0) {
  const ring = new SharedArrayBuffer(usageRingBytes(CAPACITY));
  startRingAt(ring, startIndex);
  const pressure = new UsagePressure(new SharedArrayBuffer(pressureBytes()));
  return { ring, pressure, producer: new UsageRingProducer(ring, pressure), consumer: new UsageRingConsumer(ring) };
}

for (const startIndex of [0, 2 ** 31 - 1, 2 ** 31 - 100, 2 ** 32 - 1, 2 ** 32 - 333]) {
  test(`records pass whole and in order when the indexes start at ${startIndex}`, () => {
    const { producer, consumer } = makeRing(startIndex);
    let sent = 0;
    let seen = 0;
    while (sent < 500) {
      while (producer.reserve()) producer.push(makeRecord({ inputTokens: sent++, model: 'm'.repeat(sent % 128) }));
      for (let bytes = consumer.next(); bytes !== null; bytes = consumer.next()) {
        const record = decodeRecord(bytes);
        assert.equal(record.inputTokens, seen++);
        assert.equal(record.model.length, seen % 128);
      }
      consumer.release();
    }
    assert.equal(seen, sent);
    assert.equal(consumer.pending, false);
  });
}

test('every open reservation has room for the largest record, and no more are given', () => {
  const { producer, consumer } = makeRing(2 ** 32 - 50);
  let open = 0;
  while (producer.reserve()) open++;
  assert.equal(open, Math.floor(CAPACITY / (RECORD_BYTES_MAX + 4)));
  assert.equal(producer.reserved, open);
  for (let i = 0; i < open; i++) producer.push(makeRecord({ model: '🙂'.repeat(100), upstreamModel: 'é'.repeat(200) }));
  assert.equal(producer.reserved, 0);
  let seen = 0;
  while (consumer.next() !== null) seen++;
  assert.equal(seen, open);
});

test('a reservation given back is room for another exchange', () => {
  const { producer } = makeRing();
  while (producer.reserve()) {}
  producer.release();
  assert.equal(producer.reserve(), true);
  assert.equal(producer.reserve(), false);
});

test('a full ring refuses reservations until its records were released, not only read', () => {
  const { producer, consumer } = makeRing();
  while (producer.reserve()) producer.push(makeRecord());
  while (consumer.next() !== null) {}
  assert.equal(producer.reserve(), false);
  consumer.rewind();
  assert.notEqual(consumer.next(), null, 'what was not released is read again');
  while (consumer.next() !== null) {}
  consumer.release();
  assert.equal(producer.reserve(), true);
});

test('a front that takes over a ring goes on behind its predecessor', () => {
  const { ring, pressure, producer, consumer } = makeRing(2 ** 32 - 10);
  producer.reserve();
  producer.push(makeRecord({ inputTokens: 1 }));
  const successor = new UsageRingProducer(ring, pressure);
  successor.reserve();
  successor.push(makeRecord({ inputTokens: 2 }));
  assert.equal(decodeRecord(consumer.next()!).inputTokens, 1);
  assert.equal(decodeRecord(consumer.next()!).inputTokens, 2);
});

test('a push without a reservation is a bug', () => {
  const { producer } = makeRing();
  assert.throws(() => producer.push(makeRecord()), /room reserved/);
  assert.throws(() => producer.release(), /reservation/);
});

test('between threads nothing is lost, torn or reordered, and the sleeper is always woken', async () => {
  const records = 20_000;
  const ring = new SharedArrayBuffer(usageRingBytes(CAPACITY));
  startRingAt(ring, 2 ** 32 - 5000);
  const shared = { ring, pressure: new SharedArrayBuffer(pressureBytes()), records };
  const url = (name: string) => new URL(`../support/${name}`, import.meta.url);
  const consumer = new Worker(url('ring-consumer.ts'), { workerData: shared });
  const producer = new Worker(url('ring-producer.ts'), { workerData: shared });
  try {
    const answer = await within(
      'all records through the ring',
      60_000,
      new Promise((resolve, reject) => {
        consumer.once('message', resolve);
        for (const worker of [consumer, producer]) worker.once('error', reject);
      }),
    );
    assert.deepEqual(answer, { seen: records, wrong: 0 });
  } finally {
    await Promise.all([consumer.terminate(), producer.terminate()]);
  }
});

test('an open record takes only what no reservation may need', () => {
  const { producer, consumer } = makeRing(2 ** 32 - 99);
  let reserved = 0;
  while (producer.reserve()) reserved++;
  assert.equal(producer.tryPush(makeRecord(), KIND.open), false);
  producer.release();
  assert.equal(producer.tryPush(makeRecord(), KIND.open), true);
  for (let i = 1; i < reserved; i++) producer.push(makeRecord({ model: '🙂'.repeat(100) }), KIND.closing);
  const kinds: number[] = [];
  while (consumer.next() !== null) kinds.push(consumer.kind);
  assert.deepEqual(kinds, [KIND.open, ...Array.from({ length: reserved - 1 }, () => KIND.closing)]);
});

for (const startIndex of [0, 2 ** 31 - 300, 2 ** 32 - 300]) {
  test(`a position is durable once all before it was released and published, from ${startIndex}`, () => {
    const { producer, consumer } = makeRing(startIndex);
    const positions: number[] = [];
    for (let i = 0; i < 5; i++) {
      producer.reserve();
      producer.push(makeRecord());
      positions.push(producer.position);
    }
    const durable = () => positions.map((position) => producer.isDurable(position));
    producer.waiting = true;
    consumer.next();
    consumer.next();
    assert.equal(consumer.publishDurable(), false, 'read, but not kept elsewhere yet');
    consumer.release();
    assert.deepEqual(durable(), [false, false, false, false, false]);
    assert.equal(consumer.publishDurable(), true, 'the front waits: ring');
    assert.deepEqual(durable(), [true, true, false, false, false]);
    assert.equal(consumer.publishDurable(), false, 'nothing new');
    producer.waiting = false;
    while (consumer.next() !== null) {}
    consumer.release();
    assert.equal(consumer.publishDurable(), false, 'nobody waits');
    assert.deepEqual(durable(), [true, true, true, true, true]);
  });
}

for (const [seed, startAt] of [
  [5, 2 ** 31 - 3_000],
  [91, 2 ** 32 - 3_000],
  [4_242, 2 ** 32 - 200_000],
] as const) {
  test(`a producer and a consumer at random lose, tear and reorder nothing, over the wrap of the indexes (seed ${seed})`, async () => {
    const records = 8_000;
    const ring = new SharedArrayBuffer(usageRingBytes(CAPACITY));
    startRingAt(ring, startAt);
    const shared = { ring, pressure: new SharedArrayBuffer(pressureBytes()), records, seed };
    const start = (name: string) =>
      new Worker(new URL(`../support/${name}`, import.meta.url), { workerData: { ...shared } });
    const consumer = start('ring-stress-consumer.ts');
    const producer = start('ring-stress-producer.ts');
    try {
      const answer = await within(
        `all records through the ring (seed ${seed})`,
        30_000,
        new Promise<{ kept: number; wrong: number; rewinds: number }>((resolve, reject) => {
          consumer.once('message', resolve);
          for (const worker of [consumer, producer]) worker.once('error', reject);
        }),
      );
      assert.deepEqual([answer.kept, answer.wrong], [records, 0], `seed ${seed}`);
      assert.ok(answer.rewinds > 10);
    } finally {
      await Promise.all([consumer.terminate(), producer.terminate()]);
    }
  });
}
