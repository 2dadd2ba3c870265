/**
 * The client's side of one answer. Chunks are forwarded as they came; what arrives in one turn of the event loop leaves in one
 * corked write. After the server reports backpressure nothing more is written until the socket drained, the upstream is paused,
 * and what still arrives is held within `highWaterBytes` and the process's budget for such bytes, the last of it within that budget.
 *
 *   idle ──begin──► headed ──push──► streaming ──finish──► ended
 *                     │                 │  ▲
 *                     │         write false  drained
 *                     │                 ▼  │
 *                     │               blocked
 *   any state ──client left / abandon──► gone        (the server's object must not be touched any more)
 *
 * Front thread only. Never parses, never changes a byte.
 */
import { nowMs } from '#base/clock.ts';
import { C } from '#meter/counters.ts';
import {
  type Blocked,
  budgetFor,
  type ClientSide,
  type Keeping,
  type ReplyOwner,
  type ReplyShared,
} from './client-side.ts';
import type { HttpResponse } from './uws.ts';
import { CORK_BYTES_MAX, FLUSH_BYTES, FRAMING_BYTES, RETRY_EVERY_MS } from './write-bounds.ts';
import { writeHeaders } from './write-headers.ts';

const nothing = (): void => {};
const NO_HEADERS: readonly string[] = [];

export class Reply implements ClientSide, Blocked {
  keeping: Keeping = 'keep';
  begun = false;
  /** Name, value, …: sent behind the headers of whatever answer it becomes. */
  extraHeaders: readonly string[] = NO_HEADERS;
  readonly #res: HttpResponse;
  readonly #shared: ReplyShared;
  readonly #owner: ReplyOwner;
  /** Asked for with HEAD: the head leaves alone. */
  readonly #headAlone: boolean;
  #status = '';
  #headers: readonly string[] = NO_HEADERS;
  /** Of the body, where it is known before its last byte; −1: it leaves in chunks. */
  #length = -1;
  /** What leaves next, and what came behind it: a turn of the loop mostly brings one chunk, and that needs no list. */
  #first: Uint8Array | null = null;
  #later: Uint8Array[] | null = null;
  #pendingBytes = 0;
  #budgeted = 0;
  #headSent = false;
  #blocked = false;
  #finishing = false;
  #over = false;
  #queued = false;
  #watchesWritable = false;
  #requestPaused = false;
  #blockedAtMs = 0;
  #triedAtMs = 0;

  constructor(res: HttpResponse, shared: ReplyShared, owner: ReplyOwner, headAlone = false) {
    this.#res = res;
    this.#headAlone = headAlone;
    this.#shared = shared;
    this.#owner = owner;
    res.onAborted(() => this.#gone());
  }

  /** Whether the status line has left. */
  get headSent(): boolean {
    return this.#headSent;
  }

  /** Nothing more can be written: answered, or the client is gone. */
  get over(): boolean {
    return this.#over;
  }

  /** Stops reading the request; an answer resumes it, so that the rest is read and dropped and the client sees the answer. */
  pauseRequest(): void {
    if (this.#over || this.#requestPaused) return;
    this.#requestPaused = true;
    this.#res.pause();
  }

  resumeRequest(): void {
    if (this.#over || !this.#requestPaused) return;
    this.#requestPaused = false;
    this.#res.resume();
  }

  /** What it has of the budget for bytes that wait for slow readers. */
  get budgetedBytes(): number {
    return this.#budgeted;
  }

  /** Sets status and headers (name, value, …); they leave with the first bytes. */
  begin(status: string, headers: readonly string[], length = -1): void {
    this.#status = status;
    this.#headers = headers;
    this.#length = length;
  }

  /** Sends a chunk with whatever else this turn of the loop brings. */
  push(chunk: Uint8Array): void {
    if (this.#over) return;
    if (this.#first === null) this.#first = chunk;
    else if (this.#later === null) this.#later = [chunk];
    else this.#later.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#blocked) return this.#holdWhileBlocked();
    // One turn of the loop can read 2 MB from one upstream: write on the way, or backpressure would be noticed too late.
    if (this.#pendingBytes >= FLUSH_BYTES) this.flush();
    else this.#schedule();
  }

  /** Drops what has not left yet; only while nothing of the answer has. */
  forget(): void {
    this.#dropPending();
    this.#pendingBytes = 0;
  }

  /** Ends the answer after what is pending, and `last`. */
  finish(last: Uint8Array | null = null): void {
    if (this.#over) return;
    this.resumeRequest();
    this.#finishing = true;
    this.#shared.unfinished++;
    if (last !== null) this.push(last);
    if (!this.#over && !this.#blocked) this.flush();
  }

  /** Sends a whole answer at once; only before anything else was sent. */
  send(status: string, headers: readonly string[], body: Uint8Array): void {
    if (this.#over) return;
    this.begin(status, headers, body.length);
    this.#dropPending();
    this.#first = body;
    this.#pendingBytes = body.length;
    this.finish();
  }

  /** Closes the connection without ending the answer's framing, so that no client takes a broken answer for a whole one. */
  abandon(): void {
    if (this.#over) return;
    this.#end(false);
    this.#res.close();
  }

  /** The connection becomes a WebSocket, which is not this reply's any more. */
  handOver(): void {
    this.#end(false);
  }

  /** Called once a turn of the event loop by the flush queue. One cork, and so one system call, per `CORK_BYTES_MAX`. */
  flush(): void {
    this.#queued = false;
    if (!this.begun && !this.#finishing && !this.#owner.onHeadReady(this.#pendingBytes)) return;
    const begins = !this.begun;
    while (!this.#over && !this.#blocked && (this.#first !== null || this.#finishing)) this.#writeCorked();
    if (this.#over) this.#owner.onReplyEnded(true);
    else if (this.#blocked && !this.#takeBudget()) this.#cutOff();
    else if (begins && !this.#finishing) this.#owner.onBegun();
  }

  /** One function for all replies: the server calls it at once, inside its cork. */
  #writeCorked(): void {
    Reply.#corked = this;
    this.#res.cork(Reply.#write);
    Reply.#corked = null;
  }

  static #corked: Reply | null = null;
  static readonly #write = (): void => Reply.#corked!.#writeSome();

  #writeSome(): void {
    this.begun = true;
    if (!this.#headSent) {
      this.#writeHead();
      if (this.#headAlone) return this.#endHead();
      if (this.#finishing && !this.#later?.length && this.#pendingBytes <= CORK_BYTES_MAX) {
        return this.#endWhole(this.#first);
      }
      if (!this.#keeps) this.#res.writeHeader('connection', 'close');
    }
    if (this.#length < 0) this.#writePending();
    else this.#writeSized();
    if (this.#over) return;
    if (this.#finishing && this.#first === null && !this.#blocked) this.#endChunked();
  }

  /** As much as one cork takes. */
  #writePending(): void {
    const later = this.#later;
    const laterCount = later === null ? 0 : later.length;
    let room = CORK_BYTES_MAX;
    let taken = 0;
    let chunk = this.#first;
    while (chunk !== null && room > FRAMING_BYTES && !this.#blocked) {
      const piece = chunk.length + FRAMING_BYTES > room ? chunk.subarray(0, room - FRAMING_BYTES) : chunk;
      room -= piece.length + FRAMING_BYTES;
      this.#pendingBytes -= piece.length;
      if (piece !== chunk) chunk = chunk.subarray(piece.length);
      else chunk = taken < laterCount ? later![taken++]! : null;
      this.#shared.counters.add(C.responseWrites);
      if (!this.#res.write(piece)) this.#block();
    }
    this.#first = chunk;
    if (taken > 0 && taken < laterCount) later!.splice(0, taken);
    else if (taken > 0) later!.length = 0;
  }

  /** The next piece of a body whose length is said; of what the server does not take it keeps nothing. */
  #writeSized(): void {
    if (this.#first === null) return;
    const before = this.#res.getWriteOffset();
    this.#shared.counters.add(C.responseWrites);
    const [taken, done] = this.#res.tryEnd(this.#first.subarray(0, CORK_BYTES_MAX), this.#length);
    if (done) return this.#end(true);
    const written = this.#res.getWriteOffset() - before;
    this.#pendingBytes -= written;
    this.#first = written < this.#first.length ? this.#first.subarray(written) : (this.#later?.shift() ?? null);
    if (!taken) this.#block();
  }

  #writeHead(): void {
    const { extraHeaders } = this.#shared;
    this.#headSent = true;
    this.#res.writeStatus(this.#status);
    writeHeaders(this.#res, this.#headers);
    writeHeaders(this.#res, extraHeaders);
    writeHeaders(this.#res, this.extraHeaders);
    // A stream may go on for hours.
    this.#headers = NO_HEADERS;
    if (this.#keeps) this.#res.writeHeader('keep-alive', 'timeout=8');
  }

  get #keeps(): boolean {
    return this.keeping === 'keep' && !this.#shared.closing;
  }

  /** The server would say a wrong length, or wait for a body: it is told of none, and the length is a header like others. */
  #endHead(): void {
    if (this.#length >= 0) this.#res.writeHeader('content-length', String(this.#length));
    if (!this.#keeps) this.#res.writeHeader('connection', 'close');
    this.#shared.counters.add(C.responseWrites);
    this.#res.endWithoutBody();
    this.#end(true);
  }

  /** Everything in one go, with a length. The server adds `connection: close` itself when it is to close. */
  #endWhole(body: Uint8Array | null): void {
    this.#shared.counters.add(C.responseWrites);
    const closes = this.#shared.closing || this.keeping === 'end';
    if (!closes && this.keeping === 'ask') this.#res.writeHeader('connection', 'close');
    if (body === null) this.#res.end(undefined, closes);
    else this.#res.end(body, closes);
    this.#end(true);
  }

  /** Without the server's flag to close: it would write its header into the body that has already begun. */
  #endChunked(): void {
    this.#shared.counters.add(C.responseWrites);
    this.#res.end();
    this.#end(true);
  }

  /** Called some times a second while blocked: keeps a slow reader's connection, for as long as it takes anything at all. */
  retry(now: number): void {
    if (now - this.#triedAtMs < RETRY_EVERY_MS || now - this.#blockedAtMs > this.#shared.readerStallMs) return;
    this.#triedAtMs = now;
    this.#res.cork(nothing);
  }

  #block(): void {
    this.#blocked = true;
    this.#blockedAtMs = this.#triedAtMs = nowMs();
    this.#shared.blocked.add(this);
    this.#shared.counters.add(C.backpressurePauses);
    if (!this.#watchesWritable) {
      this.#watchesWritable = true;
      this.#res.onWritable(() => this.#writable());
    }
    this.#owner.onBlocked();
  }

  #writable(): boolean {
    if (this.#over) return true;
    this.#blocked = false;
    this.#shared.blocked.delete(this);
    // The server drains its own rest only when it is asked to write.
    if (this.#first === null && !this.#finishing) this.#res.cork(nothing);
    else this.flush();
    this.#giveBack();
    if (!this.#over && !this.#blocked) this.#owner.onDrained();
    return true;
  }

  #holdWhileBlocked(): void {
    if ((!this.#finishing && this.#pendingBytes > this.#shared.highWaterBytes) || !this.#takeBudget()) this.#cutOff();
  }

  /** The budget holds everything that waits for this reader outside the kernel. */
  #takeBudget(): boolean {
    const needed = budgetFor(this.#pendingBytes);
    if (needed <= this.#budgeted) return true;
    if (!this.#shared.streamBudget.take(needed - this.#budgeted)) return false;
    this.#budgeted = needed;
    return true;
  }

  /** There is no room for what this reader leaves lying. */
  #cutOff(): void {
    this.abandon();
    this.#owner.onReplyEnded(false);
  }

  /** Returns the budget for what is no longer held. */
  #giveBack(): void {
    const needed = this.#over || !this.#blocked ? 0 : Math.min(budgetFor(this.#pendingBytes), this.#budgeted);
    if (needed < this.#budgeted) this.#shared.streamBudget.give(this.#budgeted - needed);
    this.#budgeted = needed;
  }

  #dropPending(): void {
    this.#first = null;
    this.#later = null;
  }

  #schedule(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#shared.flushQueue.add(this);
  }

  #gone(): void {
    if (this.#over) return;
    this.#end(false);
    this.#owner.onClientGone();
  }

  #end(complete: boolean): void {
    this.#over = true;
    this.#shared.blocked.delete(this);
    if (this.#finishing) this.#shared.unfinished--;
    if (!complete) this.#dropPending();
    this.#giveBack();
  }
}
