/**
 * Model rewriting without a second parse: the new name is spliced over the old one's bytes. No state, runs on every thread.
 */
import { assert } from '#base/assert.ts';
import type { Facts } from './facts.ts';

const encoder = new TextEncoder();

/**
 * A copy of `bytes` in which the model's JSON string is replaced by `model`; every other byte is as it was. The facts' byte
 * ranges still speak of the old bytes.
 */
export function spliceModel(bytes: Uint8Array, facts: Facts, model: string): Uint8Array {
  assert(facts.modelStart >= 0, 'a model can only be replaced where the scan found one');
  const replacement = encoder.encode(JSON.stringify(model));
  const spliced = new Uint8Array(bytes.length - (facts.modelEnd - facts.modelStart) + replacement.length);
  spliced.set(bytes.subarray(0, facts.modelStart));
  spliced.set(replacement, facts.modelStart);
  spliced.set(bytes.subarray(facts.modelEnd), facts.modelStart + replacement.length);
  return spliced;
}
