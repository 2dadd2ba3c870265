/**
 * Reads the answers of one connection of HTTP/1.1 as they arrive, in whatever pieces: status, body without its framing, end. Strict where
 * a load driver must be: anything else than a declared length or chunks is an error.
 *
 *   head ─┬─ content-length ─► length ──────────────────────────► head
 *         └─ chunked ─► size ─► chunk ─► size … ─► size 0 ─► last ─► head
 */
export interface AnswerSink {
  onHead(status: number): void;
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

type State = 'head' | 'length' | 'size' | 'chunk' | 'chunk-end' | 'last';

const HEAD_BYTES_MAX = 64 * 1024;
const END_OF_HEAD = '\r\n\r\n';
const END_OF_LINE = '\r\n';

export class AnswerParser {
  readonly #sink: AnswerSink;
  #state: State = 'head';
  /** Of the body or the chunk, still to come. */
  #left = 0;
  /** A line or a head that is not whole yet. */
  #pending = Buffer.alloc(0);
  /** The server keeps the connection beyond the last answer. */
  keepsAlive = true;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Throws on what is no HTTP/1.1. */
  push(bytes: Buffer): void {
    let rest = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#pending = Buffer.alloc(0);
    while (rest.length > 0) {
      const used = this.#step(rest);
      if (used === 0) {
        if (rest.length > HEAD_BYTES_MAX) throw new Error('a head or a chunk size without an end');
        this.#pending = Buffer.from(rest);
        return;
      }
      rest = rest.subarray(used);
    }
  }

  /** Bytes used; 0: more are needed. */
  #step(bytes: Buffer): number {
    switch (this.#state) {
      case 'head':
        return this.#head(bytes);
      case 'length':
      case 'chunk':
        return this.#body(bytes);
      case 'size':
        return this.#size(bytes);
      case 'chunk-end':
        return this.#line(bytes, 'size');
      case 'last':
        return this.#last(bytes);
    }
  }

  #head(bytes: Buffer): number {
    const end = bytes.indexOf(END_OF_HEAD);
    if (end < 0) return 0;
    const head = bytes.toString('latin1', 0, end).toLowerCase();
    const status = /^http\/1\.1 (\d{3})/.exec(head)?.[1];
    if (status === undefined) throw new Error(`no answer of HTTP/1.1: ${head.slice(0, 80)}`);
    this.keepsAlive = !/\r\nconnection:\s*close/.test(head);
    const length = /\r\ncontent-length:\s*(\d+)/.exec(head)?.[1];
    const chunked = /\r\ntransfer-encoding:\s*chunked/.test(head);
    if (length === undefined && !chunked) throw new Error('an answer with neither a length nor chunks');
    this.#state = chunked ? 'size' : 'length';
    this.#left = chunked ? 0 : Number(length);
    this.#sink.onHead(Number(status));
    if (!chunked && this.#left === 0) this.#end();
    return end + END_OF_HEAD.length;
  }

  #body(bytes: Buffer): number {
    const taken = bytes.length <= this.#left ? bytes : bytes.subarray(0, this.#left);
    this.#left -= taken.length;
    this.#sink.onBody(taken);
    if (this.#left > 0) return taken.length;
    if (this.#state === 'chunk') this.#state = 'chunk-end';
    else this.#end();
    return taken.length;
  }

  #size(bytes: Buffer): number {
    const end = bytes.indexOf(END_OF_LINE);
    if (end < 0) return 0;
    const text = bytes.toString('latin1', 0, end);
    if (!/^[0-9a-f]+(;|$)/i.test(text)) throw new Error(`no chunk size: ${text.slice(0, 40)}`);
    this.#left = Number.parseInt(text, 16);
    this.#state = this.#left === 0 ? 'last' : 'chunk';
    return end + END_OF_LINE.length;
  }

  #line(bytes: Buffer, next: State): number {
    if (bytes.length < END_OF_LINE.length) return 0;
    if (bytes[0] !== 13 || bytes[1] !== 10) throw new Error('a chunk is longer than its size');
    this.#state = next;
    return END_OF_LINE.length;
  }

  /** Trailers are read over. */
  #last(bytes: Buffer): number {
    const end = bytes.indexOf(END_OF_LINE);
    if (end < 0) return 0;
    if (end === 0) this.#end();
    return end + END_OF_LINE.length;
  }

  #end(): void {
    this.#state = 'head';
    this.#sink.onEnd();
  }
}
