/**
 * Names of the JSON grammar for the scan: what may come next, what a wrong byte should have been, and the bytes with a
 * meaning. No state, runs on every thread.
 */

/** What may come next. From IN_KEY on, a token has been begun. */
export const VALUE = 0;
export const ELEMENT_OR_END = 1;
export const KEY_OR_END = 2;
export const KEY = 3;
export const COLON = 4;
export const COMMA_OR_END = 5;
export const END = 6;
export const IN_KEY = 7;
export const IN_STRING = 8;
export const IN_NUMBER = 9;

/** What a byte that may not stand there should have been, by the state above. */
const EXPECTED = [
  'expected a value',
  "expected a value or ']'",
  "expected a property name or '}'",
  'expected a property name',
  "expected ':'",
  "expected ',' or the end of the object or array",
  'expected nothing after the value',
] as const;

export function expectedAt(state: number): string {
  return EXPECTED[state] ?? 'unexpected byte';
}

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const DIGIT_0 = 0x30;
export const DIGIT_9 = 0x39;
export const COLON_SIGN = 0x3a;
export const ARRAY_OPEN = 0x5b;
export const BACKSLASH = 0x5c;
export const ARRAY_CLOSE = 0x5d;
export const LOWER_F = 0x66;
export const LOWER_N = 0x6e;
export const LOWER_T = 0x74;
export const LOWER_U = 0x75;
export const OBJECT_OPEN = 0x7b;
export const OBJECT_CLOSE = 0x7d;
export const SPACE = 0x20;
export const LINE_FEED = 0x0a;
export const RETURN = 0x0d;
export const TAB = 0x09;

export const TRUE_BYTES = new TextEncoder().encode('true');
export const FALSE_BYTES = new TextEncoder().encode('false');
export const NULL_BYTES = new TextEncoder().encode('null');
