/**
 * What the answer to "make this" means: made, another account's turn, or the client's fault; and whether it may have been made although the
 * answer does not say so. By the rules of the relay (`relay/verdict.ts`), but for 404, which says here that the account does not have the
 * API. Pure; primary.
 */
import { type AccountHealth, hashModel, REST_ERRORS } from '#coordinate/local/account-health.ts';
import type { FailureCode } from '#failure/registry.ts';
import { isDecidedByBody, judgeBody, judgeRefusal } from '#relay/error-body.ts';
import { judgeError, judgeStatus, type RestRules, type Verdict } from '#relay/verdict.ts';
import type { HttpAnswer } from './http-call.ts';
import { errorText } from './job-status.ts';
import { parse } from './media-account.ts';

export type Judged =
  | { kind: 'taken' }
  /** `inDoubt`: it may have been made all the same, so nobody else may be asked before that is known. */
  | { kind: 'next'; verdict: Verdict; code: FailureCode; inDoubt: boolean }
  | { kind: 'refused'; code: FailureCode; detail: string };

export type Next = Extract<Judged, { kind: 'next' }>;

/**
 * What a proxy in front of the account says when it has waited in vain, or lost it under way: 520, 522, 524 and 527 are Cloudflare's. Not 521,
 * 523, 525 and 526, by which it has reached nobody, and not 503 and 529, by which nothing was begun.
 * Source: developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors.
 */
const IN_DOUBT = new Set([408, 502, 504, 520, 522, 524, 527]);

export function judgeAnswer(answer: HttpAnswer, rules: RestRules, wallNowMs: number): Judged {
  const { status, headers, body } = answer;
  if (isChallenge(answer)) return next(judgeStatus(502, {}, rules, wallNowMs), false);
  const head = judgeStatus(status, headers, rules, wallNowMs);
  const said = isDecidedByBody(status) ? judgeRefusal(status, body, rules) : null;
  const verdict = said ?? (status === 429 ? { ...head, ...judgeBody(body, rules, wallNowMs) } : head);
  if (verdict.kind === 'failover') return next(verdict, isInDoubt(answer));
  if (status === 404 || status === 405) return next(judgeStatus(500, {}, rules, wallNowMs), false);
  if (status < 300) return { kind: 'taken' };
  const { error } = Object(parse(body)) as { error?: unknown };
  return { kind: 'refused', code: 'job_refused', detail: errorText(error) };
}

/** Only without a connection is it certain that the account has not got the request. */
export function judgeFault(error: Error & { code?: string }): Next {
  const verdict = judgeError(error);
  return next(verdict, verdict.code !== 'upstream_connect' && verdict.code !== 'upstream_tls');
}

/** A 500 is believed when it is the API's own, which says what went wrong; a 2xx that cannot be read has made something. */
function isInDoubt({ status, body }: HttpAnswer): boolean {
  if (status < 300 || IN_DOUBT.has(status)) return true;
  return status === 500 && Object(parse(body)).error === undefined;
}

/** Cloudflare's page for people, instead of an answer. */
function isChallenge({ headers, body }: HttpAnswer): boolean {
  if (headers['cf-mitigated'] === 'challenge') return true;
  const isPage = String(headers['content-type'] ?? '').startsWith('text/html');
  return isPage && /challenge-platform|Just a moment/.test(body.subarray(0, 8192).toString('latin1'));
}

export function restAccount(
  health: AccountHealth,
  row: number,
  model: string,
  verdict: Verdict,
  rules: RestRules,
): void {
  const { restMs, restReason, restModelOnly } = verdict;
  if (restMs > 0 && restModelOnly) health.restModel(row, hashModel(model), restMs, restReason);
  else if (restMs > 0) health.rest(row, restMs, restReason);
  else if (restMs < 0 && health.failed(row) >= rules.errorsBeforeRest) health.rest(row, rules.errorMs, REST_ERRORS);
}

function next(verdict: Verdict, inDoubt: boolean): Next {
  return { kind: 'next', verdict, code: verdict.code, inDoubt };
}
