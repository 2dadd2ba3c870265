/**
 * What the body of an error says beyond its head: whose fault it is, that an account has no money left, until when its subscription is
 * used up, or how long Google wants to be left alone. Pure.
 *
 *   400, 403  told from the body alone whether they concern the account or the request: read before anything is decided
 *   429       always the account's; its body is read when the exchange has long turned to another one, and can only lengthen a rest
 *
 *   OpenAI     { error: { code | type: "insufficient_quota" } }              no money: like 402
 *   ChatGPT    { error: { type: "usage_limit_reached", resets_at } }         unix seconds, or resets_in_seconds
 *   Anthropic  { error: { type: "invalid_request_error", message: "Your credit balance is too low …" } }      400
 *   Gemini     { error: { status, details: [ { @type: …ErrorInfo, reason: "API_KEY_INVALID" },                400
 *                                            { @type: …RetryInfo, retryDelay: "13s" },
 *                                            { @type: …QuotaFailure, violations: [ { quotaId: "…PerDay…PerModel…" } ] } ] } }
 *
 * Source: platform.openai.com/docs/guides/error-codes, docs.anthropic.com/en/api/errors, cloud.google.com/apis/design/errors,
 * google/api/error_reason.proto, ai.google.dev/gemini-api/docs/troubleshooting.
 */
import { REST_AUTH, REST_RATE_LIMITED } from '#coordinate/local/account-health.ts';
import { accountRefused, durationMs, judgeErrorEvent, RELAY, type RestRules, type Verdict } from './verdict.ts';

/** A longer body is not judged. */
export const JUDGED_BYTES_MAX = 16_384;

export interface BodyVerdict {
  readonly restMs: number;
  readonly restReason: number;
  readonly restModelOnly: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const NO_MONEY: readonly unknown[] = ['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active'];
const NO_ACCOUNT: readonly unknown[] = [
  'invalid_api_key',
  'account_deactivated',
  'billing_error',
  'authentication_error',
];

/** How messages about the account begin that have neither code nor reason; what a caller wrote never stands there. */
const OF_ACCOUNT = new RegExp(
  [
    '^Your credit balance is too low',
    '^This organization has been disabled',
    '^You have reached your specified API usage limits',
    '^API key (not valid|expired|not found)',
    '^User location is not supported',
    '^Gemini API free tier is not available',
  ].join('|'),
  'i',
);
/** `google.api.ErrorReason`, as far as it tells of the key, its project or its bill. */
const OF_PROJECT =
  /^(API_KEY|ACCESS_TOKEN|ACCOUNT_STATE|BILLING|CONSUMER|SERVICE_DISABLED|SERVICE_NOT_VISIBLE|CREDENTIALS)/;
/** Google refuses the account a thing that the request named: somebody else's, or none at all. */
const OF_THING =
  /permission to access (the )?(file|tuned ?model|corpus)|permission denied on resource|cached ?content/i;

/** OpenAI: by its code, the response that a request goes on with is not this account's. */
export const RESPONSE_UNKNOWN = 'previous_response_not_found';

export function saysResponseUnknown(body: Uint8Array): boolean {
  return errorOf(body)?.['code'] === RESPONSE_UNKNOWN;
}

/** Whether the status alone does not tell whom the answer concerns. */
export function isDecidedByBody(status: number): boolean {
  return status === 400 || status === 403;
}

/** What the body of a status that it decides makes of it; null: what the head said stays. */
export function judgeRefusal(status: number, body: Uint8Array, rules: RestRules): Verdict | null {
  const error = isDecidedByBody(status) ? errorOf(body) : null;
  if (error === null) return null;
  if (status === 400) return blamesAccount(error) ? accountRefused(rules) : null;
  // OpenAI: a project without this model is well with every other one. Its words name the project.
  if (error['code'] === 'model_not_found') return { ...accountRefused(rules), restModelOnly: true };
  return error['status'] === 'PERMISSION_DENIED' && !blamesAccount(error) && OF_THING.test(textOf(error['message']))
    ? RELAY
    : null;
}

/**
 * Judges an error that came in place of an answer: by its type, and what that leaves to the caller by its words, like the body of a 400.
 * `words`: the document that the error stands in; null: they are not known.
 */
export function judgeErrorWithin(type: string, words: Fields | null, rules: RestRules, wallNowMs: number): Verdict {
  const verdict = judgeErrorEvent(type, rules, wallNowMs);
  return verdict.kind === 'relay' && blamesAccount(fieldsOf(words?.['error'])) ? accountRefused(rules) : verdict;
}

function blamesAccount(error: Fields): boolean {
  const { code, type, message, details } = error;
  if (NO_MONEY.includes(code) || NO_MONEY.includes(type)) return true;
  if (NO_ACCOUNT.includes(code) || NO_ACCOUNT.includes(type)) return true;
  if (OF_ACCOUNT.test(textOf(message))) return true;
  return Array.isArray(details) && details.some((detail) => OF_PROJECT.test(textOf(fieldsOf(detail)['reason'])));
}

/** Of a 429. Null: it says nothing of how long to rest. */
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

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
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
