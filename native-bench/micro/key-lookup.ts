/**
 * What finding the principal of a presented key costs: the hash alone, then with a hit among 10,000 known keys, a key that is known to
 * be unknown, and a miss up to primary's answer (without primary's own work and the way there).
 * Run: `node_modules/.bin/node native-bench/micro/key-lookup.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { generateKey, hashKey } from '../../src/auth/key.ts';
import { KeyCache } from '../../src/auth/key-cache.ts';
import type { NoPrincipal, Principal } from '../../src/auth/principal.ts';
import { bestNs, bytesPerCall, printCase } from './measure.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 7;
const COUNT = quick ? 1_000 : 200_000;
const KEYS = 10_000;
const FAR_MS = 1e12;

const limits = {
  keyCacheEntries: KEYS,
  negativeKeyEntries: KEYS,
  keyTtlMs: FAR_MS,
  negativeTtlMs: FAR_MS,
  staleMs: FAR_MS,
  lookupTimeoutMs: FAR_MS,
  lookupsPending: KEYS,
};

function principal(keyHash: string, row: number): Principal {
  return {
    keyId: row,
    keyHash,
    keyStatus: 'active',
    expiresAtMs: null,
    allowedModels: null,
    ipAllow: null,
    ipDeny: null,
    userId: row,
    userName: `user-${row}`,
    userStatus: 'active',
    userRow: row,
    userGeneration: 0,
    groupId: 1,
    groupName: 'g',
    multiplierMicros: 1_000_000,
  };
}

let answers = 0;
const cache = new KeyCache(limits, () => {});
const note = (): void => void answers++;

function ask(keyHash: string, found: Principal | NoPrincipal): void {
  cache.load(keyHash, 0, note);
  cache.answer(keyHash, found, 0);
}

const known = Array.from({ length: KEYS }, generateKey);
const unknown = Array.from({ length: KEYS }, generateKey);
const missed = Array.from({ length: KEYS }, generateKey);
const missedPrincipals = missed.map((key, row) => principal(hashKey(key), row));

let at = 0;
let kept: unknown;

/** Every call presents the next key. */
function bench(name: string, run: (index: number) => unknown): void {
  const once = (): void => {
    kept = run(at);
    at = (at + 1) % KEYS;
  };
  const ns = bestNs(ROUNDS, COUNT, once);
  const bytes = bytesPerCall(1_000, once);
  if (kept === undefined) throw new Error(`${name}: nothing came out`);
  printCase('key-lookup', name, 'key', { ns, bytes });
}

bench('hash alone', (index) => hashKey(known[index]!));
for (const [row, key] of known.entries()) ask(hashKey(key), principal(hashKey(key), row));
for (const key of unknown) ask(hashKey(key), 'unknown');

bench('hash and hit', (index) => {
  const entry = cache.peek(hashKey(known[index]!), 0);
  if (entry === null || typeof entry === 'string') throw new Error('a known key was not found');
  return entry;
});
const hashes = known.map(hashKey);
bench('hit alone', (index) => cache.peek(hashes[index]!, 0));
bench('hash and known to be unknown', (index) => {
  const entry = cache.peek(hashKey(unknown[index]!), 0);
  if (entry !== 'unknown') throw new Error('an unknown key was not remembered');
  return entry;
});
const before = answers;
bench('miss: asked, answered, remembered', (index) => {
  const { keyHash } = missedPrincipals[index]!;
  cache.invalidate([keyHash]);
  if (cache.peek(keyHash, 0) !== null) throw new Error('a forgotten key was found');
  ask(keyHash, missedPrincipals[index]!);
  return keyHash;
});
if (answers === before) throw new Error('nobody was answered');
