/**
 * Answers that the gateway makes itself: refusals in the caller's protocol, before the first byte as a whole answer, after it as
 * the protocol's own error event. Front thread only.
 */
import { STATUS_CODES } from 'node:http';
import { CODINGS } from '#base/codings.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { IN_STREAM } from '#wire/convert/error-kinds.ts';
import type { Exchange } from './exchange.ts';

/** Between an in-stream error event, what follows it, and the abrupt close behind them: time for each to be read by itself. */
const LAST_WORDS_MS = 50;

/**
 * Behind a line that broke off, so that the name of the error event is read, and not taken for the rest of that line. The event that
 * broke off becomes part of it: clients that look at the name first (Anthropic's) say the error, the others that they cannot read it.
 */
const LINE_END = Buffer.from('\n');
/** In an array the error is one more element, for readers that take them as they come. */
const NEXT_ELEMENT = Buffer.from(',\r\n');
const CODINGS_TEXT = CODINGS.join(', ');
const statusLines = new Map<number, string>();

export function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `${status} ${status === 529 ? 'Overloaded' : (STATUS_CODES[status] ?? 'Unknown')}`;
    statusLines.set(status, line);
  }
  return line;
}

/** Sends a refusal in whatever form is still possible. */
export function answerRefusal(exchange: Exchange, refusal: Refusal): void {
  const { reply, dialect, id } = exchange;
  if (reply.over) return;
  if (!reply.headSent) return sendRefusal(exchange, refusal);
  if (exchange.spaced) return reply.finish(dialect.renderError(refusal, id.text));
  if (exchange.streaming || exchange.pinging) return breakStream(exchange, refusal);
  reply.abandon();
}

/** Ends a stream that broke: the protocol's error event, a moment for it to leave, then a close inside the framing. */
export function breakStream(exchange: Exchange, refusal: Refusal): void {
  const { reply, dialect, id, tap, transform, hold } = exchange;
  const lastWords = dialect.lastWords?.(dialect.renderError(refusal, id.text)) ?? null;
  // An array has no events: what is said is its next element.
  if (lastWords !== null && exchange.isArray) {
    if ((hold ?? transform ?? tap)?.awaitsComma) reply.push(NEXT_ELEMENT);
    return endWithEvent(exchange, lastWords);
  }
  if (tap?.torn) reply.push(LINE_END);
  const event = dialect.renderErrorEvent(refusal, id.text);
  if (lastWords === null) return endWithEvent(exchange, event);
  reply.push(event);
  setTimeout(() => endWithEvent(exchange, lastWords), LAST_WORDS_MS);
}

/**
 * Behind an error that an answer of another protocol said, and that its client has been told in its own: what is left of such an end. A reader
 * that was cut off at that moment has no transform any more.
 */
export function endBehindError({ reply, dialect, crossing, transform, id, isArray }: Exchange): void {
  if (isArray || dialect.lastWords === undefined) return void setTimeout(() => reply.abandon(), LAST_WORDS_MS);
  const body = crossing!.error(IN_STREAM, transform?.errorSaid() ?? null, { requestId: id.text });
  const lastWords = dialect.lastWords(Buffer.from(JSON.stringify(body)));
  setTimeout(() => {
    reply.push(lastWords);
    setTimeout(() => reply.abandon(), LAST_WORDS_MS);
  }, LAST_WORDS_MS);
}

/** An upstream's own error body, for a caller whose stream has already begun with pings; in the caller's protocol where it is crossed. */
export function breakStreamWith(exchange: Exchange, errorBody: Uint8Array): void {
  const { dialect, transform } = exchange;
  if (transform === null) return endWithEvent(exchange, dialect.wrapError(errorBody));
  transform.push(errorBody);
  const turned = transform.end();
  if (turned === null) breakStream(exchange, refuse(transform.failure!));
  else endWithEvent(exchange, dialect.wrapError(turned));
}

function endWithEvent(exchange: Exchange, event: Uint8Array): void {
  exchange.reply.push(event);
  setTimeout(() => exchange.reply.abandon(), LAST_WORDS_MS);
}

function sendRefusal(exchange: Exchange, refusal: Refusal): void {
  const { failure, retryAfterSeconds } = refusal;
  const { dialect, route, id } = exchange;
  const headers = ['content-type', 'application/json', 'x-penstock-request-id', id.text];
  if (dialect.requestIdHeader !== '') headers.push(dialect.requestIdHeader, id.text);
  if (failure.retry === 'never') headers.push('x-should-retry', 'false');
  if (retryAfterSeconds > 0) headers.push('retry-after', String(retryAfterSeconds));
  if (route.allow !== '') headers.push('allow', route.allow);
  if (failure.status === 426) headers.push('upgrade', 'websocket');
  // RFC 7694: what a request may be sent in.
  if (failure.code === 'encoding_unsupported') headers.push('accept-encoding', CODINGS_TEXT);
  // The rest of this body would be read as part of it for ever, or cut off by the server at a moment of its own.
  if (failure.code === 'body_timeout') exchange.reply.keeping = 'end';
  exchange.reply.send(statusLine(dialect.status(refusal)), headers, dialect.renderError(refusal, id.text));
}
