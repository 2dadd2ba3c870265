/** Reads the one number that a request's facts hold. No state, runs on every thread. */

/** Raw bytes of a `max_tokens` that is read; no double needs more than 25. */
const NUMBER_BYTES_MAX = 64;
/** So many digits stay exact as a number. */
const DIGITS_EXACT = 15;

/** Value of the number at [start, end), 0 when it is not a positive integer that a double holds exactly. */
export function positiveInteger(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > NUMBER_BYTES_MAX) return 0;
  if (end - start <= DIGITS_EXACT) {
    const digits = plainDigits(bytes, start, end);
    if (digits >= 0) return digits;
  }
  const value = Number(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1'));
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** The number that nothing but digits make, −1 where there is anything else. */
function plainDigits(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
