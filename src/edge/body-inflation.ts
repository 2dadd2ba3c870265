/**
 * The decoding of one compressed request body that has come whole: piece by piece from the body as it was received into a second one,
 * which draws from the same shared budget, waits for room as any other does and has the same bound, so that a bomb ends as it passes it.
 * The decoder's own memory counts against that budget too.
 *
 *   (waits for a turn) ──► (waits for the decoder's room) ──► feeding ──last byte──► inflated: the decoded body replaces the received one
 *                                                             │    ▲ └── not valid, too large, no room ──► refused
 *                                                        no room  room
 *                                                             ▼    │
 *                                                             paused
 *
 * Front thread only; the work is done by the process's helper threads.
 */
import { type Coding, decoderBytes } from '#base/codings.ts';
import { Inflater, type InflaterSink } from '#base/inflater.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { type BodyOwner, BodyReader } from './body-reader.ts';
import type { BodyRoom, BodyWaiter } from './body-room.ts';
import type { InflateTurns, TurnTaker } from './inflate-turns.ts';
import { tooLarge } from './too-large.ts';

/** What is handed over at once, as a copy: another thread reads it, and the body's own memory may be given back meanwhile. */
const PIECE_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

export interface InflationOwner {
  /** It waits for a turn or for room; and does no longer. */
  onInflationWaits(): void;
  onInflationRuns(): void;
  /** The decoded body; whoever gets it releases it. */
  onInflated(body: BodyReader): void;
  onInflationRefused(refusal: Refusal): void;
}

export interface InflationOptions {
  readonly coding: Coding;
  readonly received: BodyReader;
  readonly room: BodyRoom;
  readonly turns: InflateTurns;
  /** Of the decoded body. */
  readonly bytesMax: number;
}

export class BodyInflation implements BodyOwner, BodyWaiter, InflaterSink, TurnTaker {
  readonly #options: InflationOptions;
  readonly #owner: InflationOwner;
  readonly #decoded: BodyReader;
  readonly #inflater: Inflater;
  readonly #decoderBytes: number;
  #decoderHeld = 0;
  #fedBytes = 0;

  constructor(options: InflationOptions, owner: InflationOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#decoded = new BodyReader(options.room, this, options.bytesMax, -1);
    this.#inflater = new Inflater(options.coding, this);
    this.#decoderBytes = decoderBytes(options.coding, options.received.bytes);
  }

  /** What it has of the budget, beside the received body. */
  get heldBytes(): number {
    return this.#decoded.heldBytes + this.#decoderHeld;
  }

  start(): void {
    const turn = this.#options.turns.take(this);
    if (turn === 'runs') this.#begin();
    else if (turn === 'waits') this.#owner.onInflationWaits();
    else this.#refuse(refuse('body_budget_exhausted', 'Too many compressed bodies wait to be decoded.'));
  }

  /** Gives back what it holds, in whatever state; nothing is told afterwards. Idempotent. */
  drop(): void {
    this.#stop();
    this.#decoded.release(true);
  }

  onTurn(): void {
    this.#owner.onInflationRuns();
    this.#begin();
  }

  retryRoom(): boolean {
    if (!this.#takeDecoder()) return false;
    this.#options.room.leave(this);
    this.#owner.onInflationRuns();
    this.#feed();
    return true;
  }

  onHungry(): void {
    this.#feed();
  }

  onInflated(chunk: Uint8Array): void {
    const code = this.#decoded.add(chunk, false);
    if (code === null) return;
    if (code === 'body_too_large') return this.#refuse(tooLarge(this.#options.bytesMax));
    if (code !== 'waits') return this.#refuse(refuse(code));
    this.#inflater.pause();
    this.#owner.onInflationWaits();
  }

  onBodyRoom(): void {
    this.#owner.onInflationRuns();
    this.#inflater.resume();
  }

  onInflatedEnd(): void {
    this.#decoded.add(NOTHING, true);
    this.#stop();
    this.#owner.onInflated(this.#decoded);
  }

  onFault(fault: string): void {
    this.#refuse(refuse('body_malformed', `Its content-encoding is ${this.#options.coding}, but ${fault}.`));
  }

  #begin(): void {
    const { room } = this.#options;
    if (this.#takeDecoder()) return this.#feed();
    if (!room.canEverFit(this.#decoderBytes) || !room.hold(this, 0))
      return this.#refuse(refuse('body_budget_exhausted'));
    this.#owner.onInflationWaits();
  }

  #takeDecoder(): boolean {
    if (!this.#options.room.take(this.#decoderBytes)) return false;
    this.#decoderHeld = this.#decoderBytes;
    return true;
  }

  #feed(): void {
    const { bytes } = this.#options.received;
    const piece = new Uint8Array(bytes.subarray(this.#fedBytes, this.#fedBytes + PIECE_BYTES));
    this.#fedBytes += piece.length;
    if (piece.length > 0) this.#inflater.push(piece);
    else this.#inflater.end();
  }

  #stop(): void {
    const { room, turns } = this.#options;
    this.#inflater.destroy();
    room.leave(this);
    if (this.#decoderHeld > 0) room.give(this.#decoderHeld);
    this.#decoderHeld = 0;
    turns.give(this);
  }

  #refuse(refusal: Refusal): void {
    this.drop();
    this.#owner.onInflationRefused(refusal);
  }
}
