import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import type { ReplyShared } from '#edge/client-side.ts';
import { DurableReplies } from '#edge/durable-replies.ts';
import type { Exchange } from '#edge/exchange.ts';
import { pressureBytes, UsagePressure } from '#usage/pressure.ts';
import { UsageRingConsumer, UsageRingProducer, usageRingBytes } from '#usage/ring.ts';
import { makeRecord } from '../support/usage-records.ts';

function makeScene(waitMs = 1000) {
  const ring = new SharedArrayBuffer(usageRingBytes(65_536));
  const usageRing = new UsageRingProducer(ring, new UsagePressure(new SharedArrayBuffer(pressureBytes())));
  const consumer = new UsageRingConsumer(ring);
  const events: string[] = [];
  const replies = { unfinished: 0, counters: { failure: () => events.push('counted') } } as unknown as ReplyShared;
  const durable = new DurableReplies({ usageRing, replies, waitMs });
  const settled = (name: string, fields: object = {}): void => {
    usageRing.reserve();
    usageRing.push(makeRecord());
    durable.hold({
      hold: { letGo: () => events.push(`${name} let go`), drop: () => events.push(`${name} dropped`) },
      reply: {
        over: false,
        headSent: true,
        finish: () => events.push(`${name} finished`),
        abandon: () => events.push(`${name} abandoned`),
      },
      ...fields,
    } as unknown as Exchange);
  };
  const sync = (records: number): boolean => {
    for (let i = 0; i < records; i++) consumer.next();
    consumer.release();
    return consumer.publishDurable();
  };
  return { durable, replies, events, settled, sync };
}

test('answers end in the order of their records, each once its own is on disk, and not before', () => {
  const { durable, replies, events, settled, sync } = makeScene();
  for (const name of ['a', 'b', 'c']) settled(name);
  durable.release();
  assert.deepEqual([events, replies.unfinished], [[], 3]);
  assert.equal(sync(2), true, 'the front has said that it waits');
  durable.release();
  assert.deepEqual(events, ['a let go', 'a finished', 'b let go', 'b finished']);
  assert.equal(sync(1), true);
  durable.release();
  assert.deepEqual([events.length, replies.unfinished, durable.size], [6, 0, 0]);
  settled('d');
  assert.equal(sync(1), true, 'it waits again');
});

test('nobody rings for a front whose answers have all ended', () => {
  const { durable, settled, sync } = makeScene();
  settled('a');
  sync(1);
  durable.release();
  assert.equal(sync(0), false);
});

test('an answer whose record does not reach the disk in time is broken off, the others behind it later', () => {
  const { durable, replies, events, settled } = makeScene(1000);
  const beforeMs = nowMs();
  settled('a');
  durable.sweep(beforeMs + 500);
  assert.deepEqual(events, []);
  durable.sweep(nowMs() + 2000);
  assert.deepEqual(events, ['a dropped', 'a abandoned', 'counted']);
  assert.equal(replies.unfinished, 0);
});

test('thousands of answers pass through the queue', () => {
  const { durable, events, settled, sync } = makeScene();
  for (let i = 0; i < 5000; i++) {
    settled(String(i));
    if (i % 7 !== 6) continue;
    sync(7);
    durable.release();
  }
  assert.equal(durable.size, 5000 % 7);
  assert.equal(events.length, 2 * (5000 - (5000 % 7)));
});
