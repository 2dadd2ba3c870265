/**
 * The upstream half of an exchange: starts attempts, judges their answers, forwards bytes past the tap, ends what breaks in the
 * caller's protocol, and reads on for the usage when the client has left. Part of the lifecycle; front thread only.
 */
import { nowMs, wallMs } from '#base/clock.ts';
import { type FailureCode, type Refusal, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import { ResponsesMessageTap } from '#meter/responses-message-tap.ts';
import type { BodyReader, UpstreamHeaders } from '#relay/attempt.ts';
import { isDecidedByBody, judgeRefusal } from '#relay/error-body.ts';
import { judgeError, judgeStatus, type Verdict } from '#relay/verdict.ts';
import { beginAnswer, firstByte } from './answer-head.ts';
import { breakStream, breakStreamWith } from './answers.ts';
import { dispatch } from './dispatch.ts';
import { DoubtfulAnswer } from './doubtful-answer.ts';
import type { Exchange } from './exchange.ts';
import { fileFault, isElsewhere } from './file-head.ts';
import { type HiddenError, hiddenError, sendCrossedError } from './hidden-error.ts';
import { learn, learnFromBody, logBroken } from './learn.ts';
import { letGo } from './openings.ts';
import type { Parts } from './parts.ts';
import type { RelayingExits } from './relaying-exits.ts';
import { hasWhole, isCommitted, releaseWhenSent } from './sent-body.ts';
import { socketRefused } from './socket-turn.ts';
import { dropTransform, unsee } from './unsee.ts';

/** An account that cannot count says so by one of these. */
const NOT_THERE: readonly number[] = [404, 405, 501];

export class Relaying {
  readonly #parts: Parts;
  readonly #exits: RelayingExits;

  constructor(parts: Parts, exits: RelayingExits) {
    this.#parts = parts;
    this.#exits = exits;
  }

  /** Dispatches to the account whose place is held, or gives the place back and says what there is no room for. */
  start(exchange: Exchange): Refusal | null {
    return dispatch(this.#parts, exchange);
  }

  head(exchange: Exchange, status: number, headers: UpstreamHeaders): void {
    if (exchange.operation.counts && NOT_THERE.includes(status)) return this.#countHere(exchange);
    if (exchange.operation.owned && status === 404) return this.#lookElsewhere(exchange);
    if (isElsewhere(exchange)) return this.#fileHead(exchange, status, headers);
    const verdict = judgeStatus(status, headers, this.#parts.config.rest, wallMs());
    if (isDecidedByBody(status)) exchange.doubt = new DoubtfulAnswer(status, headers, verdict);
    else this.#answered(exchange, status, headers, verdict);
  }

  /** False: there is no body to relay, since the account is to blame and it is no answer, or since only a head was asked for. */
  #answered(exchange: Exchange, status: number, headers: UpstreamHeaders, verdict: Verdict): boolean {
    if (verdict.kind === 'failover') {
      learn(this.#parts, exchange, verdict);
      this.#detach(exchange, status === 429 ? learnFromBody(this.#parts, exchange) : null);
      this.#failed(exchange, verdict.code);
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
    const said = whole ? judgeRefusal(status, doubt.body, this.#parts.config.rest) : null;
    if (!this.#answered(exchange, status, headers, said ?? doubt.verdict)) return false;
    for (const chunk of chunks) if (exchange.stage !== 'settled') this.data(exchange, chunk);
    return exchange.stage !== 'settled';
  }

  #detach(exchange: Exchange, onBody: BodyReader | null = null): void {
    const { limits, relay } = this.#parts.config;
    exchange.attempt?.detach(limits.errorBodyBytes, relay.errorBodyMs, onBody);
  }

  /** Which account holds the response may have been forgotten: those that do not know it are passed over, and are no worse for it. */
  #lookElsewhere(exchange: Exchange): void {
    this.#detach(exchange);
    this.#failed(exchange, 'response_unknown');
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
    exchange.tap?.push(chunk);
    if (exchange.stage === 'draining') {
      exchange.drainBytesLeft -= chunk.length;
      if (exchange.drainBytesLeft < 0) this.#stopDraining(exchange);
      return;
    }
    this.#parts.counters.add(C.responseChunks);
    if (exchange.lateError !== null) return this.#keepLateError(exchange, chunk);
    const piece = exchange.transform === null ? chunk : exchange.transform.push(chunk);
    if (exchange.opens && !this.#opens(exchange)) return;
    if (piece !== null) this.#forward(exchange, piece);
    if (exchange.transform?.failure) this.#cannotTurn(exchange, exchange.transform.failure);
  }

  /** The first events of an answer, or all of one that is turned whole. False: it turned out to be an error, and is no answer any more. */
  #opens(exchange: Exchange, ended = false): boolean {
    const tap = exchange.tap!;
    const isKept = exchange.crossing !== null && !exchange.streaming;
    if (tap.handshakeOnly || (isKept && !ended)) return true;
    if (tap.errorEvent && this.#failHidden(exchange)) return false;
    letGo(exchange);
    this.#parts.health.succeeded(exchange.account!.row);
    return true;
  }

  /** False: the error stays where the upstream said it. */
  #failHidden(exchange: Exchange): boolean {
    const hidden = hiddenError(exchange, this.#parts.config.rest);
    if (hidden === null) return false;
    const { kind, code } = hidden.verdict;
    if (kind === 'failover') learn(this.#parts, exchange, hidden.verdict);
    else this.#parts.health.succeeded(exchange.account!.row);
    this.#detach(exchange);
    unsee(this.#parts, exchange);
    if (kind === 'failover') this.#failed(exchange, code);
    else this.#endWithCrossedError(exchange, hidden);
    return true;
  }

  #endWithCrossedError(exchange: Exchange, error: HiddenError): void {
    this.#exits.end(exchange, 'completed');
    sendCrossedError(exchange, error);
  }

  #forward(exchange: Exchange, piece: Uint8Array): void {
    if (exchange.hold === null) exchange.reply.push(piece);
    else if (!exchange.hold.push(piece)) this.#noRoom(exchange);
  }

  /** What the upstream says cannot be said in the client's protocol, or is too much to be turned or to be kept. */
  #cannotTurn(exchange: Exchange, code: FailureCode): void {
    exchange.attempt?.cancel();
    exchange.tap?.end();
    this.#breakOff(exchange, code);
  }

  /** The end of the answer cannot be kept back, so the client must not get it: like a reader that is too slow. */
  #noRoom(exchange: Exchange): void {
    exchange.hold!.drop();
    exchange.reply.abandon();
    exchange.onReplyEnded(false);
  }

  end(exchange: Exchange): void {
    if (exchange.doubt !== null && !this.#resolve(exchange, true)) return;
    const { tap } = exchange;
    tap?.end();
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    if (exchange.lateError !== null) return this.#endWithLateError(exchange);
    if (exchange.firstByteAtMs === 0 && exchange.billable) return this.#broken(exchange, 'upstream_broken');
    if (exchange.opens && !this.#opens(exchange, true)) return;
    if (tap !== null && !tap.terminal && !tap.errorEvent) return this.#broken(exchange, 'upstream_broken');
    if (!this.#endTransform(exchange)) return;
    if (tap?.errorEvent) return this.#endWithErrorEvent(exchange);
    this.#complete(exchange);
  }

  /** What a transform has kept leaves. False: the exchange has ended another way. */
  #endTransform(exchange: Exchange): boolean {
    const { transform } = exchange;
    if (transform === null) return true;
    const piece = transform.end();
    if (transform.failure !== null) {
      this.#breakOff(exchange, transform.failure);
      return false;
    }
    dropTransform(exchange);
    if (piece !== null) this.#forward(exchange, piece);
    return exchange.stage !== 'settled';
  }

  /** The stream's last event has come, its end has not. */
  #completeEnded(exchange: Exchange): void {
    if (this.#endTransform(exchange)) this.#complete(exchange);
  }

  /** The client gets the end of its answer once its record is in the ring; in journaled mode once it is on disk. */
  #complete(exchange: Exchange): void {
    if (exchange.tap instanceof ResponsesMessageTap && exchange.tap.nothingServed) exchange.billable = false;
    this.#exits.end(exchange, 'completed');
    if (exchange.hold === null) exchange.reply.finish();
    else this.#parts.durable!.hold(exchange);
  }

  /** No client takes such an answer for complete. */
  #endWithErrorEvent(exchange: Exchange): void {
    this.#exits.end(exchange, 'interrupted');
    exchange.hold?.letGo();
    exchange.reply.finish();
  }

  error(exchange: Exchange, error: Error & { code?: string }): void {
    if (exchange.doubt?.verdict.kind === 'failover') return void this.#resolve(exchange, false);
    exchange.doubt = null;
    const whole = exchange.streamEnded;
    exchange.tap?.end();
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    if (error.code === 'NO_ROOM_TO_DECODE') return this.#breakOff(exchange, 'answer_budget_exhausted');
    if (whole) return this.#completeEnded(exchange);
    const unanswered = exchange.attempt?.endedUnanswered === true;
    if (unanswered && this.#sendAgain(exchange)) return;
    const verdict = judgeError(error);
    logBroken(this.#parts, exchange, error, verdict.code);
    if (error.code === 'UPGRADE_REFUSED') socketRefused(this.#parts, exchange);
    if (!unanswered && !isElsewhere(exchange)) learn(this.#parts, exchange, verdict);
    this.#broken(exchange, verdict.code);
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
    // What a transform still keeps the client has not had: of a crossing mostly the last event.
    if (hasWhole(exchange) && (exchange.transform?.end() ?? null) === null) exchange.leftAs = 'completed';
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
    this.#breakOff(exchange, 'upstream_total_timeout');
  }

  /** The stream's last event has come and its upstream does not end it: that holds up neither the client nor the places. */
  #sweepEnded(exchange: Exchange, now: number): void {
    if (exchange.terminalAtMs === 0) exchange.terminalAtMs = now;
    if (now - exchange.terminalAtMs < this.#parts.config.relay.terminalGraceMs) return;
    exchange.attempt!.cancel();
    this.#completeEnded(exchange);
  }

  /** Ends an exchange whose time is over at shutdown, in its protocol. */
  interrupt(exchange: Exchange): void {
    const whole = exchange.streamEnded;
    exchange.attempt?.cancel();
    exchange.tap?.end();
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    if (whole) return this.#completeEnded(exchange);
    this.#breakOff(exchange, 'draining');
  }

  #stopDraining(exchange: Exchange): void {
    exchange.attempt?.cancel();
    exchange.tap?.end();
    this.#exits.end(exchange, exchange.leftAs);
  }

  #keepLateError(exchange: Exchange, chunk: Uint8Array): void {
    exchange.lateErrorBytes += chunk.length;
    if (exchange.lateErrorBytes <= this.#parts.config.limits.errorBodyBytes) exchange.lateError!.push(chunk);
  }

  /** The caller's stream had begun with pings, and the upstream answered with something that is no stream. */
  #endWithLateError(exchange: Exchange): void {
    if (exchange.billable) return this.#breakOff(exchange, 'upstream_broken');
    breakStreamWith(exchange, Buffer.concat(exchange.lateError!));
    this.#exits.end(exchange, 'completed');
  }

  #failed(exchange: Exchange, code: FailureCode): void {
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    this.#exits.failover(exchange, refuse(code));
  }

  /** The answer broke off: another account may serve as long as no byte of it has left for the client. */
  #broken(exchange: Exchange, code: FailureCode): void {
    if (isCommitted(exchange)) return this.#breakOff(exchange, code);
    unsee(this.#parts, exchange);
    this.#failed(exchange, code);
  }

  /** Ends the exchange for good, so that no client takes a part for the whole; what was forwarded is billed. */
  #breakOff(exchange: Exchange, code: FailureCode): void {
    const { reply } = exchange;
    if (!reply.headSent || exchange.firstByteAtMs === 0) unsee(this.#parts, exchange);
    if (!exchange.billable) return this.#exits.refuse(exchange, refuse(code));
    exchange.hold?.drop();
    if (exchange.streaming) breakStream(exchange, refuse(code));
    else reply.abandon();
    this.#exits.end(exchange, 'interrupted');
  }
}
