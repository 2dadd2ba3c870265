/**
 * Which account served last what belongs together (a session, a stored response), for all fronts. A cache in shared memory: entries end
 * after their time, and a full bucket loses the entry that ends first. Whoever asks has to check that the account may serve: a table
 * like this remembers accounts that are gone.
 *
 *   bucket (one of a power of two, by the key)     Int32 words
 *   [ lock | 8 × ( keyLow | keyHigh | accountId | endsAtSeconds ) | 3 unused ]
 *     0 free, 1 taken for some tens of instructions without a call that can throw
 *
 * A key is 64 bits of SHA-256 over the group and the name, so that no session leads into another group, and nobody can aim at another
 * one's entry. Fronts read and write; any thread.
 */
import { hash } from 'node:crypto';
import { relax } from './relax.ts';

const ENTRIES = 8;
const ENTRY_WORDS = 4;
const BUCKET_WORDS = 1 + ENTRIES * ENTRY_WORDS + 3;

export interface AffinityKey {
  readonly low: number;
  readonly high: number;
}

/** What belongs together, within a group. `kind` keeps names of different sources apart. */
export function affinityKey(groupId: number, kind: string, name: string): AffinityKey {
  const bytes = hash('sha256', `${groupId}\n${kind}\n${name}`, 'buffer');
  // Zero is a free entry.
  return { low: bytes.readInt32LE(0) || 1, high: bytes.readInt32LE(4) };
}

/** Rounded up to whole buckets, of which there are a power of two. */
function bucketCount(entries: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, entries / ENTRIES))));
}

export function affinityTableBytes(entries: number): number {
  return bucketCount(entries) * BUCKET_WORDS * 4;
}

export class AffinityTable {
  readonly #words: Int32Array;
  readonly #mask: number;

  constructor(buffer: SharedArrayBuffer, entries: number) {
    this.#words = new Int32Array(buffer);
    this.#mask = bucketCount(entries) - 1;
  }

  /** Id of the account that served this last; 0 when nobody knows. `nowMs`: monotonic, of the process. */
  find(key: AffinityKey, nowMs: number): number {
    const bucket = this.#lock(key);
    const entry = this.#entryOf(bucket, key);
    const found = entry >= 0 && this.#words[entry + 3]! > nowMs / 1000 ? this.#words[entry + 2]! : 0;
    this.#unlock(bucket);
    return found;
  }

  remember(key: AffinityKey, accountId: number, nowMs: number, ttlMs: number): void {
    const words = this.#words;
    const bucket = this.#lock(key);
    const known = this.#entryOf(bucket, key);
    const entry = known >= 0 ? known : this.#oldest(bucket);
    words[entry] = key.low;
    words[entry + 1] = key.high;
    words[entry + 2] = accountId;
    words[entry + 3] = Math.ceil((nowMs + ttlMs) / 1000);
    this.#unlock(bucket);
  }

  forget(key: AffinityKey): void {
    const bucket = this.#lock(key);
    const entry = this.#entryOf(bucket, key);
    if (entry >= 0) this.#words.fill(0, entry, entry + ENTRY_WORDS);
    this.#unlock(bucket);
  }

  /** Everything that is known, for a process that takes over; times are of a clock that all processes of a host share. */
  copy(): Uint8Array {
    return new Uint8Array(this.#words.slice().buffer);
  }

  /** What another process knew. A table of another size is as good as none. Before any front uses this one. */
  adopt(copy: Uint8Array): void {
    if (copy.byteLength !== this.#words.byteLength) return;
    this.#words.set(new Int32Array(copy.slice().buffer));
    // A bucket may have been copied while it was taken.
    for (let bucket = 0; bucket < this.#words.length; bucket += BUCKET_WORDS) this.#words[bucket] = 0;
  }

  /** First word of the key's bucket, which is then ours. */
  #lock({ low }: AffinityKey): number {
    const bucket = (low & this.#mask) * BUCKET_WORDS;
    let tries = 0;
    while (Atomics.compareExchange(this.#words, bucket, 0, 1) !== 0) relax(tries++);
    return bucket;
  }

  #unlock(bucket: number): void {
    Atomics.store(this.#words, bucket, 0);
  }

  /** First word of the entry, -1 when there is none. */
  #entryOf(bucket: number, { low, high }: AffinityKey): number {
    const words = this.#words;
    for (let i = 0; i < ENTRIES; i++) {
      const entry = bucket + 1 + i * ENTRY_WORDS;
      if (words[entry] === low && words[entry + 1] === high) return entry;
    }
    return -1;
  }

  #oldest(bucket: number): number {
    const words = this.#words;
    let oldest = bucket + 1;
    for (let i = 1; i < ENTRIES; i++) {
      const entry = bucket + 1 + i * ENTRY_WORDS;
      if (words[entry + 3]! < words[oldest + 3]!) oldest = entry;
    }
    return oldest;
  }
}
