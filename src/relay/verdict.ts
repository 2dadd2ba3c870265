/**
 * What an upstream's answer or failure means: whom it concerns, whether another account may be tried, and how long the account
 * should rest. Pure.
 */
import { REST_AUTH, REST_OVERLOADED, REST_RATE_LIMITED } from '#coordinate/local/account-health.ts';
import type { FailureCode } from '#failure/registry.ts';

export interface RestRules {
  rateLimitMs: number;
  overloadedMs: number;
  authMs: number;
  errorMs: number;
  errorsBeforeRest: number;
  restMsMax: number;
}

export interface Verdict {
  /** `relay`: the answer is the caller's. `failover`: it concerns the account; another one may be tried. */
  readonly kind: 'relay' | 'failover';
  /** What the caller is told when no other account is left. */
  readonly code: FailureCode;
  /** Rest for the account: 0 is none, −1 counts a failure and rests after several in a row. */
  readonly restMs: number;
  readonly restReason: number;
  /** Whether only the model rests, not the account. */
  readonly restModelOnly: boolean;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export const RELAY: Verdict = { kind: 'relay', code: 'internal', restMs: 0, restReason: 0, restModelOnly: false };
const FAILED: Verdict = { kind: 'failover', code: 'upstream_error', restMs: -1, restReason: 0, restModelOnly: false };
const BROKEN: Verdict = { ...FAILED, code: 'upstream_broken' };

/** The upstream does not let the account in, or it has no money left. */
export function accountRefused({ authMs }: RestRules): Verdict {
  return { kind: 'failover', code: 'upstream_auth', restMs: authMs, restReason: REST_AUTH, restModelOnly: false };
}

/** Judges the head of an upstream's answer. What its body decides: `error-body.ts`. */
export function judgeStatus(status: number, headers: Headers, rules: RestRules, wallNowMs: number): Verdict {
  if (status === 429) return judgeRateLimit(headers, rules, wallNowMs);
  // 402: the account has no credit left; which account is used is not the caller's affair.
  if (status === 401 || status === 402 || status === 403) return accountRefused(rules);
  if (status === 529) {
    const restMs = Math.min(retryAfterMs(headers, wallNowMs) ?? rules.overloadedMs, rules.restMsMax);
    return { kind: 'failover', code: 'upstream_overloaded', restMs, restReason: REST_OVERLOADED, restModelOnly: true };
  }
  if (status >= 500 || status === 408 || status < 200 || (status >= 300 && status < 400)) return FAILED;
  // A coding that the attempt does not decode: neither the tap nor, as this header does not cross, the client could read it.
  const encoding = headers['content-encoding'];
  return encoding === undefined || encoding === 'identity' ? RELAY : BROKEN;
}

/**
 * Types, codes and status names of errors that upstreams say inside an answer of status 200, in the words of Anthropic, OpenAI and
 * Gemini; a number is an HTTP status (OpenRouter). The first row that fits decides. What no row knows is tried elsewhere and held
 * against nobody.
 */
const SAID: readonly (readonly [words: RegExp, status: number])[] = [
  [/insufficient_quota|billing|credit|auth|permission|unauthenticated|api_?key|^40[123]$/i, 401],
  [/rate_?limit|usage_limit|exhausted|quota|^429$/i, 429],
  [/overload|unavailable|capacity|slow_down|^(503|529)$/i, 529],
  [/server|internal|timeout|deadline|api_error|aborted|^unknown$|^(408|5\d\d)$/i, 500],
  [/not_?found|^404$/i, 404],
  [/too_large|^413$/i, 413],
  [/invalid|unsupported|context|length|content|policy|safety|filter|precondition|out_of_range/i, 400],
  [/unimplemented|cancelled|image|prompt|^4\d\d$/i, 400],
];
const NO_HEADERS: Headers = {};
const CLIENT_STATUS = /^4\d\d$/;

/** Judges an error that came in place of an answer, by its type ('' when it had none). */
export function judgeErrorEvent(type: string, rules: RestRules, wallNowMs: number): Verdict {
  const status = statusSaid(type);
  return status === 0 ? { ...FAILED, restMs: 0 } : judgeStatus(status, NO_HEADERS, rules, wallNowMs);
}

/** The status that an upstream means by this type; 0 for what no row knows. */
export function statusSaid(type: string): number {
  const status = SAID.find(([words]) => words.test(type))?.[1] ?? 0;
  return status === 400 && CLIENT_STATUS.test(type) ? Number(type) : status;
}

/**
 * 429: an account whose unified (subscription) limit is used up rests as a whole until that limit's reset; any other rate limit
 * holds per model class, so only the model rests, for `retry-after` or until the latest exhausted limit's reset. What the body says
 * comes later: `judgeBody`.
 */
function judgeRateLimit(headers: Headers, rules: RestRules, wallNowMs: number): Verdict {
  const unified = text(headers['anthropic-ratelimit-unified-status']) === 'rejected';
  const reset = unified ? unifiedResetMs(headers, wallNowMs) : exhaustedResetMs(headers, wallNowMs);
  const hint = retryAfterMs(headers, wallNowMs) ?? reset ?? rules.rateLimitMs;
  const restMs = Math.min(unified ? Math.max(hint, reset ?? 0) : hint, rules.restMsMax);
  return {
    kind: 'failover',
    code: 'upstream_rate_limited',
    restMs,
    restReason: REST_RATE_LIMITED,
    restModelOnly: !unified,
  };
}

/** `retry-after-ms`, else `retry-after` in seconds or as an HTTP date; null when absent or unreadable. */
export function retryAfterMs(headers: Headers, wallNowMs: number): number | null {
  const exact = text(headers['retry-after-ms']);
  if (/^\d+(\.\d+)?$/.test(exact)) return Number(exact);
  const value = text(headers['retry-after']);
  if (value === '') return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - wallNowMs);
}

function unifiedResetMs(headers: Headers, wallNowMs: number): number | null {
  const seconds = Number(text(headers['anthropic-ratelimit-unified-reset']));
  return seconds > 0 ? Math.max(0, seconds * 1000 - wallNowMs) : null;
}

const LIMIT_NAMES = ['requests', 'tokens', 'input-tokens', 'output-tokens'] as const;
const OPENAI_LIMIT_NAMES = ['requests', 'tokens'] as const;

/** What a response's reader must keep for `judgeStatus`. */
export const READ_BY_VERDICT: readonly string[] = [
  'content-encoding',
  'retry-after',
  'retry-after-ms',
  'anthropic-ratelimit-unified-status',
  'anthropic-ratelimit-unified-reset',
  ...LIMIT_NAMES.flatMap((name) => [`anthropic-ratelimit-${name}-remaining`, `anthropic-ratelimit-${name}-reset`]),
  ...OPENAI_LIMIT_NAMES.flatMap((name) => [`x-ratelimit-remaining-${name}`, `x-ratelimit-reset-${name}`]),
];

/** Latest reset among the limits with nothing remaining. */
function exhaustedResetMs(headers: Headers, wallNowMs: number): number | null {
  let latest: number | null = null;
  for (const name of LIMIT_NAMES) {
    if (text(headers[`anthropic-ratelimit-${name}-remaining`]) !== '0') continue;
    const reset = Date.parse(text(headers[`anthropic-ratelimit-${name}-reset`]));
    if (!Number.isNaN(reset)) latest = Math.max(latest ?? 0, reset - wallNowMs);
  }
  for (const name of OPENAI_LIMIT_NAMES) {
    if (text(headers[`x-ratelimit-remaining-${name}`]) !== '0') continue;
    const reset = durationMs(text(headers[`x-ratelimit-reset-${name}`]));
    if (reset !== null) latest = Math.max(latest ?? 0, reset);
  }
  return latest;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/** `6m0s`, `1.5s`, `20ms`; null when it is none. */
export function durationMs(value: string): number | null {
  if (value.length > 32 || !DURATION.test(value)) return null;
  let sum = 0;
  for (const [, amount, unit] of value.matchAll(/([\d.]+)(ms|s|m|h|d)/g)) sum += Number(amount) * UNITS_MS[unit!]!;
  return sum;
}

function text(value: string | string[] | undefined): string {
  return value === undefined ? '' : typeof value === 'string' ? value : (value[0] ?? '');
}

/** Whether a status says something of the account rather than of the request. */
export function concernsAccount(status: number): boolean {
  return [401, 402, 403, 408, 429].includes(status) || (status >= 500 && status !== 501);
}

/** Judges a transport error by its code. Its codes are Node's and those of `upstream-error.ts`. */
export function judgeError(error: Error & { code?: string }): Verdict {
  // It serves HTTP as well as ever.
  if (error.code === 'UPGRADE_REFUSED') return { ...FAILED, restMs: 0 };
  return { ...FAILED, code: errorCode(error.code ?? '') };
}

function errorCode(code: string): FailureCode {
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'upstream_headers_timeout';
  if (code === 'UND_ERR_BODY_TIMEOUT') return 'upstream_idle_timeout';
  if (TLS_CODE.test(code)) return 'upstream_tls';
  if (CONNECT_CODES.has(code)) return 'upstream_connect';
  return 'upstream_broken';
}

const TLS_CODE = /CERT|SELF_SIGNED|^ERR_TLS|^ERR_SSL|^ERR_OSSL|UNABLE_TO_|^EPROTO$/;
const CONNECT_CODES = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
]);
