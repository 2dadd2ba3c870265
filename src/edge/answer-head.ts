/**
 * The head of an upstream's answer that the client gets: what watches the answer, what changes it, and the status and headers with which
 * it begins. Part of the relay; front thread only.
 */
import type { UpstreamHeaders } from '#relay/attempt.ts';
import { copyResponseHeaders } from '#relay/header-policy.ts';
import type { AnswerContext } from '#wire/convert/crossing.ts';
import { rememberResponse, rememberSession } from './affinity.ts';
import type { AnswerTransform } from './answer-transform.ts';
import { statusLine } from './answers.ts';
import { StreamCrossing, WholeCrossing } from './crossed-answer.ts';
import type { Exchange } from './exchange.ts';
import { tapMaker } from './operations.ts';
import type { Parts } from './parts.ts';
import { TerminalHold } from './terminal-hold.ts';
import { UsageChunkFilter } from './usage-chunk-filter.ts';

export function beginAnswer(parts: Parts, exchange: Exchange, status: number, headers: UpstreamHeaders): void {
  const contentType = String(headers['content-type'] ?? '');
  exchange.upstreamStatus = status;
  exchange.upstreamRequestId = String(headers['request-id'] ?? headers['x-request-id'] ?? '').slice(0, 64);
  exchange.billable = status < 300 && exchange.operation.billed;
  if (exchange.billable) rememberSession(parts, exchange);
  else if (exchange.operation.owned && status < 300) rememberResponse(parts, exchange, exchange.route.named);
  exchange.streaming = exchange.billable && isStream(exchange, contentType);
  if (exchange.billable) watch(parts, exchange, contentType);
  exchange.transform = makeTransform(parts, exchange, status);
  if (exchange.pinging) {
    if (!exchange.streaming) exchange.lateError = [];
    return;
  }
  const kept = ['x-penstock-request-id', exchange.id.text];
  if (exchange.crossing === null) copyResponseHeaders(headers, !exchange.billable, kept);
  else crossedHeaders(exchange, headers, kept);
  exchange.reply.begin(statusLine(status), kept);
}

/** Gemini's streams without `alt=sse` are one JSON array, which comes in pieces. */
function isStream({ operation, crossing }: Exchange, contentType: string): boolean {
  if (isEventStream(contentType)) return true;
  return operation.streams === 'always' && crossing === null;
}

function isEventStream(contentType: string): boolean {
  return contentType.startsWith('text/event-stream');
}

function watch({ idleTaps, durable, replies }: Parts, exchange: Exchange, contentType: string): void {
  const Tap = tapMaker(exchange.plan!.protocol);
  let idle = idleTaps.get(Tap);
  if (idle === undefined) {
    idle = [];
    idleTaps.set(Tap, idle);
  }
  exchange.tap = idle.pop() ?? new Tap();
  exchange.tap.start(exchange.streaming, exchange.streaming && !isEventStream(contentType));
  const streamTap = exchange.streaming ? exchange.tap : null;
  const wholePieces = exchange.crossing !== null || exchange.usageAdded;
  if (durable !== null) exchange.hold = new TerminalHold(exchange.reply, streamTap, replies.streamBudget, wholePieces);
}

function makeTransform({ config, replies }: Parts, exchange: Exchange, status: number): AnswerTransform | null {
  const { crossing, streaming } = exchange;
  if (crossing === null) return streaming && exchange.usageAdded ? new UsageChunkFilter() : null;
  const bytesMax = config.limits.crossingBytesMax;
  const context = contextOf(exchange);
  const budget = replies.streamBudget;
  if (streaming) return new StreamCrossing(crossing.stream(context), bytesMax, budget, wantsArray(exchange));
  const wholeMax = status < 300 ? bytesMax : config.limits.errorBodyBytes;
  return new WholeCrossing(crossing, context, status, wholeMax, budget);
}

function contextOf({ id, model, facts }: Exchange): AnswerContext {
  const createdAtSeconds = Math.floor(id.createdAtMs / 1000);
  return { requestId: id.text, model, createdAtSeconds, includeUsage: facts!.includeUsage };
}

function wantsArray({ operation, head }: Exchange): boolean {
  return operation.protocol === 'gemini' && !/(^|&)alt=sse(&|$)/.test(head.query);
}

/** Nothing of the upstream's head is in the client's protocol but a hint when to come again. */
function crossedHeaders(exchange: Exchange, headers: UpstreamHeaders, into: string[]): void {
  const streams = exchange.streaming && !wantsArray(exchange);
  into.push('content-type', streams ? 'text/event-stream; charset=utf-8' : 'application/json');
  const retryAfter = headers['retry-after'];
  if (!exchange.billable && retryAfter !== undefined) into.push('retry-after', String(retryAfter));
  if (exchange.dropped.length > 0) into.push('x-penstock-dropped', exchange.dropped.join(', ').slice(0, 1024));
}
