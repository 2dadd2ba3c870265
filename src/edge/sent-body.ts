/**
 * The bytes that go upstream, and the end of them. An account that knows the model by another name, or speaks another protocol, gets a
 * copy made for it, drawn from the same budget as the body itself. Once a byte of an answer has left for the client no other account can be
 * tried, so both are released, as soon as the upload has left the process, and with them what else only the request needed (its head, what
 * the scan found): an open stream holds nothing of it.
 *
 *   not committed ──first forwarded byte──► committed ──upload has left──► released
 *   (may fail over)                         (never fails over)
 *
 * Front thread only.
 */
import { assert } from '#base/assert.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { REWRITE_BYTES_MAX, rewrite } from '#wire/rewrite.ts';
import { parsedRequest } from './crossed-request.ts';
import { detach } from './detach.ts';
import type { Exchange } from './exchange.ts';
import { NO_HEAD } from './head.ts';
import type { Parts } from './parts.ts';

const NO_BODY = new Uint8Array(0);

/** A byte of the upstream's answer has left for the client, which pings of a wait are not, so this exchange ends with this attempt, whatever happens. */
export function isCommitted({ firstByteAtMs, reply }: Exchange): boolean {
  return firstByteAtMs > 0 && reply.begun;
}

/** The last event has left for the client, whose libraries do not all wait for the end behind it. */
export function hasWhole({ streamEnded, hold, readerBlocked, reply }: Exchange): boolean {
  return streamEnded && hold === null && !readerBlocked && reply.begun;
}

/** The body for the account at hand, whose name of the model is `exchange.sentModel`, or why there is none. */
export function takeSentBody(parts: Parts, exchange: Exchange): Uint8Array | Refusal {
  const { body } = exchange;
  const { shape } = exchange.operation;
  assert(!exchange.requestReleased, 'an exchange is sent again after its request was released');
  if (body === null || shape === null) return NO_BODY;
  if (exchange.crossing !== null || exchange.facts!.carriesThinking) return takeParsed(parts, exchange);
  exchange.usageAdded = asksForUsage(exchange);
  const renamed = shape.modelInBody && exchange.sentModel !== exchange.facts!.model;
  if (!renamed && !exchange.usageAdded) return body.bytes;
  const room = body.length + REWRITE_BYTES_MAX;
  if (!parts.bodyRoom.takeAhead(room)) return refuse('body_budget_exhausted');
  exchange.splicedRoom = room;
  const model = renamed ? exchange.sentModel : null;
  exchange.spliced = rewrite(body.bytes, exchange.facts!, { model, includeUsage: exchange.usageAdded });
  return exchange.spliced;
}

/** Chat streams say their usage only when asked to. */
function asksForUsage({ operation, streams, facts }: Exchange): boolean {
  const says = operation.protocol === 'chat' || operation.protocol === 'completions';
  return says && streams && !facts!.includeUsage;
}

function takeParsed({ bodyRoom, config }: Parts, exchange: Exchange): Uint8Array | Refusal {
  const bytes = parsedRequest(exchange, config.limits.crossingBytesMax, config.relay.maxTokensDefault);
  if (!(bytes instanceof Uint8Array)) return bytes;
  if (!bodyRoom.takeAhead(bytes.length)) return refuse('body_budget_exhausted');
  exchange.splicedRoom = bytes.length;
  exchange.spliced = bytes;
  return bytes;
}

/** Before another attempt, and at the end: the copy of the attempt that is over. */
export function releaseSpliced({ bodyRoom }: Parts, exchange: Exchange): void {
  if (exchange.spliced === null) return;
  if (exchange.attempt !== null && !exchange.attempt.holdsBody) detach(exchange.spliced);
  exchange.spliced = null;
  bodyRoom.give(exchange.splicedRoom);
}

/** Called as the answer begins, for every chunk and some times a second: releases a request that nobody needs any more. */
export function releaseWhenSent(parts: Parts, exchange: Exchange): void {
  const { body, attempt } = exchange;
  if (exchange.requestReleased || attempt === null || attempt.holdsBody) return;
  if (exchange.stage !== 'draining' && !isCommitted(exchange)) return;
  releaseSpliced(parts, exchange);
  body?.release(!exchange.bodyPinned);
  exchange.body = null;
  // Of a client that left early the answer has yet to begin, and begins by what was asked.
  if (exchange.firstByteAtMs === 0) return;
  exchange.head = NO_HEAD;
  exchange.facts = null;
  exchange.requestReleased = true;
}

/** What was ordered of a media job has gone to primary, or never will. */
export function releaseOrder({ bodyRoom }: Parts, exchange: Exchange): void {
  exchange.media = null;
  if (exchange.mediaRoom > 0) bodyRoom.give(exchange.mediaRoom);
  exchange.mediaRoom = 0;
}

/** At the end of an exchange. */
export function releaseBodies(parts: Parts, exchange: Exchange, stage: Exchange['stage']): void {
  const { body, attempt } = exchange;
  releaseSpliced(parts, exchange);
  releaseOrder(parts, exchange);
  exchange.inflation?.drop();
  exchange.inflation = null;
  // A scan in slices may still read.
  const isRead = stage === 'scanning' || exchange.bodyPinned || attempt?.holdsBody === true;
  body?.release(!isRead);
}
