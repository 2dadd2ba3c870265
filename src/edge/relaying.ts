/**
 * The upstream half of an exchange: starts attempts, judges their answers, forwards bytes past the tap, ends what breaks in the
 * caller's protocol, and reads on for the usage when the client has left. Part of the lifecycle; front thread only.
 */
import { nowMs, wallMs } from '#base/clock.ts';
import type { FailureCode, Refusal } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import type { BodyReader, UpstreamHeaders } from '#relay/attempt.ts';
import { judgeRefusal } from '#relay/error-body.ts';
import { judgeError, judgeStatus, type Verdict } from '#relay/verdict.ts';
import { beginAnswer, firstByte, keepLateError, tapPiece } from './answer-head.ts';
import type { AnswerTransform } from './answer-transform.ts';
import { dispatch } from './dispatch.ts';
import { DoubtfulAnswer } from './doubtful-answer.ts';
import { Endings } from './endings.ts';
import type { Exchange } from './exchange.ts';
import { fileFault, isElsewhere } from './file-head.ts';
import { type HiddenError, hiddenError, sendCrossedError } from './hidden-error.ts';
import { learn, learnFromBody, learnServed, logBroken } from './learn.ts';
import { letGo } from './openings.ts';
import { isDoubtful, isElsewhereBy, isElsewhereWithin } from './owner-search.ts';
import type { Parts } from './parts.ts';
import type { RelayingExits } from './relaying-exits.ts';
import { hasWhole, releaseWhenSent } from './sent-body.ts';
import { socketRefused } from './socket-turn.ts';
import { dropTransform, unsee } from './unsee.ts';

/** An account that cannot count says so by one of these. */
const NOT_THERE: readonly number[] = [404, 405, 501];

export class Relaying {
  readonly #parts: Parts;
  readonly #exits: RelayingExits;
  readonly #endings: Endings;

  constructor(parts: Parts, exits: RelayingExits) {
    this.#parts = parts;
    this.#exits = exits;
    this.#endings = new Endings(parts, exits);
  }

  /** Dispatches to the account whose place is held, or gives the place back and says what there is no room for. */
  start(exchange: Exchange): Refusal | null {
    return dispatch(this.#parts, exchange);
  }

  head(exchange: Exchange, status: number, headers: UpstreamHeaders): void {
    if (exchange.operation.counts && NOT_THERE.includes(status)) return this.#countHere(exchange);
    const isUnknown = status === 404 && exchange.operation.owned && exchange.named?.isOwned !== true;
    if (isUnknown) return void this.#lookElsewhere(exchange);
    if (isElsewhere(exchange)) return this.#fileHead(exchange, status, headers);
    const verdict = judgeStatus(status, headers, this.#parts.config.rest, wallMs());
    if (isDoubtful(exchange, status)) exchange.doubt = new DoubtfulAnswer(status, headers, verdict);
    else this.#answered(exchange, status, headers, verdict);
  }

  /** False: there is no body to relay, since the account is to blame and it is no answer, or since only a head was asked for. */
  #answered(exchange: Exchange, status: number, headers: UpstreamHeaders, verdict: Verdict): boolean {
    if (verdict.kind === 'failover') {
      learn(this.#parts, exchange, verdict);
      this.#detach(exchange, status === 429 ? learnFromBody(this.#parts, exchange) : null);
      this.#endings.failed(exchange, verdict.code);
      return false;
    }
    beginAnswer(this.#parts, exchange, status, headers);
    if (!exchange.opens) this.#parts.health.succeeded(exchange.account!.row);
    if (exchange.head.method !== 'head') return true;
    this.#endWithHead(exchange);
    return false;
  }

  /** A host that is not the account's: what it says is held against nobody, and goes no further unless it is the file. */
  #fileHead(exchange: Exchange, status: number, headers: UpstreamHeaders): void {
    const fault = fileFault(status, headers);
    if (fault !== null) {
      this.#detach(exchange);
      return this.#exits.refuse(exchange, fault);
    }
    beginAnswer(this.#parts, exchange, status, headers);
    if (exchange.head.method === 'head') this.#endWithHead(exchange);
  }

  /** All that HEAD asks for has come. */
  #endWithHead(exchange: Exchange): void {
    this.#detach(exchange);
    this.#exits.end(exchange, 'completed');
    exchange.reply.finish();
  }

  /** Enough of the body has come, or too much, or it takes too long. False: there is nothing more to relay. */
  #resolve(exchange: Exchange, whole: boolean): boolean {
    const doubt = exchange.doubt!;
    const { status, headers, chunks } = doubt;
    exchange.doubt = null;
    if (whole && isElsewhereBy(exchange, doubt.body)) return this.#lookElsewhere(exchange);
    const said = whole ? judgeRefusal(status, doubt.body, this.#parts.config.rest) : null;
    if (!this.#answered(exchange, status, headers, said ?? doubt.verdict)) return false;
    for (const chunk of chunks) if (exchange.stage !== 'settled') this.data(exchange, chunk);
    return exchange.stage !== 'settled';
  }

  #detach(exchange: Exchange, onBody: BodyReader | null = null): void {
    const { limits, relay } = this.#parts.config;
    exchange.attempt?.detach(limits.errorBodyBytes, relay.errorBodyMs, onBody);
  }

  /** The account does not know the response that is named (`owner-search.ts`). False: nothing of what it says is relayed. */
  #lookElsewhere(exchange: Exchange): boolean {
    this.#detach(exchange);
    unsee(this.#parts, exchange);
    this.#endings.failed(exchange, 'response_unknown');
    return false;
  }

  #countHere(exchange: Exchange): void {
    this.#detach(exchange);
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    this.#exits.countHere(exchange);
  }

  data(exchange: Exchange, chunk: Uint8Array): void {
    if (exchange.doubt !== null) return void (exchange.doubt.push(chunk) || this.#resolve(exchange, false));
    if (exchange.firstByteAtMs === 0) firstByte(this.#parts, exchange, chunk);
    else releaseWhenSent(this.#parts, exchange);
    tapPiece(this.#parts, exchange, chunk);
    if (exchange.stage === 'draining') {
      exchange.drainBytesLeft -= chunk.length;
      if (exchange.drainBytesLeft < 0) this.#stopDraining(exchange);
      return;
    }
    this.#parts.counters.add(C.responseChunks);
    if (exchange.lateError !== null) return keepLateError(this.#parts, exchange, chunk);
    const piece = exchange.transform === null ? chunk : exchange.transform.push(chunk);
    if (exchange.unproven && !this.#opens(exchange)) return;
    if (piece !== null) this.#endings.forward(exchange, piece);
    if (exchange.transform?.failure) this.#cannotTurn(exchange, exchange.transform.failure);
  }

  /** The first events of an answer, or all of one that is turned whole. False: it turned out to be an error, and is no answer any more. */
  #opens(exchange: Exchange, ended = false): boolean {
    const tap = exchange.tap!;
    const isKept = exchange.crossing !== null && !exchange.streaming;
    if (tap.handshakeOnly || (isKept && !ended)) return true;
    if (tap.errorEvent && isElsewhereWithin(exchange)) return this.#lookElsewhere(exchange);
    if (tap.errorEvent && this.#failHidden(exchange)) return false;
    letGo(exchange);
    learnServed(this.#parts, exchange);
    return true;
  }

  /** False: the error stays where the upstream said it. What it says of the account is learnt all the same, unless content came before it. */
  #failHidden(exchange: Exchange): boolean {
    const hidden = hiddenError(exchange, this.#parts.config.rest);
    const { kind, code } = hidden.verdict;
    if (kind === 'failover' && !(exchange.streaming && exchange.tap!.contentSeen)) {
      learn(this.#parts, exchange, hidden.verdict);
    } else learnServed(this.#parts, exchange);
    if (hidden.stays) return false;
    this.#detach(exchange);
    unsee(this.#parts, exchange);
    if (kind === 'failover') this.#endings.failed(exchange, code);
    else this.#endWithCrossedError(exchange, hidden);
    return true;
  }

  #endWithCrossedError(exchange: Exchange, error: HiddenError): void {
    this.#exits.end(exchange, 'completed');
    sendCrossedError(exchange, error);
  }

  /** What the upstream says cannot be said in the client's protocol, or is too much to be turned or to be kept. */
  #cannotTurn(exchange: Exchange, code: FailureCode): void {
    exchange.attempt?.cancel();
    exchange.tap?.end();
    this.#endings.breakOff(exchange, code);
  }

  end(exchange: Exchange): void {
    if (exchange.doubt !== null && !this.#resolve(exchange, true)) return;
    exchange.tap?.end();
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    if (exchange.lateError !== null) return this.#endLate(exchange);
    if (exchange.firstByteAtMs === 0 && exchange.billable) return this.#endings.broken(exchange, 'upstream_broken');
    if (exchange.unproven && !this.#opens(exchange, true)) return;
    this.#endings.end(exchange);
  }

  error(exchange: Exchange, error: Error & { code?: string }): void {
    if (exchange.doubt?.verdict.kind === 'failover') return void this.#resolve(exchange, false);
    exchange.doubt = null;
    const whole = exchange.streamEnded;
    exchange.tap?.end();
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    if (error.code === 'NO_ROOM_TO_DECODE') return this.#endings.breakOff(exchange, 'answer_budget_exhausted');
    if (whole) return this.#endings.completeEnded(exchange);
    const unanswered = exchange.attempt?.endedUnanswered === true;
    if (unanswered && this.#sendAgain(exchange)) return;
    const verdict = judgeError(error);
    logBroken(this.#parts, exchange, error, verdict.code);
    const sentToPost = error.code === 'UPGRADE_REFUSED' ? socketRefused(this.#parts, exchange) : null;
    if (!unanswered && !isElsewhere(exchange)) learn(this.#parts, exchange, verdict);
    this.#endings.broken(exchange, sentToPost ?? verdict.code);
  }

  /**
   * Its connection was closed as it was used again. Once, to the same account on a new connection, as if the attempt had not been made:
   * an upstream that closes its idle connections together would else look as if it failed many times in a row.
   */
  #sendAgain(exchange: Exchange): boolean {
    const { accountSlots, counters } = this.#parts;
    if (exchange.sentAgain || !accountSlots.tryTake(exchange.account!.row)) return false;
    exchange.sentAgain = true;
    exchange.attempts--;
    counters.add(C.upstreamSentAgain);
    if (dispatch(this.#parts, exchange, true) === null) return true;
    exchange.attempts++;
    return false;
  }

  /** The client has left: the upstream is read on for its usage, within bounds; places are held until it ends. A file has none. */
  drain(exchange: Exchange): void {
    if (exchange.operation.linked) return this.#stopDraining(exchange);
    const { clientGoneDrainMs, clientGoneDrainBytes, terminalGraceMs } = this.#parts.config.relay;
    exchange.stage = 'draining';
    if (hasWhole(exchange) && hasTurned(exchange.transform)) exchange.leftAs = 'completed';
    exchange.hold?.drop();
    letGo(exchange);
    dropTransform(exchange);
    exchange.drainUntilMs = nowMs() + (exchange.streamEnded ? terminalGraceMs : clientGoneDrainMs);
    exchange.drainBytesLeft = clientGoneDrainBytes;
    exchange.attempt?.resume();
  }

  sweep(exchange: Exchange, now: number): void {
    releaseWhenSent(this.#parts, exchange);
    if (exchange.stage === 'draining' && now >= exchange.drainUntilMs) return this.#stopDraining(exchange);
    this.#parts.openRecords.sweep(exchange, now);
    if (exchange.stage !== 'relaying') return;
    if (exchange.doubt !== null) {
      if (now - exchange.doubt.sinceMs >= this.#parts.config.relay.errorBodyMs) this.#resolve(exchange, false);
      return;
    }
    if (exchange.streamEnded) return this.#sweepEnded(exchange, now);
    if (now - exchange.attempt!.startedAtMs < this.#parts.config.relay.totalTimeoutMs) return;
    exchange.attempt!.cancel();
    exchange.tap?.end();
    this.#endings.breakOff(exchange, 'upstream_total_timeout');
  }

  /** The stream's last event has come and its upstream does not end it: that holds up neither the client nor the places. */
  #sweepEnded(exchange: Exchange, now: number): void {
    if (exchange.terminalAtMs === 0) exchange.terminalAtMs = now;
    if (now - exchange.terminalAtMs < this.#parts.config.relay.terminalGraceMs) return;
    exchange.attempt!.cancel();
    this.#endings.completeEnded(exchange);
  }

  /** Ends an exchange whose time is over at shutdown, in its protocol. */
  interrupt(exchange: Exchange): void {
    const whole = exchange.streamEnded;
    exchange.attempt?.cancel();
    exchange.tap?.end();
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    if (whole) return this.#endings.completeEnded(exchange);
    this.#endings.breakOff(exchange, 'draining');
  }

  #stopDraining(exchange: Exchange): void {
    exchange.attempt?.cancel();
    exchange.tap?.end();
    this.#exits.end(exchange, exchange.leftAs);
  }

  /** A document in place of a stream may say an error, too. */
  #endLate(exchange: Exchange): void {
    if (exchange.unproven && exchange.tap!.errorEvent) {
      for (const chunk of exchange.lateError!) exchange.transform?.push(chunk);
      if (this.#failHidden(exchange)) return;
    }
    this.#endings.lateError(exchange);
  }
}

/** What a transform still keeps the client has not had: of a crossing mostly the last event. */
function hasTurned(transform: AnswerTransform | null): boolean {
  return transform === null || (transform.end() === null && transform.outcome === 'whole');
}
