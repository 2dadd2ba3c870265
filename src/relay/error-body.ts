/**
 * What the body of a 429 says beyond its head: that an account has no money left, until when its subscription is used up, or how long
 * Google wants to be left alone. It is read when the exchange has long turned to another account, and can only lengthen a rest. Pure.
 *
 *   OpenAI   { error: { code | type: "insufficient_quota" } }              no money: like 402
 *   ChatGPT  { error: { type: "usage_limit_reached", resets_at } }         unix seconds, or resets_in_seconds
 *   Gemini   { error: { details: [ { @type: …RetryInfo, retryDelay: "13s" },
 *                                  { @type: …QuotaFailure, violations: [ { quotaId: "…PerDay…PerModel…" } ] } ] } }
 *
 * Source: platform.openai.com/docs/guides/error-codes, cloud.google.com/apis/design/errors.
 */
import { REST_AUTH, REST_RATE_LIMITED } from '#coordinate/local/account-health.ts';
import { durationMs, type RestRules } from './verdict.ts';

/** A longer body is not judged. */
export const JUDGED_BYTES_MAX = 16_384;

export interface BodyVerdict {
  readonly restMs: number;
  readonly restReason: number;
  readonly restModelOnly: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const NO_MONEY: readonly unknown[] = ['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active'];

/** Null: it says nothing of how long to rest. */
export function judgeBody(body: Uint8Array, rules: RestRules, wallNowMs: number): BodyVerdict | null {
  const error = errorOf(body);
  if (error === null) return null;
  if (NO_MONEY.includes(error['code']) || NO_MONEY.includes(error['type'])) {
    return { restMs: rules.authMs, restReason: REST_AUTH, restModelOnly: false };
  }
  if (error['type'] === 'usage_limit_reached') return untilReset(error, rules, wallNowMs);
  return Array.isArray(error['details']) ? googleDelay(error['details'], rules) : null;
}

/** Streams of Google wrap it into an array. */
function errorOf(body: Uint8Array): Fields | null {
  if (body.length === 0 || body.length > JUDGED_BYTES_MAX) return null;
  try {
    const document: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8'));
    const { error } = fieldsOf(Array.isArray(document) ? document[0] : document);
    return typeof error === 'object' && error !== null ? (error as Fields) : null;
  } catch {
    return null;
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function untilReset(error: Fields, rules: RestRules, wallNowMs: number): BodyVerdict | null {
  const { resets_at: at, resets_in_seconds: inSeconds } = error;
  const leftMs =
    typeof inSeconds === 'number' ? inSeconds * 1000 : typeof at === 'number' ? at * 1000 - wallNowMs : Number.NaN;
  if (!(leftMs > 0)) return null;
  return { restMs: Math.min(leftMs, rules.restMsMax), restReason: REST_RATE_LIMITED, restModelOnly: false };
}

/** What is used up for the day rests as long as anything may; its own delay is that of the next try, which would fail as well. */
function googleDelay(details: readonly unknown[], rules: RestRules): BodyVerdict | null {
  let restMs = 0;
  let restModelOnly = true;
  for (const detail of details) {
    const { '@type': type, retryDelay, violations } = fieldsOf(detail);
    const kind = String(type ?? '');
    if (kind.endsWith('RetryInfo')) restMs = Math.max(restMs, durationMs(String(retryDelay ?? '')) ?? 0);
    if (!kind.endsWith('QuotaFailure') || !Array.isArray(violations)) continue;
    for (const violation of violations) {
      const quotaId = String(fieldsOf(violation)['quotaId'] ?? '');
      if (!quotaId.includes('PerDay')) continue;
      restMs = rules.restMsMax;
      if (!quotaId.includes('PerModel')) restModelOnly = false;
    }
  }
  return restMs > 0
    ? { restMs: Math.min(restMs, rules.restMsMax), restReason: REST_RATE_LIMITED, restModelOnly }
    : null;
}
