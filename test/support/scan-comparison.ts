/**
 * Holds the scan of one body against its oracle, whole and in random slices. The oracle is the engine's own decoder and parser
 * below the depth bound; above it the scan refuses.
 */
import assert from 'node:assert/strict';
import { type Facts, isScanError, type ScanError } from '#wire/facts.ts';
import { Scanner, scan } from '#wire/scan.ts';
import { below, type Random } from './request-generator.ts';
import { expectedFacts, oracle, readable, spanBytes } from './request-oracle.ts';

export const DEPTH_MAX = 64;

/** The scan in random slices, on a copy that begins at a random offset of its memory. */
function scanInSlices(random: Random, bytes: Uint8Array): Facts | ScanError {
  const offset = below(random, 8);
  const copy = new Uint8Array(new ArrayBuffer(bytes.length + offset + 5), offset, bytes.length);
  copy.set(bytes);
  const sliceMax = 1 + below(random, 2 + bytes.length / 2);
  const scanner = new Scanner(copy, DEPTH_MAX);
  // A step may do no more than find that a number has ended, hence twice.
  for (let steps = 0; steps <= 2 * bytes.length; steps++) {
    const result = scanner.step(1 + below(random, sliceMax));
    if (result === 'more') continue;
    if (!isScanError(result)) assert.equal(scanner.scannedBytes, bytes.length);
    return result;
  }
  return assert.fail('the slices come to no end');
}

export function compareScan(random: Random, bytes: Buffer): 'accepted' | 'refused' {
  const expected = oracle(bytes);
  const result = scan(bytes, DEPTH_MAX);
  assert.deepEqual(scanInSlices(random, bytes), result, 'slices give the same answer');
  if (isScanError(result)) {
    if ('value' in expected) {
      assert.match(result.reason, /^nested deeper/, `refused: ${result.reason} at ${result.offset}`);
      assert.equal(result.offset, tooDeepAt(bytes));
      return 'refused';
    }
    // An offset beyond the bound on depth is not told.
    const faultAt = result.reason.startsWith('nested deeper') ? null : expected.faultAt;
    assert.equal(result.offset, faultAt ?? result.offset);
    assert.ok(result.offset >= 0 && result.offset <= bytes.length);
    return 'refused';
  }
  assert.ok('value' in expected, 'the oracle refuses it');
  assert.equal(tooDeepAt(bytes), -1, 'nested beyond the bound');
  assert.deepEqual(readable(bytes, result), expectedFacts(expected.value));
  assert.equal(result.textBytes, spanBytes(result.systemSpans) + spanBytes(result.messageSpans));
  if (result.model !== null) {
    assert.equal(JSON.parse(bytes.toString('utf8', result.modelStart, result.modelEnd)), result.model);
  }
  return 'accepted';
}

/** Where valid JSON opens a container too many; -1 when it does not. */
function tooDeepAt(bytes: Uint8Array): number {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const letter = String.fromCharCode(bytes[at]!);
    if (inString && letter === '\\') at++;
    else if (letter === '"') inString = !inString;
    else if (!inString && '[{'.includes(letter) && ++depth > DEPTH_MAX) return at;
    else if (!inString && ']}'.includes(letter)) depth--;
  }
  return -1;
}
