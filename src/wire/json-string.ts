/**
 * Finds the end of a JSON string whose bytes arrive in chunks, without looking at what it says. Pure; runs on front threads.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Strings shorter than this are walked; for the rest a native search is cheaper than its call. */
const WALK_BYTES = 24;

export class JsonString {
  /** Its opening quote has come, its closing one has not. */
  inside = false;
  #escaped = false;

  reset(): void {
    this.inside = this.#escaped = false;
  }

  /** Goes on from `from`, which is inside; returns the position behind the closing quote, or the end of the chunk. */
  skip(bytes: Buffer, from: number): number {
    let escaped = this.#escaped;
    let at = from;
    const walkEnd = Math.min(bytes.length, from + WALK_BYTES);
    for (; at < walkEnd; at++) {
      const byte = bytes[at];
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) {
        this.inside = this.#escaped = false;
        return at + 1;
      }
    }
    this.#escaped = escaped;
    return at < bytes.length ? this.#search(bytes, at) : at;
  }

  #search(bytes: Buffer, from: number): number {
    // A backslash just before `from` has already spoken for the byte there.
    const start = this.#escaped ? from + 1 : from;
    this.#escaped = false;
    let quote = bytes.indexOf(QUOTE, start);
    while (quote >= 0 && isEscaped(bytes, start, quote)) quote = bytes.indexOf(QUOTE, quote + 1);
    if (quote >= 0) {
      this.inside = false;
      return quote + 1;
    }
    this.#escaped = isEscaped(bytes, start, bytes.length);
    return bytes.length;
  }
}

/** Whether an odd number of backslashes stands before `at`; `start` is the first byte that may count. */
function isEscaped(bytes: Buffer, start: number, at: number): boolean {
  let first = at;
  while (first > start && bytes[first - 1] === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}
