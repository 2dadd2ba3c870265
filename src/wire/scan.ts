/**
 * The one pass over the body of a request: it validates the JSON and yields the facts that every later stage uses,
 * without an object tree and without a string beyond the few decoded facts. Runs on fronts; does no I/O.
 *
 *   slice ─► Utf8Check ─► JsonWalker ─► FactCollector ─► Facts
 *            (native)     (grammar)     (meaning)
 *
 * The language is exactly that of `JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))` up to the depth bound;
 * `test/wire/scan.test.ts` holds the two against each other. 550 KB shaped like Claude Code cost 0.55–0.6 × `toString` +
 * `JSON.parse`, 0.3 × when there are characters beyond Latin-1 (`node_modules/.bin/node native-bench/micro/scan.ts`).
 */
import { assert } from '#base/assert.ts';
import { FactCollector } from './fact-collector.ts';
import type { Facts, ScanError } from './facts.ts';
import { JsonWalker } from './json-walker.ts';
import { MESSAGES_SHAPE, type RequestShape } from './request-shape.ts';
import { Utf8Check } from './scan-utf8.ts';

/** A step ends early after one token for so many of its bytes: of dense JSON its time is bounded, not only its bytes. */
const BYTES_PER_TOKEN = 32;

const NO_BYTES = new Uint8Array(0);

/** A scan that can be taken in slices. The bytes must not change until it has ended. */
export class Scanner {
  readonly #collector = new FactCollector();
  readonly #walker = new JsonWalker(this.#collector);
  #bytes: Uint8Array = NO_BYTES;
  #utf8 = new Utf8Check(NO_BYTES);

  /** Bodies are below 2 GiB (`limits.bodyBytesMax` is far less); containers nest at most `depthMax` deep. */
  constructor(bytes: Uint8Array, depthMax: number, shape: RequestShape = MESSAGES_SHAPE) {
    this.reset(bytes, depthMax, shape);
  }

  /** Begins with another body. */
  reset(bytes: Uint8Array, depthMax: number, shape: RequestShape = MESSAGES_SHAPE): void {
    assert(bytes.length < 0x7fffffff, 'positions are 32-bit integers');
    this.#bytes = bytes;
    this.#utf8 = new Utf8Check(bytes);
    this.#collector.reset(bytes, shape);
    this.#walker.reset(bytes, byteOrderMarkBytes(bytes), depthMax);
  }

  /** Bytes scanned so far; all of the body once there are facts. No byte is scanned twice. */
  get scannedBytes(): number {
    return this.#walker.pos;
  }

  /**
   * Scans up to `bytesMax` bytes more (an escape or literal is not cut, so a few may come on top): 0.4 ms for 1 MiB of any
   * kind. Not to be called again after an answer other than `more`.
   */
  step(bytesMax: number): 'more' | Facts | ScanError {
    return this.#step(bytesMax, Math.ceil(bytesMax / BYTES_PER_TOKEN));
  }

  /** Scans all that is left. */
  finish(): Facts | ScanError {
    const result = this.#step(this.#bytes.length, Number.POSITIVE_INFINITY);
    assert(result !== 'more', 'a step over the whole body ends the scan');
    return result;
  }

  #step(bytesMax: number, tokensMax: number): 'more' | Facts | ScanError {
    const walker = this.#walker;
    const length = this.#bytes.length;
    walker.walk(this.#utf8.validUpTo(Math.min(walker.pos + bytesMax, length)), tokensMax);
    if (walker.error !== null) return walker.error;
    // The walker stops before the first invalid sequence, unless it has found a fault up to there.
    if (walker.pos === this.#utf8.invalidAt) return { offset: walker.pos, reason: 'invalid UTF-8' };
    if (walker.pos < length) return 'more';
    walker.end();
    return walker.error ?? this.#collector.finish();
  }
}

/** TextDecoder drops a byte order mark, so it is no part of the JSON text. */
function byteOrderMarkBytes(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Of `scan`, which never runs twice at once on a thread. */
const scanner = new Scanner(NO_BYTES, 0);

/** Scans a whole body in one go; dense JSON takes up to 8 ms a MiB, so large bodies go through a Scanner's steps. */
export function scan(bytes: Uint8Array, depthMax: number, shape: RequestShape = MESSAGES_SHAPE): Facts | ScanError {
  scanner.reset(bytes, depthMax, shape);
  const result = scanner.finish();
  scanner.reset(NO_BYTES, depthMax, shape);
  return result;
}
