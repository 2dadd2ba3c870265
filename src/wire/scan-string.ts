/**
 * The inside of JSON strings: finding the next byte that means something, and checking escapes. Free functions on bytes and
 * integers, used by the scan's hot loop; no state, runs on every thread.
 *
 * Four bytes are tested with one 32-bit word (SWAR, see Hacker's Delight 6-1 "find first 0-byte"):
 *
 *   has a byte < n (n ≤ 0x80)   (w - n·0x01010101) & ~w & 0x80808080
 *   control or quote            w ^ 0x02020202 swaps 0x20 and 0x22 and keeps 0x00–0x1f below 0x20: one test `< 0x21`
 *   backslash                   w ^ 0x5c5c5c5c makes it 0: a test `< 1`
 *
 * A borrow can flag only bytes above a true hit, and bytes ≥ 0x80 never flag or borrow, so the lowest flag is exact on the
 * little-endian machines that Node's pinned builds run on. Measured: 0.20 ns a byte in long strings, 8 ns a call in short ones;
 * a byte loop takes 1.0 ns a byte; four words unrolled are no faster (`native-bench/micro/scan.ts`).
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;
const SPACE = 0x20;

const SWAP_QUOTE = 0x02020202;
const BELOW_21 = 0x21212121;
const BACKSLASHES = 0x5c5c5c5c;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;

/** What may follow a backslash, `u` aside: `" \ / b f n r t`. */
const SHORT_ESCAPE = byteSet('"\\/bfnrt');
const HEX_DIGIT = byteSet('0123456789abcdefABCDEF');

function byteSet(members: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const member of members) set[member.charCodeAt(0)] = 1;
  return set;
}

/**
 * The bytes around a body as aligned little-endian words: word `i` covers the body's bytes `4i - shift … 4i - shift + 3`.
 * Up to three bytes before the body may lie in the first word; they are masked before they are looked at.
 */
export interface Words {
  readonly words: Int32Array;
  /** Bytes of the first word that lie before the body, 0..3. */
  readonly shift: number;
}

export function wordsOf(bytes: Uint8Array): Words {
  const shift = bytes.byteOffset & 3;
  return { words: new Int32Array(bytes.buffer, bytes.byteOffset - shift, (bytes.length + shift) >> 2), shift };
}

/** Position of the first quote, backslash or control byte in [pos, limit), or `limit`; `pos` when it is already beyond. */
export function findSpecial(bytes: Uint8Array, words: Int32Array, shift: number, pos: number, limit: number): number {
  let index = (pos + shift) >> 2;
  const wordEnd = (limit + shift) >> 2;
  if (index < wordEnd) {
    // Bytes of the first word that lie before `pos` become 0xff, which no test flags.
    let word = words[index]! | ((1 << (((pos + shift) & 3) << 3)) - 1);
    for (;;) {
      const flags = (((word ^ SWAP_QUOTE) - BELOW_21) | ((word ^ BACKSLASHES) - ONES)) & ~word & HIGH_BITS;
      if (flags !== 0) return (index << 2) - shift + ((31 - Math.clz32(flags & -flags)) >> 3);
      if (++index >= wordEnd) break;
      word = words[index]!;
    }
    pos = (index << 2) - shift;
  }
  for (; pos < limit; pos++) {
    const byte = bytes[pos]!;
    if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) return pos;
  }
  return pos;
}

/**
 * Checks the escape that begins with the backslash at `pos`. Returns the position after it, or `~offset` of its first bad byte
 * (`~bytes.length` when the body ends inside it). Lone surrogates are legal, as in `JSON.parse`.
 */
export function escapeEnd(bytes: Uint8Array, pos: number): number {
  const letter = pos + 1;
  if (letter >= bytes.length) return ~bytes.length;
  if (SHORT_ESCAPE[bytes[letter]!] === 1) return letter + 1;
  if (bytes[letter] !== LOWER_U) return ~letter;
  for (let digit = letter + 1; digit <= letter + 4; digit++) {
    if (digit >= bytes.length || HEX_DIGIT[bytes[digit]!] === 0) return ~digit;
  }
  return letter + 5;
}

/**
 * Reads on inside a string: position of its closing quote, of a control byte, or one not below `limit` where the search ended;
 * `~offset` of the bad byte of an escape.
 */
export function stringEnd(bytes: Uint8Array, words: Int32Array, shift: number, pos: number, limit: number): number {
  while (pos >= 0 && pos < limit) {
    pos = findSpecial(bytes, words, shift, pos, limit);
    if (pos >= limit || bytes[pos] !== BACKSLASH) return pos;
    // `limit`, not `bytes.length`: V8 compares with the latter as a double.
    if (pos + 1 < limit && SHORT_ESCAPE[bytes[pos + 1]!] === 1) pos += 2;
    else pos = escapeEnd(bytes, pos);
  }
  return pos;
}
