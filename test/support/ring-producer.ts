/** A thread that pushes numbered records through a ring, in bursts so that the consumer falls asleep between them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { UsagePressure } from '#usage/pressure.ts';
import { UsageRingProducer } from '#usage/ring.ts';
import { makeRecord } from './usage-records.ts';

const { ring, pressure, records } = workerData as {
  ring: SharedArrayBuffer;
  pressure: SharedArrayBuffer;
  records: number;
};
const producer = new UsageRingProducer(ring, new UsagePressure(pressure));
for (let i = 0; i < records; i++) {
  while (!producer.reserve()) await sleep(0);
  producer.push(makeRecord({ inputTokens: i, model: 'm'.repeat(i % 128) }));
  if (i % 1000 === 0) await sleep(2);
}
