/** A thread that reads, reads again and releases at random by its seed; reports what it saw in the order of what it released. */
import { parentPort, workerData } from 'node:worker_threads';
import { UsagePressure } from '#usage/pressure.ts';
import { decodeRecord } from '#usage/record-codec.ts';
import { UsageRingConsumer } from '#usage/ring.ts';
import { seededRandom } from './seeded-random.ts';

const data = workerData as { ring: SharedArrayBuffer; pressure: SharedArrayBuffer; records: number; seed: number };
const random = seededRandom(data.seed);
const consumer = new UsageRingConsumer(data.ring);
const pressure = new UsagePressure(data.pressure);
const alive = setInterval(() => {}, 1000);
let kept = 0;
let wrong = 0;
let rewinds = 0;
while (kept < data.records) {
  let read = 0;
  for (let bytes = consumer.next(); bytes !== null; bytes = consumer.next()) {
    const record = decodeRecord(bytes);
    const expected = kept + read++;
    if (record.inputTokens !== expected || record.model.length !== expected % 128) wrong++;
    if (random() < 0.1) break;
  }
  if (random() < 0.1) {
    consumer.rewind();
    rewinds++;
  } else {
    consumer.release();
    kept += read;
  }
  if (random() < 0.3) await pressure.sleep(() => !consumer.pending && kept < data.records, Number.POSITIVE_INFINITY);
}
clearInterval(alive);
parentPort!.postMessage({ kept, wrong, rewinds });
