/**
 * MessagePack, the one binary form of the product: snapshots between threads, usage records in rings and journal.
 * Only owner of msgpackr. Integers above 2^53 must be bigint; plain records are stored without shared structures so that any
 * version can read them.
 */
import { Packr } from 'msgpackr';

const packr = new Packr({ useRecords: false, int64AsType: 'bigint', largeBigIntToString: false });

/** Encodes plain data (objects, arrays, strings, numbers, bigint, booleans, null, Uint8Array). The result is a fresh copy. */
export function pack(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** Decodes what `pack` made. What was a bigint comes back as bigint, numbers as numbers. Throws on torn input. */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
