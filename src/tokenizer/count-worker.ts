/**
 * Entry of a counting worker: the pool (`counting-pool.ts`) calls `count` with one job after the other. Nothing of a text is kept
 * when its job is over.
 */
import type { CountJob } from './count-job.ts';
import { countTexts } from './count-texts.ts';
import { loadVocabulary } from './vocabulary.ts';

/** Tokens of the job's texts by its encoding, or `late`. */
export async function count(job: CountJob): Promise<number | 'late'> {
  const vocabulary = await loadVocabulary(job.encoding);
  try {
    return countTexts(job, vocabulary);
  } finally {
    vocabulary.forget();
  }
}
