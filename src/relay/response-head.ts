/**
 * Reads the head of one HTTP/1.1 response from bytes, strictly (RFC 9112): whatever two readers could take for two different
 * messages is refused. Only the headers somebody reads become strings; the others are checked and skipped.
 *
 *   HTTP/1.1 200 OK CRLF        status line, version 1.0 or 1.1
 *   name ":" OWS value OWS CRLF …    no folding, no space before the colon, no bare CR or LF, no NUL
 *   CRLF
 *
 * Holds the result until the next head is read, its headers until they have been told. Front thread only; no I/O.
 */

import { READ_BY_POLICY } from './header-policy.ts';
import { COLON, CR, LF, NAME_BYTE, NINE, SPACE, TAB, TEXT_BYTE, ZERO } from './http-bytes.ts';
import { READ_BY_VERDICT } from './verdict.ts';

export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>;

export const HEAD_BYTES_MAX = 16 * 1024;
const LINES_MAX = 256;
/** Fifteen digits stay exact as a number. */
const LENGTH_DIGITS_MAX = 15;

const VERSION = Buffer.from('HTTP/1.');
/** "HTTP/1.1 200" */
const STATUS_LINE_BYTES_MIN = 12;

const FRAMING = ['connection', 'content-length', 'keep-alive', 'transfer-encoding'];
/** Kept as the upstream's own id of the request. */
const REQUEST_IDS = ['request-id', 'x-request-id'];
const KEPT = [...new Set([...READ_BY_POLICY, ...READ_BY_VERDICT, ...REQUEST_IDS])];
const BY_HASH = new Map<number, string>();
for (const name of [...FRAMING, ...KEPT]) {
  if (BY_HASH.has(hashOf(name))) throw new Error(`two header names have one hash: ${name}`);
  BY_HASH.set(hashOf(name), name);
}
const IS_FRAMING = new Set(FRAMING);

function hashOf(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  return hash;
}

/** What `read` answers besides the offset behind the head. */
export const INCOMPLETE = 0;
export const MALFORMED = -1;

/** Never written to: a head begins with an object of its own. */
const NONE: Record<string, string | string[]> = Object.freeze({});

export class ResponseHead {
  status = 0;
  headers: UpstreamHeaders = NONE;
  /** −1: the response names no length. */
  contentLength = -1;
  chunked = false;
  /** The connection ends with this response. */
  closes = false;
  /** Seconds that the upstream keeps an idle connection, if it says so; −1 otherwise. */
  keepAliveSeconds = -1;
  /** Why the last head was refused. */
  fault = '';
  #kept = NONE;
  #isOld = false;

  /** The offset behind the head that starts at `start`, INCOMPLETE when it is not whole before `limit`, or MALFORMED. */
  read(bytes: Buffer, start: number, limit: number): number {
    this.#reset();
    let at = this.#readStatusLine(bytes, start, limit);
    for (let lines = 0; at > 0; lines++) {
      if (at >= limit) return INCOMPLETE;
      if (bytes[at] === CR) return this.#readEnd(bytes, at, limit);
      if (lines === LINES_MAX) return this.#refuse('too many header lines');
      at = this.#readLine(bytes, at, limit);
    }
    return at;
  }

  /** They have been told; the body behind them may take hours. */
  forgetHeaders(): void {
    this.headers = this.#kept = NONE;
  }

  #reset(): void {
    this.status = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.closes = false;
    this.keepAliveSeconds = -1;
    this.headers = this.#kept = {};
  }

  #refuse(fault: string): typeof MALFORMED {
    this.fault = fault;
    return MALFORMED;
  }

  #readStatusLine(bytes: Buffer, start: number, limit: number): number {
    const known = Math.min(VERSION.length, limit - start);
    for (let i = 0; i < known; i++) if (bytes[start + i] !== VERSION[i]) return this.#refuse('no HTTP/1 status line');
    if (limit - start <= STATUS_LINE_BYTES_MIN) return INCOMPLETE;
    const minor = bytes[start + 7]! - ZERO;
    if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SPACE) return this.#refuse('an unknown version of HTTP');
    this.#isOld = this.closes = minor === 0;
    for (let i = start + 9; i < start + STATUS_LINE_BYTES_MIN; i++) {
      const digit = bytes[i]! - ZERO;
      if (digit < 0 || digit > 9) return this.#refuse('a status that is no number');
      this.status = this.status * 10 + digit;
    }
    if (this.status < 100) return this.#refuse('a status below 100');
    const at = start + STATUS_LINE_BYTES_MIN;
    if (bytes[at] !== CR && bytes[at] !== SPACE) return this.#refuse('a status of more than three digits');
    return this.#endOfLine(bytes, this.#skipText(bytes, at, limit), limit);
  }

  #readLine(bytes: Buffer, start: number, limit: number): number {
    let at = start;
    let hash = 0;
    for (let lower = NAME_BYTE[bytes[at]!]!; lower !== 0; lower = NAME_BYTE[bytes[at]!]!) {
      hash = (Math.imul(hash, 31) + lower) | 0;
      if (++at === limit) return INCOMPLETE;
    }
    if (bytes[at] !== COLON || at === start) return this.#refuse('a malformed header name');
    const nameEnd = at;
    const end = this.#skipText(bytes, at + 1, limit);
    const next = this.#endOfLine(bytes, end, limit);
    if (next <= 0) return next;
    const name = BY_HASH.get(hash);
    if (name === undefined || !isNamed(bytes, start, nameEnd, name)) return next;
    return this.#take(name, trimmed(bytes, nameEnd + 1, end)) ? next : MALFORMED;
  }

  #skipText(bytes: Buffer, start: number, limit: number): number {
    let at = start;
    while (at < limit && TEXT_BYTE[bytes[at]!] === 1) at++;
    return at;
  }

  #endOfLine(bytes: Buffer, at: number, limit: number): number {
    if (at >= limit) return INCOMPLETE;
    if (bytes[at] !== CR) return this.#refuse('a forbidden byte in the head');
    if (at + 1 === limit) return INCOMPLETE;
    return bytes[at + 1] === LF ? at + 2 : this.#refuse('a bare carriage return in the head');
  }

  #readEnd(bytes: Buffer, at: number, limit: number): number {
    const next = this.#endOfLine(bytes, at, limit);
    if (next > 0 && this.chunked && this.contentLength >= 0) return this.#refuse('a length and chunks');
    // HTTP/1.0 knows no chunks: who reads them and who does not would see two different bodies.
    if (next > 0 && this.chunked && this.#isOld) return this.#refuse('chunks in HTTP/1.0');
    return next;
  }

  #take(name: string, value: string): boolean {
    if (!IS_FRAMING.has(name)) {
      const before = this.#kept[name];
      this.#kept[name] = before === undefined ? value : [before, value].flat();
      return true;
    }
    if (name === 'content-length') return this.#takeLength(value);
    if (name === 'transfer-encoding') return this.#takeEncoding(value);
    if (name === 'connection') this.closes ||= /(^|,)[ \t]*close[ \t]*(,|$)/i.test(value);
    else this.keepAliveSeconds = Number(/(?:^|[ ,])timeout=(\d{1,9})/i.exec(value)?.[1] ?? -1);
    return true;
  }

  #takeLength(value: string): boolean {
    const seen = this.contentLength >= 0;
    if (seen || value === '' || value.length > LENGTH_DIGITS_MAX || !isDigits(value)) {
      this.fault = seen ? 'two lengths' : 'a length that is no number';
      return false;
    }
    this.contentLength = Number(value);
    return true;
  }

  /** It was asked for nothing else than `chunked`, and nothing else could be read. */
  #takeEncoding(value: string): boolean {
    if (!this.chunked && value.toLowerCase() === 'chunked') {
      this.chunked = true;
      return true;
    }
    this.fault = 'an unknown transfer encoding';
    return false;
  }
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}

function isNamed(bytes: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (NAME_BYTE[bytes[start + i]!] !== name.charCodeAt(i)) return false;
  return true;
}

function trimmed(bytes: Buffer, start: number, end: number): string {
  let first = start;
  let last = end;
  while (first < last && (bytes[first] === SPACE || bytes[first] === TAB)) first++;
  while (last > first && (bytes[last - 1] === SPACE || bytes[last - 1] === TAB)) last--;
  return bytes.toString('latin1', first, last);
}
