/**
 * One exchange: a client's request and its reply, with everything that it holds. The lifecycle moves it from stage to stage; this
 * class only remembers, and hands the callbacks of server, upstream and queue on to the lifecycle.
 *
 *   receiving ─► inflating ─► scanning ─► waiting(user) ─► waiting(account) ─► relaying ─► draining ─► settled
 *       └────────────┴────────────┴──────────────┴────────────────┴────────────────┴───────────────────▲
 *   A media job goes another way: waiting(account) ─► job ─► settled. `job` is also a link to media while primary looks it up.
 *
 * Front thread only.
 */
import type { KeyEntry } from '#auth/key-cache.ts';
import type { RequestId } from '#base/request-id.ts';
import type { AffinityKey } from '#coordinate/local/affinity-table.ts';
import type { Seat } from '#coordinate/local/waiting-room.ts';
import type { Price } from '#meter/prices.ts';
import type { Tap } from '#meter/tap.ts';
import type { AttemptOwner, UpstreamAttempt, UpstreamHeaders } from '#relay/attempt.ts';
import type { Plan } from '#schedule/plan.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';
import type { RecordStatus } from '#usage/record.ts';
import type { Crossing } from '#wire/convert/crossing.ts';
import type { Dialect } from '#wire/dialect.ts';
import type { Facts } from '#wire/facts.ts';
import type { MediaRequest } from '#wire/media-job.ts';
import type { AnswerForm } from './answer-head.ts';
import type { AnswerTransform } from './answer-transform.ts';
import type { BodyInflation } from './body-inflation.ts';
import type { BodyOwner, BodyReader } from './body-reader.ts';
import type { Channel } from './channel.ts';
import type { ClientSide, ReplyOwner } from './client-side.ts';
import type { DoubtfulAnswer } from './doubtful-answer.ts';
import type { Head } from './head.ts';
import type { MediaPlace } from './media-ties.ts';
import type { Opening } from './openings.ts';
import type { Operation } from './operations.ts';
import type { NamedResponse } from './owner-search.ts';
import type { Route } from './routes.ts';
import type { TerminalHold } from './terminal-hold.ts';
import type { UsageCount } from './usage-count.ts';

/** Most exchanges have none of whatever it is: one list for all of them. */
const NOTHING: readonly never[] = Object.freeze([]);

export type Stage = 'receiving' | 'inflating' | 'scanning' | 'waiting' | 'relaying' | 'draining' | 'job' | 'settled';

/** What an exchange tells the lifecycle. */
export interface ExchangeEvents {
  clientGone(exchange: Exchange): void;
  replyBegun(exchange: Exchange): void;
  replyEnded(exchange: Exchange, complete: boolean): void;
  /** The head of its reply and `pendingBytes` could leave; false: they stay. */
  mayLeave(exchange: Exchange, pendingBytes: number): boolean;
  bodyRoomFound(exchange: Exchange): void;
  placeGranted(exchange: Exchange): void;
  upstreamHead(exchange: Exchange, status: number, headers: UpstreamHeaders): void;
  upstreamData(exchange: Exchange, chunk: Uint8Array): void;
  upstreamEnd(exchange: Exchange): void;
  upstreamError(exchange: Exchange, error: Error & { code?: string }): void;
}

export class Exchange implements ReplyOwner, AttemptOwner, BodyOwner {
  readonly id: RequestId;
  /** `NO_HEAD` once the request is released. */
  head: Head;
  /** Gemini without `alt=sse`: a stream is one JSON array. */
  readonly wantsArray: boolean;
  /** The client's own `x-request-id`, recorded and never trusted. */
  readonly clientRequestId: string;
  readonly startedAtMs: number;
  readonly #events: ExchangeEvents;
  /** Where `OpenList` keeps it. */
  openIndex = -1;
  stage: Stage = 'receiving';
  /** Set right after construction: a reply needs its owner. */
  reply!: ClientSide;
  /** Of a turn: the WebSocket that it came over. */
  channel: Channel | null = null;
  /** Of a handshake: turns its connection into this WebSocket. */
  welcome: ((channel: Channel, headers: readonly string[]) => void) | null = null;
  /** What the path asks for. */
  readonly route: Route;

  entry: KeyEntry | null = null;
  /** As received; once it is decoded, as decoded; null again once it is released. */
  body: BodyReader | null = null;
  bodyComplete = false;
  /** While a compressed body is being decoded. */
  inflation: BodyInflation | null = null;
  lastByteAtMs: number;
  /** When the body began to wait for room, or for a decoder, 0 while it does not; and how long it has waited in all. */
  bodyWaitsSinceMs = 0;
  bodyWaitedMs = 0;
  /** An attempt that failed may still be sending from the body: its memory is left to the garbage collector. */
  bodyPinned = false;
  /** The body with the upstream's name of the model, when that differs, and the room that it took. */
  spliced: Uint8Array | null = null;
  splicedRoom = 0;
  /** Null again once the request is released. */
  facts: Facts | null = null;
  /** Billed where no usage comes at all. */
  inputTokensEstimated = 0;
  /** It is never sent again: body, head and facts are given up. */
  requestReleased = false;
  /** As the client names it, in the body or the path; '' when the operation has none. */
  model = '';
  /** The client wants a stream. */
  streams = false;
  price: Price | null = null;
  /** The picture or video that is asked for, until primary has the order, and the room that it takes; null for everything else. */
  media: MediaRequest | null = null;
  mediaRoom = 0;
  /** Of a link to media: where it is; null for everything else. */
  mediaPlace: MediaPlace | null = null;

  /** Room for the usage record and the reservation are held. */
  booksOpen = false;
  holdsUserSlot = false;
  reservedNanoUsd = 0n;

  seat: Seat | null = null;
  waitsForAccount = false;
  waitingSinceMs = 0;
  queuedMs = 0;
  nextPingAtMs = 0;
  /** A waiting streaming caller has got its 200 and pings: from here on errors are in-stream. */
  pinging = false;
  /** One that wants no stream has got its 200 and white space, which JSON may begin with: errors are in its body from here on. */
  spaced = false;

  plan: Plan | null = null;
  /** What it belongs to; null: nothing is known. Undefined until somebody asks. */
  sessionKey: AffinityKey | null | undefined = undefined;
  /** The stored response that it asks for, or goes on with; null: none, or only one account could hold it. */
  named: NamedResponse | null = null;
  /** Index in the plan of the account in use or waited for. */
  accountIndex = -1;
  /** Indexes in the plan of accounts that have failed. */
  tried: readonly number[] = NOTHING;
  account: SnapshotAccount | null = null;
  sentModel = '';
  /** Null: the account speaks the client's protocol. */
  crossing: Crossing | null = null;
  /** Fields of the body that the account does not get; the client is told their names. */
  dropped: readonly string[] = NOTHING;
  /** Chat: usage was asked for on the client's behalf. */
  usageAdded = false;
  attempt: UpstreamAttempt | null = null;
  attempts = 0;
  /** Has been sent again on a new connection, because a kept one was closed under it. */
  sentAgain = false;

  /** An error whose body has to say whom it concerns; no answer yet. */
  doubt: DoubtfulAnswer | null = null;
  /** Status of the upstream's answer that the client gets; 0 before there is one. */
  upstreamStatus = 0;
  upstreamRequestId = '';
  /** Of the answer at hand, until its first byte. */
  upstreamHeaders: UpstreamHeaders | null = null;
  form: AnswerForm = 'json';
  streaming = false;
  /** The answer is paid for: a 2xx of the upstream. */
  billable = false;
  tap: Tap | null = null;
  /** Of an answer that may be asked for later, once its id is known. */
  answerKey: AffinityKey | null = null;
  /** Of an account that reports no usage: what is counted here instead. */
  counted: UsageCount | null = null;
  /** Changes the answer on its way to the client; null: its bytes pass as they are. */
  transform: AnswerTransform | null = null;
  firstByteAtMs = 0;
  /** Nothing has come of a billable answer but its head and opening events, and they may be kept back. */
  opens = false;
  /** Nor anything else that tells whether its account serves: unlike `opens`, whether they have left or not. */
  unproven = false;
  /** These events wait for what comes next. */
  opening: Opening | null = null;
  /** Tokens of the open record of it that lies in the journal; −1: none does. */
  openTokens = -1;
  openedAtMs = 0;
  /** Journaled mode: keeps the end of the answer back. */
  hold: TerminalHold | null = null;
  /** When the sweep first saw the stream's last event; 0 before. */
  terminalAtMs = 0;
  /** What an upstream said that is no stream, after the pings had begun; an error leaves as an event. */
  lateError: Uint8Array[] | null = null;
  lateErrorBytes = 0;
  clientGone = false;
  /** The client has not taken yet what was written. */
  readerBlocked = false;
  drainUntilMs = 0;
  drainBytesLeft = 0;

  /** The status of one whose client leaves: it may have had the last event, and not waited for the end behind it. */
  leftAs: RecordStatus = 'client_gone';

  constructor(id: RequestId, head: Head, route: Route, now: number, events: ExchangeEvents) {
    this.id = id;
    this.head = head;
    this.clientRequestId = head.clientRequestId;
    this.route = route;
    this.startedAtMs = now;
    this.lastByteAtMs = now;
    this.#events = events;
    this.wantsArray = route.operation?.protocol === 'gemini' && !/(^|&)alt=sse(&|$)/.test(head.query);
  }

  get dialect(): Dialect {
    return this.route.dialect;
  }

  /** Not to be asked for before the route was found to have one. */
  get operation(): Operation {
    return this.route.operation!;
  }

  /** What the client gets is one. */
  get isArray(): boolean {
    return this.crossing === null ? this.form === 'array' : this.wantsArray;
  }

  onClientGone(): void {
    this.#events.clientGone(this);
  }

  onBlocked(): void {
    this.readerBlocked = true;
    this.attempt?.pause();
  }

  onDrained(): void {
    this.readerBlocked = false;
    this.attempt?.resume();
  }

  onHeadReady(pendingBytes: number): boolean {
    return this.#events.mayLeave(this, pendingBytes);
  }

  /** A stream whose last event has come is whole, whatever its connection does after that. */
  get streamEnded(): boolean {
    return this.streaming && this.tap?.terminal === true && !this.tap.errorEvent;
  }

  onBegun(): void {
    this.#events.replyBegun(this);
  }

  onReplyEnded(complete: boolean): void {
    this.#events.replyEnded(this, complete);
  }

  onBodyRoom(): void {
    this.#events.bodyRoomFound(this);
  }

  /** A releaser handed over the place this exchange waited for. */
  onGranted(): void {
    this.#events.placeGranted(this);
  }

  onHead(_attempt: UpstreamAttempt, status: number, headers: UpstreamHeaders): void {
    this.#events.upstreamHead(this, status, headers);
  }

  onData(_attempt: UpstreamAttempt, chunk: Uint8Array): void {
    this.#events.upstreamData(this, chunk);
  }

  onEnd(): void {
    this.#events.upstreamEnd(this);
  }

  onError(_attempt: UpstreamAttempt, error: Error & { code?: string }): void {
    this.#events.upstreamError(this, error);
  }
}
