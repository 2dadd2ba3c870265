/** A text of a request that is kept as a range of its bytes until the scan has ended. No state but its own, runs on every thread. */
import { decodeString } from './fact-keys.ts';
import type { FieldError } from './facts.ts';

/** States of a field. */
export const ABSENT = 0;
export const GOOD = 1;
export const WRONG = 2;

/** Raw bytes of a `metadata.user_id`, a cache key, an id; Claude Code sends about 200, the vendors take 256 characters. */
const ID_BYTES_MAX = 4096;

export class TextField {
  state = ABSENT;
  #start = 0;
  #end = 0;

  /** A string with the raw bytes [start, end) between its quotes. */
  setString(start: number, end: number): void {
    this.#start = start;
    this.#end = end;
    this.state = end - start <= ID_BYTES_MAX ? GOOD : WRONG;
  }

  decode(bytes: Uint8Array): string | null {
    return this.state === GOOD ? decodeString(bytes, this.#start, this.#end) : null;
  }

  error(path: string): FieldError | null {
    return this.state === WRONG ? { path, expected: `a string of at most ${ID_BYTES_MAX} bytes or null` } : null;
  }
}
