/**
 * What the answer to "make this" means: made, another account's turn, or the client's fault. By the rules of the relay (`relay/verdict.ts`),
 * but for 404, which says here that the account does not have the API. Pure; primary.
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
  | { kind: 'next'; verdict: Verdict; code: FailureCode }
  /** `sent`: the job may have been made all the same. */
  | { kind: 'refused'; code: FailureCode; detail: string };

export function judgeAnswer(answer: HttpAnswer, rules: RestRules, wallNowMs: number): Judged {
  const { status, headers, body } = answer;
  if (isChallenge(answer)) return next({ ...judgeStatus(502, {}, rules, wallNowMs) });
  const head = judgeStatus(status, headers, rules, wallNowMs);
  const said = isDecidedByBody(status) ? judgeRefusal(status, body, rules) : null;
  const verdict = said ?? (status === 429 ? { ...head, ...judgeBody(body, rules, wallNowMs) } : head);
  if (verdict.kind === 'failover') return next(verdict);
  if (status === 404 || status === 405) return next(judgeStatus(500, {}, rules, wallNowMs));
  if (status < 300) return { kind: 'taken' };
  const { error } = Object(parse(body)) as { error?: unknown };
  return { kind: 'refused', code: 'job_refused', detail: errorText(error) };
}

export function judgeFault(error: Error & { code?: string }): Extract<Judged, { kind: 'next' }> {
  return next(judgeError(error));
}

/** Only then is it certain that the upstream has not got the request: another account may be asked. */
export function neverArrived(code: FailureCode): boolean {
  return code === 'upstream_connect' || code === 'upstream_tls';
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

function next(verdict: Verdict): Extract<Judged, { kind: 'next' }> {
  return { kind: 'next', verdict, code: verdict.code };
}
