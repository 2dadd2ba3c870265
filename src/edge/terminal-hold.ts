/**
 * Journaled mode: keeps back the bytes that would tell a client that its answer is complete, until the record of that answer is on
 * disk. What is kept draws on the budget of answers that wait. Front thread only; no exchange has one in async mode.
 *
 *   stream:  [ whole frames ][ frame that is not whole yet ]      [ … ][ message_stop … everything behind it ]
 *              leave at once   leaves unless it may be the end           kept until durable
 *   JSON:    [ chunk ][ chunk ][ last chunk ]                     the end of the framing is kept with it
 *              leave when the next comes
 */
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';
import { HELD_BYTES_MAX, type Tap } from '#meter/tap.ts';
import type { ClientSide } from './client-side.ts';

/** A frame that is not known for another by now is kept until it is whole. */
const LOOK_BYTES_MAX = 64;

const SPACE = 0x20;
const OBJECT_CLOSE = 0x7d;

export class TerminalHold {
  readonly #reply: ClientSide;
  readonly #tap: Tap | null;
  readonly #budget: ByteBudget;
  readonly #wholePieces: boolean;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #budgeted = 0;
  /** The frame that is not whole yet is none that ends an answer. */
  #passing = false;
  #terminal = false;
  /** Kept when the last frame had come, however long it is; what comes behind it is bounded. */
  #endBytes = 0;
  /** The last byte that has left, but for white space; 0: none. */
  #lastByte = 0;

  /**
   * `tap`: that of a stream, which has seen each chunk before; null for JSON. `wholePieces`: what comes is whole
   * events, because it has been changed on its way or came as messages.
   */
  constructor(reply: ClientSide, tap: Tap | null, budget: ByteBudget, wholePieces = false) {
    this.#wholePieces = wholePieces;
    this.#reply = reply;
    this.#tap = tap;
    this.#budget = budget;
  }

  /** What it has of the budget. */
  get budgetedBytes(): number {
    return this.#budgeted;
  }

  /** Of a streamed array: what has left ends with an element, and no comma behind it. */
  get awaitsComma(): boolean {
    return this.#lastByte === OBJECT_CLOSE;
  }

  /** Forwards what may leave. False when there is no room to keep the rest: the answer must be broken off. */
  push(chunk: Uint8Array): boolean {
    if (this.#tap === null) {
      this.letGo();
      return this.#keep(chunk);
    }
    if (this.#wholePieces) return this.#pushWhole(chunk);
    if (this.#terminal) return this.#keptBytes - this.#endBytes <= HELD_BYTES_MAX && this.#keep(chunk);
    if (this.#tap.terminal) return this.#keepTerminal(chunk);
    return this.#pushFrames(chunk, this.#tap.unfinishedBytes);
  }

  /** Everything kept may leave now. */
  letGo(): void {
    for (const piece of this.#kept) this.#leave(piece);
    this.drop();
  }

  /** Everything kept is forgotten. */
  drop(): void {
    this.#kept = [];
    this.#keptBytes = 0;
    if (this.#budgeted > 0) this.#budget.give(this.#budgeted);
    this.#budgeted = 0;
  }

  #leave(piece: Uint8Array): void {
    let last = piece.length - 1;
    while (last >= 0 && piece[last]! <= SPACE) last--;
    if (last >= 0) this.#lastByte = piece[last]!;
    this.#reply.push(piece);
  }

  #pushWhole(piece: Uint8Array): boolean {
    if (this.#tap!.terminal) return this.#keep(piece);
    this.#leave(piece);
    return true;
  }

  #pushFrames(chunk: Uint8Array, unfinished: number): boolean {
    if (unfinished > chunk.length) return this.#pushMiddle(chunk);
    this.letGo();
    const start = chunk.length - unfinished;
    this.#passing = unfinished > 0 && !this.#tap!.mayBeTerminal(chunk, start, chunk.length);
    if (unfinished === 0 || this.#passing) {
      this.#leave(chunk);
      return true;
    }
    if (start > 0) this.#leave(chunk.subarray(0, start));
    return this.#keep(chunk.subarray(start));
  }

  /** The chunk lies within a frame that began before it. */
  #pushMiddle(chunk: Uint8Array): boolean {
    if (this.#passing) {
      this.#leave(chunk);
      return true;
    }
    if (!this.#keep(chunk)) return false;
    const bytes = this.#keptBytes <= LOOK_BYTES_MAX ? Buffer.concat(this.#kept) : null;
    this.#passing =
      this.#keptBytes > HELD_BYTES_MAX || (bytes !== null && !this.#tap!.mayBeTerminal(bytes, 0, bytes.length));
    if (this.#passing) this.letGo();
    return true;
  }

  #keepTerminal(chunk: Uint8Array): boolean {
    this.#terminal = true;
    const bytes = Buffer.concat([...this.#kept, chunk]);
    this.drop();
    const start = this.#tap!.terminalStart(bytes, this.#passing);
    if (start > 0) this.#leave(bytes.subarray(0, start));
    this.#endBytes = bytes.length - start;
    return this.#keep(bytes.subarray(start));
  }

  #keep(piece: Uint8Array): boolean {
    // One sum for all pieces: the budget counts in KiB.
    const needed = (this.#keptBytes + piece.length + 1023) & ~1023;
    if (needed > this.#budgeted) {
      if (!this.#budget.take(needed - this.#budgeted)) return false;
      this.#budgeted = needed;
    }
    this.#kept.push(piece);
    this.#keptBytes += piece.length;
    return true;
  }
}
