/** A counting worker that does what its job's text says, where the real one counts. */
import { writeSync } from 'node:fs';
import { getPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { CountJob } from '#tokenizer/count-job.ts';

/** `nap 50` answers 50 after as many ms, `die` ends the thread, `throw` throws, `spin` never ends; everything else is its bytes. */
export async function count({ buffer }: CountJob): Promise<number | 'late'> {
  const text = Buffer.from(buffer).toString();
  const [word, ms] = text.split(' ');
  if (word === 'nap') await pause(Number(ms));
  if (word === 'nap') return Number(ms);
  if (word === 'die') process.exit(3);
  if (word === 'throw') throw new Error('as the test wants it');
  if (word === 'priority') return getPriority();
  while (word === 'spin') writeSync(1, '');
  return buffer.byteLength;
}
