/**
 * The grammar of JSON numbers as a table that can stop and go on at any byte, so that a megabyte of digits is no different
 * from any other megabyte. No state of its own, runs on every thread.
 *
 *            ┌──────────────► ZERO ──┬── . ──► DOT ─ d ─► FRACTION(d) ──┬── e ──► EXP ─ d ─► EXP_DIGITS(d)
 *   START ─ - ─► MINUS ─ 1-9 ► INTEGER(d) ──┘──────────── e ────────────┘          └ +- ► EXP_SIGN ─ d ─┘
 *
 * A number may end in ZERO, INTEGER, FRACTION and EXP_DIGITS (RFC 8259 §6).
 */

/** Where every number begins. */
export const NUMBER_START = 0;
/** The byte does not belong to the number, which is complete before it. */
export const NUMBER_END = 14;
/** The byte may not stand here. */
export const NUMBER_BAD = 15;

const MINUS = 1;
const ZERO = 2;
const INTEGER = 3;
const DOT = 4;
const FRACTION = 5;
const EXP = 6;
const EXP_SIGN = 7;
const EXP_DIGITS = 8;
const PHASES = 9;

const NEXT = buildTable();

function buildTable(): Uint8Array {
  const table = new Uint8Array(PHASES << 8).fill(NUMBER_BAD);
  const complete = [ZERO, INTEGER, FRACTION, EXP_DIGITS];
  for (const phase of complete) table.fill(NUMBER_END, phase << 8, (phase + 1) << 8);
  const move = (phase: number, on: string, to: number): void => {
    for (const byte of on) table[(phase << 8) | byte.charCodeAt(0)] = to;
  };
  move(NUMBER_START, '-', MINUS);
  for (const phase of [NUMBER_START, MINUS]) {
    move(phase, '0', ZERO);
    move(phase, '123456789', INTEGER);
  }
  move(INTEGER, '0123456789', INTEGER);
  for (const phase of [ZERO, INTEGER]) move(phase, '.', DOT);
  for (const phase of [DOT, FRACTION]) move(phase, '0123456789', FRACTION);
  for (const phase of [ZERO, INTEGER, FRACTION]) move(phase, 'eE', EXP);
  move(EXP, '+-', EXP_SIGN);
  for (const phase of [EXP, EXP_SIGN, EXP_DIGITS]) move(phase, '0123456789', EXP_DIGITS);
  return table;
}

/** Phase after `byte`, or NUMBER_END or NUMBER_BAD, both of which leave the byte unread. */
export function nextNumberPhase(phase: number, byte: number): number {
  return NEXT[(phase << 8) | byte]!;
}

/** Whether the body may end in this phase. */
export function isCompleteNumber(phase: number): boolean {
  return phase === ZERO || phase === INTEGER || phase === FRACTION || phase === EXP_DIGITS;
}
