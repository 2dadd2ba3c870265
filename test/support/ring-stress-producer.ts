/** A thread that reserves, pushes and gives back at random by its seed, and now and then hands its ring to a successor. */
import { setTimeout as sleep } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { UsagePressure } from '#usage/pressure.ts';
import { UsageRingProducer } from '#usage/ring.ts';
import { seededRandom } from './seeded-random.ts';
import { makeRecord } from './usage-records.ts';

const data = workerData as { ring: SharedArrayBuffer; pressure: SharedArrayBuffer; records: number; seed: number };
const random = seededRandom(data.seed);
const below = (bound: number): number => Math.floor(random() * bound);
const pressure = new UsagePressure(data.pressure);
let producer = new UsageRingProducer(data.ring, pressure);
let pushed = 0;
while (pushed < data.records) {
  const wanted = 1 + below(6);
  let open = 0;
  while (open < wanted && producer.reserve()) open++;
  if (open === 0) await sleep(0);
  for (; open > 0; open--) {
    if (pushed === data.records || random() < 0.2) producer.release();
    else producer.push(makeRecord({ inputTokens: pushed, model: 'm'.repeat(pushed++ % 128) }));
  }
  if (random() < 0.01) producer = new UsageRingProducer(data.ring, pressure);
  if (random() < 0.02) await sleep(below(2));
}
