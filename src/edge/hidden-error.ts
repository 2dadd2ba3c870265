/**
 * An error that an upstream says inside an answer of status 200, of which nothing has left for the client yet. Front thread only.
 *
 *   the account is to blame            another account, or a refusal of ours
 *   the client's own, same protocol    stays where the account said it
 *   the client's own, crossed          the client gets an error of its own protocol, with the status that is meant
 */
import { wallMs } from '#base/clock.ts';
import { judgeErrorWithin } from '#relay/error-body.ts';
import { type RestRules, statusSaid, type Verdict } from '#relay/verdict.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { droppedNames } from './answer-head.ts';
import { statusLine } from './answers.ts';
import type { Exchange } from './exchange.ts';

export interface HiddenError {
  readonly verdict: Verdict;
  /** HTTP status that is meant; 0 where nothing tells. */
  readonly status: number;
  /** Of an account of another protocol, as the body of an error of that protocol; null: not known. */
  readonly words: JsonObject | null;
}

/** Null: it has come too late, or stays where it was said. */
export function hiddenError(
  { tap, reply, streaming, crossing, transform }: Exchange,
  rest: RestRules,
): HiddenError | null {
  if (reply.headSent || (streaming && tap!.contentSeen)) return null;
  const type = tap!.errorType!;
  const words = crossing === null ? null : transform!.errorSaid();
  const verdict = judgeErrorWithin(type, words, rest, wallMs());
  return verdict.kind === 'relay' && crossing === null ? null : { verdict, status: statusSaid(type), words };
}

/** The client's whole answer, once the exchange has been settled. */
export function sendCrossedError({ reply, id, crossing, dropped }: Exchange, { status, words }: HiddenError): void {
  const headers = ['x-penstock-request-id', id.text, 'content-type', 'application/json'];
  if (dropped.length > 0) headers.push('x-penstock-dropped', droppedNames(dropped));
  const body = crossing!.error(status, words, { requestId: id.text });
  reply.send(statusLine(status), headers, Buffer.from(JSON.stringify(body)));
}
