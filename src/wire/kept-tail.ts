/** The last bytes of something that is too long to be held whole. Runs on front threads. */

const EMPTY = Buffer.alloc(0);

export class KeptTail {
  /** Valid until more is kept. */
  bytes: Buffer = EMPTY;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** `bytes[start, end)` follows what was kept before. */
  keep(bytes: Buffer, start: number, end: number): void {
    const max = this.#bytesMax;
    if (max === 0) return;
    const came = bytes.subarray(Math.max(start, end - max), end);
    const before = this.bytes.subarray(Math.max(0, this.bytes.length + came.length - max));
    this.bytes = Buffer.concat([before, came]);
  }

  release(): void {
    this.bytes = EMPTY;
  }
}
