/**
 * The bytes that go upstream, and the end of them. An account that knows the model by another name gets a copy with that name in
 * it, drawn from the same budget as the body itself. Once a byte of an answer has left for the client no other account can be
 * tried, so both are released, as soon as the upload has left the process: an open stream then holds no body.
 *
 *   not committed ──first forwarded byte──► committed ──upload has left──► released
 *   (may fail over)                         (never fails over)
 *
 * Front thread only.
 */
import { assert } from '#base/assert.ts';
import { REWRITE_BYTES_MAX, rewrite } from '#wire/rewrite.ts';
import { detach } from './detach.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

/** A byte of the upstream's answer has left for the client, so this exchange ends with this attempt, whatever happens. */
export function isCommitted({ firstByteAtMs, reply }: Exchange): boolean {
  return firstByteAtMs > 0 && reply.headSent;
}

/** The body for the account whose name of the model is `exchange.sentModel`; null when there is no room for a copy. */
export function takeSentBody({ bodyRoom }: Parts, exchange: Exchange): Uint8Array | null {
  const body = exchange.body!;
  assert(!body.isReleased, 'an exchange is sent again after its body was released');
  if (exchange.sentModel === exchange.facts!.model) return body.bytes;
  const room = body.length + REWRITE_BYTES_MAX;
  if (!bodyRoom.takeAhead(room)) return null;
  exchange.splicedRoom = room;
  exchange.spliced = rewrite(body.bytes, exchange.facts!, { model: exchange.sentModel, includeUsage: false });
  return exchange.spliced;
}

/** Before another attempt, and at the end: the copy of the attempt that is over. */
export function releaseSpliced({ bodyRoom }: Parts, exchange: Exchange): void {
  if (exchange.spliced === null) return;
  if (exchange.attempt !== null && !exchange.attempt.holdsBody) detach(exchange.spliced);
  exchange.spliced = null;
  bodyRoom.give(exchange.splicedRoom);
}

/** Called for every chunk and some times a second until it has happened: releases a body that nobody needs any more. */
export function releaseWhenSent(parts: Parts, exchange: Exchange): void {
  const { body, attempt } = exchange;
  if (body === null || body.isReleased || attempt === null || attempt.holdsBody) return;
  if (exchange.stage !== 'draining' && !isCommitted(exchange)) return;
  releaseSpliced(parts, exchange);
  body.release(!exchange.bodyPinned);
}

/** At the end of an exchange. */
export function releaseBodies(parts: Parts, exchange: Exchange, stage: Exchange['stage']): void {
  const { body, attempt } = exchange;
  releaseSpliced(parts, exchange);
  // A scan in slices may still read.
  const isRead = stage === 'scanning' || exchange.bodyPinned || attempt?.holdsBody === true;
  body?.release(!isRead);
}
