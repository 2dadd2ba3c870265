/**
 * Decodes one compressed body, piece by piece, on the process's pool of helper threads: the calling thread only copies. What comes out is
 * given on as it comes, and while that is paused at most 64 KiB and one piece of `OUT_BYTES` lie ready. Strict: a body that breaks off,
 * or has anything behind its end, is at fault.
 *
 *   idle ──push──► busy ──all taken in──► onHungry ──push…──► end ──► onInflatedEnd
 *                    └───────────── not valid ──► onFault                (nothing more is told after either, nor after destroy)
 *
 * A piece's memory is read by another thread: it must stay as it is until `onHungry`, and the collector keeps it after `destroy`. So
 * never memory that is given back by hand.
 */
import type { Transform } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type Zlib,
} from 'node:zlib';
import { type Coding, windowBytes } from './codings.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** What comes out at once, at most. */
export const OUT_BYTES = 32 * 1024;

export interface InflaterSink {
  onInflated(chunk: Uint8Array): void;
  /** All that was pushed has been taken in; what came of it may still be held by a pause. */
  onHungry(): void;
  onInflatedEnd(): void;
  /** A half sentence: what is wrong with the body. */
  onFault(fault: string): void;
}

export class Inflater {
  readonly #coding: Coding;
  readonly #sink: InflaterSink;
  readonly #frames: ZstdFrames | null;
  /** Null before the first byte: only that tells the two kinds of deflate apart. */
  #stream: (Transform & Zlib) | null = null;
  #pushedBytes = 0;
  #unwritten = 0;
  #paused = false;
  #over = false;

  constructor(coding: Coding, sink: InflaterSink) {
    this.#coding = coding;
    this.#sink = sink;
    this.#frames = coding === 'zstd' ? new ZstdFrames() : null;
  }

  /** Nothing is under way and nothing is held. */
  get idle(): boolean {
    return this.#unwritten === 0 && (this.#stream === null || this.#stream.readableLength === 0);
  }

  /** Not empty. */
  push(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#stream ??= this.#open(chunk);
    this.#pushedBytes += chunk.length;
    if (this.#frames === null) return this.#write(chunk);
    for (let at = 0; at < chunk.length; ) {
      const end = this.#frames.walk(chunk, at);
      this.#write(chunk.subarray(at, end));
      at = end;
    }
  }

  /** The body is whole. */
  end(): void {
    if (this.#over) return;
    if (this.#stream !== null) this.#stream.end();
    else this.#ended();
  }

  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#stream?.resume();
  }

  /** Stops; idempotent. */
  destroy(): void {
    this.#over = true;
    this.#stream?.destroy();
  }

  #open(first: Uint8Array): Transform & Zlib {
    const stream = makeStream(this.#coding, first);
    stream.on('data', (chunk: Buffer) => {
      if (!this.#over) this.#sink.onInflated(chunk);
    });
    stream.on('end', () => this.#ended());
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#fault(error.code === 'Z_BUF_ERROR' ? 'it ends early' : 'it is not valid');
    });
    if (this.#paused) stream.pause();
    return stream;
  }

  #write(chunk: Uint8Array): void {
    this.#unwritten++;
    this.#stream!.write(chunk, this.#written);
  }

  readonly #written = (error: Error | null | undefined): void => {
    this.#unwritten--;
    if (!error && this.#unwritten === 0 && !this.#over) this.#sink.onHungry();
  };

  /** Also comes before `end`, when the decoder has found the end and there are bytes behind it. */
  #ended(): void {
    if (this.#over) return;
    const taken = this.#stream?.bytesWritten ?? 0;
    if (taken < this.#pushedBytes) return this.#fault('there are bytes behind its end');
    if (this.#frames?.between === false) return this.#fault('it ends early');
    this.destroy();
    this.#sink.onInflatedEnd();
  }

  #fault(fault: string): void {
    if (this.#over) return;
    this.destroy();
    this.#sink.onFault(fault);
  }
}

function makeStream(coding: Coding, first: Uint8Array): Transform & Zlib {
  const chunkSize = OUT_BYTES;
  if (coding === 'gzip') return createGunzip({ chunkSize });
  if (coding === 'br') return createBrotliDecompress({ chunkSize });
  if (coding === 'zstd') {
    const windowLog = Math.log2(windowBytes(coding, first));
    return createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: windowLog } });
  }
  // By the specification deflate is zlib's format; some send it bare, as some browsers once did.
  return (first[0]! & 0x0f) === 8 ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize });
}
