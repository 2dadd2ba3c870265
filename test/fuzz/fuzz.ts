/**
 * Looks for an input that breaks a target's check: changes inputs at random, keeps those that reach branches nobody reached before,
 * and makes what breaks the check as small as it gets.
 */

import { below } from '../support/request-generator.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Coverage } from './coverage.ts';
import { mutate } from './mutate.ts';
import type { Target } from './target.ts';

/** Inputs between two looks at the coverage: a look takes about as long as they do. */
const BATCH = 64;

export interface FuzzOptions {
  seed: number;
  /** Behind the corpus, which is always checked; ends with whichever comes first. */
  ms: number;
  inputsMax?: number;
  corpus: readonly Buffer[];
}

export interface Failure {
  bytes: Buffer;
  error: Error;
}

export interface FuzzResult {
  inputs: number;
  branches: number;
  /** New inputs that reached something new. */
  found: Buffer[];
  failure: Failure | null;
}

export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const random = seededRandom(options.seed);
  const corpus = [...options.corpus, ...target.seeds];
  const result: FuzzResult = { inputs: 0, branches: 0, found: [], failure: null };
  const coverage = new Coverage(target.sources);
  await coverage.start();
  try {
    result.failure = firstFailure(target, corpus);
    await coverage.isNew(true);
    const endMs = performance.now() + options.ms;
    while (result.failure === null && performance.now() < endMs && result.inputs < (options.inputsMax ?? Infinity)) {
      const batch = Array.from({ length: BATCH }, () =>
        mutate(corpus[below(random, corpus.length)]!, { random, corpus, words: target.words }),
      );
      result.inputs += BATCH;
      result.failure = firstFailure(target, batch);
      if (result.failure === null && (await coverage.isNew(false)))
        await keepNew(target, batch, { coverage, corpus, result });
    }
    result.branches = coverage.size;
  } finally {
    await coverage.stop();
  }
  if (result.failure !== null) result.failure = minimise(target, result.failure);
  return result;
}

interface Keeping {
  coverage: Coverage;
  corpus: Buffer[];
  result: FuzzResult;
}

/** A batch reached something new: finds out which of its inputs did. */
async function keepNew(target: Target, batch: Buffer[], { coverage, corpus, result }: Keeping): Promise<void> {
  for (const bytes of batch) {
    target.check(bytes);
    if (!(await coverage.isNew(true))) continue;
    corpus.push(bytes);
    result.found.push(bytes);
  }
}

export function firstFailure(target: Target, inputs: readonly Buffer[]): Failure | null {
  for (const bytes of inputs) {
    const before = Buffer.from(bytes);
    try {
      target.check(bytes);
    } catch (error) {
      return { bytes: before, error: error as Error };
    }
    if (!before.equals(bytes)) return { bytes: before, error: new Error('the input was changed') };
  }
  return null;
}

/** Takes stretches out of the input for as long as it still fails (delta debugging, Zeller 1999). */
export function minimise(target: Target, failure: Failure): Failure {
  let best = failure;
  for (let size = Math.max(1, best.bytes.length >> 1); size > 0; size >>= 1) {
    for (let at = 0; at < best.bytes.length; ) {
      const smaller = Buffer.concat([best.bytes.subarray(0, at), best.bytes.subarray(at + size)]);
      const still = firstFailure(target, [smaller]);
      if (still === null) at += size;
      else best = still;
    }
  }
  return best;
}

/** The inputs, small ones first, that reach a branch which those before them do not. */
export async function distil(target: Target, inputs: readonly Buffer[]): Promise<Buffer[]> {
  const coverage = new Coverage(target.sources, false);
  await coverage.start();
  const needed: Buffer[] = [];
  await coverage.isNew(false);
  for (const bytes of inputs.toSorted((a, b) => a.length - b.length)) {
    target.check(bytes);
    if (await coverage.isNew(true)) needed.push(bytes);
  }
  await coverage.stop();
  return needed;
}
