/** What an attempt says about its account: that it serves, a rest, or one more failure in a row; and to the log. Front thread only. */
import { wallMs } from '#base/clock.ts';
import { REST_ERRORS } from '#coordinate/local/account-health.ts';
import type { FailureCode } from '#failure/registry.ts';
import type { BodyReader } from '#relay/attempt.ts';
import { judgeBody } from '#relay/error-body.ts';
import type { Verdict } from '#relay/verdict.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

/** It has begun to answer in earnest, or ended an answer of nothing: what fails next is the first failure in a row. */
export function learnServed({ health }: Parts, exchange: Exchange): void {
  if (!exchange.unproven) return;
  exchange.unproven = false;
  health.succeeded(exchange.account!.row);
}

export function learn({ health, config }: Parts, exchange: Exchange, verdict: Verdict): void {
  const { row } = exchange.account!;
  exchange.unproven = false;
  if (verdict.restMs > 0) {
    if (verdict.restModelOnly) health.restModel(row, exchange.plan!.modelHash, verdict.restMs, verdict.restReason);
    else health.rest(row, verdict.restMs, verdict.restReason);
  } else if (verdict.restMs < 0 && health.failed(row) >= config.rest.errorsBeforeRest) {
    health.rest(row, config.rest.errorMs, REST_ERRORS);
  }
}

/** What the body of a 429 says is learnt when it has come; until then the account's place is held, so its row is its own. */
export function learnFromBody({ health, config }: Parts, exchange: Exchange): BodyReader {
  const { row } = exchange.account!;
  const { modelHash } = exchange.plan!;
  return (body) => {
    const verdict = judgeBody(body, config.rest, wallMs());
    if (verdict === null) return;
    if (verdict.restModelOnly) health.restModel(row, modelHash, verdict.restMs, verdict.restReason);
    else health.rest(row, verdict.restMs, verdict.restReason);
  };
}

export function logBroken(parts: Parts, exchange: Exchange, error: Error & { code?: string }, code: FailureCode): void {
  const { log, logBudget } = parts;
  if (!logBudget.take()) return;
  const fields = { requestId: exchange.id.text, account: exchange.account?.name, error: error.message };
  log.warn({ ...fields, errorCode: error.code, leftOut: logBudget.leftOut() }, code);
}
