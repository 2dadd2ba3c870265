/**
 * The front's half of media jobs: reads the order out of a request, passes it and what was taken for it on to primary, tells the client how
 * it goes. A client that leaves only stops being told: the job is paid for upstream, so it goes on, and is charged when it succeeds.
 *
 *   scan ─► prepare ─► admit (place, money) ─► schedule (the account's place) ─► start ─► job ─┬─ done ──► link or picture, settled
 *                                                                                          ├─ failed ► refusal, settled
 *                                                                                          └─ client left ─► settled, the job goes on
 *
 * Part of the lifecycle; front thread only.
 */
import { mediaName, signMediaLink } from '#auth/media-link.ts';
import { nowMs, wallMs } from '#base/clock.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import { mediaCost, mediaQuality } from '#meter/media-cost.ts';
import type { RecordStatus } from '#usage/record.ts';
import type { JobNews, JobOrder, MediaRequest, MediaResult } from '#wire/media-job.ts';
import { readMediaRequest } from '#wire/sora.ts';
import * as answers from '#wire/sora-answer.ts';
import { statusLine } from './answers.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';
import { streamHeaders } from './scheduling.ts';
import { releaseOrder } from './sent-body.ts';

/** Where the lifecycle goes on. */
export interface MediaExits {
  refuse(exchange: Exchange, refusal: Refusal): void;
  end(exchange: Exchange, status: RecordStatus | 'refused', refusal?: Refusal): void;
}

export class MediaDesk {
  readonly #parts: Parts;
  readonly #exits: MediaExits;
  /** By job, whose id is the exchange's. */
  readonly #waiting = new Map<string, Exchange>();

  constructor(parts: Parts, exits: MediaExits) {
    this.#parts = parts;
    this.#exits = exits;
    parts.media.onNews = (news) => this.#receive(news);
  }

  /** Before the body is read: a key of another group can mean nothing here. */
  checkPlatform({ entry }: Exchange): Refusal | null {
    const platform = this.#parts.catalog.plans.platformOf(entry!.principal.groupId);
    return platform === 'sora' ? null : refuse('platform_unsupported');
  }

  /** Reads the order; the body is needed no more. What the order has of it takes room while it waits for places. */
  prepare(exchange: Exchange): Refusal | null {
    const { crossingBytesMax } = this.#parts.config.limits;
    const { bytes } = exchange.body!;
    if (bytes.length > crossingBytesMax)
      return refuse('body_too_large', `Here the limit is ${crossingBytesMax} bytes.`);
    const order = readMediaRequest(JSON.parse(new TextDecoder().decode(bytes)));
    if ('reason' in order) return refuse('field_invalid', `${order.path}: ${order.reason}.`);
    exchange.body!.release(true);
    const room = bytesOf(order);
    // Less than the body had; but another front may have been faster.
    if (!this.#parts.bodyRoom.takeAhead(room)) return refuse('body_budget_exhausted');
    exchange.media = order;
    exchange.mediaRoom = room;
    return null;
  }

  /** The account's place is held: all that is held goes to primary, with the order. */
  start(exchange: Exchange): void {
    const { accountSlots, userSlots, ledger, usageRing, jobsOwner, media } = this.#parts;
    const account = exchange.plan!.accounts[exchange.accountIndex]!;
    const { userRow } = exchange.entry!.principal;
    exchange.account = account;
    exchange.attempts++;
    accountSlots.handTo(jobsOwner, account.row);
    userSlots.handTo(jobsOwner, userRow);
    exchange.holdsUserSlot = false;
    ledger.handTo(jobsOwner, userRow, exchange.reservedNanoUsd);
    usageRing.release();
    exchange.booksOpen = false;
    exchange.stage = 'job';
    exchange.nextPingAtMs = this.#firstPing(exchange);
    this.#waiting.set(exchange.id.text, exchange);
    media.begin(this.#order(exchange));
    releaseOrder(this.#parts, exchange);
  }

  /** Before it an answer that is no stream keeps the status of a failure. */
  #firstPing({ streams, startedAtMs }: Exchange): number {
    const { pingMs, headAfterMs } = this.#parts.config.sora;
    return streams ? nowMs() + pingMs : startedAtMs + headAfterMs;
  }

  #order(exchange: Exchange): JobOrder {
    const { principal } = exchange.entry!;
    const others = exchange.plan!.accounts.filter(({ id }) => id !== exchange.account!.id).map(({ id }) => id);
    const accounts = [exchange.account!.id, ...others].slice(0, this.#parts.config.relay.attempts);
    return {
      ...exchange.media!,
      quality: mediaQuality(exchange.price!, exchange.media!.quality),
      id: exchange.id.text,
      createdAtMs: exchange.id.createdAtMs,
      userId: principal.userId,
      keyId: principal.keyId,
      groupId: principal.groupId,
      model: exchange.model,
      stream: exchange.streams,
      multiplierMicros: principal.multiplierMicros,
      ...mediaCost(exchange.price!, exchange.media!, principal.multiplierMicros),
      queueMs: Math.round(exchange.queuedMs),
      clientRequestId: exchange.clientRequestId,
      accounts,
    };
  }

  /** The client has left, or the front ends. */
  leave(exchange: Exchange): void {
    if (this.#waiting.delete(exchange.id.text)) this.#parts.media.leave(exchange.id.text);
  }

  /** Keeps the caller's connection alive: minutes may pass without a word of the upstream, and one that gives up asks for another job. */
  sweep(exchange: Exchange, now: number): void {
    if (now < exchange.nextPingAtMs || !this.#waiting.has(exchange.id.text)) return;
    exchange.nextPingAtMs = now + this.#parts.config.sora.pingMs;
    if (exchange.streams) this.#beginStream(exchange);
    else this.#beginWhole(exchange);
    exchange.reply.push(exchange.streams ? answers.COMMENT_PING : answers.WHITE_SPACE);
  }

  #receive(news: JobNews): void {
    const exchange = this.#waiting.get(news.id);
    if (exchange === undefined) return;
    switch (news.type) {
      case 'jobCreated':
        if (exchange.streams) this.#beginStream(exchange);
        return;
      case 'jobProgress':
        if (!exchange.streams) return;
        this.#beginStream(exchange);
        return exchange.reply.push(answers.progressChunk(headOf(exchange), news.percent));
      case 'jobDone':
        this.#waiting.delete(news.id);
        return this.#answer(exchange, news.result);
      case 'jobFailed':
        this.#waiting.delete(news.id);
        return this.#fail(exchange, refuse(news.code, sentence(news.detail), news.retryAfterSeconds));
    }
  }

  /** 200, and the task's id; from here on what goes wrong is said inside the stream. */
  #beginStream(exchange: Exchange): void {
    if (exchange.streaming) return;
    this.#openStream(exchange);
    exchange.reply.push(answers.roleChunk(headOf(exchange)));
  }

  #beginWhole(exchange: Exchange): void {
    if (exchange.spaced) return;
    exchange.spaced = true;
    exchange.reply.begin(statusLine(200), wholeHeaders(exchange));
  }

  #openStream(exchange: Exchange): void {
    const { id, reply } = exchange;
    exchange.streaming = true;
    exchange.firstByteAtMs = nowMs();
    this.#parts.counters.latency(0, exchange.firstByteAtMs - exchange.startedAtMs);
    if (!exchange.pinging) reply.begin(statusLine(200), [...streamHeaders(id.text), 'x-request-id', id.text]);
  }

  /** Settled before a byte of it is written: a reader that is cut off, or leaves, meanwhile has left an exchange that has ended. */
  #answer(exchange: Exchange, result: MediaResult): void {
    const { reply } = exchange;
    const urls = this.#links(exchange, result);
    const head = headOf(exchange);
    const isFirst = !exchange.streaming;
    exchange.upstreamStatus = 200;
    if (exchange.streams && isFirst) this.#openStream(exchange);
    this.#parts.counters.add(C.responseChunks);
    this.#exits.end(exchange, 'completed');
    if (exchange.streams) return reply.finish(answers.lastChunks(head, result.kind, urls, isFirst));
    const whole = answers.wholeAnswer(head, result.kind, urls);
    if (reply.headSent) reply.finish(whole);
    else reply.send(statusLine(200), wholeHeaders(exchange), whole);
  }

  #links({ head, id }: Exchange, { kind, urls }: MediaResult): readonly string[] {
    const { config, media } = this.#parts;
    if (config.sora.media === 'passthrough' && urls.length > 0) return urls;
    const expires = Math.ceil((wallMs() + config.sora.linkMs) / 1000);
    const scheme = config.listen.tls === null ? 'http' : 'https';
    const base = config.sora.publicUrl ?? `${scheme}://${head.host}`;
    const link = (index: number): string =>
      base.replace(/\/+$/, '') + signMediaLink(media.linkKey, mediaName(id.text, index), expires);
    return kind === 'video' ? [link(0)] : urls.map((url, index) => (url.startsWith('data:') ? url : link(index)));
  }

  /** A stream that has begun says it and ends in order, with [DONE]: it never looks like an answer. Neither does an error object. */
  #fail(exchange: Exchange, refusal: Refusal): void {
    if (!exchange.streaming && !exchange.pinging) return this.#exits.refuse(exchange, refusal);
    this.#exits.end(exchange, 'refused', refusal);
    exchange.reply.finish(exchange.dialect.renderErrorEvent(refusal, exchange.id.text));
  }
}

function wholeHeaders({ id }: Exchange): string[] {
  return ['content-type', 'application/json', 'x-penstock-request-id', id.text, 'x-request-id', id.text];
}

function headOf({ id, model }: Exchange): answers.AnswerHead {
  return { id: id.text, created: Math.floor(id.createdAtMs / 1000), model };
}

/** What is kept of a body for an order. */
function bytesOf({ prompt, image }: MediaRequest): number {
  return 2 * prompt.length + (image !== null && 'bytes' in image ? image.bytes.byteLength : 0);
}

function sentence(text: string): string {
  return text === '' || /[.!?…]$/.test(text) ? text : `${text}.`;
}
