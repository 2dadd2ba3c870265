/** A thread that takes numbered records out of a ring, woken by its bell only, and reports what it saw. */
import { parentPort, workerData } from 'node:worker_threads';
import { UsagePressure } from '#usage/pressure.ts';
import { decodeRecord } from '#usage/record-codec.ts';
import { UsageRingConsumer } from '#usage/ring.ts';

const shared = workerData as { ring: SharedArrayBuffer; pressure: SharedArrayBuffer; records: number };
const consumer = new UsageRingConsumer(shared.ring);
const pressure = new UsagePressure(shared.pressure);
const alive = setInterval(() => {}, 1000);
let seen = 0;
let wrong = 0;
while (seen < shared.records) {
  for (let bytes = consumer.next(); bytes !== null; bytes = consumer.next()) {
    const record = decodeRecord(bytes);
    if (record.inputTokens !== seen || record.model.length !== seen % 128) wrong++;
    seen++;
  }
  consumer.release();
  await pressure.sleep(() => !consumer.pending && seen < shared.records, Number.POSITIVE_INFINITY);
}
clearInterval(alive);
parentPort!.postMessage({ seen, wrong });
