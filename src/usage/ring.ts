/**
 * One front's ring of usage records in shared memory: one producer (the front), one consumer (the usage-writer), no locks.
 *
 *   byte 0    head     uint32, written by the producer   ┐
 *   byte 4    waiting  0 or 1, written by the producer   │ indexes are free-running and wrap at 2³²; a place in the data is
 *   byte 64   tail     uint32, written by the consumer   │ index & (capacity − 1), capacity a power of two
 *   byte 68   durable  uint32, written by the consumer   ┘
 *   byte 128  data     capacity bytes
 *
 *             durable   tail           read           head
 *   ··············│·······│[word|record] [word|record] │········reserved········│·· free ··
 *                 │       └ kept until in the journal  └ room for every open exchange
 *                 └ on disk up to here
 *
 *   word: uint32 little-endian, kind and length as in a journal frame; it and its record may run over the end of the data and go on
 *   at its start.
 *
 * Admission reserves room for the largest record, so a push never fails, blocks or drops. `tryPush` takes only what is free beyond
 * the reservations. Head and tail have cache lines of their own. A front that is replaced goes on at its predecessor's head.
 *
 * Waiting for the disk: the producer sets `waiting` and then looks at `durable`; the consumer stores `durable` and then looks at
 * `waiting`. One of the two always sees the other, so a bell is rung only for a front that wants it, and never missed.
 */
import { assert } from '#base/assert.ts';
import { frameWord, kindInWord, lengthInWord } from './journal-segment.ts';
import type { Bell } from './pressure.ts';
import { KIND, type Kind, RECORD_BYTES_MAX, type UsageRecord } from './record.ts';
import { encodeRecord } from './record-codec.ts';

const HEAD = 0;
const WAITING = 1;
const TAIL = 16;
const DURABLE = 17;
const DATA_OFFSET = 128;
const WORD_BYTES = 4;
/** Room that one open exchange holds. */
const SLOT_BYTES = RECORD_BYTES_MAX + WORD_BYTES;

/** `ringBytes` is a power of two up to 2^31. */
export function usageRingBytes(ringBytes: number): number {
  return DATA_OFFSET + ringBytes;
}

interface RingView {
  words: Int32Array<SharedArrayBuffer>;
  data: Uint8Array<SharedArrayBuffer>;
  capacity: number;
}

function viewRing(shared: SharedArrayBuffer): RingView {
  const capacity = shared.byteLength - DATA_OFFSET;
  assert(capacity >= SLOT_BYTES && Number.isInteger(Math.log2(capacity)), 'the capacity of a ring is a power of two');
  const words = new Int32Array(shared, 0, DATA_OFFSET / 4);
  return { words, data: new Uint8Array(shared, DATA_OFFSET, capacity), capacity };
}

/** Sets all indexes of a ring that nobody uses yet. */
export function startRingAt(shared: SharedArrayBuffer, index: number): void {
  const { words } = viewRing(shared);
  Atomics.store(words, HEAD, index | 0);
  Atomics.store(words, TAIL, index | 0);
  Atomics.store(words, DURABLE, index | 0);
}

export class UsageRingProducer {
  readonly #ring: RingView;
  readonly #bell: Bell;
  #head: number;
  /** The consumer's index as last seen; older means less room, which is safe. */
  #tailSeen: number;
  #reserved = 0;

  /** `bell` is rung for each record, once it can be seen. */
  constructor(shared: SharedArrayBuffer, bell: Bell) {
    this.#ring = viewRing(shared);
    this.#bell = bell;
    this.#head = Atomics.load(this.#ring.words, HEAD) >>> 0;
    this.#tailSeen = Atomics.load(this.#ring.words, TAIL) >>> 0;
    this.waiting = false;
  }

  /** Open reservations. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Takes room for one record of any size; false when there is none. */
  reserve(): boolean {
    if (!this.#hasRoom()) return false;
    this.#reserved++;
    return true;
  }

  /** Gives back a reservation that made no record. */
  release(): void {
    assert(this.#reserved > 0, 'a reservation to give back');
    this.#reserved--;
  }

  /** Uses up one reservation. */
  push(record: UsageRecord, kind: Kind = KIND.record): void {
    assert(this.#reserved > 0, 'a record has room reserved');
    this.#write(record, kind);
    this.#reserved--;
  }

  /** Without a reservation: false, and nothing done, when there is no room that no reservation may need. */
  tryPush(record: UsageRecord, kind: Kind): boolean {
    if (!this.#hasRoom()) return false;
    this.#write(record, kind);
    return true;
  }

  /** Where the next record will begin: everything pushed so far lies before it. */
  get position(): number {
    return this.#head;
  }

  /** Whether everything before `position` is on disk. */
  isDurable(position: number): boolean {
    return ((Atomics.load(this.#ring.words, DURABLE) - position) | 0) >= 0;
  }

  /** Whether the consumer shall ring this front's doorbell when more has become durable. */
  set waiting(waiting: boolean) {
    Atomics.store(this.#ring.words, WAITING, waiting ? 1 : 0);
  }

  /** Room for one more record of any size beyond all reservations. */
  #hasRoom(): boolean {
    const needed = (this.#reserved + 1) * SLOT_BYTES;
    if (this.#free() >= needed) return true;
    this.#tailSeen = Atomics.load(this.#ring.words, TAIL) >>> 0;
    return this.#free() >= needed;
  }

  #write(record: UsageRecord, kind: Kind): void {
    const bytes = encodeRecord(record);
    assert(bytes.length <= RECORD_BYTES_MAX, 'a record fits its reservation');
    const { words, data, capacity } = this.#ring;
    writeWord(data, capacity - 1, this.#head, frameWord(bytes.length, kind));
    writeBytes(data, (this.#head + WORD_BYTES) & (capacity - 1), bytes);
    this.#head = (this.#head + WORD_BYTES + bytes.length) >>> 0;
    Atomics.store(words, HEAD, this.#head | 0);
    this.#bell.ringBell();
  }

  #free(): number {
    return this.#ring.capacity - ((this.#head - this.#tailSeen) >>> 0);
  }
}

export class UsageRingConsumer {
  readonly #ring: RingView;
  readonly #scratch = new Uint8Array(RECORD_BYTES_MAX);
  #tail: number;
  #read: number;
  #kind: Kind = KIND.record;

  constructor(shared: SharedArrayBuffer) {
    this.#ring = viewRing(shared);
    this.#tail = Atomics.load(this.#ring.words, TAIL) >>> 0;
    this.#read = this.#tail;
  }

  /** Whether a record has not been read yet. */
  get pending(): boolean {
    return Atomics.load(this.#ring.words, HEAD) >>> 0 !== this.#read;
  }

  /** The next record, valid until the next call or `release`; null when there is none. Its place in the ring stays taken. */
  next(): Uint8Array | null {
    const { words, data, capacity } = this.#ring;
    if (Atomics.load(words, HEAD) >>> 0 === this.#read) return null;
    const word = readWord(data, capacity - 1, this.#read);
    const length = lengthInWord(word);
    assert(length <= RECORD_BYTES_MAX, 'a record in a ring has a sane length');
    this.#kind = kindInWord(word);
    const start = (this.#read + WORD_BYTES) & (capacity - 1);
    this.#read = (this.#read + WORD_BYTES + length) >>> 0;
    if (start + length <= capacity) return data.subarray(start, start + length);
    const first = capacity - start;
    this.#scratch.set(data.subarray(start, capacity));
    this.#scratch.set(data.subarray(0, length - first), first);
    return this.#scratch.subarray(0, length);
  }

  /** Kind of the record that `next` returned last. */
  get kind(): Kind {
    return this.#kind;
  }

  /** Everything released so far is on disk. True when the front waits for that and there was something new to tell. */
  publishDurable(): boolean {
    const { words } = this.#ring;
    if (Atomics.load(words, DURABLE) >>> 0 === this.#tail) return false;
    Atomics.store(words, DURABLE, this.#tail | 0);
    return Atomics.load(words, WAITING) === 1;
  }

  /** What was read is safe elsewhere: its room is the producer's again. */
  release(): void {
    this.#tail = this.#read;
    Atomics.store(this.#ring.words, TAIL, this.#tail | 0);
  }

  /** What was read could not be kept: it is read again. */
  rewind(): void {
    this.#read = this.#tail;
  }
}

function writeWord(data: Uint8Array, mask: number, index: number, word: number): void {
  for (let i = 0; i < WORD_BYTES; i++) data[(index + i) & mask] = (word >>> (8 * i)) & 0xff;
}

function readWord(data: Uint8Array, mask: number, index: number): number {
  let word = 0;
  for (let i = 0; i < WORD_BYTES; i++) word |= data[(index + i) & mask]! << (8 * i);
  return word >>> 0;
}

function writeBytes(data: Uint8Array, start: number, bytes: Uint8Array): void {
  const first = Math.min(bytes.length, data.length - start);
  data.set(first === bytes.length ? bytes : bytes.subarray(0, first), start);
  if (first < bytes.length) data.set(bytes.subarray(first), 0);
}
