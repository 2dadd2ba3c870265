/**
 * Where zstd frames end (RFC 8878 §3.1). Node's decoder does not say when its input breaks off inside a frame, and stops behind the first
 * frame of a piece that holds several: this walks the headers of frames and blocks without decoding anything.
 *
 *   frame:      magic 4 │ descriptor 1 │ window, dictionary, size 0…14 │ blocks │ checksum 0 or 4
 *   block:      header 3 (last 1 bit, type 2, size 21) │ size bytes, or 1 when it is repeated
 *   skippable:  magic 4 (0x184D2A50…5F) │ size 4 │ size bytes
 *
 * What is no frame has no end; the decoder says what is wrong with it. Pure; any thread.
 */
const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;

type Field = 'magic' | 'skippable size' | 'descriptor' | 'block' | 'lost';

const FIELD_BYTES: Record<Field, number> = { magic: 4, 'skippable size': 4, descriptor: 1, block: 3, lost: 4 };

export class ZstdFrames {
  #field: Field = 'magic';
  #value = 0;
  #have = 0;
  /** Bytes that say nothing of the structure, before the next field or the frame's end. */
  #skip = 0;
  #isLast = false;
  #checksumBytes = 0;

  /** Nothing is begun that has not ended. */
  get between(): boolean {
    return this.#field === 'magic' && this.#have === 0;
  }

  /** Walks on from `at`; the offset behind the first frame that ends in these bytes, or their length. */
  walk(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length && this.#field !== 'lost') {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else if (this.#take(bytes[at++]!)) this.#read();
      if (this.#skip === 0 && this.#isLast) {
        this.#isLast = false;
        this.#field = 'magic';
        return at;
      }
    }
    return bytes.length;
  }

  /** Adds a byte to the field, little end first; whether it is whole. */
  #take(byte: number): boolean {
    this.#value += byte * 2 ** (8 * this.#have++);
    return this.#have === FIELD_BYTES[this.#field];
  }

  #read(): void {
    const value = this.#value;
    const field = this.#field;
    this.#value = this.#have = 0;
    if (field === 'magic') this.#field = fieldBehind(value);
    else if (field === 'skippable size') this.#skipTo(value, true);
    else if (field === 'descriptor') this.#readDescriptor(value);
    else this.#readBlock(value);
  }

  #readDescriptor(value: number): void {
    const single = (value & 0x20) !== 0;
    const sizeBytes = [single ? 1 : 0, 2, 4, 8][value >> 6]!;
    const dictionaryBytes = [0, 1, 2, 4][value & 3]!;
    this.#checksumBytes = (value & 4) === 0 ? 0 : 4;
    this.#field = 'block';
    this.#skipTo((single ? 0 : 1) + dictionaryBytes + sizeBytes, false);
  }

  #readBlock(value: number): void {
    const isLast = (value & 1) === 1;
    const bytes = ((value >> 1) & 3) === 1 ? 1 : value >> 3;
    this.#skipTo(bytes + (isLast ? this.#checksumBytes : 0), isLast);
  }

  #skipTo(bytes: number, isLast: boolean): void {
    this.#skip = bytes;
    this.#isLast = isLast;
  }
}

function fieldBehind(magic: number): Field {
  if (magic === MAGIC) return 'descriptor';
  return magic - (magic % 16) === SKIPPABLE_MAGIC ? 'skippable size' : 'lost';
}
