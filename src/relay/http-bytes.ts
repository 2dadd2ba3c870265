/**
 * The bytes of HTTP/1.1 heads (RFC 9110 §5.5 and §5.6.2, RFC 9112 §2): which may stand in names and which in values. Pure tables.
 */
export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** Byte of a name → its lower case; 0 for bytes that no name may hold. */
export const NAME_BYTE = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
  NAME_BYTE[char.charCodeAt(0)] = char.charCodeAt(0);
for (let byte = 0x41; byte <= 0x5a; byte++) NAME_BYTE[byte] = byte + 0x20;

/** 1 for bytes that a value, a reason or the extension of a chunk may hold: no CR, LF, NUL or other control except the tab. */
export const TEXT_BYTE = new Uint8Array(256).fill(1);
TEXT_BYTE.fill(0, 0, SPACE);
TEXT_BYTE[TAB] = 1;
TEXT_BYTE[0x7f] = 0;

/** Byte → value of the hexadecimal digit; −1 for others. */
export const HEX_VALUE = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  HEX_VALUE[digit.toString(16).charCodeAt(0)] = digit;
  HEX_VALUE[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}
