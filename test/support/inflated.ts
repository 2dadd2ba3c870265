/** What an inflater told of one body, and how bodies are compressed for tests. */
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { CODINGS, type Coding } from '#base/codings.ts';
import { Inflater, type InflaterSink } from '#base/inflater.ts';

const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Any two of them give different bytes for the same text. */
export const COMPRESS: Record<Coding, (bytes: Buffer | string) => Buffer> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes, QUICK),
  zstd: (bytes) => zstdCompressSync(bytes),
};

export const COMPRESSIONS: [name: string, coding: Coding, compress: (bytes: Buffer | string) => Buffer][] = [
  ...CODINGS.map((coding): [string, Coding, (bytes: Buffer | string) => Buffer] => [coding, coding, COMPRESS[coding]]),
  ['bare deflate', 'deflate', (bytes) => deflateRawSync(bytes)],
];

export class Inflated implements InflaterSink {
  readonly inflater: Inflater;
  readonly chunks: Uint8Array[] = [];
  end: 'open' | 'whole' | 'fault' = 'open';
  fault = '';
  hungry = 0;

  constructor(coding: Coding) {
    this.inflater = new Inflater(coding, this);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  onInflated(chunk: Uint8Array): void {
    this.chunks.push(chunk);
  }

  onHungry(): void {
    this.hungry++;
  }

  onInflatedEnd(): void {
    this.end = 'whole';
  }

  onFault(fault: string): void {
    this.end = 'fault';
    this.fault = fault;
  }
}
