/**
 * The head of one upstream request as text. What a client may add travels only within what HTTP allows in a line, so that nobody
 * can begin a second request or header in it. Pure.
 */
import { UpstreamError } from './upstream-error.ts';

/** A path holds no spaces and no controls, a value no controls except the tab; both end where latin1 ends. */
const BAD_PATH = /[^\x21-\x7e\x80-\xff]/;
const BAD_TEXT = /[^\t\x20-\x7e\x80-\xff]/;
const BAD_NAME = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

const fixedLines = new WeakMap<readonly string[], string>();

export type UpstreamMethod = 'POST' | 'GET' | 'DELETE';

export interface RequestLine {
  readonly method: UpstreamMethod;
  readonly path: string;
  readonly host: string;
  /** Name, value, …: the same list for every request of an account, so its lines are made once. */
  readonly fixedHeaders: readonly string[];
  /** Name, value, …: this request's own. */
  readonly headers: readonly string[];
  readonly bodyBytes: number;
}

/** Throws an `UpstreamError` for what must not be sent. The result is latin1. */
export function renderRequestHead({ method, path, host, fixedHeaders, headers, bodyBytes }: RequestLine): string {
  if (path === '' || BAD_PATH.test(path)) throw refused('path');
  const lines = linesOf(fixedHeaders) + renderLines(headers);
  // A GET without a body says nothing of its length.
  const length = method === 'POST' || bodyBytes > 0 ? `content-length: ${bodyBytes}\r\n` : '';
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n${lines}${length}\r\n`;
}

function linesOf(fixedHeaders: readonly string[]): string {
  let lines = fixedLines.get(fixedHeaders);
  if (lines === undefined) {
    lines = renderLines(fixedHeaders);
    fixedLines.set(fixedHeaders, lines);
  }
  return lines;
}

function renderLines(headers: readonly string[]): string {
  let lines = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    const value = headers[i + 1]!;
    if (BAD_NAME.test(name)) throw refused('header name');
    if (BAD_TEXT.test(value)) throw refused(`value of ${name}`);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

function refused(what: string): UpstreamError {
  return new UpstreamError('UND_ERR_INVALID_ARG', `the ${what} holds what HTTP does not allow`);
}
