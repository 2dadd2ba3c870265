/**
 * What an exchange answers into: one answer over HTTP (`reply.ts`), or the messages of one turn of a WebSocket (`turn-reply.ts`).
 * Shapes only; front thread.
 */
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';
import type { CounterRow } from '#meter/counters.ts';
import type { FlushQueue } from './flush-queue.ts';

/**
 * Whether the connection may serve another request. `ask`: the answer says `connection: close` and the client does it, who may
 * still be sending. `end`: the server does it behind a whole answer. A WebSocket stays whatever is said here.
 */
export type Keeping = 'keep' | 'ask' | 'end';

/** What the exchange wants to know about its answer. */
export interface ReplyOwner {
  onClientGone(): void;
  onBlocked(): void;
  onDrained(): void;
  /** Before the first write of an answer: false keeps it back until `flush` is called again. */
  onHeadReady(pendingBytes: number): boolean;
  /** The first bytes were handed to the socket, and the answer goes on. */
  onBegun(): void;
  /** The last byte was handed to the socket, or the reader was too slow and was cut off. */
  onReplyEnded(complete: boolean): void;
}

export interface ClientSide {
  keeping: Keeping;
  /** Something has left of the answer at hand; taken back by what begins one behind the pings of a wait, which are none of it. */
  begun: boolean;
  /** Name, value, …: sent behind the headers of whatever answer it becomes, where the protocol has any. */
  extraHeaders: readonly string[];
  /** Something has left for the client, if only pings of a wait. */
  readonly headSent: boolean;
  /** Nothing more can be written: answered, or the client is gone. */
  readonly over: boolean;
  /** Stops reading the request; an answer resumes it, so that the rest is read and dropped and the client sees the answer. */
  pauseRequest(): void;
  resumeRequest(): void;
  /**
   * Sets status and headers (name, value, …); they leave with the first bytes, where the protocol has any. `length`: what is pushed from
   * here to the end has exactly so many bytes; −1: nobody knows.
   */
  begin(status: string, headers: readonly string[], length?: number): void;
  /** Sends a chunk (over a WebSocket a message) with whatever else this turn of the loop brings. */
  push(chunk: Uint8Array): void;
  /** Drops what has not left yet; only while nothing of the answer has. */
  forget(): void;
  /** Writes what is pending. */
  flush(): void;
  /**
   * Ends the answer after what is pending, and `last`: whatever its size, it waits for its reader as long as the budget for such bytes has
   * room. Whoever has still to hear of the end is told before: the reader may be cut off in here.
   */
  finish(last?: Uint8Array): void;
  /** Sends a whole answer at once; only before anything else was sent. */
  send(status: string, headers: readonly string[], body: Uint8Array): void;
  /** Ends the connection without ending the answer, so that no client takes a broken answer for a whole one. */
  abandon(): void;
}

/** A client that does not keep up, as sweep and audit see it. */
export interface Blocked {
  /** What it has of the budget for bytes that wait for slow readers. */
  readonly budgetedBytes: number;
  /** Called some times a second: keeps a slow reader's connection, for as long as it takes anything at all. */
  retry(now: number): void;
}

/** What the answers of a front share. */
export interface ReplyShared {
  readonly flushQueue: FlushQueue;
  readonly counters: CounterRow;
  readonly streamBudget: ByteBudget;
  readonly highWaterBytes: number;
  /** A reader that takes nothing for this long is left to the server, which closes it. */
  readonly readerStallMs: number;
  /** Replies whose reader does not keep up. */
  readonly blocked: Set<Blocked>;
  /** Answers whose upstream has ended and whose reader has not taken everything yet. */
  unfinished: number;
  /** True while the process drains: answers ask the client to close its connection. */
  closing: boolean;
  /** True while the whole gateway ends: new requests are refused. False when another process has taken over. */
  refusing: boolean;
  /** Sent with every answer (test mode names the front). */
  readonly extraHeaders: readonly string[];
}

/**
 * What a reader that is held back costs beside its pending bytes: the server's own rest of the last cork (16 KiB), and what had been
 * read from the upstream when it was paused (up to two reads of 64 KiB). Measured with 1,000 readers that take nothing: 0.3 MiB each.
 */
const BLOCKED_BYTES = 144 * 1024;

/** What such a client takes of the budget, in whole KiB, as the budget counts. */
export function budgetFor(pendingBytes: number): number {
  return BLOCKED_BYTES + ((pendingBytes + 1023) & ~1023);
}
