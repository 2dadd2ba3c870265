/**
 * The life of a request, and the table of contents of the product. Every exchange walks these stages in this order, and every way
 * out of them ends in `settle`, exactly once:
 *
 *   authenticate → receive → (inflate) → scan → admit → schedule → relay (+ tap) → settle
 *
 * Several limits are taken in one fixed order (room for the usage record, money, the user's place, the account's place) and given
 * back by `settle`; an attempt gives its account's place back itself, when the upstream has really ended.
 *
 * Front thread only. Never touches SQL, never blocks, never parses a body twice.
 */
import { nowMs } from '#base/clock.ts';
import { makeRequestId } from '#base/request-id.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import type { UpstreamHeaders } from '#relay/attempt.ts';
import { makeChoice } from '#schedule/choose.ts';
import { type Facts, NO_FACTS } from '#wire/facts.ts';
import type { RequestShape } from '#wire/request-shape.ts';
import { Admitting } from './admitting.ts';
import { answerRefusal } from './answers.ts';
import { Authenticating } from './authenticating.ts';
import type { Channel, ChannelEvents } from './channel.ts';
import { checkHead, checkRoute, NO_BACKGROUND } from './check-head.ts';
import { answerPreflight } from './cors.ts';
import { Exchange, type ExchangeEvents } from './exchange.ts';
import type { Head } from './head.ts';
import { answerCount } from './local-count.ts';
import { MediaDesk } from './media-desk.ts';
import { MediaLinkDesk } from './media-link-desk.ts';
import { answerMediaModels } from './media-models.ts';
import { answerModels, answerWell } from './own-answers.ts';
import { lastWord, mayTryAnother } from './owner-search.ts';
import type { Parts } from './parts.ts';
import { Receiving } from './receiving.ts';
import { Relaying } from './relaying.ts';
import { Reply } from './reply.ts';
import { matchRoute, TURN_ROUTE } from './routes.ts';
import { scanBody } from './scan-body.ts';
import { Scheduling } from './scheduling.ts';
import { releaseWhenSent } from './sent-body.ts';
import { settle } from './settle.ts';
import { checkTurn, keepUpgrade, welcome } from './turns.ts';
import type { Upgrade } from './upgrade.ts';
import type { HttpResponse } from './uws.ts';

export class Lifecycle implements ExchangeEvents, ChannelEvents {
  readonly #parts: Parts;
  readonly #authenticating: Authenticating;
  readonly #receiving: Receiving;
  readonly #scheduling: Scheduling;
  readonly #admitting: Admitting;
  readonly #relaying: Relaying;
  readonly #media: MediaDesk;
  readonly #links: MediaLinkDesk;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#authenticating = new Authenticating(parts, {
      known: (exchange) => this.#proceed(exchange),
      refuse: (exchange, refusal) => this.refuse(exchange, refusal),
    });
    this.#receiving = new Receiving(parts, {
      whole: (exchange) => this.#proceed(exchange),
      readable: (exchange) => this.#scan(exchange, exchange.operation.shape!),
      refuse: (exchange, refusal) => this.refuse(exchange, refusal),
    });
    this.#scheduling = new Scheduling(parts, makeChoice());
    this.#admitting = new Admitting(parts, this.#scheduling, {
      admitted: (exchange) => this.#schedule(exchange),
      countHere: (exchange) => this.#countHere(exchange),
      refuse: (exchange, refusal) => this.refuse(exchange, refusal),
    });
    this.#relaying = new Relaying(parts, {
      failover: (exchange, refusal) => this.#failover(exchange, refusal),
      end: (exchange, status) => settle(parts, exchange, status),
      countHere: (exchange) => this.#countHere(exchange),
      refuse: (exchange, refusal) => this.refuse(exchange, refusal),
    });
    this.#media = new MediaDesk(parts, {
      end: (exchange, status, refusal) => settle(parts, exchange, status, refusal),
      refuse: (exchange, refusal) => this.refuse(exchange, refusal),
    });
    this.#links = new MediaLinkDesk(parts, {
      schedule: (exchange) => this.#schedule(exchange),
      refuse: (exchange, refusal) => this.refuse(exchange, refusal),
    });
  }

  /** A request's head has arrived; `upgrade`: it asks for a WebSocket at a path that may have one. */
  open(res: HttpResponse, head: Head, upgrade: Upgrade | null): void {
    const parts = this.#parts;
    const exchange = new Exchange(makeRequestId(), head, matchRoute(head.method, head.path), nowMs(), this);
    const reply = new Reply(res, parts.replies, exchange, head.method === 'head');
    exchange.reply = reply;
    // The server's reading of chunks is lenient: what it takes for the next request may have been meant as part of this body.
    if (head.fault !== '') exchange.reply.keeping = 'end';
    else if (head.chunked) exchange.reply.keeping = 'ask';
    this.#begin(exchange);
    if (upgrade === null) this.#receiving.start(exchange, res);
    else keepUpgrade(exchange, reply, upgrade);
    if (head.fault !== '') return this.#refuseHead(exchange);
    if (exchange.route.own === 'well') return this.#answerWell(exchange);
    // Where pages may read answers, what their browsers ask ahead is answered.
    if (answerPreflight(parts.config.listen.corsOrigins, exchange)) return settle(parts, exchange, 'completed');
    const refusal =
      checkRoute(exchange) ?? checkHead(parts, head, exchange.route.operation) ?? this.#admitAtDoor(exchange, res);
    if (refusal !== null) this.refuse(exchange, refusal);
    else if (exchange.stage === 'receiving') this.#proceed(exchange);
  }

  #begin(exchange: Exchange): void {
    this.#parts.open.add(exchange);
    this.#parts.counters.add(C.requests);
    this.#parts.counters.add(C.exchangesOpened);
  }

  /** The key may open one: the exchange of the handshake is over, and each message begins one of its own. */
  #welcome(exchange: Exchange): void {
    const code = welcome(this.#parts, exchange, this);
    if (code !== null) return this.refuse(exchange, refuse(code));
    settle(this.#parts, exchange, 'completed');
  }

  onTurn(channel: Channel, message: ArrayBuffer): void {
    const isBusy = channel.busy;
    const exchange = new Exchange(makeRequestId(), channel.head, TURN_ROUTE, nowMs(), this);
    exchange.channel = channel;
    exchange.reply = channel.reply(exchange);
    this.#begin(exchange);
    this.#parts.counters.add(C.turns);
    const fault =
      (isBusy ? refuse('turn_in_progress') : checkTurn(message)) ?? checkHead(this.#parts, channel.head, null);
    const refusal = fault ?? this.#authenticating.start(exchange, channel);
    if (refusal === null) this.#receiving.message(exchange, message);
    else this.refuse(exchange, refusal);
  }

  onClosed(channel: Channel): void {
    this.#parts.channels.delete(this.#parts, channel);
  }

  /** Answers with a refusal, in whatever form is still possible, and ends the exchange. */
  refuse(exchange: Exchange, refusal: Refusal): void {
    if (exchange.stage === 'settled') return;
    answerRefusal(exchange, refusal);
    // A reader that is held back may have been cut off by that, which settles too.
    if (exchange.openIndex >= 0) settle(this.#parts, exchange, 'refused', refusal);
  }

  /** Nothing is asked of anybody: not even who it is. */
  #answerWell(exchange: Exchange): void {
    answerWell(exchange);
    settle(this.#parts, exchange, 'completed');
  }

  #countHere(exchange: Exchange): void {
    answerCount(this.#parts, exchange, () => settle(this.#parts, exchange, 'completed'));
  }

  #answerModels(exchange: Exchange): void {
    const refusal = answerModels(this.#parts, exchange);
    if (refusal !== null) this.refuse(exchange, refusal);
    else settle(this.#parts, exchange, 'completed');
  }

  /**
   * Not at once: the rest of the segment would be read as the next request although the connection is to be closed. A request that
   * finds an answer owed makes the server close instead.
   */
  #refuseHead(exchange: Exchange): void {
    setImmediate(() => this.refuse(exchange, refuse('header_invalid', `${exchange.head.fault}.`)));
  }

  // ── authenticate ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A signed link stands for a key. */
  #admitAtDoor(exchange: Exchange, res: HttpResponse): Refusal | null {
    const isLink = exchange.route.operation?.linked === true;
    return isLink ? this.#links.open(exchange) : this.#authenticating.start(exchange, res);
  }

  // ── receive ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  bodyRoomFound(exchange: Exchange): void {
    this.#receiving.roomFound(exchange);
  }

  /** Goes on once both the key is known and the body is whole. */
  #proceed(exchange: Exchange): void {
    if (exchange.entry === null || exchange.stage !== 'receiving') return;
    if (exchange.welcome !== null) return this.#welcome(exchange);
    if (!exchange.bodyComplete) return;
    if (exchange.route.own === 'models') return this.#answerModels(exchange);
    if (exchange.operation.media !== null) {
      const refusal = this.#media.checkPlatform(exchange);
      if (refusal !== null) return this.refuse(exchange, refusal);
    }
    if (exchange.operation.shape === null) this.#scanned(exchange, NO_FACTS);
    else this.#receiving.decode(exchange);
  }

  // ── scan ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #scan(exchange: Exchange, shape: RequestShape): void {
    exchange.stage = 'scanning';
    if (exchange.head.chunked) exchange.reply.keeping = 'end';
    const bytes = exchange.body!.bytes;
    if (bytes.length === 0) return this.refuse(exchange, refuse('body_empty'));
    this.#parts.counters.add(C.scannedBytes, bytes.length);
    scanBody(bytes, shape, this.#parts.config.limits.jsonDepth, (result) => {
      if (exchange.stage === 'settled') return;
      if ('failure' in result) return this.refuse(exchange, result);
      this.#scanned(exchange, result);
    });
  }

  #scanned(exchange: Exchange, facts: Facts): void {
    const { operation, route } = exchange;
    if (facts.background) return this.refuse(exchange, refuse('field_invalid', NO_BACKGROUND));
    exchange.facts = facts;
    exchange.model = operation.owned ? '' : route.named || (facts.model ?? '');
    exchange.streams = operation.streams === 'asked' ? facts.stream : operation.streams === 'always';
    if (operation.media === 'models') {
      answerMediaModels(this.#parts, exchange);
      return settle(this.#parts, exchange, 'completed');
    }
    const refusal = operation.media === null ? null : this.#media.prepare(exchange);
    if (refusal !== null) return this.refuse(exchange, refusal);
    this.#admitting.admit(exchange);
  }

  // ── schedule ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #schedule(exchange: Exchange): void {
    const outcome = this.#scheduling.place(exchange);
    if (outcome === 'placed') return this.#relay(exchange);
    if (outcome !== 'waiting') this.refuse(exchange, outcome);
  }

  placeGranted(exchange: Exchange): void {
    this.#scheduling.stopWaiting(exchange);
    if (!exchange.waitsForAccount) return this.#admitting.granted(exchange);
    if (this.#scheduling.giveBackIfResting(exchange)) return this.#schedule(exchange);
    this.#relay(exchange);
  }

  // ── relay (+ tap) ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #relay(exchange: Exchange): void {
    if (exchange.media !== null) return this.#media.start(exchange);
    const refusal = this.#relaying.start(exchange);
    if (refusal !== null) this.refuse(exchange, refusal);
  }

  /** Nothing has been forwarded yet: another account may still serve this exchange. */
  #failover(exchange: Exchange, refusal: Refusal): void {
    const parts = this.#parts;
    exchange.tried = [...exchange.tried, exchange.accountIndex];
    const outcome = mayTryAnother(parts, exchange, refusal) ? this.#scheduling.place(exchange) : null;
    if (outcome === 'placed' || outcome === 'waiting') parts.counters.add(C.upstreamFailovers);
    if (outcome === 'placed') return this.#relay(exchange);
    if (outcome !== 'waiting') this.refuse(exchange, lastWord(parts, exchange, refusal, outcome));
  }

  mayLeave(exchange: Exchange, pendingBytes: number): boolean {
    return !this.#parts.openings.keeps(exchange, pendingBytes);
  }

  upstreamHead(exchange: Exchange, status: number, headers: UpstreamHeaders): void {
    this.#relaying.head(exchange, status, headers);
  }

  upstreamData(exchange: Exchange, chunk: Uint8Array): void {
    this.#relaying.data(exchange, chunk);
  }

  upstreamEnd(exchange: Exchange): void {
    this.#relaying.end(exchange);
  }

  upstreamError(exchange: Exchange, error: Error & { code?: string }): void {
    this.#relaying.error(exchange, error);
  }

  // ── ways out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  clientGone(exchange: Exchange): void {
    if (exchange.stage === 'settled' || exchange.stage === 'draining') return;
    exchange.clientGone = true;
    if (exchange.stage === 'waiting') this.#scheduling.abandon(exchange);
    if (exchange.stage === 'job') this.#media.leave(exchange);
    if (exchange.stage === 'relaying') return this.#relaying.drain(exchange);
    settle(this.#parts, exchange, 'client_gone');
  }

  replyBegun(exchange: Exchange): void {
    if (exchange.stage !== 'settled') releaseWhenSent(this.#parts, exchange);
  }

  /** The reader was too slow and was cut off: for the books the same as a client that left. */
  replyEnded(exchange: Exchange, complete: boolean): void {
    if (!complete) this.clientGone(exchange);
  }

  /** At shutdown, or when this front must end: breaks off what is still open, in its protocol. One that cannot be ended stops none. */
  interruptAll(): void {
    for (const exchange of this.#parts.open.snapshot()) {
      try {
        this.#interrupt(exchange);
      } catch (error) {
        this.#parts.log.error({ err: error, requestId: exchange.id.text }, 'an exchange could not be ended');
      }
    }
  }

  #interrupt(exchange: Exchange): void {
    if (exchange.stage === 'waiting') this.#scheduling.abandon(exchange);
    if (exchange.stage === 'job') this.#media.leave(exchange);
    if (exchange.stage === 'relaying' || exchange.stage === 'draining') this.#relaying.interrupt(exchange);
    else this.refuse(exchange, refuse('draining'));
  }

  /** Called some times a second: ends what has waited too long. */
  sweep(now: number): void {
    for (const reply of this.#parts.replies.blocked) reply.retry(now);
    this.#parts.channels.sweep(this.#parts, now);
    this.#parts.bodyRoom.serve();
    this.#parts.durable?.sweep(now);
    this.#scheduling.countRetries();
    for (const exchange of this.#parts.open.snapshot()) {
      if (exchange.stage === 'receiving' || exchange.stage === 'inflating') this.#receiving.sweep(exchange, now);
      else if (exchange.stage === 'waiting') this.#sweepWaiting(exchange, now);
      else if (exchange.stage === 'job') this.#sweepJob(exchange, now);
      else this.#relaying.sweep(exchange, now);
    }
  }

  #sweepJob(exchange: Exchange, now: number): void {
    this.#media.sweep(exchange, now);
    this.#links.sweep(exchange, now);
  }

  #sweepWaiting(exchange: Exchange, now: number): void {
    if (now - exchange.waitingSinceMs < this.#parts.config.queue.waitMs) return this.#scheduling.ping(exchange, now);
    if (this.#scheduling.giveUp(exchange) === 'granted') return;
    this.refuse(exchange, refuse(exchange.waitsForAccount ? 'accounts_wait_timeout' : 'user_wait_timeout'));
  }
}
