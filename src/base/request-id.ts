/**
 * Request ids: UUID version 7 (RFC 9562 §5.7), made on fronts. The time part is also the row's `created_at`, so both are
 * taken in the same call.
 *
 *   48 bits Unix ms | 4 bits version 7 | 12 bits random | 2 bits variant 10 | 62 bits random
 */
import { randomFillSync } from 'node:crypto';
import { wallMs } from './clock.ts';

const POOL_BYTES = 4096;
const pool = new Uint8Array(POOL_BYTES);
let taken = POOL_BYTES;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export interface RequestId {
  /** 36 characters with dashes. */
  readonly text: string;
  /** The millisecond inside the id. */
  readonly createdAtMs: number;
}

export function makeRequestId(): RequestId {
  if (taken + 10 > POOL_BYTES) {
    randomFillSync(pool);
    taken = 0;
  }
  const createdAtMs = wallMs();
  const at = taken;
  taken += 10;
  const time = createdAtMs.toString(16).padStart(12, '0');
  const version = HEX[0x70 | (pool[at]! & 0x0f)]! + HEX[pool[at + 1]!]!;
  const variant = HEX[0x80 | (pool[at + 2]! & 0x3f)]! + HEX[pool[at + 3]!]!;
  const node =
    HEX[pool[at + 4]!]! +
    HEX[pool[at + 5]!]! +
    HEX[pool[at + 6]!]! +
    HEX[pool[at + 7]!]! +
    HEX[pool[at + 8]!]! +
    HEX[pool[at + 9]!]!;
  return { text: `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${node}`, createdAtMs };
}

/** The 32 hex digits of a dashed id. */
export function compactRequestId(text: string): string {
  return text.slice(0, 8) + text.slice(9, 13) + text.slice(14, 18) + text.slice(19, 23) + text.slice(24);
}
