/** What a failed attempt says about its account: a rest, or one more failure in a row; and to the log. Front thread only. */
import { REST_ERRORS } from '#coordinate/local/account-health.ts';
import type { FailureCode } from '#failure/registry.ts';
import type { Verdict } from '#relay/verdict.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

export function learn({ health, config }: Parts, exchange: Exchange, verdict: Verdict): void {
  const { row } = exchange.account!;
  if (verdict.restMs > 0) {
    if (verdict.restModelOnly) health.restModel(row, exchange.plan!.modelHash, verdict.restMs, verdict.restReason);
    else health.rest(row, verdict.restMs, verdict.restReason);
  } else if (verdict.restMs < 0 && health.failed(row) >= config.rest.errorsBeforeRest) {
    health.rest(row, config.rest.errorMs, REST_ERRORS);
  }
}

export function logBroken(parts: Parts, exchange: Exchange, error: Error & { code?: string }, code: FailureCode): void {
  const { log, logBudget } = parts;
  if (!logBudget.take()) return;
  const fields = { requestId: exchange.id.text, account: exchange.account?.name, error: error.message };
  log.warn({ ...fields, errorCode: error.code, leftOut: logBudget.leftOut() }, code);
}
