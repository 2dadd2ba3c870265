/**
 * A TCP connection for requests that no client library would send: bytes leave as they are given, answers are read as they come,
 * and how the other side ended the connection is remembered.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { KEY } from './gateway.ts';
import { waitFor } from './wait-for.ts';

const CRLF = '\r\n';
const BOUND_MS = 20_000;

/** One answer on the wire; `whole` is false while its framing has not come to an end. */
export interface WireAnswer {
  status: number;
  head: string;
  body: string;
  whole: boolean;
}

export class RawSocket {
  readonly openedAtMs = performance.now();
  /** All that was received, a character a byte. */
  text = '';
  /** `fin`: the other side has ended its half. `reset`: the connection broke. */
  ending: 'open' | 'fin' | 'reset' = 'open';
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
    });
    socket.on('end', () => {
      if (this.ending === 'open') this.ending = 'fin';
    });
    socket.on('error', () => {
      if (this.ending === 'open') this.ending = 'reset';
    });
  }

  /** Half-open like a plain socket: the end of the other side does not end this one. */
  static async open(base: string): Promise<RawSocket> {
    const { hostname, port } = new URL(base);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawSocket(socket);
  }

  get ended(): boolean {
    return this.ending !== 'open';
  }

  get ms(): number {
    return performance.now() - this.openedAtMs;
  }

  /** The answers received so far, 1xx among them. */
  get answers(): WireAnswer[] {
    return parseAnswers(this.text, this.ended);
  }

  /** Resolves when the bytes are with the kernel, or the connection is over. */
  async write(bytes: string | Buffer): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    await new Promise<void>((resolve) => this.#socket.write(data, () => resolve()));
  }

  /** Each piece as a segment of its own: the next leaves in a later turn of the loop. */
  async writePieces(pieces: Iterable<string | Buffer>): Promise<void> {
    for (const piece of pieces) {
      await this.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
      if (this.ended) return;
    }
  }

  /** FIN: nothing more will be sent, answers are still read. */
  end(): void {
    this.#socket.end();
  }

  /** RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The answer of this number, once it is whole or the connection has ended. */
  async answer(index = 0, boundMs = BOUND_MS): Promise<WireAnswer> {
    await this.until(`answer ${index}`, () => this.ended || this.answers[index]?.whole === true, boundMs);
    const answer = this.answers[index];
    assert.ok(answer !== undefined, `no answer ${index}, but ${this.ending} after ${JSON.stringify(this.text)}`);
    return answer;
  }

  async receives(needle: string, boundMs = BOUND_MS): Promise<void> {
    await this.until(`"${needle}"`, () => this.text.includes(needle), boundMs);
  }

  /** The other side closes. */
  async isEnded(boundMs = BOUND_MS): Promise<void> {
    await this.until('the end of the connection', () => this.ended, boundMs);
  }

  /** The other side answers in whole, or closes. */
  async isAnsweredOrEnded(boundMs = BOUND_MS): Promise<void> {
    await this.until('an answer or a close', () => this.ended || this.answers[0]?.whole === true, boundMs);
  }

  async until(what: string, reached: () => boolean, boundMs = BOUND_MS): Promise<void> {
    await waitFor(what, reached, { boundMs, everyMs: 3 }).catch(() => {
      throw new Error(`waited for ${what} in vain; ${this.ending} after ${JSON.stringify(this.text.slice(-500))}`);
    });
  }
}

export interface RawRequest {
  method?: string;
  target?: string;
  version?: string;
  /** Lines of the head beside Host and the key. */
  lines?: string[];
  body?: string;
  /** Without it: as long as the body. */
  length?: number | 'chunked' | null;
  key?: string | null;
  host?: string | null;
}

/** A request as bytes, right in all but what is given. */
export function rawRequest(request: RawRequest = {}): string {
  const { method = 'POST', target = '/v1/messages', version = 'HTTP/1.1', lines = [], body = '' } = request;
  const { key = KEY, host = 'gateway' } = request;
  const length = request.length === undefined ? Buffer.byteLength(body, 'latin1') : request.length;
  const head = [`${method} ${target} ${version}`];
  if (host !== null) head.push(`host: ${host}`);
  if (key !== null) head.push(`x-api-key: ${key}`);
  if (length === 'chunked') head.push('transfer-encoding: chunked');
  else if (length !== null) head.push(`content-length: ${length}`);
  return [...head, ...lines, '', length === 'chunked' ? chunked(body) : body].join(CRLF);
}

/** The body as chunks of at most so many bytes. */
export function chunked(body: string, bytesMax = 64): string {
  let text = '';
  for (let at = 0; at < body.length; at += bytesMax) {
    const piece = body.slice(at, at + bytesMax);
    text += `${piece.length.toString(16)}${CRLF}${piece}${CRLF}`;
  }
  return `${text}0${CRLF}${CRLF}`;
}

/** Every answer in what was received; `ended` completes one that has neither a length nor chunks. */
export function parseAnswers(text: string, ended: boolean): WireAnswer[] {
  const answers: WireAnswer[] = [];
  for (let at = 0; at < text.length; ) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd < 0) {
      answers.push({ status: Number(text.slice(at + 9, at + 12)), head: text.slice(at), body: '', whole: false });
      break;
    }
    const head = text.slice(at, headEnd + 2);
    const status = Number(head.slice(9, 12));
    const start = headEnd + 4;
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head);
    const isChunked = /\r\ntransfer-encoding: *chunked\r\n/i.test(head);
    let body = '';
    let end = start;
    let whole = true;
    if (isChunked) ({ body, end, whole } = parseChunks(text, start));
    else if (length !== null) {
      end = start + Number(length[1]);
      body = text.slice(start, end);
      whole = text.length >= end;
    } else if (status >= 200 && status !== 204) {
      end = text.length;
      body = text.slice(start);
      whole = ended;
    }
    answers.push({ status, head, body, whole });
    at = whole ? end : text.length;
  }
  return answers;
}

function parseChunks(text: string, start: number): { body: string; end: number; whole: boolean } {
  let body = '';
  for (let at = start; ; ) {
    const lineEnd = text.indexOf(CRLF, at);
    if (lineEnd < 0) return { body, end: text.length, whole: false };
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) return { body, end: lineEnd + 4, whole: text.length >= lineEnd + 4 };
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
    if (at > text.length) return { body, end: text.length, whole: false };
  }
}
