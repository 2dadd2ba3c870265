/**
 * An error that an upstream says inside an answer of status 200, before anything else. Front thread only.
 *
 *   the account is to blame            another account, or a refusal of ours
 *   the client's own, same protocol    stays where the account said it
 *   the client's own, crossed          the client gets an error of its own protocol, with the status that is meant
 *   any, once something has left       stays, and is learnt from
 */
import { wallMs } from '#base/clock.ts';
import { judgeErrorWithin } from '#relay/error-body.ts';
import { type RestRules, statusSaid, type Verdict } from '#relay/verdict.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { droppedNames } from './answer-head.ts';
import { breakStreamWith, statusLine } from './answers.ts';
import type { Exchange } from './exchange.ts';

export interface HiddenError {
  readonly verdict: Verdict;
  /** HTTP status that is meant; 0 where nothing tells. */
  readonly status: number;
  /** Of an account of another protocol, as the body of an error of that protocol; null: not known. */
  readonly words: JsonObject | null;
  /** It has come too late, or is the client's in its own protocol: it leaves as it came. */
  readonly stays: boolean;
}

export function hiddenError({ tap, reply, streaming, crossing, transform }: Exchange, rest: RestRules): HiddenError {
  const type = tap!.errorType!;
  const isLate = reply.begun || (streaming && tap!.contentSeen);
  const words = isLate || crossing === null ? null : transform!.errorSaid();
  const verdict = judgeErrorWithin(type, words, rest, wallMs());
  const stays = isLate || (verdict.kind === 'relay' && crossing === null);
  return { verdict, status: statusSaid(type), words, stays };
}

/** The client's whole answer, once the exchange has been settled; behind pings an event. */
export function sendCrossedError(exchange: Exchange, { status, words }: HiddenError): void {
  const { reply, id, crossing, dropped } = exchange;
  const body = Buffer.from(JSON.stringify(crossing!.error(status, words, { requestId: id.text })));
  if (reply.headSent) return breakStreamWith(exchange, body);
  const headers = ['x-penstock-request-id', id.text, 'content-type', 'application/json'];
  if (dropped.length > 0) headers.push('x-penstock-dropped', droppedNames(dropped));
  reply.send(statusLine(status), headers, body);
}
