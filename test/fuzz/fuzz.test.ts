/** Each target against its kept corpus and a bounded number of new inputs from a fixed seed; and the fuzzer itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCorpus } from './corpus.ts';
import { firstFailure, fuzz } from './fuzz.ts';
import { type Target, texts } from './target.ts';
import { TARGETS } from './targets.ts';

const SEED = 1;
const INPUTS_MAX = 3_000;
const BOUND_MS = 3_000;

for (const target of TARGETS) {
  test(`${target.name}: every kept input holds`, () => {
    const corpus = readCorpus(target.name);
    assert.ok(corpus.length >= 10, `${corpus.length} kept inputs`);
    for (const input of corpus) {
      const failure = firstFailure(target, [input]);
      assert.equal(failure, null, `${JSON.stringify(input.toString('latin1'))}: ${failure?.error.message}`);
    }
  });

  test(`${target.name}: changed inputs hold too`, async () => {
    const corpus = readCorpus(target.name);
    const { inputs, failure } = await fuzz(target, { seed: SEED, ms: BOUND_MS, inputsMax: INPUTS_MAX, corpus });
    assert.equal(
      failure,
      null,
      `seed ${SEED}: ${JSON.stringify(failure?.bytes.toString('latin1'))}: ${failure?.error.message}`,
    );
    assert.ok(inputs >= 64);
  });
}

function planted(sources: RegExp, isFaulty: (bytes: Buffer) => boolean): Target {
  const check = (bytes: Buffer): void => {
    if (isFaulty(bytes)) throw new Error('planted');
  };
  return { name: 'planted', check, seeds: texts('abcdefgh'), words: texts('x'), sources };
}

test('the fuzzer finds a fault behind branches that only coverage leads to, and makes it small', async () => {
  const target = planted(/fuzz\.test\.ts$/, (bytes) => {
    let step = 0;
    for (const byte of bytes) {
      if (step === 0 && byte === 0x21) step = 1;
      else if (step === 1 && byte === 0x5c) step = 2;
      else if (step === 2 && byte === 0xff) step = 3;
      if (step === 3 && byte === 0x30) return true;
    }
    return false;
  });
  const { failure, found } = await fuzz(target, { seed: 7, ms: 20_000, corpus: [] });
  assert.equal(failure?.bytes.toString('latin1'), '!\\\xff0');
  assert.ok(found.length > 0);
});

test('a target that changes its input is caught', async () => {
  const target: Target = { ...planted(/none/, () => false), check: (bytes) => void bytes.fill(0) };
  const { failure } = await fuzz(target, { seed: 1, ms: 1_000, corpus: [] });
  assert.match(failure?.error.message ?? '', /changed/);
});
