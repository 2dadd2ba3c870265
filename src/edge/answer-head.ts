/**
 * The head of an upstream's answer that the client gets: what watches the answer, what changes it, and the status and headers with which
 * it begins. Part of the relay; front thread only.
 */
import { nowMs } from '#base/clock.ts';
import type { UpstreamHeaders } from '#relay/attempt.ts';
import { copyFileHeaders, copyResponseHeaders } from '#relay/header-policy.ts';
import type { AnswerContext } from '#wire/convert/crossing.ts';
import { rememberAnswer, rememberResponse, rememberSession } from './affinity.ts';
import type { AnswerTransform } from './answer-transform.ts';
import { statusLine } from './answers.ts';
import { StreamCrossing, WholeCrossing } from './crossed-answer.ts';
import type { Exchange } from './exchange.ts';
import { tapMaker } from './operations.ts';
import type { Parts } from './parts.ts';
import { TerminalHold } from './terminal-hold.ts';
import { UsageChunkFilter } from './usage-chunk-filter.ts';

/** How the bytes of an answer are to be read; `array`: one JSON array that comes in pieces. */
export type AnswerForm = 'events' | 'array' | 'json';

const DROPPED_CHARS_MAX = 1024;
const CONTENT_TYPES = {
  events: 'text/event-stream; charset=utf-8',
  array: 'application/json',
  json: 'application/json',
};

export function beginAnswer(parts: Parts, exchange: Exchange, status: number, headers: UpstreamHeaders): void {
  exchange.upstreamStatus = status;
  exchange.upstreamRequestId = String(headers['request-id'] ?? headers['x-request-id'] ?? '').slice(0, 64);
  exchange.billable = status < 300 && exchange.operation.billed;
  exchange.opens = exchange.unproven = exchange.billable;
  exchange.upstreamHeaders = headers;
  if (exchange.billable) rememberSession(parts, exchange);
  else if (exchange.operation.owned && status < 300) rememberResponse(parts, exchange, exchange.route.named);
  begin(parts, exchange, statedForm(exchange, String(headers['content-type'] ?? '')), false);
}

export function firstByte(parts: Parts, exchange: Exchange, chunk: Uint8Array): void {
  exchange.firstByteAtMs = nowMs();
  seeForm(parts, exchange, chunk);
  if (exchange.billable) parts.openRecords.begin(exchange);
  parts.counters.latency(0, exchange.firstByteAtMs - exchange.startedAtMs);
}

/** Before anything of it leaves: a client may go on with an answer as soon as it knows its id, by whichever front. */
export function tapPiece(parts: Parts, exchange: Exchange, chunk: Uint8Array): void {
  const { tap } = exchange;
  if (tap === null) return;
  tap.push(chunk);
  if (exchange.answerKey === null && tap.answerId !== '') rememberAnswer(parts, exchange, tap.answerId);
}

/** Of an error body behind pings: as much as may be kept. */
export function keepLateError({ config }: Parts, exchange: Exchange, chunk: Uint8Array): void {
  exchange.lateErrorBytes += chunk.length;
  if (exchange.lateErrorBytes <= config.limits.errorBodyBytes) exchange.lateError!.push(chunk);
}

/** The first bytes may be of another form than the head says: the bytes are right. */
function seeForm(parts: Parts, exchange: Exchange, bytes: Uint8Array): void {
  if (exchange.billable && !exchange.operation.overSocket) {
    const form = formOf(bytes, exchange);
    if (form !== exchange.form) begin(parts, exchange, form, true);
  }
  exchange.upstreamHeaders = null;
}

/** `corrected`: the client is told another type than the upstream said. */
function begin(parts: Parts, exchange: Exchange, form: AnswerForm, corrected: boolean): void {
  exchange.form = form;
  exchange.streaming = exchange.billable && form !== 'json';
  if (exchange.billable) watch(parts, exchange, form);
  const { upstreamStatus } = exchange;
  exchange.transform = makeTransform(parts, exchange, upstreamStatus);
  if (exchange.pinging) {
    exchange.lateError = exchange.streaming ? null : [];
    exchange.lateErrorBytes = 0;
    exchange.reply.begun = false;
    return;
  }
  const headers = exchange.upstreamHeaders!;
  const kept = ['x-penstock-request-id', exchange.id.text];
  if (exchange.operation.linked) return beginFile(exchange, headers, kept);
  if (exchange.crossing !== null) crossedHeaders(exchange, headers, kept);
  else
    copyResponseHeaders(
      corrected ? { ...headers, 'content-type': CONTENT_TYPES[form] } : headers,
      !exchange.billable,
      kept,
    );
  if (exchange.dropped.length > 0) kept.push('x-penstock-dropped', droppedNames(exchange.dropped));
  exchange.reply.begin(statusLine(upstreamStatus), kept);
}

/** The value of a header. */
export function droppedNames(dropped: readonly string[]): string {
  return dropped.join(', ').slice(0, DROPPED_CHARS_MAX);
}

function beginFile({ upstreamStatus, attempt, reply }: Exchange, headers: UpstreamHeaders, into: string[]): void {
  copyFileHeaders(headers, into);
  reply.begin(statusLine(upstreamStatus), into, attempt!.contentLength);
}

/** Gemini's streams without `alt=sse` are one JSON array, which comes in pieces. */
function statedForm({ operation, crossing }: Exchange, contentType: string): AnswerForm {
  if (operation.overSocket) return 'events';
  if (contentType.startsWith('text/event-stream')) return 'events';
  return operation.streams === 'always' && crossing === null ? 'array' : 'json';
}

const OBJECT_OPEN = 0x7b;
const ARRAY_OPEN = 0x5b;
const FIELDS = ['data:', 'event:', 'id:', 'retry:', ':'];

/**
 * Told from the first byte that is no white space (a mark of byte order counts as such). An object among the events of Gemini is
 * Google's own way to say an error.
 */
function formOf(bytes: Uint8Array, { form, streams, plan }: Exchange): AnswerForm {
  let at = 0;
  while (at < bytes.length && (bytes[at]! <= 0x20 || bytes[at]! >= 0xbb)) at++;
  const isGemini = plan!.protocol === 'gemini';
  if (form === 'events') {
    if (bytes[at] === ARRAY_OPEN && isGemini) return 'array';
    return bytes[at] === OBJECT_OPEN && !isGemini ? 'json' : 'events';
  }
  if (!streams || at === bytes.length) return form;
  const head = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(6, bytes.length - at)).toString('latin1');
  return FIELDS.some((field) => head.startsWith(field) || field.startsWith(head)) ? 'events' : form;
}

function watch({ idleTaps, durable, replies }: Parts, exchange: Exchange, form: AnswerForm): void {
  const Tap = tapMaker(exchange.operation, exchange.plan!.protocol);
  let idle = idleTaps.get(Tap);
  if (idle === undefined) {
    idle = [];
    idleTaps.set(Tap, idle);
  }
  exchange.tap ??= idle.pop() ?? new Tap();
  const candidates = exchange.crossing === null ? exchange.facts!.candidates : 1;
  exchange.tap.start(exchange.streaming, form === 'array', candidates);
  if (exchange.counted !== null) exchange.tap.collect(exchange.counted.textsOf(exchange));
  const streamTap = exchange.streaming ? exchange.tap : null;
  const wholePieces = exchange.crossing !== null || exchange.usageAdded || exchange.operation.overSocket;
  if (durable !== null) exchange.hold = new TerminalHold(exchange.reply, streamTap, replies.streamBudget, wholePieces);
}

function makeTransform({ config, replies }: Parts, exchange: Exchange, status: number): AnswerTransform | null {
  const { crossing, streaming } = exchange;
  if (crossing === null) return streaming && exchange.usageAdded ? new UsageChunkFilter() : null;
  const bytesMax = config.limits.crossingBytesMax;
  const context = contextOf(exchange);
  const budget = replies.streamBudget;
  if (streaming) return new StreamCrossing(crossing.stream(context), bytesMax, budget, exchange.wantsArray);
  const wholeMax = status < 300 ? bytesMax : config.limits.errorBodyBytes;
  return new WholeCrossing(crossing, context, status, wholeMax, budget);
}

function contextOf({ id, model, facts }: Exchange): AnswerContext {
  const createdAtSeconds = Math.floor(id.createdAtMs / 1000);
  return { requestId: id.text, model, createdAtSeconds, includeUsage: facts!.includeUsage };
}

/** Nothing of the upstream's head is in the client's protocol but a hint when to come again. */
function crossedHeaders(exchange: Exchange, headers: UpstreamHeaders, into: string[]): void {
  const streams = exchange.streaming && !exchange.wantsArray;
  into.push('content-type', streams ? 'text/event-stream; charset=utf-8' : 'application/json');
  const retryAfter = headers['retry-after'];
  if (!exchange.billable && retryAfter !== undefined) into.push('retry-after', String(retryAfter));
}
