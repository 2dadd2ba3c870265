/**
 * JSON whose numbers come out again as they were written: those that a double would change (`12345678901234567890`, `1e400`, `1.0`) are kept
 * as their text and written as that. Pure; linear in the length of the text; throws where `JSON.parse` does.
 *
 *   text ──numbers at risk as marked strings──► JSON.parse ──marked strings as raw numbers──► value ──JSON.stringify──► the same numbers
 *
 * Most texts have none: then it is one look through what lies between their strings. A reviver would see every value of a document: 20 times
 * the time of the parse where it is dense.
 */
import { randomBytes } from 'node:crypto';

/** A number as it was written; `JSON.stringify` writes it so. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** Not in the types of the language yet. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};
export const isRawNumber = isRawJSON;

/** No sender can know it, so no text of theirs is taken for a number. */
const MARK = randomBytes(12).toString('base64');
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Whole numbers of so many characters are exact. */
const EXACT_CHARS = 15;

/** A kept number takes a microsecond; of a document with more of them the rest become doubles. */
const KEPT_MAX = 65_536;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

export function parseExact(text: string): unknown {
  const marked = mark(text);
  return marked === null ? JSON.parse(text) : unmark(JSON.parse(marked));
}

/** Null: there is no number at risk. */
function mark(text: string): string | null {
  let marked: string | null = null;
  let from = 0;
  let kept = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (code !== MINUS && (code < ZERO || code > NINE)) at++;
    else {
      const end = numberEnd(text, at);
      if (kept < KEPT_MAX && isAtRisk(text, at, end)) {
        kept++;
        marked = `${marked ?? ''}${text.slice(from, at)}"${MARK}${text.slice(at, end)}"`;
        from = end;
      }
      at = end;
    }
  }
  return marked === null ? null : marked + text.slice(from);
}

/** Behind the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  for (; at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((at - before) % 2 === 0) return at + 1;
  }
  return text.length;
}

function numberEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && isInNumber(text.charCodeAt(at))) at++;
  return at;
}

/** Digits, `+`, `-`, `.`, `e`, `E`. */
function isInNumber(code: number): boolean {
  if (code >= ZERO && code <= NINE) return true;
  return code === 0x2b || code === MINUS || code === 0x2e || code === 0x65 || code === 0x45;
}

/** What is no number is left for the parser to refuse. */
function isAtRisk(text: string, start: number, end: number): boolean {
  if (end - start <= EXACT_CHARS && isPlainInteger(text, start, end)) return false;
  const written = text.slice(start, end);
  return String(Number(written)) !== written && NUMBER.test(written);
}

/** Digits alone, or behind a minus digits that do not begin with 0. */
function isPlainInteger(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start) === MINUS ? start + 1 : start;
  if (first > start && text.charCodeAt(first) === ZERO) return false;
  for (let at = first; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}

type Holder = { [key: string | number]: unknown };

/** In place, however deep. */
function unmark(value: unknown): unknown {
  const root = [value];
  const open: object[] = [root];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    if (Array.isArray(holder)) for (let i = 0; i < holder.length; i++) unmarkAt(holder as unknown as Holder, i, open);
    else for (const key of Object.keys(holder)) unmarkAt(holder as Holder, key, open);
  }
  return root[0];
}

function unmarkAt(holder: Holder, key: string | number, open: object[]): void {
  const inner = holder[key];
  if (typeof inner === 'object' && inner !== null) open.push(inner);
  else if (typeof inner === 'string' && inner.startsWith(MARK)) holder[key] = rawJSON(inner.slice(MARK.length));
}
