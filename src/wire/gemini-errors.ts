/**
 * How a refusal is said to Gemini's clients. Pure; runs on front threads.
 *
 *   body  = { error: { code, message, status, details } }
 *   event = "data: " body CR LF CR LF       inside a stream; `@google/genai` from 3 on and the AI SDK say its reason, older ones
 *                                           take it for an answer without content
 *   last  = body CR LF CR LF                Google's own form, a moment later: the older ones say its reason if it comes in a
 *                                           read of its own, and every one knows that the stream did not end well
 *
 * There is no retry-after: a delay is `google.rpc.RetryInfo`. Every client repeats 429 as often as its user allows (Gemini CLI for minutes,
 * unless a `QuotaFailure` says PerDay), none a 402. Source: cloud.google.com/apis/design/errors, ai.google.dev/gemini-api.
 */
import type { Refusal } from '#failure/registry.ts';
import { type Dialect, messageOf, oneLine } from './dialect.ts';

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  402: 'FAILED_PRECONDITION',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  415: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** The name of a status in Google's APIs. */
export function statusName(status: number): string {
  return STATUS_NAMES[status] ?? (status >= 500 ? 'INTERNAL' : 'FAILED_PRECONDITION');
}

function status({ failure }: Refusal): number {
  return failure.status === 529 ? 503 : failure.status;
}

function errorText(refusal: Refusal): string {
  const code = status(refusal);
  const details = detailsOf(refusal);
  const error = { code, message: messageOf(refusal), status: statusName(code) };
  return JSON.stringify({ error: details.length === 0 ? error : { ...error, details } });
}

function detailsOf({ failure, retryAfterSeconds }: Refusal): object[] {
  if (failure.code === 'balance_exhausted') {
    const violation = { quotaMetric: 'balance', quotaId: 'BalancePerDay' };
    return [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [violation] }];
  }
  if (failure.code.startsWith('key_')) {
    const domain = 'googleapis.com';
    return [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID', domain }];
  }
  if (retryAfterSeconds === 0) return [];
  return [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryAfterSeconds}s` }];
}

export const GEMINI_DIALECT: Dialect = Object.freeze({
  name: 'gemini',
  status,
  renderError: (refusal: Refusal) => Buffer.from(errorText(refusal)),
  renderErrorEvent: (refusal: Refusal) => Buffer.from(`data: ${errorText(refusal)}\r\n\r\n`),
  lastWords: (body: Uint8Array) => Buffer.from(`${oneLine(body)}\r\n\r\n`),
  wrapError: (body: Uint8Array) => Buffer.from(`data: ${oneLine(body)}\r\n\r\n`),
  // Comments and pings break the clients that Gemini CLI is built on.
  keepAlive: null,
  requestIdHeader: '',
});
