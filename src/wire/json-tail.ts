/**
 * Where a JSON text of which only the end is here can be read from. Its last byte is outside all strings and all brackets, so backwards
 * from there it is known what is a string, and how deep each byte lies. Runs on front threads; never throws.
 *
 *   …AAAA"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7}} LF LF
 *         ^ behind the string that began before: from here on, at depth 6
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
/** With it the brackets of an array are those of an object. */
const BRACKET_BIT = 0x20;

/** Of the tail that was looked at last: what can be read of it, and the brackets around that; `start` is `end` when it is none. */
export const readable = { start: 0, end: 0, depth: 0 };

export function findReadable(bytes: Uint8Array, start: number, end: number): void {
  let last = end;
  while (last > start && bytes[last - 1]! <= SPACE) last--;
  readable.start = readable.end = last;
  readable.depth = 0;
  if (last === start || bytes[last - 1] !== OBJECT_CLOSE) return;
  let depth = 0;
  let at = last;
  while (at > start) {
    const byte = bytes[at - 1]!;
    if (byte === QUOTE) {
      const open = stringStart(bytes, start, at - 1);
      if (open < 0) break;
      at = open;
      continue;
    }
    const bracket = byte | BRACKET_BIT;
    if (bracket === OBJECT_CLOSE) depth++;
    else if (bracket === OBJECT_OPEN) depth--;
    at--;
  }
  readable.start = at;
  readable.depth = depth;
}

/** Where the string begins that ends with the quote at `close`; -1 when that is before `start`, or may be. */
function stringStart(bytes: Uint8Array, start: number, close: number): number {
  let at = close - 1;
  while (at >= start) {
    if (bytes[at] !== QUOTE) {
      at--;
      continue;
    }
    let before = at - 1;
    while (before >= start && bytes[before] === BACKSLASH) before--;
    if (before < start) return -1;
    if ((at - before) % 2 === 1) return at;
    at = before;
  }
  return -1;
}
