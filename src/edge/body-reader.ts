/**
 * One request body, as it was received or as it was decoded: taken into one buffer drawn from the shared byte budget, one copy a chunk,
 * because the server's chunk dies when its handler returns. A declared length is not allocated before the first byte came; a chunked body grows by doubling. What
 * does not fit right now is kept aside and waits (`body-room.ts`).
 *
 *   receiving ──no room──► waiting ──room──► receiving ──last byte──► whole ──release──► released
 *
 * Released early, once nobody can need the bytes any more, the memory goes back to the allocator at once: the HTTP client keeps a
 * reference to the body until its answer ends, so the buffer is detached, which needs every write from it to have left the process.
 * The memory of a small body goes to the next small one instead (`small-bodies.ts`), on the same condition.
 *
 * Front thread only.
 */
import { assert } from '#base/assert.ts';
import type { FailureCode } from '#failure/registry.ts';
import type { BodyRoom, BodyWaiter } from './body-room.ts';
import { detach } from './detach.ts';
import { giveSmallBody, SMALL_BODY_BYTES, takeSmallBody } from './small-bodies.ts';

const CHUNKED_BYTES_MIN = 16 * 1024;
const EMPTY = new Uint8Array(0);

export interface BodyOwner {
  /** A body that waited has got its room, and everything that was kept aside is in it. */
  onBodyRoom(): void;
}

export class BodyReader implements BodyWaiter {
  readonly #room: BodyRoom;
  readonly #owner: BodyOwner;
  readonly #bytesMax: number;
  #declared: number;
  #buffer: Uint8Array = EMPTY;
  /** What a small body's buffer is a view of; null for those with memory of their own. */
  #piece: Buffer | null = null;
  #taken = 0;
  #length = 0;
  /** Chunks kept aside; null while none are. */
  #aside: Uint8Array[] | null = null;
  #asideBytes = 0;
  #isWhole = false;
  #released = false;

  /** `declared`: Content-Length, −1 when chunked or not believed yet. */
  constructor(room: BodyRoom, owner: BodyOwner, bytesMax: number, declared: number) {
    this.#room = room;
    this.#owner = owner;
    this.#bytesMax = bytesMax;
    this.#declared = declared;
  }

  /** The length that was declared is taken for true from now on. */
  believe(declared: number): void {
    this.#declared = declared;
  }

  /** Bytes received into the buffer; still known when they are released. */
  get length(): number {
    return this.#length;
  }

  /** The last chunk has come, though it may still be kept aside. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get isWaiting(): boolean {
    return this.#aside !== null;
  }

  get isReleased(): boolean {
    return this.#released;
  }

  /** What it has of the budget. */
  get heldBytes(): number {
    return (this.#taken + 1023) & ~1023;
  }

  /** The bytes received; valid until `release`. */
  get bytes(): Uint8Array {
    assert(!this.#released, 'a body is used that has been released');
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#length);
  }

  /** Adds a chunk. `waits`: there is no room for it now, the connection is to be paused. A failure: it is refused. */
  add(chunk: Uint8Array, isLast: boolean): FailureCode | 'waits' | null {
    const length = this.#length + this.#asideBytes + chunk.length;
    this.#isWhole = isLast;
    if (length > this.#bytesMax) return 'body_too_large';
    if (this.#aside === null && (length <= this.#buffer.length || this.#grow(length))) {
      this.#append(chunk);
      return null;
    }
    return this.#keepAside(chunk, length);
  }

  /** Called when it is this body's turn. */
  retryRoom(): boolean {
    const aside = this.#aside!;
    const length = this.#length + this.#asideBytes;
    if (length > this.#buffer.length && !this.#grow(length)) return false;
    this.#room.leave(this);
    for (const chunk of aside) this.#append(chunk);
    this.#aside = null;
    this.#asideBytes = 0;
    this.#owner.onBodyRoom();
    return true;
  }

  /**
   * Gives the memory back to the budget; the bytes must not be used any more. `isFree`: nobody else reads from the buffer, no write
   * from it is pending: it goes back to the allocator now, not when garbage is collected. Idempotent.
   */
  release(isFree: boolean): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#aside !== null) this.#room.leave(this);
    this.#aside = null;
    if (isFree) this.#freeBuffer();
    this.#buffer = EMPTY;
    this.#piece = null;
    if (this.#taken > 0) this.#room.give(this.#taken);
    this.#taken = 0;
  }

  #keepAside(chunk: Uint8Array, length: number): FailureCode | 'waits' {
    if (!this.#room.canEverFit(this.#roomFor(length))) return 'body_budget_exhausted';
    if (!this.#room.hold(this, chunk.length)) return 'body_budget_exhausted';
    this.#aside ??= [];
    this.#aside.push(new Uint8Array(chunk));
    this.#asideBytes += chunk.length;
    return 'waits';
  }

  #append(chunk: Uint8Array): void {
    this.#buffer.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  #roomFor(length: number): number {
    if (this.#isWhole) return length;
    if (this.#declared >= length) return Math.min(this.#declared, this.#bytesMax);
    return Math.min(Math.max(length, this.#buffer.length * 2, CHUNKED_BYTES_MIN), this.#bytesMax);
  }

  #grow(length: number): boolean {
    const bytes = this.#roomFor(length);
    const isSmall = bytes <= SMALL_BODY_BYTES;
    const room = isSmall ? SMALL_BODY_BYTES : bytes;
    if (!this.#room.take(room)) return false;
    const piece = isSmall ? takeSmallBody() : null;
    // Never from Node's shared pool: a buffer of its own can be given back alone.
    const grown = piece === null ? Buffer.allocUnsafeSlow(bytes) : piece.subarray(0, bytes);
    if (this.#length > 0) grown.set(this.#buffer.subarray(0, this.#length));
    this.#freeBuffer();
    if (this.#taken > 0) this.#room.give(this.#taken);
    this.#taken = room;
    this.#buffer = grown;
    this.#piece = piece;
    return true;
  }

  /** Gives the buffer's memory back; nothing may read from it. */
  #freeBuffer(): void {
    if (this.#piece === null) detach(this.#buffer);
    else giveSmallBody(this.#piece);
  }
}
